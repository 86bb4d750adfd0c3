"""What is written of calls in progress, and what a restarted recorder reads of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Action, Event, Mode, State
from ari_recorder.store import calls, finishing, models, rows
from ari_recorder.store.database import Store
from ari_recorder.store.rows import Counterpart

from .build import APP, BEGIN, PBX, SECOND, Call, add_user


def line(call: Call) -> Any:
    return call.store.read_now(models.LedgerLine.get_or_none, models.LedgerLine.leg == call.row.id)


def recordings(call: Call) -> list[Any]:
    query = models.Recording.select().where(models.Recording.leg == call.row.id)
    return call.store.read_now(lambda: list(query.order_by(models.Recording.ordinal)))


def test_a_new_leg_is_read_back_as_it_was_written(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    assert store.read_now(calls.open_legs, PBX) == [call.row]
    assert store.read_now(calls.open_legs, "other") == []


def test_two_legs_of_one_conversation_share_their_call(store: Store) -> None:
    first = Call.rings(store, add_user(store, "101")).row
    second = replace(first, id=models.new_id(), channel="1772438400.9999")
    store.write_now(calls.begin_leg, second, f"linked-{first.channel}", rows.snoops(APP, second))
    legs = store.read_now(lambda: list(models.Leg.select()))
    assert len({leg.call_id for leg in legs}) == 1


def test_snoops_and_files_are_noted_before_they_are_asked_for(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    assert set(store.read_now(calls.open_intents, PBX, "snoop")) == set(rows.snoops(APP, call.row))
    assert store.read_now(calls.open_intents, PBX, "record") == []
    call.happens(Event.ANSWERED)
    assert set(store.read_now(calls.open_intents, PBX, "record")) == set(call.segment.files)
    call.segment_ends()
    assert store.read_now(calls.open_intents, PBX, "record") == []
    assert store.read_now(calls.open_intents, "other", "snoop") == []


def test_files_noted_while_ringing_may_be_noted_again_at_the_answer(store: Store) -> None:
    user = add_user(store)
    ringing = Call.rings(store, user).row
    leg = replace(ringing, id=models.new_id(), channel="1772438400.9998")
    files = [f"{rows.prefix(APP, leg.id)}r1-1-{way}" for way in ("in", "out")]
    store.write_now(calls.begin_leg, leg, "linked", rows.snoops(APP, leg), files)
    Call(store, leg, BEGIN).happens(Event.ANSWERED)
    assert sorted(store.read_now(calls.open_intents, PBX, "record")) == sorted(files)


def test_new_snoops_of_a_leg_have_new_names(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    again = replace(call.row, armings=2)
    store.write_now(calls.save_arming, again, rows.snoops(APP, again), BEGIN)
    noted = store.read_now(calls.open_intents, PBX, "snoop")
    assert len(set(noted)) == 4
    store.write_now(calls.finish_intents, rows.snoops(APP, call.row), BEGIN)
    assert set(store.read_now(calls.open_intents, PBX, "snoop")) == set(rows.snoops(APP, again))
    store.write_now(calls.finish_leg, call.row.id, BEGIN)
    assert store.read_now(calls.open_intents, PBX, "snoop") == []


def test_names_say_whose_they_are_and_never_come_twice(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    names = list(rows.snoops(APP, call.row))
    for _ in range(3):
        call.happens(Event.START)
        names += call.segment.files
        call.happens(Event.SEGMENT_FULL)
        names += call.segment.files
        call.happens(Event.STOP).segment_ends()
    assert len(set(names)) == len(names) == 14
    assert all(name.startswith(rows.prefix(APP, call.row.id)) for name in names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for name in names)


def test_names_follow_from_the_leg_so_that_a_restart_finds_the_same(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert rows.snoops(APP, found) == rows.snoops(APP, call.row)
    planned = rows.plan_segment(APP, found, call.recording, "wav", BEGIN)
    assert planned.files == call.segment.files


def test_an_answer_opens_ledger_recording_and_segment_in_one_write(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found == call.row
    assert found.segment == call.segment
    (recording,) = recordings(call)
    assert (recording.state, recording.kept, recording.ordinal) == (RecordingState.OPEN, True, 1)
    assert recording.answered_at == recording.started_at == call.now
    assert (line(call).opened_at, line(call).closed_at) == (call.now, None)


def test_a_decision_that_cannot_be_written_is_not_written_in_part(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    ended = replace(call.row, ended_at=BEGIN, recording=None)
    with pytest.raises(AssertionError, match="has no recording"):
        store.write_now(calls.save_decision, ended, (Action.CLOSE_RECORDING,), None, BEGIN)
    assert store.read_now(calls.open_legs, PBX) == [call.row]


def test_a_paused_leg_has_a_recording_and_no_segment(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME))
    call.happens(Event.ANSWERED, Event.PAUSE)
    (before,) = store.read_now(calls.open_legs, PBX)
    assert before.segment == call.segment, "until its file is closed, the segment is there to be ended"
    call.segment_ends()
    (found,) = store.read_now(calls.open_legs, PBX)
    assert (found.recording, found.segment) == (call.recording, None)
    assert found.policy.state is State.PAUSED


def test_the_running_segment_is_the_last_one(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    first = call.segment
    call.happens(Event.SEGMENT_FULL)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.segment is not None
    assert (found.segment.ordinal, found.segment.name) == (2, call.segment.name)
    call.segment_ends(first)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.segment is not None
    assert found.segment.ordinal == 2


def test_what_a_segment_became_is_kept(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED, Event.HANGUP)
    became = replace(call.segment, began_at=BEGIN, outward_late_ms=12.5, ended_at=BEGIN + SECOND)
    assert [s.id for s in store.read_now(calls.unended_segments, PBX)] == [became.id]
    store.write_now(calls.end_segment, became, ["another resource"])
    assert store.read_now(calls.unended_segments, PBX) == []
    (due,) = store.read_now(finishing.due)
    assert due.segments == (became,)


def test_start_keeps_a_provisional_recording(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND)).happens(Event.ANSWERED)
    assert [r.kept for r in recordings(call)] == [False]
    call.happens(Event.START)
    assert [r.kept for r in recordings(call)] == [True]


def test_a_provisional_recording_is_to_be_destroyed_at_the_hang_up(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND)).happens(Event.ANSWERED).hangs_up()
    assert [(r.state, r.ended_at) for r in recordings(call)] == [(RecordingState.DISCARDING, call.now)]
    assert line(call).closed_at is None


def test_user_start_takes_a_recording_at_each_start(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    for _ in range(2):
        call.happens(Event.START, Event.STOP).segment_ends()
    assert [(r.ordinal, r.state) for r in recordings(call)] == [
        (1, RecordingState.CLOSING),
        (2, RecordingState.CLOSING),
    ]


def test_user_start_without_start_closes_its_line_at_the_hang_up(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START))
    call.happens(Event.ANSWERED).hangs_up()
    assert (line(call).outcome, line(call).closed_at) == ("not_recorded", call.now)
    assert line(call).reason == "the user did not start a recording"


def test_a_call_that_nobody_answers_has_no_line(store: Store) -> None:
    call = Call.rings(store, add_user(store)).hangs_up()
    assert line(call) is None
    assert store.read_now(calls.open_legs, PBX) == []


def test_a_closed_line_stays_as_it_was_closed(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START))
    call.happens(Event.ANSWERED).hangs_up()
    store.write_now(calls.close_ledger, call.row.id, call.now + SECOND)
    assert line(call).closed_at == call.now


def test_a_line_is_not_closed_while_the_call_goes_on(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    store.write_now(calls.close_ledger, call.row.id, call.now)
    assert line(call).closed_at is None


def test_problems_add_up(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    for problem in ("First.", "Second."):
        store.write_now(calls.save_decision, call.row, (), None, call.now, problem)
    assert [r.problems for r in recordings(call)] == ["First.\nSecond."]


@pytest.mark.parametrize(("number", "internal"), [("102", True), ("0701234567", False), ("", False)])
def test_the_counterpart_reaches_the_open_recording(store: Store, number: str, internal: bool) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    store.write_now(calls.save_counterpart, replace(call.row, counterpart=Counterpart(number, "Bo")), BEGIN)
    (recording,) = recordings(call)
    assert (recording.counterpart_number, recording.counterpart_name) == (number, "Bo")
    assert recording.internal is internal


def test_a_counterpart_of_any_length_and_content_is_written(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    wild = Counterpart("9" * 5000, "\0\ud800" + "å" * 5000)
    store.write_now(calls.save_counterpart, replace(call.row, counterpart=wild), BEGIN)
    (recording,) = recordings(call)
    assert recording.counterpart_number == "9" * 128
    assert recording.counterpart_name == "?" + "å" * 199


def test_times_are_kept_exactly_and_in_utc(store: Store) -> None:
    stockholm = timezone(timedelta(hours=1))
    at = datetime(2026, 3, 2, 9, 0, 0, 123456, stockholm)
    call = Call.rings(store, add_user(store), at=at)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.created_at == at
    assert found.created_at.tzinfo is UTC
    with pytest.raises(ValueError, match="without a zone"):
        store.write_now(
            calls.save_counterpart, replace(call.row, answered_at=datetime(2026, 3, 2, 9, 0)), BEGIN
        )
