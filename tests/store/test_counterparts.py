"""Every counterpart of a leg is kept, with times, and a recording is found by any of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import catalogue, models
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.database import Store
from ari_recorder.store.filters import NUMBER_MAX, Wanted, searchable

from .build import BEGIN, Call, add_user, recorded_call, scope_of


def listed(store: Store, **options: object) -> list[RecordingRow]:
    return list(store.read_now(catalogue.recordings, COMMAND_LINE, **options).recordings)  # type: ignore[arg-type]


def spans(row: RecordingRow) -> list[tuple[str, float, float | None]]:
    """Number, and seconds from `BEGIN` of joining and leaving."""
    return [
        (one.number, seconds(one.joined_at), seconds(one.left_at) if one.left_at else None)
        for one in row.counterparts
    ]


def seconds(at: datetime) -> float:
    return (at - BEGIN).total_seconds()


def test_one_counterpart_from_the_answer_to_the_end(store: Store) -> None:
    call = recorded_call(store, add_user(store), number="0701")
    (row,) = listed(store)
    assert spans(row) == [("0701", 1, 2)]
    assert call.leg.answered_at == row.counterparts[0].joined_at
    assert row.counterparts[0].name == "Somebody"


def test_a_transfer_adds_the_next_where_the_one_before_leaves(store: Store) -> None:
    call = Call.rings(store, add_user(store), number="0701").happens(Event.ANSWERED)
    call.meets("0702")
    (row,) = listed(store)
    assert spans(row) == [("0701", 1, 2), ("0702", 2, None)]
    call.meets("0701")
    call.hangs_up()
    (row,) = listed(store)
    assert spans(row) == [("0701", 1, 2), ("0702", 2, 3), ("0701", 3, 4)]
    assert row.counterpart_number == "0701"


def test_who_is_known_before_the_answer_has_not_taken_part(store: Store) -> None:
    call = Call.rings(store, add_user(store), number="*8")
    call.meets("0701")
    call.happens(Event.ANSWERED).hangs_up()
    (row,) = listed(store)
    assert spans(row) == [("0701", 2, 3)]


def test_the_answers_own_number_and_a_name_that_comes_later_are_no_one_else(store: Store) -> None:
    call = Call.rings(store, add_user(store), number="+46701").happens(Event.ANSWERED)
    call.meets("0701", after=timedelta(0))
    call.meets("0701", "Eva")
    call.hangs_up()
    (row,) = listed(store)
    assert spans(row) == [("0701", 1, 3)]
    assert row.counterparts[0].name == "Eva"


@pytest.mark.parametrize("mode", [Mode.NEVER, Mode.ALWAYS])
def test_calls_that_are_not_due_have_none(store: Store, mode: Mode) -> None:
    call = Call.rings(store, add_user(store, mode=mode))
    if mode is Mode.NEVER:
        call.happens(Event.ANSWERED)
    call.meets("0701")
    call.hangs_up()
    assert store.read_now(models.Counterpart.select().count) == 0


def test_each_of_several_recordings_has_those_of_its_own_time(store: Store) -> None:
    call = Call.rings(store, add_user(store, mode=Mode.ON_DEMAND_USER_START), number="1")
    call.happens(Event.ANSWERED, Event.START, Event.STOP)
    call.meets("2")
    call.happens(Event.START)
    call.meets("3")
    call.happens(Event.STOP).hangs_up()
    second, first = listed(store)
    assert [one.number for one in first.counterparts] == ["1"]
    assert [one.number for one in second.counterparts] == ["2", "3"]
    assert [row.id for row in listed(store, wanted=Wanted(number="1"))] == [first.id]
    assert [row.id for row in listed(store, wanted=Wanted(number="2"))] == [second.id]


@pytest.mark.parametrize("number", ["9" * 500, "\0\0", "'; DROP TABLE leg; --", "%", "å" * 200])
def test_what_the_network_sends_keeps_nothing_from_being_written(store: Store, number: str) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    call.meets(number, number)
    call.hangs_up()
    (row,) = listed(store)
    assert len(row.counterparts) == 2
    assert len(row.counterparts[1].number) <= NUMBER_MAX


def test_a_recording_is_found_by_any_part_of_any_counterparts_number(store: Store) -> None:
    anna = add_user(store)
    call = Call.rings(store, anna, number="0701234567").happens(Event.ANSWERED)
    call.meets("0859000101")
    call.hangs_up()
    other = recorded_call(store, anna, number="100%_x")
    for number in ("0701234567", "1234", "0859000101", "9000"):
        assert [row.id for row in listed(store, wanted=Wanted(number=number))] == [call.recording], number
    assert [row.id for row in listed(store, wanted=Wanted(number="100%"))] == [other.recording]
    for number in ("%", "_", "10%x0"):
        assert listed(store, wanted=Wanted(number=number)) == [], number
    for number in ("5555", "07%67", "' OR 1=1 --", "\\"):
        assert listed(store, wanted=Wanted(number=number)) == []


def test_a_search_by_number_is_narrowed_as_every_read(store: Store) -> None:
    anna, bo = add_user(store, "101"), add_user(store, "102")
    recorded_call(store, anna, number="0701")
    own = recorded_call(store, bo, number="0701").recording
    page = store.read_now(catalogue.recordings, scope_of(bo), wanted=Wanted(number="0701"))
    assert [row.id for row in page.recordings] == [own]


def test_pages_of_a_search_have_every_recording_once(store: Store) -> None:
    anna = add_user(store)
    made = [
        recorded_call(store, anna, number=number, at=BEGIN + timedelta(minutes=minute)).recording
        for minute, number in enumerate(("0701", "0802", "0701", "0701"))
    ]
    first = store.read_now(catalogue.recordings, COMMAND_LINE, limit=2, wanted=Wanted(number="070"))
    second = store.read_now(
        catalogue.recordings, COMMAND_LINE, limit=2, wanted=Wanted(number="070"), cursor=first.next_cursor
    )
    assert [row.id for page in (first, second) for row in page.recordings] == [made[3], made[2], made[0]]
    assert second.next_cursor is None


def test_a_recording_of_before_counterparts_were_kept_is_found_by_its_own(store: Store) -> None:
    recording = recorded_call(store, add_user(store), number="0701").recording
    store.write_now(models.Counterpart.delete().execute)
    (row,) = listed(store, wanted=Wanted(number="0701"))
    assert (row.id, row.counterparts) == (recording, ())


@pytest.mark.parametrize(
    ("number", "answer"), [("0701", True), ("", False), ("7" * 129, False), ("\0", False)]
)
def test_what_can_be_searched_for(number: str, answer: bool) -> None:
    assert searchable(number) is answer
