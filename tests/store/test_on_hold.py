"""When the other was on hold: kept of a call, and shown of the recording in which it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from ari_recorder.policies.leg import inputs
from ari_recorder.policies.parties import OnHold
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import calls, catalogue, models
from ari_recorder.store.database import Store

from .build import PBX, SECOND, Call, add_user


def answered(store: Store, mode: Mode = Mode.ALWAYS) -> Call:
    return Call.rings(store, add_user(store, mode=mode)).happens(Event.ANSWERED)


def held(call: Call, *, on: bool, after: timedelta = SECOND) -> datetime:
    call.now += after
    call.told(inputs.Held(call.now, on))
    return call.now


def kept(store: Store) -> list[tuple[datetime, datetime | None]]:
    rows = models.OnHold.select().order_by(models.OnHold.began_at)
    return store.read_now(lambda: [(row.began_at, row.ended_at) for row in rows])


def test_each_time_is_kept_as_it_begins_and_as_it_ends(store: Store) -> None:
    call = answered(store)
    began_at = held(call, on=True)
    assert kept(store) == [(began_at, None)]
    ended_at = held(call, on=False)
    again_at = held(call, on=True)
    until = held(call, on=False)
    assert kept(store) == [(began_at, ended_at), (again_at, until)]


def test_what_is_told_twice_is_once(store: Store) -> None:
    call = answered(store)
    began_at = held(call, on=True)
    held(call, on=True)
    ended_at = held(call, on=False)
    held(call, on=False)
    assert kept(store) == [(began_at, ended_at)]


def test_one_that_lasts_ends_with_the_call(store: Store) -> None:
    call = answered(store)
    began_at = held(call, on=True)
    call.hangs_up()
    assert kept(store) == [(began_at, call.leg.ended_at)]
    held(call, on=True)
    assert len(kept(store)) == 1, "what comes after the end is late"


def test_before_the_answer_nobody_is_on_hold(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    held(call, on=True)
    assert kept(store) == []


def test_a_clock_that_is_put_back_makes_no_time_that_ends_before_it_begins(store: Store) -> None:
    call = answered(store)
    held(call, on=True)
    held(call, on=False, after=-10 * SECOND)
    held(call, on=True, after=-10 * SECOND)
    held(call, on=False, after=30 * SECOND)
    for began_at, ended_at in kept(store):
        assert ended_at is not None
        assert began_at <= ended_at


def test_it_goes_on_after_a_restart(store: Store) -> None:
    call = answered(store)
    began_at = held(call, on=True)
    (leg,) = store.read_now(calls.open_legs, PBX)
    assert leg.holds == (OnHold(began_at),)


def test_a_recording_has_those_that_were_during_it(store: Store) -> None:
    call = answered(store, Mode.ON_DEMAND_USER_START)
    held(call, on=True)
    held(call, on=False)
    across = held(call, on=True)
    call.happens(Event.START)
    over = held(call, on=False)
    inside = held(call, on=True)
    until = held(call, on=False)
    call.happens(Event.STOP)
    recording = call.recording
    held(call, on=True)
    call.hangs_up()
    found = store.read_now(catalogue.on_hold, COMMAND_LINE, recording)
    assert [(one.began_at, one.ended_at) for one in found] == [(across, over), (inside, until)]
