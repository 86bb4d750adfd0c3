"""What is written of calls in progress, and what a restarted recorder reads of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from playhouse.shortcuts import model_to_dict

from ari_recorder.policies import rights
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import inputs
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.rights import COMMAND_LINE, Role
from ari_recorder.policies.table import Event, Mode, State
from ari_recorder.store import annotations, calls, documents, finishing, models
from ari_recorder.store.database import Store

from .build import BEGIN, NOBODY, PBX, SECOND, Call, add_user, recorded_call, ringing, sealed, the_due

WRITTEN = (
    models.Call,
    models.Leg,
    models.LedgerLine,
    models.Recording,
    models.Segment,
    models.Counterpart,
    models.Announcement,
)


def line(call: Call) -> Any:
    return call.store.read_now(models.LedgerLine.get_or_none, models.LedgerLine.leg == call.leg.id)


def recordings(call: Call) -> list[Any]:
    query = models.Recording.select().where(models.Recording.leg == call.leg.id)
    return call.store.read_now(lambda: list(query.order_by(models.Recording.ordinal)))


def everything(store: Store) -> dict[str, list[Any]]:
    """Every row of the tables that a leg is written to."""
    return store.read_now(
        lambda: {
            model._meta.table_name: [
                model_to_dict(row, recurse=False) for row in model.select().order_by(model.id)
            ]
            for model in WRITTEN
        }
    )


def save(call: Call, before: Any = None) -> None:
    call.store.write_now(calls.save, call.leg, before, call.now)


def full_call(store: Store) -> Call:
    """One that has something of everything: it was transferred, paused, rolled over, and announced."""
    preferences = combine({"language": "sv", "warning_tone_s": 60})
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    call = Call.rings(store, user, preferences=preferences)
    call.happens(Event.ANSWERED).passes().meets("0702", "Eva").passes().happens(Event.PAUSE, Event.RESUME)
    return call.happens(Event.SEGMENT_FULL).passes(timedelta(minutes=2))


def test_a_new_leg_is_read_back_as_it_was_written(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    (found,) = store.read_now(calls.open_legs, PBX)
    assert documents.encode(found) == documents.encode(call.leg)
    assert store.read_now(calls.open_legs, "other") == []


def test_a_leg_with_something_of_everything_is_read_back_as_it_was_written(store: Store) -> None:
    call = full_call(store)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert call.written is not None
    assert documents.encode(found) == documents.encode(call.written)
    assert found.told == found.standing == call.leg.standing
    assert (found.snoops, found.recording) == (call.leg.snoops, call.leg.recording)


def test_legs_that_are_going_on_are_read_oldest_first(store: Store) -> None:
    user = add_user(store)
    for minute in (3, 1, 2):
        Call.rings(store, user, at=BEGIN + timedelta(minutes=minute))
    recorded_call(store, user)
    found = store.read_now(calls.open_legs, PBX)
    assert [leg.created_at - BEGIN for leg in found] == [timedelta(minutes=m) for m in (1, 2, 3)]


def test_a_leg_that_cannot_be_read_keeps_no_other_from_being_followed(store: Store) -> None:
    user = add_user(store)
    calls_of = [Call.rings(store, user) for _ in range(5)]
    for call, document in zip(calls_of, ("x", "{", '{"id": 1}', "{}"), strict=False):
        broken = models.Leg.update(machine=document).where(models.Leg.id == call.leg.id)
        store.write_now(broken.execute)
    assert [leg.id for leg in store.read_now(calls.open_legs, PBX)] == [calls_of[-1].leg.id]


def test_two_legs_of_one_conversation_share_their_call(store: Store) -> None:
    made = [Call.rings(store, add_user(store, number)) for number in ("101", "102")]
    for call in made:
        call.told(inputs.Inquired("1772438400.77", ""))
    assert made[0].leg.call == made[1].leg.call
    legs = store.read_now(lambda: list(models.Leg.select()))
    assert {leg.call_id for leg in legs} == {made[0].leg.call}


def test_a_conversation_that_was_written_under_another_id_stays_one(store: Store) -> None:
    """As an earlier version wrote it."""
    user = add_user(store)
    values = {"pbx": PBX, "linkedid": "1772438400.77", "organisation": user.organisation}
    before = store.write_now(lambda: models.Call.create(**values, started_at=BEGIN)).id
    call = Call.rings(store, user).told(inputs.Inquired("1772438400.77", ""))
    save(call)
    assert store.read_now(lambda: models.Leg.get_by_id(call.leg.id).call_id) == before


def test_known_are_those_that_are_in_the_catalogue(store: Store) -> None:
    user = add_user(store)
    over, open_one = recorded_call(store, user).leg.id, Call.rings(store, user).leg.id
    asked = [over, open_one, models.new_id()]
    assert store.read_now(calls.known_legs, asked) == {over, open_one}
    assert store.read_now(calls.known_legs, []) == set()


def test_an_answer_opens_ledger_and_recording(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    (recording,) = recordings(call)
    assert recording.id == call.recording == call.row.recording
    assert (recording.state, recording.kept, recording.ordinal) == (RecordingState.OPEN, True, 1)
    assert recording.answered_at == recording.started_at == call.now
    assert (line(call).opened_at, line(call).closed_at) == (call.now, None)


def test_a_leg_that_cannot_be_written_is_not_written_in_part(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    before = everything(store)
    call.told = lambda *_: call  # type: ignore[method-assign]
    call.leg = replace(call.leg, due=True, answered_at=datetime(2026, 3, 2, 9, 0), linkedid="another")
    with pytest.raises(ValueError, match="without a zone"):
        save(call)
    assert everything(store) == before


def test_a_segment_is_written_when_its_files_are_closed(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME), closes=False)
    call.happens(Event.ANSWERED, Event.PAUSE)
    assert call.segments == []
    assert call.row.policy.state is State.RECORDING, "it is told when they are closed"
    assert store.read_now(lambda: models.Leg.get_by_id(call.leg.id).state) == State.PAUSED, (
        "from the command on"
    )
    paused_at = call.now
    call.now += SECOND
    call.segment_ends()
    (segment,) = call.segments
    assert segment.files == call.files(1)
    assert (segment.recording, segment.ordinal, segment.format) == (call.recording, 1, "wav")
    assert (segment.began_at, segment.ended_at) == (call.leg.answered_at, paused_at)
    assert (segment.file_began_at, segment.file_ended_at) == (call.leg.answered_at, call.now)
    assert call.row.policy.state is State.PAUSED


def test_a_segment_that_continues_says_so(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED, Event.SEGMENT_FULL).hangs_up()
    assert [(s.ordinal, s.continues, s.files) for s in call.segments] == [
        (1, False, call.files(1)),
        (2, True, call.files(2)),
    ]


def test_how_much_later_the_counterparts_file_began_is_kept(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    (files,) = call.leg.files
    later = (files.began[0], call.now + timedelta(milliseconds=12, microseconds=500))
    call.leg = replace(call.leg, files=(replace(files, began=later),))
    call.hangs_up()
    assert call.segment.outward_late_ms == 12.5


def test_names_say_whose_they_are_and_never_come_twice(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    for _ in range(3):
        call.happens(Event.START, Event.SEGMENT_FULL, Event.STOP)
    names = [name for segment in call.segments for name in segment.files]
    assert len(set(names)) == len(names) == 12
    assert all(name.startswith(call.leg.prefix) for name in names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") for name in names)


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
        call.happens(Event.START, Event.STOP)
    assert [(r.ordinal, r.state) for r in recordings(call)] == [
        (1, RecordingState.CLOSING),
        (2, RecordingState.CLOSING),
    ]


def test_a_recording_is_open_until_its_files_are_closed(store: Store) -> None:
    call = Call.rings(store, add_user(store), closes=False).happens(Event.ANSWERED, Event.HANGUP)
    assert [(r.state, r.ended_at) for r in recordings(call)] == [(RecordingState.OPEN, call.now)]
    assert store.read_now(finishing.due) == []
    assert [leg.id for leg in store.read_now(calls.open_legs, PBX)] == [call.leg.id]
    call.segment_ends()
    assert [r.state for r in recordings(call)] == [RecordingState.CLOSING]
    assert store.read_now(calls.open_legs, PBX) == []


def test_a_leg_whose_files_are_not_closed_is_found_at_every_restart(store: Store) -> None:
    """It has hung up, and nobody has been told; what a restarted recorder writes first changes that not."""
    Call.rings(store, add_user(store), closes=False).happens(Event.ANSWERED, Event.HANGUP)
    for _ in range(3):
        (found,) = store.read_now(calls.open_legs, PBX)
        found.version += 1
        store.write_now(calls.save, found, None, BEGIN)
    assert store.read_now(models.Recording.get).state == RecordingState.OPEN


def test_a_call_is_over_in_the_books_when_all_is_closed_whether_that_was_told_or_not(store: Store) -> None:
    """A pause, which is told when it is on disk, and at once the hang-up: nothing is written after that."""
    call = Call.rings(store, add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)).happens(Event.ANSWERED)
    call.answers = False
    call.happens(Event.PAUSE).hangs_up()
    assert call.leg.untold
    call.told(inputs.Saved(call.leg.version, catalogue=True))
    assert call.leg.over
    assert store.read_now(lambda: models.Leg.get_by_id(call.leg.id).state) == State.ENDED
    assert store.read_now(calls.open_legs, PBX) == []
    due = the_due(store)
    store.write_now(finishing.seal, due, sealed(due), call.now)
    assert line(call).outcome == "recorded"


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
    store.write_now(calls.close_ledger, call.leg.id, call.now + SECOND)
    assert line(call).closed_at == call.now


def test_a_line_is_not_closed_while_the_call_goes_on(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    store.write_now(calls.close_ledger, call.leg.id, call.now)
    assert line(call).closed_at is None


def test_what_is_missing_is_told_a_sentence_a_line(store: Store) -> None:
    call = Call.rings(store, add_user(store))
    call.now += 3 * SECOND
    call.told(inputs.Answered(call.now - 2 * SECOND, "(ulaw)")).hangs_up()
    (recording,) = recordings(call)
    assert recording.problems.startswith("The first 2.0 s are missing: the recorder was stopped or busy")
    assert recording.problems.count("\n") == 0


def test_announcements_are_the_evidence_of_what_was_heard(store: Store) -> None:
    call = full_call(store)
    ordered = models.Announcement.select().order_by(models.Announcement.planned_at)
    rows = store.read_now(lambda: list(ordered))
    assert [(row.kind, row.heard_by, row.sound, row.outcome) for row in rows] == [
        ("start", "both", "announcement", "played"),
        ("start", "counterpart", "announcement", "played"),
        ("pause", "both", "announcement", "played"),
        ("resume", "both", "announcement", "played"),
        ("warning", "both", "beep", "played"),
        ("warning", "both", "beep", "played"),
    ]
    assert all(row.planned_at == row.began_at < row.ended_at for row in rows)
    assert {row.recording_id for row in rows} == {call.recording}
    assert {row.sha256 for row in rows} == {"0" * 64}


# Written by difference


def test_the_same_twice_is_the_same_whatever_is_known_to_be_written(store: Store) -> None:
    call = full_call(store)
    for step in (lambda: call, call.hangs_up):
        step()
        before, leg = everything(store), call.written
        for known in (None, leg, call.leg):
            store.write_now(calls.save, leg, known, call.now)
            assert everything(store) == before


def test_only_what_has_changed_is_written(store: Store) -> None:
    call = full_call(store)
    before = call.leg
    for model in (models.Announcement, models.Segment, models.Counterpart):
        store.write_now(model.delete().execute)
    call.leg = replace(call.leg, counterpart=Counterpart("0703"))
    save(call, before)
    assert store.read_now(models.Segment.select().count) == 0
    assert store.read_now(models.Counterpart.select().count) == 0
    assert store.read_now(lambda: models.Leg.get_by_id(call.leg.id).counterpart_number) == "0703"
    save(call)
    assert store.read_now(models.Segment.select().count) == len(call.segments) > 1
    assert store.read_now(models.Counterpart.select().count) == 2


def test_every_version_written_or_the_last_alone_come_to_the_same(store: Store) -> None:
    """What an outage has swallowed is in the last."""
    call = full_call(store)
    call.hangs_up()
    written = everything(store)
    alone = replace(call.leg)
    for model in (models.LedgerLine, models.Counterpart, models.Announcement, models.Segment):
        store.write_now(model.delete().execute)
    store.write_now(models.Recording.delete().execute)
    store.write_now(models.Leg.delete().execute)
    store.write_now(calls.save, alone, None, call.now)
    # what was in the catalogue while the call went on need not be carried along any more
    for table in ("call", "leg", "ledger_line", "recording", "counterpart"):
        assert everything(store)[table] == written[table], table


# What others write meanwhile


def _seal(call: Call) -> None:
    due = the_due(call.store)
    call.store.write_now(finishing.seal, due, sealed(due), call.now)


def _destroy(call: Call) -> None:
    due = the_due(call.store)
    call.store.write_now(finishing.end_without_file, due, RecordingState.DISCARDED, "Said.", call.now)
    call.store.write_now(finishing.cleared, due.segments)


@pytest.mark.parametrize("finish", [_seal, _destroy])
def test_what_was_taken_over_to_be_finished_is_not_changed_any_more(
    store: Store, finish: Callable[[Call], None]
) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START))
    call.happens(Event.ANSWERED, Event.START)
    running = call.leg
    call.happens(Event.STOP)
    finish(call)
    before = everything(store)
    call.told(inputs.Connected(Counterpart("0703", "Somebody else"), call.now))
    save(call)
    after = everything(store)
    assert (after["recording"], after["segment"]) == (before["recording"], before["segment"])
    store.write_now(calls.save, replace(running, counterpart=Counterpart("0704")), None, call.now)
    assert everything(store)["recording"] == before["recording"]
    call.hangs_up()
    assert line(call).closed_at == call.now


def test_a_recording_that_waits_to_be_finished_is_not_changed_any_more(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START))
    call.happens(Event.ANSWERED, Event.START)
    running = call.leg
    call.happens(Event.STOP)
    before = everything(store)["recording"]
    store.write_now(calls.save, running, None, call.now)
    assert everything(store)["recording"] == before


def note(call: Call, **changes: str) -> dict[str, str]:
    asker = rights.scope(call.leg.organisation, call.leg.user, Role.USER, may_listen=True)
    return call.store.write_now(annotations.annotate, asker, NOBODY, call.leg.id, changes, call.now)


def annotate(call: Call, **changes: str) -> None:
    call.told(inputs.Annotated(note(call, **changes)))


def test_note_mark_and_tags_of_a_call_reach_a_new_recording_and_stay(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START)).happens(Event.ANSWERED)
    annotate(call, note="Hej", mark="red", tag2="4711")
    call.happens(Event.START)
    annotate(call, tag2="4712")
    call.happens(Event.STOP, Event.START)
    assert [(r.note, r.mark, r.tag2) for r in recordings(call)] == [("Hej", "red", "4712")] * 2
    save(call)
    assert [(r.note, r.mark, r.tag2) for r in recordings(call)] == [("Hej", "red", "4712")] * 2
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.annotations == {"note": "Hej", "mark": "red", "tag1": "", "tag2": "4712", "tag3": ""}
    assert store.read_now(annotations.read_leg, COMMAND_LINE, call.leg.id).annotations == found.annotations


def test_a_note_that_was_written_just_before_the_recorder_died_is_read_with_the_leg(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    note(call, note="Late")
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.annotations["note"] == "Late"


# What comes from the network


@pytest.mark.parametrize("internal", [True, False])
def test_the_counterpart_reaches_the_open_recording(store: Store, internal: bool) -> None:
    call = Call.rings(store, add_user(store))
    call.asterisk.internal = internal
    call.happens(Event.ANSWERED).meets("0702", "Bo").passes()
    (recording,) = recordings(call)
    assert (recording.counterpart_number, recording.counterpart_name) == ("0702", "Bo")
    assert recording.internal is internal


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("9" * 5000, "9" * 128),
        ("\0" * 200 + "å" * 5000, "å" * 128),
        ("'; DROP TABLE leg; --", "'; DROP TABLE leg; --"),
        ('"\\\n\x1b[2J%s{}', '"\\\n\x1b[2J%s{}'),
        ("\U0001f4de\u202e", "\U0001f4de\u202e"),
    ],
)
def test_a_counterpart_of_any_length_and_content_is_written(store: Store, sent: str, written: str) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED).meets(sent, sent)
    (recording,) = recordings(call)
    assert recording.counterpart_number == written
    assert recording.counterpart_name[: len(written)] == written
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.counterpart == Counterpart(sent, sent)
    call.hangs_up()
    assert store.read_now(calls.open_legs, PBX) == []


def test_times_are_kept_exactly_and_in_utc(store: Store) -> None:
    stockholm = timezone(timedelta(hours=1))
    at = datetime(2026, 3, 2, 9, 0, 0, 123456, stockholm)
    call = Call.rings(store, add_user(store), at=at).happens(Event.ANSWERED)
    (found,) = store.read_now(calls.open_legs, PBX)
    assert found.created_at == at
    assert found.answered_at == at + SECOND
    (recording,) = recordings(call)
    assert (recording.answered_at, recording.answered_at.tzinfo) == (at + SECOND, UTC)


def test_ids_follow_from_the_leg_and_sort_by_its_time(store: Store) -> None:
    user = add_user(store)
    legs = [ringing(user, at=BEGIN + timedelta(seconds=n), channel=f"1.{n}") for n in range(5)]
    again = [ringing(user, at=BEGIN + timedelta(seconds=n), channel=f"1.{n}") for n in range(5)]
    ids = [leg.id for leg in legs]
    assert ids == [leg.id for leg in again] == sorted(ids)
    assert len({ringing(user, channel="1.1", again=n).id for n in range(9)}) == 9
    made: list[UUID] = [leg.recording_id(n) for leg in legs for n in (1, 2)]
    assert len(set(made)) == len(made)
