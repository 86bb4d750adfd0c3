"""Who sees which recordings, and pages that stay put while recordings are added."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ari_recorder.errors import NotFound
from ari_recorder.policies import rights
from ari_recorder.policies.rights import COMMAND_LINE, Right, Role, Scope, Supervised
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import catalogue, finishing, models
from ari_recorder.store.catalogue import LIMIT_MAX
from ari_recorder.store.database import Store
from ari_recorder.store.filters import Wanted
from ari_recorder.store.order import Sort
from ari_recorder.store.safe import Safe

from .build import (
    BEGIN,
    Call,
    add_organisation,
    add_user,
    finish,
    recorded_call,
    safe_in,
    scope_of,
    sealed,
    the_due,
)


@pytest.fixture
def safe(store: Store, tmp_path: Path) -> Safe:
    return safe_in(store, tmp_path)


def seen(store: Store, asker: Scope, **options: object) -> list[UUID]:
    page = store.read_now(catalogue.recordings, asker, **options)  # type: ignore[arg-type]
    return [row.id for row in page.recordings]


def may_see(store: Store, asker: Scope, recording: UUID) -> bool:
    """Whether every way to a recording is open to ``asker``; all have to agree."""
    answers = [recording in seen(store, asker)]
    for way in (catalogue.recording, catalogue.peaks, catalogue.timeline):
        try:
            store.read_now(way, asker, recording)
            answers.append(True)
        except NotFound:
            answers.append(False)
    assert len(set(answers)) == 1, answers
    return answers[0]


def test_everyone_sees_what_is_theirs_to_see_and_no_more(store: Store) -> None:
    anna, ben = add_user(store, "101"), add_user(store, "102")
    recording = recorded_call(store, anna).recording
    as_anna, as_ben = scope_of(anna), scope_of(ben)
    elsewhere = store.write_now(add_organisation, "Elsewhere")
    supervised = Supervised(frozenset({anna.id}), frozenset({anna.id}), frozenset())
    expected: list[tuple[Scope, bool]] = [
        (COMMAND_LINE, True),
        (as_anna, True),
        (scope_of(anna, may_listen=False), False),
        (as_ben, False),
        (scope_of(ben, role=Role.SUPERVISOR), False),
        (scope_of(ben, role=Role.SUPERVISOR, supervised=supervised), True),
        (scope_of(anna, role=Role.SUPERVISOR), True),
        (scope_of(ben, role=Role.ADMINISTRATOR), True),
        (scope_of(ben, role=Role.ADMINISTRATOR, may_listen=False), True),
        (scope_of(ben, role=Role.ADMINISTRATOR, organisation=elsewhere), False),
        (scope_of(anna, organisation=elsewhere), False),
        (scope_of(anna, role=Role.AUDITOR), False),
        (scope_of(anna, role=Role.OPERATOR), False),
        (rights.program(anna.organisation, set(Right)), True),
        (rights.program(elsewhere, set(Right)), False),
        (rights.program(anna.organisation, {Right.CALLS_READ}), False),
    ]
    for asker, allowed in expected:
        assert may_see(store, asker, recording) is allowed, asker


def test_a_supervisor_may_see_what_they_may_not_hear(store: Store) -> None:
    anna, ben = add_user(store, "101"), add_user(store, "102")
    recording = recorded_call(store, anna).recording
    supervised = Supervised(members=frozenset({anna.id}))
    asker = scope_of(ben, role=Role.SUPERVISOR, supervised=supervised)
    assert store.read_now(catalogue.recording, asker, recording).id == recording
    for way in (catalogue.heard, catalogue.peaks):
        with pytest.raises(NotFound):
            store.read_now(way, asker, recording)


@pytest.mark.parametrize("role", Role)
def test_nobody_sees_another_organisation(store: Store, role: Role) -> None:
    anna = add_user(store, "101")
    recording = recorded_call(store, anna).recording
    stranger = rights.scope(store.write_now(add_organisation, "Elsewhere"), uuid4(), role, may_listen=True)
    assert not may_see(store, stranger, recording)


def test_what_does_not_exist_and_what_may_not_be_seen_are_told_alike(store: Store) -> None:
    anna, ben = add_user(store, "101"), add_user(store, "102")
    hidden, missing = recorded_call(store, anna).recording, uuid4()
    told = []
    for recording in (hidden, missing):
        with pytest.raises(NotFound) as refused:
            store.read_now(catalogue.recording, scope_of(ben), recording)
        told.append(str(refused.value).replace(str(recording), "…"))
    assert told[0] == told[1]


def test_a_recording_shows_what_is_known_of_it(store: Store, safe: Safe, tmp_path: Path) -> None:
    anna = add_user(store, "101")
    call = Call.rings(store, anna, number="102")
    call.asterisk.internal = True
    call.happens(Event.ANSWERED).passes().hangs_up()
    (recording,) = finish(store, safe, tmp_path, audio=b"sound")
    row = store.read_now(catalogue.recording, scope_of(anna), recording)
    assert (row.user_number, row.user_name, row.counterpart_number) == ("101", "User 101", "102")
    assert (row.state, row.mode, row.kept, row.internal) == ("stored", "always", True, True)
    assert (row.size_bytes, row.duration_ms, row.pbx) == (5, 1000, "main")
    assert row.started_at == call.segment.began_at
    assert store.read_now(catalogue.peaks, scope_of(anna), recording) == b"\x01\x02"
    (span,) = store.read_now(catalogue.timeline, scope_of(anna), recording)
    assert (span.ordinal, span.offset_ms, span.duration_ms) == (1, 0, 500)


def test_a_destroyed_recording_is_not_listed(store: Store, safe: Safe, tmp_path: Path) -> None:
    anna = add_user(store, "101", Mode.ON_DEMAND)
    Call.rings(store, anna).happens(Event.ANSWERED).hangs_up()
    assert seen(store, COMMAND_LINE) == [], "about to be destroyed"
    finish(store, safe, tmp_path)
    assert seen(store, COMMAND_LINE) == []


def test_a_running_call_is_listed(store: Store) -> None:
    call = Call.rings(store, add_user(store)).happens(Event.ANSWERED)
    assert seen(store, COMMAND_LINE) == [call.recording]


@pytest.mark.parametrize("cursor", ["longest|1e3|{}", "longest|-2|{}", "longest|2147483648|{}"])
def test_a_cursor_without_a_length_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(NotFound, match="start again"):
        store.read_now(
            catalogue.recordings,
            COMMAND_LINE,
            cursor=_encoded(cursor.format(UUID(int=1))),
            sort=Sort.LONGEST,
        )


def walk(store: Store, limit: int, sort: Sort = Sort.NEWEST) -> list[UUID]:
    """Every page, one after the other."""
    found: list[UUID] = []
    cursor = None
    while True:
        page = store.read_now(catalogue.recordings, COMMAND_LINE, limit=limit, cursor=cursor, sort=sort)
        assert len(page.recordings) <= limit
        found += [row.id for row in page.recordings]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_pages_hold_every_recording_once_newest_first(store: Store) -> None:
    anna = add_user(store)
    minutes = [5, 1, 4, 2, 3, 3, 3]  # three began in the same instant
    made = [(m, recorded_call(store, anna, at=BEGIN + timedelta(minutes=m)).recording) for m in minutes]
    order = [recording for _, recording in sorted(made, reverse=True)]
    for limit in (1, 2, 3, 6, 7, 8):
        assert walk(store, limit) == order


def test_pages_in_every_order_hold_every_recording_once(store: Store) -> None:
    anna = add_user(store)
    lengths = [5, None, 3, 3, 0, None, 9]
    made = []
    for minute, length_ms in enumerate(lengths):
        recording = recorded_call(store, anna, at=BEGIN + timedelta(minutes=-minute)).recording
        change = models.Recording.update(duration_ms=length_ms).where(models.Recording.id == recording)
        store.write_now(change.execute)
        made.append((-1 if length_ms is None else length_ms, -minute, recording))
    shortest = [row[2] for row in sorted(made, key=lambda row: (row[0], row[2]))]
    oldest = [row[2] for row in sorted(made, key=lambda row: row[1])]
    for limit in (1, 2, 3, 8):
        assert walk(store, limit, Sort.SHORTEST) == shortest
        assert walk(store, limit, Sort.LONGEST) == shortest[::-1]
        assert walk(store, limit, Sort.OLDEST) == oldest
        assert walk(store, limit, Sort.NEWEST) == oldest[::-1]


def test_no_more_is_counted_than_wanted(store: Store) -> None:
    anna, ben = add_user(store, "101"), add_user(store, "102")
    for minute in range(3):
        recorded_call(store, anna, at=BEGIN + timedelta(minutes=minute))
    recorded_call(store, ben)
    counted = [
        store.read_now(catalogue.count, scope_of(anna), Wanted(), most) for most in (1, 2, 3, 4, 10_000)
    ]
    assert counted == [2, 3, 3, 3, 3]
    assert store.read_now(catalogue.count, COMMAND_LINE, Wanted(user="102")) == 1


def test_pages_stay_put_while_recordings_are_added(store: Store) -> None:
    anna = add_user(store)
    old = [recorded_call(store, anna, at=BEGIN + timedelta(minutes=m)).recording for m in range(4)][::-1]
    first = store.read_now(catalogue.recordings, COMMAND_LINE, limit=2)
    for minute in (10, 11, 12):
        recorded_call(store, anna, at=BEGIN + timedelta(minutes=minute))
    second = store.read_now(catalogue.recordings, COMMAND_LINE, limit=2, cursor=first.next_cursor)
    assert [row.id for row in (*first.recordings, *second.recordings)] == old
    assert second.next_cursor is None


def test_a_cursor_widens_nothing(store: Store) -> None:
    anna, ben = add_user(store, "101"), add_user(store, "102")
    for minute in range(3):
        recorded_call(store, anna, at=BEGIN + timedelta(minutes=minute))
    cursor = store.read_now(catalogue.recordings, COMMAND_LINE, limit=1).next_cursor
    assert seen(store, scope_of(ben), cursor=cursor) == []


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "nonsense!",
        "å",
        "\0",
        _encoded("yesterday|1"),
        _encoded(f"2026-03-02T08:00:00+00:00|{'1' * 5}"),
        _encoded(f"0001-01-01T00:00:00+23:59|{UUID(int=1)}"),
        _encoded(f"9999-12-31T23:59:59-23:59|{UUID(int=1)}"),
        _encoded("2026-03-02T08:00:00+00:00"),
        _encoded(f"newest|yesterday|{UUID(int=1)}"),
        _encoded(f"newest|2026-03-02T08:00:00+00:00|{'1' * 5}"),
        _encoded(f"newest|0001-01-01T00:00:00+23:59|{UUID(int=1)}"),
        _encoded(f"oldest|2026-03-02T08:00:00+00:00|{UUID(int=1)}"),
    ],
)
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(NotFound, match="start again"):
        store.read_now(catalogue.recordings, COMMAND_LINE, cursor=cursor)


@pytest.mark.parametrize(("limit", "shown"), [(-5, 1), (0, 1), (1, 1), (2, 2), (10**9, 3)])
def test_a_limit_is_kept_within_bounds(store: Store, limit: int, shown: int) -> None:
    anna = add_user(store)
    for minute in range(3):
        recorded_call(store, anna, at=BEGIN + timedelta(minutes=minute))
    assert len(seen(store, COMMAND_LINE, limit=limit)) == shown
    assert LIMIT_MAX == 500


def test_problems_are_sentences(store: Store) -> None:
    call = recorded_call(store, add_user(store))
    due = the_due(store)
    store.write_now(finishing.seal, due, replace(sealed(due), problems=("One.", "Two.")), BEGIN)
    assert store.read_now(catalogue.recording, COMMAND_LINE, call.recording).problems == ("One.", "Two.")


def test_a_leg_that_is_referred_to_cannot_be_deleted(store: Store) -> None:
    recorded_call(store, add_user(store))
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.write_now(lambda: models.Leg.delete().execute())
