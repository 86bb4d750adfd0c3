"""A person is taken out: what goes, what stays and under which name, whatever interrupts it; and nothing is
left."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.policies import rights
from ari_recorder.policies.erasing import Kind, State, Step
from ari_recorder.policies.holds import Kind as Held
from ari_recorder.policies.rights import COMMAND_LINE, Role
from ari_recorder.policies.table import Event
from ari_recorder.store import (
    annotations,
    catalogue,
    disposal,
    forgetting,
    holding,
    models,
    people,
    searches,
    verify,
)
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.erasing import asking, working
from ari_recorder.store.erasing.asking import ErasureRow, Target
from ari_recorder.store.hold_about import About
from ari_recorder.store.people import UserRow
from ari_recorder.store.safe import Safe
from ari_recorder.store.sql import Sql, rows

from .build import BEGIN, BY, Call, add_user, finish, recorded_call, reopened, safe_in

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = datetime(2026, 11, 22, 12, tzinfo=UTC)
NUMBER, NAME = "0701234567", "Karin Ekström"
KARIN = Target(Kind.COUNTERPART, number="+46 70-123 45 67", name=NAME)
OTHER = ("0709999999", "Bertil Blom")
SOMEBODY = Actor(ActorKind.USER, str(uuid4()), "admin")
DRAW = bytes(range(6))
PSEUDONYM = "Erased person 234567"


@dataclass
class World:
    """A catalogue with a vault, Anna (101) and Bo (102)."""

    store: Store
    safe: Safe
    folder: Path
    anna: UserRow
    bo: UserRow

    @property
    def organisation(self) -> UUID:
        return self.anna.organisation

    def call(
        self, *met: tuple[str, str], of: UserRow | None = None, at: datetime = BEGIN, note: str = ""
    ) -> Call:
        """A recorded call with these, one after the other, kept in the vault."""
        (number, name), *others = met
        counterpart = {"counterpart": replace(_counterpart(number), name=name)}
        call = Call.rings(self.store, of or self.anna, at=at, number=number, **counterpart)
        call.happens(Event.ANSWERED)
        for number, name in others:
            call.passes().meets(number, name)
        call.passes().hangs_up()
        finish(self.store, self.safe, self.folder)
        if note:
            self.annotate(call, note=note)
        return call

    def annotate(self, call: Call, by: UserRow | None = None, **changes: str) -> None:
        asker = rights.scope(self.organisation, (by or self.anna).id, Role.ADMINISTRATOR, may_listen=True)
        actor = Actor(ActorKind.USER, str((by or self.anna).id), (by or self.anna).name)
        self.store.write_now(annotations.annotate, asker, actor, call.leg.id, changes, BEGIN)

    def begin(self, target: Target = KARIN, reference: str = "DSR 12", **more: Any) -> ErasureRow:
        given = {"actor": SOMEBODY, "now": LATER, **more}
        return self.store.write_now(asking.begin, self.organisation, target, reference, DRAW, **given)

    def hold(self, about: About, reason: str = "Case") -> UUID:
        placed = self.store.write_now(
            holding.place, COMMAND_LINE, self.organisation, about, reason=reason, actor=SOMEBODY, now=LATER
        )
        return placed.id

    def release(self, hold: UUID, now: datetime = LATER + HOUR) -> None:
        self.store.write_now(holding.release, COMMAND_LINE, hold, "Closed", actor=SOMEBODY, now=now)

    def erase(self, target: Target = KARIN, **more: Any) -> ErasureRow:
        made = self.begin(target, **more)
        run(self.store, self.safe)
        return self.row(made.id)

    def row(self, erasure: UUID) -> ErasureRow:
        return self.store.read_now(asking.one, COMMAND_LINE, erasure)

    def recording(self, call: Call) -> Any:
        return self.store.read_now(models.Recording.get_or_none, models.Recording.id == call.recording)

    def shown(self, call: Call) -> Any:
        return self.store.read_now(catalogue.recording, COMMAND_LINE, call.recording)

    def manifest(self, call: Call) -> Any:
        return self.store.read_now(models.Manifest.get, models.Manifest.recording == call.recording)

    def check(self) -> None:
        """Catalogue, vault, search and evidence fit."""
        report = verify.verify(self.store, self.safe, now=LATER)
        verify.verify_evidence(self.store, report, [])
        verify.verify_audit(self.store, report, [])
        assert report.damage == []
        assert report.open == []


def _counterpart(number: str) -> Any:
    from ari_recorder.policies.parties import Counterpart

    return Counterpart(number, "")


def run(store: Store, safe: Safe, now: datetime = LATER) -> None:
    """As the delivery process does: erasures, and what they dispose of."""
    store.write_now(working.resume, now)
    while batch := store.read_now(working.look):
        if not store.write_now(working.do, batch, now):
            gone = store.read_now(disposal.waiting, 100)
            assert gone, "it waits for what is not there"
            for one in gone:
                if one.place is not None:
                    safe.remove(one.place)
            store.write_now(disposal.complete, [one.id for one in gone], now)


def everything(store: Store) -> str:
    """Every text of every table, but for the audit log, which is not changed."""
    found = []
    for model in models.TABLES:
        if not model.__name__.startswith("Audit"):
            table = model._meta.table_name
            found += store.read_now(lambda table=table: rows(Sql(f'SELECT * FROM "{table}"')))  # noqa: S608
    return "\n".join(str(value) for row in found for value in row)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    anna = add_user(store, name="Anna Andersson")
    bo = add_user(store, "102", name="Bo Berg")
    store.write_now(lambda: models.Organisation.update(country="SE").execute())
    return World(store, safe_in(store, tmp_path), tmp_path, anna, bo)


def test_what_they_alone_were_in_is_gone(world: World) -> None:
    call = world.call((NUMBER, NAME), note="About the fire")
    other = world.call(OTHER, at=BEGIN + HOUR)
    place = world.shown(call).place
    done = world.erase()
    assert (done.state, done.counts.disposed, done.counts.renamed, done.number, done.name) == (
        State.DONE, 1, 0, "", "",
    )  # fmt: skip
    assert world.recording(call) is None
    assert place is not None
    assert place.key not in list(world.safe.vault.keys())
    assert world.shown(other).counterpart_name == OTHER[1]
    assert (world.manifest(call).text, world.manifest(call).personal) == ("", "")
    assert "fire" not in everything(world.store)
    world.check()


@pytest.mark.parametrize("shown", ["0701234567", "+46701234567", "0046701234567"])
def test_a_number_in_any_writing_is_theirs_and_a_longer_one_is_not(world: World, shown: str) -> None:
    call, other = world.call((shown, "")), world.call((f"{shown}8", NAME), at=BEGIN + HOUR)
    done = world.erase()
    assert done.counts.disposed == 1
    assert world.recording(call) is None
    assert world.recording(other) is not None


def test_with_others_a_pseudonym_stands_in_their_place(world: World) -> None:
    call = world.call(OTHER, (NUMBER, NAME), note=f"{NAME} called, +46 70 123 45 67")
    done = world.erase()
    assert (done.counts.disposed, done.counts.renamed, done.counts.manifests) == (0, 1, 1)
    shown = world.shown(call)
    assert [(one.number, one.name) for one in shown.counterparts] == [OTHER, ("", PSEUDONYM)]
    assert (shown.counterpart_number, shown.counterpart_name) == ("", PSEUDONYM)
    assert shown.note == f"{PSEUDONYM} called, {PSEUDONYM}"
    assert world.manifest(call).personal == ""
    assert world.manifest(call).text
    assert nobody_left(world)
    world.check()


def nobody_left(world: World) -> bool:
    left = everything(world.store)
    return not any(one in left for one in (NUMBER, NUMBER[1:], NAME, "Ekström", "123 45 67"))


def test_notes_of_others_their_history_tags_and_searches(world: World) -> None:
    call = world.call(OTHER, note=f"Ask {NAME} on 070-123 45 67")
    world.annotate(call, tag1=NAME, note="Asked")
    world.store.write_now(searches.save, world.anna.id, "Hers", f"number={NUMBER}", actor=SOMEBODY, now=BEGIN)
    world.store.write_now(searches.save, world.anna.id, "Red", "mark=red", actor=SOMEBODY, now=BEGIN)
    done = world.erase()
    assert (done.counts.disposed, done.counts.texts, done.counts.searches) == (0, 4, 1)
    asker = rights.scope(world.organisation, world.anna.id, Role.ADMINISTRATOR, may_listen=True)
    history = world.store.read_now(annotations.history, asker, call.recording)
    assert next((one.before, one.after) for one in history) == ("", f"Ask {PSEUDONYM} on {PSEUDONYM}")
    assert [row.name for row in world.store.read_now(searches.saved, world.anna.id)] == ["Red"]
    assert nobody_left(world)
    world.check()


def test_what_became_of_deliveries_and_kept_answers_of_this_organisation(world: World) -> None:
    other = world.store.write_now(lambda: UUID(str(models.Organisation.create(name="Other").id)))
    stranger = add_user(world.store, "201", organisation=other, endpoints=[("main", "PJSIP/201")])
    said = f"2026-11-22_14-12-05_101_{NUMBER}_in.wav: no space, said {NAME}"
    world.store.write_now(_deliver, world.organisation, world.anna.id, said)
    world.store.write_now(_deliver, other, stranger.id, said)
    done = world.erase()
    assert done.counts.others == 3
    own, theirs = (world.store.read_now(_delivered, of) for of in (world.organisation, other))
    assert set(own) == {f"2026-11-22_14-12-05_101_{PSEUDONYM}_in.wav: no space, said {PSEUDONYM}"}
    assert theirs == [said] * 3
    assert world.store.read_now(models.Answered.select().count) == 1


def test_what_tokens_webhooks_and_keys_are_called(world: World) -> None:
    def make() -> None:
        whose = models.Delivery.create(organisation=world.organisation)
        at = {"created_at": BEGIN, "created_by": "x", "name": f"for {NAME}"}
        models.DeliveryKey.create(delivery=whose, text="ssh-ed25519 A", fingerprint="x", **at)
        models.Token.create(
            organisation=world.organisation, secret_sha256="x", hint="x", scopes="", expires_at=LATER, **at
        )
        models.Webhook.create(
            organisation=world.organisation, url="https://x", events="", secret="", **at
        )  # fmt: skip

    world.store.write_now(make)
    assert world.erase().counts.others == 3
    assert nobody_left(world)


def _deliver(organisation: UUID, user: UUID, said: str) -> None:
    hook = models.Webhook.create(
        organisation=organisation, name="CRM", url="https://x", events="", secret="", created_at=BEGIN,
        created_by="x",
    )  # fmt: skip
    told = models.WebhookDelivery.create(
        webhook=hook, event=uuid4(), type="x", subject=uuid4(), place=1, at=BEGIN, data="{}",
        created_at=BEGIN, next_at=BEGIN, state="failed",
    )  # fmt: skip
    models.WebhookAttempt.create(
        delivery=told, number=1, at=BEGIN, status=500, took_ms=1, error=said, answer=said
    )
    models.DeliveryDay.create(organisation=organisation, day="2026-11-22", problem=said)
    models.Answered.create(
        asker=f"user:{user}", key="x", request_sha256="", status=201, headers="{}", body=said, at=BEGIN
    )
    models.Delivery.create(organisation=organisation)


def _delivered(organisation: UUID) -> list[str]:
    hooks = models.WebhookDelivery.select().join(models.Webhook)
    its = hooks.where(models.Webhook.organisation == organisation)
    attempts = models.WebhookAttempt.select().where(models.WebhookAttempt.delivery.in_(its))
    days = models.DeliveryDay.select().where(models.DeliveryDay.organisation == organisation)
    return [text for one in attempts for text in (one.error, one.answer)] + [one.problem for one in days]


def test_a_part_of_the_name_is_for_somebody_to_look_at(world: World) -> None:
    call = world.call(OTHER, note="Karin says hello")
    done = world.erase()
    assert done.counts.to_look_at == (str(call.recording),)
    assert world.shown(call).note == "Karin says hello"


def test_a_call_of_which_nothing_was_kept(world: World) -> None:
    never = world.store.write_now(
        people.change_user, world.organisation, world.bo.id, {"mode": "never"}, actor=BY, now=BEGIN
    )
    call = Call.rings(world.store, never, number=NUMBER).happens(Event.ANSWERED).hangs_up()
    done = world.erase()
    assert done.counts.calls == 1
    leg = world.store.read_now(models.Leg.get_by_id, call.leg.id)
    assert (leg.counterpart_number, leg.counterpart_name) == ("", PSEUDONYM)
    assert nobody_left(world)


def test_what_is_under_a_hold_waits_and_is_done_at_its_release(world: World) -> None:
    held = world.call((NUMBER, NAME), note="Of Karin")
    free = world.call((NUMBER, NAME), at=BEGIN + HOUR)
    shared = world.call(OTHER, (NUMBER, NAME), at=BEGIN + 2 * HOUR)
    first = world.hold(About(Held.RECORDING, recording=held.recording))
    second = world.hold(About(Held.RECORDING, recording=shared.recording))
    before = world.manifest(held).personal
    made = world.erase()
    assert (made.state, made.counts.disposed, made.counts.held) == (State.WAITING, 1, 2)
    assert world.recording(free) is None
    assert world.shown(held).note == "Of Karin"
    assert world.shown(shared).counterpart_name == NAME
    assert world.manifest(held).personal == before
    report = json.loads(made.report)
    assert report["state"] == "waiting"
    assert sorted(report["waits"]["holds_of_the_organisation"]) == sorted(map(str, (first, second)))
    run(world.store, world.safe, LATER + HOUR / 2)
    assert world.row(made.id).state is State.WAITING
    world.release(first)
    run(world.store, world.safe, LATER + 2 * HOUR)
    between = world.row(made.id)
    assert (between.state, between.counts.disposed, between.counts.held) == (State.WAITING, 2, 1)
    world.release(second, LATER + 3 * HOUR)
    run(world.store, world.safe, LATER + 4 * HOUR)
    done = world.row(made.id)
    assert (done.state, done.counts.disposed, done.counts.renamed, done.number) == (State.DONE, 2, 1, "")
    assert nobody_left(world)
    world.check()


def test_a_hold_that_names_them_keeps_it_waiting_and_is_changed_when_it_is_over(world: World) -> None:
    hold = world.hold(About(Held.NUMBER, number="070-123 45 67"), f"{NAME} against us")
    made = world.erase()
    assert (made.state, made.counts.held) == (State.WAITING, 0)
    assert json.loads(made.report)["waits"]["holds_naming_the_person"] == [str(hold)]
    world.release(hold)
    run(world.store, world.safe, LATER + 2 * HOUR)
    assert world.row(made.id).state is State.DONE
    over = world.store.read_now(holding.one, COMMAND_LINE, hold)
    assert (over.number, over.reason) == (PSEUDONYM, f"{PSEUDONYM} against us")
    assert nobody_left(world)


def test_a_call_that_goes_on_waits(world: World) -> None:
    call = Call.rings(world.store, world.anna, number=NUMBER).happens(Event.ANSWERED)
    made = world.erase()
    assert (made.state, made.counts.going_on) == (State.WAITING, 1)
    call.hangs_up()
    finish(world.store, world.safe, world.folder)
    run(world.store, world.safe, LATER + working.AGAIN_AFTER)
    assert world.row(made.id).state is State.DONE
    assert world.recording(call) is None
    world.check()


def remove(world: World, user: UserRow) -> None:
    world.store.write_now(people.remove_user, world.organisation, user.id, actor=BY, now=LATER)


def test_a_user_who_was_removed(world: World) -> None:
    own = world.call(OTHER, of=world.anna)
    colleague = world.call((world.anna.number or "", world.anna.name), of=world.bo, at=BEGIN + HOUR)
    world.annotate(colleague, by=world.anna, note="Anna Andersson was here", mark="red")
    with pytest.raises(Conflict):
        world.begin(Target(Kind.USER, world.anna.id))
    remove(world, world.anna)
    assert [one.id for one in world.store.read_now(asking.gone_users, world.organisation)] == [world.anna.id]
    done = world.erase(Target(Kind.USER, world.anna.id))
    assert (done.state, done.counts.disposed, done.counts.renamed) == (State.DONE, 1, 1)
    assert world.recording(own) is None
    shown = world.shown(colleague)
    assert (shown.user_name, shown.counterpart_name, shown.counterpart_number) == (
        "Bo Berg", "Erased user 234567", "",
    )  # fmt: skip
    assert shown.note == "Erased user 234567 was here"
    row = world.store.read_now(models.User.get_by_id, world.anna.id)
    assert (row.name, row.number) == ("Erased user 234567", None)
    left = everything(world.store)
    assert "Anna" not in left
    assert "Andersson" not in left
    assert world.store.read_now(asking.gone_users, world.organisation) == []
    world.check()


def test_a_number_that_another_user_has_now_is_theirs_only_with_the_name(world: World) -> None:
    hers = world.call(("101", world.anna.name), of=world.bo)
    remove(world, world.anna)
    add_user(world.store, "101", name="Cecilia Ceder")
    anothers = world.call(("101", "Cecilia Ceder"), of=world.bo, at=BEGIN + HOUR)
    world.erase(Target(Kind.USER, world.anna.id))
    assert world.shown(hers).counterpart_name == "Erased user 234567"
    assert world.shown(anothers).counterpart_name == "Cecilia Ceder"


def test_who_leaves_keeps_their_recordings_under_a_pseudonym(world: World) -> None:
    own = world.call(OTHER, of=world.anna, note="By Anna Andersson")
    remove(world, world.anna)
    done = world.erase(Target(Kind.LEAVER, world.anna.id))
    assert (done.state, done.counts.disposed) == (State.DONE, 0)
    shown = world.shown(own)
    assert (shown.user_name, shown.user_number) == ("Former user 234567", None)
    assert shown.note == "By Former user 234567"
    assert world.manifest(own).personal == ""
    assert "Andersson" not in everything(world.store)
    world.check()


def test_the_report_names_nobody_and_is_what_the_audit_log_has_the_hash_of(world: World) -> None:
    world.call((NUMBER, NAME), note=NAME)
    done = world.erase(reference="DSR 4711")
    report = json.loads(done.report)
    assert report["reference"] == "DSR 4711"
    assert report["done"]["recordings_disposed_of"] == 1
    assert report["kept"]["audit_lines"] == 1, "that the note was set"
    assert not any(one in done.report for one in (NUMBER, NAME, "Karin"))
    lines = world.store.read_now(
        lambda: [
            json.loads(row.detail)
            for row in models.AuditLine.select()
            .where(models.AuditLine.subject == str(done.id))
            .order_by(models.AuditLine.number)
        ]
    )
    assert (
        lines[-1]["after"]["report_sha256"] == done.report_sha256 == sha256(done.report.encode()).hexdigest()
    )
    assert not any(one in str(lines) for one in (NUMBER, NAME))


def test_a_preview_is_what_is_done_then(world: World) -> None:
    world.call((NUMBER, NAME))
    world.call(("", NAME), at=BEGIN + HOUR)
    world.call(OTHER, ("+46701234567", ""), at=BEGIN + 2 * HOUR)
    world.call(("07012345678", NAME), at=BEGIN + 3 * HOUR)
    held = world.call((NUMBER, ""), at=BEGIN + 4 * HOUR)
    world.call(OTHER, at=BEGIN + 5 * HOUR, note="070 123 45 67")
    hold = world.hold(About(Held.RECORDING, recording=held.recording))
    target = world.store.read_now(asking.checked, world.organisation, KARIN)
    found = world.store.read_now(asking.preview, world.organisation, target)
    assert (found.disposed, found.renamed, found.held, found.more) == (2, 1, 1, False)
    assert found.holds == (hold,)
    assert {(one.number, one.name, one.recordings) for one in found.parties} == {
        (NUMBER, NAME, 1), ("", NAME, 1), ("+46701234567", "", 1), (NUMBER, "", 1),
    }  # fmt: skip
    done = world.erase()
    assert (done.counts.disposed, done.counts.renamed, done.counts.held) == (2, 1, 1)


def test_every_organisation_has_its_own(world: World) -> None:
    other = world.store.write_now(lambda: UUID(str(models.Organisation.create(name="Other").id)))
    stranger = add_user(world.store, "201", organisation=other, endpoints=[("main", "PJSIP/201")])
    theirs = recorded_call(world.store, stranger, number=NUMBER)
    finish(world.store, world.safe, world.folder)
    made = world.erase()
    assert made.counts.disposed == 0
    assert world.recording(theirs) is not None
    asker = rights.scope(other, stranger.id, Role.ADMINISTRATOR, may_listen=True)
    assert world.store.read_now(asking.listed, asker).rows == []
    with pytest.raises(NotFound):
        world.store.read_now(asking.one, asker, made.id)
    with pytest.raises(NotFound):
        world.begin(Target(Kind.USER, stranger.id))
    with pytest.raises(NotFound):
        world.begin(Target(Kind.USER, uuid4()))


@pytest.mark.parametrize(
    ("field", "target", "reference"),
    [
        ("number", Target(Kind.COUNTERPART), ""), ("number", Target(Kind.COUNTERPART, number="12"), ""),
        ("number", Target(Kind.COUNTERPART, number="x" * 129), ""),
        ("name", Target(Kind.COUNTERPART, name="x" * 201), ""),
        ("name", Target(Kind.COUNTERPART, name="a\u202eb"), ""),
        ("reference", KARIN, "x" * 201), ("reference", KARIN, f"of {NAME}"),
        ("reference", KARIN, "070-1234567"),
    ],
)  # fmt: skip
def test_what_cannot_be(world: World, field: str, target: Target, reference: str) -> None:
    with pytest.raises(Invalid) as refused:
        world.begin(target, reference)
    assert refused.value.field == field
    assert world.store.read_now(models.Erasure.select().count) == 0


def test_the_same_person_is_not_erased_twice_at_once(world: World) -> None:
    world.begin()
    with pytest.raises(Conflict):
        world.begin()
    run(world.store, world.safe)
    world.begin()


class Died(Exception):
    """The program died there."""


def test_killed_at_any_step_it_goes_on_where_it_was(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write fails once, before its commit; every other is done, and its answer is lost."""
    monkeypatch.setattr(working, "TOUCHED", 1)
    monkeypatch.setattr(working, "LOOKED", 2)
    with reopened(store_url) as store:
        anna = add_user(store, name="Anna Andersson")
        bo = add_user(store, "102", name="Bo Berg")
        world = World(store, safe_in(store, tmp_path), tmp_path, anna, bo)
        for n in range(3):
            world.call((NUMBER, NAME), at=BEGIN + n * HOUR, note=f"{n}: {NAME}")
        shared = world.call(OTHER, (NUMBER, NAME), at=BEGIN + 4 * HOUR)
        made = world.begin(replace(KARIN, number=NUMBER))
    steps, died = 0, 0
    while True:
        with reopened(store_url) as store:
            world = replace(world, store=store, safe=safe_in(store, tmp_path))
            if world.row(made.id).state is State.DONE:
                break
            batch = store.read_now(working.look)
            assert batch is not None
            with suppress(Died):
                store.write_now(_dying, lambda batch=batch: working.do(batch, LATER))
            died += 1
            store.write_now(working.do, batch, LATER)
            store.write_now(working.do, batch, LATER)  # once more: nobody knows that it was done
            if batch.step is Step.GONE:
                for one in store.read_now(disposal.waiting, 1):
                    assert one.place is not None
                    world.safe.remove(one.place)
                    store.write_now(disposal.complete, [one.id], LATER)
        steps += 1
        assert steps < 100
    with reopened(store_url) as store:
        world = replace(world, store=store, safe=safe_in(store, tmp_path))
        done = world.row(made.id)
        assert died > 8
        assert (done.counts.disposed, done.counts.renamed) == (3, 1)
        assert world.shown(shared).counterpart_name == PSEUDONYM
        assert nobody_left(world)
        world.check()


def _dying(work: Callable[[], Any]) -> None:
    work()
    raise Died


def test_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    """SQLite: neither in its pages, nor in its log, nor in the index of texts."""
    url = f"sqlite:///{tmp_path}/catalogue.db"
    with reopened(url) as store:
        anna = add_user(store, name="Anna Andersson")
        world = World(store, safe_in(store, tmp_path), tmp_path, anna, add_user(store, "102", name="Bo Berg"))
        for n in range(20):
            world.call((NUMBER, NAME), at=BEGIN + n * HOUR)
            world.call(OTHER, (NUMBER, NAME), at=BEGIN + n * HOUR)
        assert left_in(tmp_path) >= {NUMBER, NAME, "karin"}
        world.erase(replace(KARIN, number=NUMBER))
        for _ in range(store.read_now(forgetting.steps)):
            if not store.write_now(forgetting.step):
                break
        forgetting.empty_log(url)
        assert left_in(tmp_path) == set()
        world.check()


def left_in(folder: Path) -> set[str]:
    files = [path.read_bytes() for path in folder.glob("catalogue.db*")]
    looked_for = (NUMBER, NAME, "karin", "ekstrom", "Ekstr", "46701234567")
    return {one for one in looked_for if any(one.encode() in content for content in files)}
