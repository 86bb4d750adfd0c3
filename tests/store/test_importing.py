"""A file of users in steps, on both databases: tried without a trace, done, and known by the audit log."""

from __future__ import annotations

from uuid import UUID

import pytest

from ari_recorder.policies.spreadsheet import read
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditLine, Membership
from ari_recorder.store.people import COLUMNS, Importing, ImportReport, Outcome, Which
from ari_recorder.store.people.importing import STEP_ROWS, Phase

from .build import BEGIN, BY, PBX, add_user

NEW = 2 * STEP_ROWS + 1


@pytest.fixture
def organisation(store: Store) -> UUID:
    made = store.write_now(people.default_organisation)
    store.write_now(people.add_group, made, "Sales", actor=BY, now=BEGIN)
    return made


def taken(store: Store, organisation: UUID, text: str, **how: bool) -> ImportReport:
    rows = read(text.encode(), COLUMNS)
    running = Importing(organisation, rows, (PBX,), BY, BEGIN, **how)
    store.read_now(running.look)
    for step in running.steps():
        store.write_now(step)
    assert running.phase is Phase.OVER
    return running.report()


def file(count: int) -> str:
    lines = [f"{300 + n},Åke Öberg {n},always,PJSIP/{300 + n},Sales,Told" for n in range(count)]
    return "\n".join(["number,name,mode,endpoints,groups,acknowledgement", *lines])


def outcomes(report: ImportReport) -> list[int]:
    return [report.count(outcome) for outcome in Outcome]


def counts(store: Store, organisation: UUID) -> tuple[int, int, int]:
    lines = store.read_now(lambda: AuditLine.select().count())
    members = store.read_now(lambda: Membership.select().count())
    return len(store.read_now(people.list_users, organisation)), members, lines


def test_a_trial_leaves_nothing_behind(store: Store, organisation: UUID) -> None:
    before = counts(store, organisation)
    report = taken(store, organisation, file(NEW), dry_run=True)
    assert (report.applied, outcomes(report)) == (False, [NEW, 0, 0, 0])
    assert counts(store, organisation) == before
    assert store.read_now(people.last_import, organisation) is None


def test_all_of_it_or_nothing(store: Store, organisation: UUID) -> None:
    before = counts(store, organisation)
    refused = taken(store, organisation, file(NEW) + "\n3/3,Wrong,,,,")
    assert (refused.applied, outcomes(refused)) == (False, [NEW, 0, 0, 1])
    assert counts(store, organisation) == before
    report = taken(store, organisation, file(NEW))
    assert (report.applied, outcomes(report)) == (True, [NEW, 0, 0, 0])
    assert counts(store, organisation)[:2] == (NEW, NEW)
    last = store.read_now(people.last_import, organisation)
    assert last is not None
    assert (last.ended, last.rows, last.counts[Outcome.CREATED]) == (True, NEW, NEW)
    assert outcomes(taken(store, organisation, file(NEW))) == [0, 0, NEW, 0]


def test_what_died_in_the_middle_is_known_and_done_again(store: Store, organisation: UUID) -> None:
    running = Importing(organisation, read(file(NEW).encode(), COLUMNS), (PBX,), BY, BEGIN, partial=True)
    store.read_now(running.look)
    store.write_now(next(running.steps()))
    last = store.read_now(people.last_import, organisation)
    assert last is not None
    assert (last.ended, last.rows) == (False, NEW)
    assert counts(store, organisation)[:2] == (STEP_ROWS, STEP_ROWS)
    rest = taken(store, organisation, file(NEW), partial=True)
    assert outcomes(rest) == [NEW - STEP_ROWS, 0, STEP_ROWS, 0]


def test_what_a_row_before_takes_is_taken_in_a_trial_too(store: Store, organisation: UUID) -> None:
    text = "number,name,login,endpoints\n1,A,a,PJSIP/1\n2,B,a,\n3,C,,PJSIP/1\n1,D,,\n4,E,e,PJSIP/4\n"
    tried = taken(store, organisation, text, dry_run=True)
    done = taken(store, organisation, text, partial=True)
    assert [row.outcome for row in tried.rows] == [row.outcome for row in done.rows]
    assert outcomes(tried) == [2, 0, 0, 3]


def test_who_a_row_is_of_is_found_in_any_writing(store: Store, organisation: UUID) -> None:
    add_user(store, "+46701234567")
    text = "number,name\n+46 70-123 45 67,Bo\n070 (1),Eva\n07-01,Eva again\n"
    tried = taken(store, organisation, text, dry_run=True)
    done = taken(store, organisation, text, partial=True)
    assert outcomes(tried) == outcomes(done) == [1, 1, 0, 1]
    there = store.read_now(people.list_users, organisation)
    assert {(user.number, user.name) for user in there} == {("+46701234567", "Bo"), ("0701", "Eva")}


def test_who_a_login_is_of_is_found_in_any_letters(store: Store, organisation: UUID) -> None:
    add_user(store, "101", name="Bo", login="bo")
    text = "name,login\nBo B,Bo\nEva,eva\nEva again,EVA\n"
    tried = taken(store, organisation, text, dry_run=True)
    done = taken(store, organisation, text, partial=True)
    assert outcomes(tried) == outcomes(done) == [1, 1, 0, 1]
    there = store.read_now(people.list_users, organisation)
    assert {(user.login, user.name) for user in there} == {("Bo", "Bo B"), ("eva", "Eva")}


def test_users_are_counted_and_found(store: Store, organisation: UUID) -> None:
    add_user(store, "101", Mode.ALWAYS, name="Åke Öberg")
    taken(store, organisation, file(3))
    found = store.read_now(people.overview, organisation)
    assert (found.users, found.which[Which.RECORDED]) == (4, 4)
    assert found.which[Which.WITHOUT_GROUP] == found.which[Which.UNACKNOWLEDGED] == 1
    assert found.groups_without_supervisor == 1
    page = store.read_now(people.users_page, organisation, q="AKE ob", limit=2)
    assert len(page.rows) == 2
    assert store.read_now(people.count_users, organisation, q="ake ob") == 4
    assert store.read_now(people.count_users, organisation, q="ake ob", which=Which.WITHOUT_GROUP) == 1
