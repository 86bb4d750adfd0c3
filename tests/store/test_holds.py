"""Which recordings a legal hold keeps: of each kind, in any writing, whatever is edited, until it is over."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.policies import rights
from ari_recorder.policies.holds import EACH_MAX, GRACE, PEOPLE_MAX, REASON_MAX, Kind
from ari_recorder.policies.rights import COMMAND_LINE, Role
from ari_recorder.policies.selection import SELECTED_MAX
from ari_recorder.policies.table import Event
from ari_recorder.store import (
    annotations,
    audit,
    filters,
    finding,
    hold_about,
    holding,
    holds,
    models,
    people,
)
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.filters import Wanted
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import HoldRow
from ari_recorder.store.order import Sort
from ari_recorder.store.people import UserRow

from ..conftest import PostgreSQL
from . import test_finding as made_up
from .build import BEGIN, BY, Call, add_user, recorded_call, reopened

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOMEBODY = Actor(ActorKind.USER, str(uuid4()), "Eva Ek")


@pytest.fixture
def anna(store: Store) -> UserRow:
    """101, of an organisation in Sweden."""
    user = add_user(store)
    store.write_now(lambda: models.Organisation.update(country="SE").execute())
    return user


def place(store: Store, user: UserRow, about: About, **more: Any) -> HoldRow:
    given = {"reason": "Case 4711", "actor": SOMEBODY, "now": BEGIN, **more}
    return store.write_now(holding.place, COMMAND_LINE, user.organisation, about, **given)


def searching(query: str, **wanted: Any) -> About:
    return About(Kind.SEARCH, query=query, wanted=Wanted(**wanted))


def held(store: Store, *ids: UUID) -> set[UUID]:
    """As the write that deletes asks."""
    return store.write_now(holds.held, ids)


def annotate(store: Store, user: UserRow, leg: UUID, **changes: str) -> None:
    asker = rights.scope(user.organisation, user.id, Role.ADMINISTRATOR, may_listen=True)
    store.write_now(annotations.annotate, asker, SOMEBODY, leg, changes, BEGIN)


def test_nothing_is_held_without_a_hold_and_nothing_is_asked_of_what_is_not_there(store: Store) -> None:
    user = add_user(store)
    call = recorded_call(store, user)
    assert held(store, call.recording) == set()
    assert held(store) == set()
    place(store, user, About(Kind.USER, user=user.id))
    assert held(store, uuid4()) == set()


def test_a_recording_alone(store: Store, anna: UserRow) -> None:
    one, other = recorded_call(store, anna), recorded_call(store, anna, at=BEGIN + HOUR)
    made = place(store, anna, About(Kind.RECORDING, recording=one.recording))
    assert held(store, one.recording, other.recording) == {one.recording}
    assert store.read_now(holds.holding, [one.recording]) == {one.recording: {made.id}}


def test_a_selection_is_a_list_of_one_organisation(store: Store, anna: UserRow) -> None:
    other = store.write_now(lambda: UUID(str(models.Organisation.create(name="Other").id)))
    stranger = add_user(store, "201", organisation=other, endpoints=[("main", "PJSIP/201")])
    calls = [recorded_call(store, anna, at=BEGIN + n * HOUR).recording for n in range(3)]
    theirs, unknown = recorded_call(store, stranger).recording, uuid4()
    first = place(store, anna, About(Kind.USER, user=anna.id))
    about = About(Kind.SELECTION, recordings=(*calls[:2], theirs, unknown, calls[0]))
    given = {"reason": "Case 4712", "actor": SOMEBODY, "now": BEGIN}
    done = store.write_now(holding.place_and_tell, COMMAND_LINE, anna.organisation, about, **given)
    assert set(done.row.recordings) == set(done.before) == set(calls[:2])
    assert done.left == [theirs, unknown]
    assert held(store, *calls, theirs) == set(calls)
    assert store.read_now(holding.freed_by, COMMAND_LINE, done.row.id).recordings == 0
    release(store, first)
    assert held(store, *calls, theirs) == set(calls[:2])
    freed = store.read_now(holding.freed_by, COMMAND_LINE, done.row.id)
    assert (freed.recordings, freed.more) == (2, False)
    assert store.read_now(hold_about.found_by, anna.organisation, holding.about_of(done.row)) == 2
    release(store, done.row)
    assert held(store, *calls) == set()


def test_what_is_no_selection(store: Store, anna: UserRow) -> None:
    one = recorded_call(store, anna).recording
    for recordings in ((), (one, *(uuid4() for _ in range(SELECTED_MAX)))):
        with pytest.raises(Invalid, match="recordings"):
            place(store, anna, About(Kind.SELECTION, recordings=recordings))
    with pytest.raises(NotFound):
        place(store, anna, About(Kind.SELECTION, recordings=(uuid4(),)))
    assert store.read_now(models.Hold.select().count) == 0


def test_a_user_and_what_they_record_later(store: Store, anna: UserRow) -> None:
    bo = add_user(store, "102")
    one, other = recorded_call(store, anna), recorded_call(store, bo)
    place(store, anna, About(Kind.USER, user=anna.id))
    later = recorded_call(store, anna, at=BEGIN + DAY)
    going_on = Call.rings(store, anna, at=BEGIN + DAY)
    assert held(store, one.recording, other.recording, later.recording) == {one.recording, later.recording}
    assert going_on.leg.user == anna.id


@pytest.mark.parametrize("number", ["0701234567", "070-123 45 67", "+46 70 123 45 67", "0046701234567"])
@pytest.mark.parametrize("shown", ["0701234567", "+46701234567", "0046701234567"])
def test_a_number_in_any_writing(store: Store, anna: UserRow, number: str, shown: str) -> None:
    one, other = recorded_call(store, anna, number=shown), recorded_call(store, anna, number="0701234568")
    transferred = Call.rings(store, anna, number="200").happens(Event.ANSWERED)
    transferred = transferred.meets(shown).hangs_up()
    place(store, anna, About(Kind.NUMBER, number=number))
    found = held(store, one.recording, other.recording, transferred.recording)
    assert found == {one.recording, transferred.recording}


def test_what_the_index_of_texts_does_not_have_yet_is_held_all_the_same(store: Store, anna: UserRow) -> None:
    call = recorded_call(store, anna, number="0701234567")
    place(store, anna, About(Kind.NUMBER, number="+46701234567"))
    store.write_now(lambda: models.Searched.delete().execute())
    assert held(store, call.recording) == {call.recording}


def test_a_search_holds_what_it_finds_and_what_it_will_find(store: Store, anna: UserRow) -> None:
    one, other = recorded_call(store, anna), recorded_call(store, anna, at=BEGIN + HOUR)
    annotate(store, anna, one.leg.id, note="About the fire in Malmö", mark="red")
    place(store, anna, searching("q=malmo&mark=red", text="malmo", mark="red"))
    assert held(store, one.recording, other.recording) == {one.recording}
    later = recorded_call(store, anna, at=BEGIN + DAY)
    assert held(store, later.recording) == set()
    annotate(store, anna, later.leg.id, note="MALMÖ again", mark="red")
    assert held(store, later.recording) == {later.recording}


@pytest.mark.parametrize("edit", [{"note": ""}, {"mark": "blue"}, {"note": "x", "mark": ""}, {"tag1": ""}])
def test_no_edit_frees_what_a_search_holds(store: Store, anna: UserRow, edit: dict[str, str]) -> None:
    one, later = recorded_call(store, anna), recorded_call(store, anna, at=BEGIN + HOUR)
    annotate(store, anna, one.leg.id, note="fire", mark="red", tag1="4711")
    made = place(store, anna, searching("", text="fire", mark="red", tag1="4711"))
    annotate(store, anna, later.leg.id, note="fire", mark="red", tag1="4711")
    for call in (one, later):
        annotate(store, anna, call.leg.id, **edit)
    assert held(store, one.recording, later.recording) == {one.recording, later.recording}
    release(store, made)
    assert held(store, one.recording, later.recording) == set()


def test_who_leaves_a_group_frees_nothing(store: Store, anna: UserRow) -> None:
    group = store.write_now(people.add_group, anna.organisation, "Sales", actor=BY, now=BEGIN).id
    store.write_now(people.add_members, anna.organisation, group, [anna.id], actor=BY, now=BEGIN)
    calls = [recorded_call(store, anna, at=BEGIN + n * HOUR) for n in range(3)]
    ids = [call.recording for call in calls]
    place(store, anna, searching(f"group={group}", group=group))
    later = recorded_call(store, anna, at=BEGIN + DAY)
    while store.write_now(holds.fix_next, BEGIN + 30 * DAY, 2):
        pass
    store.write_now(people.remove_member, anna.organisation, group, anna.id, actor=BY, now=BEGIN)
    assert held(store, *ids, later.recording) == {*ids, later.recording}


def test_what_is_noted_goes_on_where_it_was_left_and_is_forgotten_with_the_hold(
    store: Store, anna: UserRow
) -> None:
    ids = {recorded_call(store, anna, at=BEGIN + n * HOUR).recording for n in range(5)}
    made = place(store, anna, searching("direction=inbound", direction="inbound"))
    store.write_now(lambda: models.HeldRecording.delete().execute())
    assert not store.write_now(holds.fix_next, BEGIN, 2), "none of them is a day old"
    steps = 0
    while store.write_now(holds.fix_next, BEGIN + 30 * DAY, 2):
        steps += 1
    assert steps == 3
    noted = store.read_now(lambda: {row.recording for row in models.HeldRecording.select()})
    assert noted == ids
    release(store, made)
    while store.write_now(holds.forget_next, 2):
        pass
    assert store.read_now(models.HeldRecording.select().count) == 0


def release(store: Store, hold: HoldRow, why: str = "The case is closed", **more: Any) -> HoldRow:
    given = {"actor": SOMEBODY, "now": BEGIN + DAY, **more}
    return store.write_now(holding.release, COMMAND_LINE, hold.id, why, **given)


def test_what_is_released_is_free_unless_another_hold_keeps_it(store: Store, anna: UserRow) -> None:
    one, other = recorded_call(store, anna), recorded_call(store, anna, at=BEGIN + HOUR)
    of_user = place(store, anna, About(Kind.USER, user=anna.id))
    place(store, anna, About(Kind.RECORDING, recording=one.recording))
    freed = store.read_now(holding.freed_by, COMMAND_LINE, of_user.id)
    assert (freed.recordings, freed.more, freed.oldest) == (1, False, BEGIN + HOUR + timedelta(seconds=1))
    over = release(store, of_user)
    assert (over.over_by, over.over_why, over.over_at) == ("Eva Ek", "The case is closed", BEGIN + DAY)
    assert held(store, one.recording, other.recording) == {one.recording}
    with pytest.raises(Conflict):
        release(store, of_user)


def test_an_end_that_passes(store: Store, anna: UserRow) -> None:
    one = recorded_call(store, anna)
    made = place(store, anna, About(Kind.USER, user=anna.id), ends_at=BEGIN + DAY)
    assert store.write_now(holding.end_due, BEGIN + DAY) == []
    assert store.write_now(holding.end_due, BEGIN + DAY + GRACE - HOUR) == [], "a clock may be a day wrong"
    assert held(store, one.recording) == {one.recording}
    changed = store.write_now(
        holding.change_end, COMMAND_LINE, made.id, BEGIN + 2 * DAY, actor=SOMEBODY, now=BEGIN
    )
    assert changed.ends_at == BEGIN + 2 * DAY
    assert store.write_now(holding.end_due, BEGIN + DAY + GRACE) == []
    assert store.write_now(holding.end_due, BEGIN + 2 * DAY + GRACE) == [made.id]
    assert store.write_now(holding.end_due, BEGIN + 2 * DAY + GRACE) == []
    assert held(store, one.recording) == set()
    assert store.read_now(holding.one, COMMAND_LINE, made.id).over_by == ""
    lines = store.read_now(lambda: [row.action for row in audit_lines(made.id)])
    assert lines == ["create", "change", "remove"]


def audit_lines(hold: UUID) -> Any:
    its = models.AuditLine.subject == str(hold)
    return models.AuditLine.select().where(its).order_by(models.AuditLine.number)


def test_the_audit_log_has_ids_and_a_hash_and_no_names_or_numbers(store: Store, anna: UserRow) -> None:
    number = "0709876543"
    made = place(store, anna, About(Kind.NUMBER, number=number), reason="Karin's case", people="Karin Ek")
    release(store, made, "Karin has agreed")
    told = store.read_now(lambda: " ".join(row.detail for row in audit_lines(made.id)))
    assert "sha256" in told
    assert not any(word in told for word in (number, "Karin"))


def test_every_organisation_has_its_own(store: Store, anna: UserRow) -> None:
    other = store.write_now(lambda: UUID(str(models.Organisation.create(name="Other").id)))
    stranger = add_user(store, "201", organisation=other, endpoints=[("main", "PJSIP/201")])
    theirs = recorded_call(store, stranger, number="0701234567")
    made = place(store, anna, About(Kind.NUMBER, number="0701234567"))
    place(store, anna, searching("", direction="inbound"))
    assert held(store, theirs.recording) == set()
    asker = rights.scope(other, stranger.id, Role.ADMINISTRATOR, may_listen=True)
    assert store.read_now(holding.listed, asker).rows == []
    for work in (
        lambda: holding.one(asker, made.id),
        lambda: holding.freed_by(asker, made.id),
        lambda: holding.release(asker, made.id, "x", actor=SOMEBODY, now=BEGIN),
        lambda: holding.change_end(asker, made.id, None, actor=SOMEBODY, now=BEGIN),
    ):
        with pytest.raises(NotFound):
            store.write_now(work)
    for about in (
        About(Kind.RECORDING, recording=theirs.recording), About(Kind.USER, user=stranger.id),
        About(Kind.RECORDING, recording=uuid4()), About(Kind.USER, user=uuid4()),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            place(store, anna, about)


@pytest.mark.parametrize("role", [Role.USER, Role.SUPERVISOR, Role.OPERATOR])
def test_who_may_not_read_holds_sees_none(store: Store, anna: UserRow, role: Role) -> None:
    made = place(store, anna, About(Kind.USER, user=anna.id))
    asker = rights.scope(anna.organisation, anna.id, role, may_listen=True)
    assert store.read_now(holding.listed, asker).rows == []
    assert store.read_now(holding.some, asker, [made.id]) == []
    with pytest.raises(NotFound):
        store.read_now(holding.one, asker, made.id)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("reason", {"reason": ""}), ("reason", {"reason": " \n "}),
        ("reason", {"reason": "x" * (REASON_MAX + 1)}),
        ("reason", {"reason": "a\u202eb"}), ("reason", {"reason": "a\0b"}),
        ("people", {"people": "x" * (PEOPLE_MAX + 1)}), ("people", {"people": "\x1b[31m"}),
        ("ends_at", {"ends_at": BEGIN}), ("ends_at", {"ends_at": BEGIN - DAY}),
        ("number", {"about": About(Kind.NUMBER, number="")}),
        ("number", {"about": About(Kind.NUMBER, number="12")}),
        ("number", {"about": About(Kind.NUMBER, number="anonymous")}),
        ("number", {"about": About(Kind.NUMBER, number="1" * 200)}),
        ("number", {"about": About(Kind.NUMBER, number="0701\u202e234")}),
        ("query", {"about": About(Kind.SEARCH, query="", wanted=Wanted())}),
        ("query", {"about": About(Kind.SEARCH)}),
        ("recording", {"about": About(Kind.RECORDING)}),
    ],
)  # fmt: skip
def test_what_cannot_be(store: Store, anna: UserRow, field: str, given: dict[str, Any]) -> None:
    about = {"about": About(Kind.USER, user=anna.id)}
    with pytest.raises(Invalid) as refused:
        place(store, anna, **{**about, **given})
    assert refused.value.field == field
    assert store.read_now(models.Hold.select().count) == 0


def test_there_is_a_bound(store: Store, anna: UserRow, monkeypatch: pytest.MonkeyPatch) -> None:
    assert EACH_MAX == 200
    monkeypatch.setattr(holding, "EACH_MAX", 2)
    first = place(store, anna, About(Kind.USER, user=anna.id))
    place(store, anna, About(Kind.NUMBER, number="0701"))
    with pytest.raises(Conflict):
        place(store, anna, About(Kind.NUMBER, number="0702"))
    release(store, first)
    place(store, anna, About(Kind.NUMBER, number="0702"))


def test_a_search_is_kept_as_it_was() -> None:
    wanted = Wanted(began_from=BEGIN, user=uuid4(), group=uuid4(), min_duration_s=1.5, mark="", text="å'\"\\")
    assert filters.from_text(filters.as_text(wanted)) == wanted
    assert filters.from_text(filters.as_text(Wanted(user="101"))) == Wanted(user="101")


def test_a_search_under_hold_keeps_what_the_list_finds(store: Store) -> None:
    chance = random.Random(11)
    people_ = store.write_now(made_up._people)
    ids = [store.write_now(made_up._recording, chance, people_, n) for n in range(made_up.ROWS)]
    store.write_now(made_up._meet, chance, ids)
    made = [store.read_now(made_up._known, one) for one in ids]
    shown = {one.id for one in made if one.row.state in ("open", "closing", "stored")}
    everything, kept_any = holds.everything_of(people_.acme), 0
    for _ in range(60):
        wanted = made_up._wanted(chance, people_)
        hold = store.write_now(_hold, people_.acme, wanted)
        kept = held(store, *ids) & shown
        assert kept == set(store.read_now(finding.page, everything, wanted, Sort.NEWEST, None, 500)), wanted
        kept_any += bool(kept)
        store.write_now(lambda hold=hold: models.Hold.delete().where(models.Hold.id == hold).execute())
    assert kept_any > 20


def _hold(organisation: UUID, wanted: Wanted) -> UUID:
    row = models.Hold.create(
        organisation=organisation, kind="search", wanted=filters.as_text(wanted), reason="x",
        begun_at=BEGIN, begun_by="x",
    )  # fmt: skip
    return UUID(str(row.id))


def test_no_hold_is_placed_between_the_look_and_the_deletion(postgresql: PostgreSQL) -> None:
    """SQLite has one writer; on PostgreSQL a hold waits for who has looked, until that is committed."""
    url = postgresql.new_database()
    with reopened(url) as store, psycopg.connect(url, autocommit=True) as other:
        call = recorded_call(store, add_user(store))

        def could_place() -> bool:
            (free,) = other.execute("SELECT pg_try_advisory_xact_lock(%s)", (audit.LOCK,)).fetchone() or ()
            return bool(free)

        def delete() -> bool:
            assert holds.held([call.recording]) == set()
            return could_place()

        assert not store.write_now(delete)
        assert could_place()
    postgresql.drop(url)
