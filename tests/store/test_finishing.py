"""From a call that is over to a recording in the vault, interrupted after every single write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import inputs
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import calls, finishing, models, vault_rows
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Waiting
from ari_recorder.store.vault import FIRST

from .build import BEGIN, PBX, SECOND, Call, add_user, recorded_call, reopened, sealed, the_due


@dataclass(frozen=True)
class Found:
    """What a restarted recorder finds to do: counts of legs, recordings and files."""

    open_legs: int = 0
    due: int = 0
    uncleared: int = 0
    line: str = "none"


def found(store: Store) -> Found:
    def look() -> Found:
        line = models.LedgerLine.get_or_none()
        return Found(
            open_legs=len(calls.open_legs(PBX)),
            due=len(finishing.due()),
            uncleared=sum(len(finished.segments) for finished in finishing.uncleared()),
            line="none" if line is None else line.outcome or "open",
        )

    return store.read_now(look)


def crash_after_each(url: str, mode: Mode, steps: list[tuple[Callable[[Call], Any], Found]]) -> None:
    """Do the steps one by one; after each, a new `Store` on the catalogue has to find what is expected."""
    with reopened(url) as store:
        call = Call.rings(store, add_user(store, mode=mode), closes=False)
    for number, (step, expected) in enumerate(steps, 1):
        with reopened(url) as store:
            call.store = store
            step(call)
        with reopened(url) as store:
            assert found(store) == expected, f"after step {number}"


def happens(*events: Event) -> Callable[[Call], Any]:
    return lambda call: call.happens(*events)


def seal(call: Call) -> None:
    due = the_due(call.store)
    call.store.write_now(finishing.seal, due, sealed(due), call.now)


def end_as(state: RecordingState) -> Callable[[Call], Any]:
    return lambda call: call.store.write_now(
        finishing.end_without_file, the_due(call.store), state, "", call.now
    )


def clear(call: Call) -> None:
    for finished in call.store.read_now(finishing.uncleared):
        call.store.write_now(finishing.cleared, finished.segments)


def test_a_kept_recording_is_found_again_after_a_crash_at_any_point(store_url: str) -> None:
    crash_after_each(
        store_url,
        Mode.ALWAYS_PAUSE_RESUME,
        [
            (lambda call: None, Found(open_legs=1)),
            (happens(Event.ANSWERED), Found(open_legs=1, line="open")),
            (happens(Event.PAUSE), Found(open_legs=1, line="open")),
            (Call.segment_ends, Found(open_legs=1, line="open")),
            (happens(Event.RESUME), Found(open_legs=1, line="open")),
            (happens(Event.HANGUP), Found(open_legs=1, line="open")),
            (Call.segment_ends, Found(due=1, line="open")),
            (seal, Found(uncleared=2, line="recorded")),
            (clear, Found(line="recorded")),
        ],
    )


def test_a_provisional_recording_is_found_again_until_it_is_destroyed(store_url: str) -> None:
    crash_after_each(
        store_url,
        Mode.ON_DEMAND,
        [
            (happens(Event.ANSWERED), Found(open_legs=1, line="open")),
            (happens(Event.HANGUP), Found(open_legs=1, line="open")),
            (Call.segment_ends, Found(due=1, line="open")),
            (end_as(RecordingState.DISCARDED), Found(uncleared=1, line="discarded")),
            (clear, Found(line="discarded")),
        ],
    )


def test_each_of_two_recordings_of_a_call_is_finished_on_its_own(store_url: str) -> None:
    crash_after_each(
        store_url,
        Mode.ON_DEMAND_USER_START,
        [
            (happens(Event.ANSWERED), Found(open_legs=1, line="open")),
            (happens(Event.START, Event.STOP), Found(open_legs=1, line="open")),
            (Call.segment_ends, Found(open_legs=1, due=1, line="open")),
            (seal, Found(open_legs=1, uncleared=1, line="open")),
            (happens(Event.START), Found(open_legs=1, uncleared=1, line="open")),
            (happens(Event.HANGUP), Found(open_legs=1, uncleared=1, line="open")),
            (Call.segment_ends, Found(due=1, uncleared=1, line="open")),
            (end_as(RecordingState.EMPTY), Found(uncleared=1, line="recorded")),
            (clear, Found(line="recorded")),
        ],
    )


def recording(store: Store, recording_id: UUID) -> Any:
    return store.read_now(models.Recording.get_by_id, recording_id)


def test_sealing_writes_what_the_file_is(store: Store) -> None:
    call = recorded_call(store, add_user(store))
    due = the_due(store)
    result = replace(sealed(due), problems=("Too quiet.",))
    store.write_now(finishing.seal, due, result, BEGIN)
    row = recording(store, call.recording)
    assert row.state == RecordingState.STORED
    assert (row.vault_key, row.sha256, row.size_bytes) == (
        result.kept.place.key,
        result.kept.content.sha256,
        result.kept.content.size_bytes,
    )
    assert (row.duration_ms, row.media_type, bytes(row.peaks)) == (1000, "audio/ogg", b"\x01\x02")
    assert (row.left_dbfs, row.right_dbfs) == (-20.0, None)
    assert (row.problems, row.stored_at) == ("Too quiet.", BEGIN)
    (segment,) = store.read_now(lambda: list(models.Segment.select()))
    assert (segment.offset_ms, segment.duration_ms) == (0, 500)


def test_sealing_twice_as_after_a_crash_between_is_harmless(store: Store) -> None:
    recorded_call(store, add_user(store))
    due = the_due(store)
    for _ in range(2):
        store.write_now(finishing.seal, due, sealed(due), BEGIN)
    assert found(store) == Found(uncleared=1, line="recorded")


@pytest.mark.parametrize("state", [RecordingState.EMPTY, RecordingState.STORED])
def test_of_two_who_have_finished_it_the_second_changes_nothing(store: Store, state: RecordingState) -> None:
    """A standby that found it at the same time comes late: its files are gone, or its key opens nothing."""
    recorded_call(store, add_user(store))
    due = the_due(store)
    store.write_now(finishing.seal, due, sealed(due), BEGIN)
    row = store.read_now(lambda: models.Recording.select().dicts().get())
    if state is RecordingState.EMPTY:
        store.write_now(finishing.end_without_file, due, state, "the audio file is missing", BEGIN)
    else:
        store.write_now(finishing.seal, due, sealed(due, audio=b"another's"), BEGIN)
    assert store.read_now(lambda: models.Recording.select().dicts().get()) == row
    assert found(store) == Found(uncleared=1, line="recorded")


def test_a_seal_that_does_not_fit_the_segments_writes_nothing(store: Store) -> None:
    recorded_call(store, add_user(store))
    due = the_due(store)
    with pytest.raises(ValueError, match="zip"):
        store.write_now(finishing.seal, due, replace(sealed(due), spans_ms=[]), BEGIN)
    assert found(store).due == 1


def test_problems_told_during_the_call_are_kept_when_it_is_sealed(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    call.now += 2 * SECOND
    call.told(inputs.Answered(call.now - SECOND, "(ulaw)")).hangs_up()
    told = recording(store, call.recording).problems
    assert told.startswith("The first 1.0 s are missing")
    due = the_due(store)
    store.write_now(finishing.seal, due, replace(sealed(due), problems=("It is short.",)), BEGIN)
    assert recording(store, call.recording).problems.splitlines() == [told, "It is short."]


def test_what_is_due_comes_oldest_first_and_may_be_passed_over(store: Store) -> None:
    user = add_user(store)
    minutes = [3, 1, 2]
    made = {m: recorded_call(store, user, at=BEGIN + timedelta(minutes=m)).recording for m in minutes}
    order = [made[1], made[2], made[3]]
    assert [due.id for due in store.read_now(finishing.due)] == order
    assert [due.id for due in store.read_now(finishing.due, [made[1]])] == order[1:]
    assert [due.id for due in store.read_now(finishing.due, [made[1]], limit=1)] == [made[2]]
    assert store.read_now(finishing.waiting).count == 3


def test_nothing_is_due_while_a_segment_grows(store: Store) -> None:
    call = Call.rings(store, add_user(store), closes=False).happens(Event.ANSWERED, Event.SEGMENT_FULL)
    call.segment_ends().happens(Event.HANGUP)
    assert (len(call.segments), found(store).due) == (1, 0)
    call.segment_ends()
    assert [segment.ordinal for segment in the_due(store).segments] == [1, 2]


@pytest.mark.parametrize(
    ("state", "mode", "problem", "outcome", "reason"),
    [
        (RecordingState.EMPTY, Mode.ALWAYS, "No sample.", "not_recorded", "No sample."),
        (RecordingState.DISCARDED, Mode.ON_DEMAND, "", "discarded", "start was not given during the call"),
    ],
)
def test_a_recording_without_a_file_closes_the_line_with_a_reason(
    store: Store, state: RecordingState, mode: Mode, problem: str, outcome: str, reason: str
) -> None:
    call = Call.rings(store, add_user(store, mode=mode)).happens(Event.ANSWERED).hangs_up()
    store.write_now(finishing.end_without_file, the_due(store), state, problem, call.now)
    line = store.read_now(models.LedgerLine.get)
    assert (line.outcome, line.reason, line.closed_at) == (outcome, reason, call.now)
    assert recording(store, call.recording).vault_key is None


def test_files_to_be_cleared_are_named_with_their_pbx(store: Store) -> None:
    call = recorded_call(store, add_user(store))
    due = the_due(store)
    store.write_now(finishing.seal, due, sealed(due), BEGIN)
    (finished,) = store.read_now(finishing.uncleared)
    assert (finished.pbx, finished.state) == (PBX, RecordingState.STORED)
    assert [segment.files for segment in finished.segments] == [call.segment.files]
    assert store.read_now(finishing.uncleared, [finished.id]) == []


def test_what_waits_is_counted_with_the_time_of_the_oldest(store: Store) -> None:
    assert store.read_now(finishing.waiting) == Waiting(0, None)
    user = add_user(store)
    for minute in (3, 1):
        recorded_call(store, user, at=BEGIN + timedelta(minutes=minute))
    assert store.read_now(finishing.waiting) == Waiting(2, BEGIN + timedelta(minutes=1, seconds=2))


def test_calls_of_an_asterisk_that_is_not_configured_wait_and_take_nobodys_place(store: Store) -> None:
    user = add_user(store)
    old, finished, new = (recorded_call(store, user, at=BEGIN + timedelta(minutes=m)) for m in range(3))
    due = {due.id: due for due in store.read_now(finishing.due)}
    store.write_now(finishing.seal, due[finished.recording], sealed(due[finished.recording]), BEGIN)
    for call in (old, finished):
        gone = models.Leg.update(pbx="old").where(models.Leg.id == call.row.id)
        store.write_now(gone.execute)
    assert [due.id for due in store.read_now(finishing.due, limit=1, pbxs=[PBX])] == [new.recording]
    assert store.read_now(finishing.uncleared, limit=1, pbxs=[PBX]) == []
    assert store.read_now(finishing.of_others, [PBX]) == {"old": 1}
    assert store.read_now(finishing.waiting).count == 2


def test_the_newest_stored_recording_is_known_by_its_key(store: Store) -> None:
    user = add_user(store)
    assert store.read_now(vault_rows.newest_key, FIRST) is None
    for minute in (1, 2, 3):
        recorded_call(store, user, at=BEGIN + timedelta(minutes=minute))
    for due in store.read_now(finishing.due)[:2]:
        newest = sealed(due)
        store.write_now(finishing.seal, due, newest, BEGIN)
    assert store.read_now(vault_rows.newest_key, FIRST) == newest.kept.place.key
