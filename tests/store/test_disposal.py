"""What is disposed of goes as a whole, whatever happens in between; what stays says that it went."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import peewee
import pytest

from ari_recorder.delivery.retention import Disposer
from ari_recorder.errors import NotFound, VaultAway, VaultError
from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.holds import Kind as HoldKind
from ari_recorder.policies.ledger import Outcome, RecordingState
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import (
    annotations,
    catalogue,
    disposal,
    disposals,
    evidence_check,
    forgetting,
    holding,
    holds,
    models,
    people,
    retention,
    usage,
    verify,
)
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Begun, Why
from ari_recorder.store.hold_about import About
from ari_recorder.store.people import UserRow
from ari_recorder.store.safe import Safe
from ari_recorder.store.vault import MARKER
from ari_recorder.store.verify import Kind, Report

from .build import BEGIN, BY, Call, add_user, finish, reopened, safe_in
from .test_webhooks import add_hook, kinds, noted

DAY = timedelta(days=1)
LATER = BEGIN + 200 * DAY
NAME, NUMBER, WORDS = "Щукина Ольга", "0709998877", "Щедрый подарок"
"""Whom it is with and what is noted: nothing of it may be left."""
RETENTION = Why(Rule.RETENTION, {"days": 180})


@dataclass
class World:
    """A catalogue with finished calls, and its vault."""

    store: Store
    safe: Safe
    folder: Path
    user: UserRow
    recordings: list[UUID] = field(default_factory=list)
    legs: list[UUID] = field(default_factory=list)

    def record(self, at: datetime = BEGIN, number: str = NUMBER) -> UUID:
        call = Call.rings(self.store, self.user, number=number, at=at).happens(Event.ANSWERED)
        call.meets(number, NAME).hangs_up()
        finish(self.store, self.safe, self.folder)
        changes = {"note": WORDS, "tag1": WORDS, "mark": "red"}
        self.store.write_now(annotations.annotate, COMMAND_LINE, BY, call.leg.id, changes, at)
        self.recordings.append(call.recording)
        self.legs.append(call.leg.id)
        return call.recording

    def verified(self, now: datetime = LATER, **options: Any) -> Report:
        report = verify.verify(self.store, self.safe, now=now, **options)
        verify.verify_evidence(self.store, report, [])
        return report

    def dispose(self, *recordings: UUID, why: Why = RETENTION, now: datetime = LATER) -> Begun:
        return disposal.dispose(self.store, self.safe, recordings, why, now)[0]

    def begin(self, *recordings: UUID, why: Why = RETENTION) -> Begun:
        return self.store.write_now(disposal.begin, recordings, why, LATER)

    def files(self) -> list[str]:
        return list(self.safe.vault.keys())

    def rows(self, model: Any, where: Any) -> int:
        return int(self.store.read_now(lambda: model.select().where(where).count()))

    def disposer(self, now: datetime = LATER, passing: Callable[[], float] | None = None) -> Disposer:
        clock = passing or iter(range(0, 10**9, 1)).__next__
        return Disposer(self.store, self.safe, lambda: now, clock, pause_s=0.0)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    found = World(store, safe_in(store, tmp_path), tmp_path, add_user(store, "101"))
    for second in range(3):
        found.record(BEGIN + timedelta(minutes=second), number=f"{NUMBER}{second}")
    return found


def everything(store: Store) -> str:
    """All that the catalogue's tables have, as text, but for the audit log, which tells what was noted."""

    def read() -> str:
        rows = []
        for model in models.TABLES:
            if model is not models.AuditLine:
                rows += [str(row) for row in model.select().dicts()]
        return "\n".join(rows)

    return store.read_now(read)


# What goes, and what stays


def test_nothing_of_it_is_left_but_that_it_was(world: World) -> None:
    first, leg = world.recordings[0], world.legs[0]
    begun = world.dispose(first)
    assert begun == Begun([first])
    assert [key for key in world.files() if str(first) in key] == []
    assert world.rows(models.Recording, models.Recording.id == first) == 0
    for model in (models.Segment, models.Announcement, models.Searched):
        assert world.rows(model, model.recording == first) == 0
    for model in (models.Counterpart, models.Annotation, models.Announcement):
        assert world.rows(model, model.leg == leg) == 0
    assert f"{NUMBER}0" not in everything(world.store)
    (line,) = world.store.read_now(disposals.disposals, COMMAND_LINE).rows
    assert (line.recording, line.leaf, line.was, line.rule) == (first, 0, "stored", "retention")
    assert (line.detail, line.by, line.at, line.asked_at) == ({"days": 180}, "", LATER, LATER)
    row = world.store.read_now(models.Leg.get_by_id, leg)
    assert [getattr(row, name) for name in FIELDS] == [""] * len(FIELDS)
    ledger = world.store.read_now(models.LedgerLine.get, models.LedgerLine.leg == leg)
    assert ledger.outcome == Outcome.RECORDED
    manifest = world.store.read_now(models.Manifest.get, models.Manifest.recording == first)
    assert (manifest.text, manifest.personal) == ("", "")
    assert len(manifest.sha256) == 64
    report = world.verified(settled=True)
    assert report.damage == report.open == []
    assert (report.recordings, report.files, report.disposed) == (2, 2, 1)


def test_the_others_stay_as_they_are(world: World) -> None:
    world.dispose(world.recordings[1])
    for number in (0, 2):
        row = world.store.read_now(catalogue.recording, COMMAND_LINE, world.recordings[number])
        assert (row.note, row.counterpart_number) == (WORDS, f"{NUMBER}{number}")
        assert row.place is not None
        assert b"".join(world.safe.read(row.place)) == f"audio of {row.id}".encode()


def test_a_call_keeps_what_is_known_of_it_until_its_last_recording_goes(store: Store, tmp_path: Path) -> None:
    world = World(store, safe_in(store, tmp_path), tmp_path, add_user(store, mode=Mode.ON_DEMAND_USER_START))
    call = Call.rings(store, world.user, number=NUMBER).happens(Event.ANSWERED, Event.START)
    first = call.recording
    call.happens(Event.STOP).segment_ends()
    call.happens(Event.START)
    second = call.recording
    call.hangs_up()
    finish(store, world.safe, tmp_path)
    world.dispose(first)
    assert store.read_now(models.Leg.get_by_id, call.leg.id).counterpart_number == NUMBER
    assert world.verified(settled=True).damage == []
    world.dispose(second)
    assert store.read_now(models.Leg.get_by_id, call.leg.id).counterpart_number == ""
    assert NUMBER not in everything(store)
    assert world.verified(settled=True).damage == []


def test_what_was_destroyed_by_its_mode_goes_too_and_its_line_stays(store: Store, tmp_path: Path) -> None:
    world = World(store, safe_in(store, tmp_path), tmp_path, add_user(store, mode=Mode.ON_DEMAND))
    discarded = world.record()
    world.dispose(discarded)
    (line,) = store.read_now(disposals.disposals, COMMAND_LINE).rows
    assert (line.was, line.leaf, line.size_bytes) == ("discarded", None, 0)
    assert NUMBER not in everything(store)
    assert world.verified(settled=True).damage == []


def test_what_a_person_removed_says_who_by_their_id_and_is_in_the_audit_log(world: World) -> None:
    first = world.recordings[0]
    world.dispose(first, why=Why(Rule.REQUEST, {}, BY))
    (line,) = world.store.read_now(disposals.disposals, COMMAND_LINE).rows
    assert (line.rule, line.actor_kind, line.actor) == ("request", BY.kind, BY.id)
    audited = world.store.read_now(models.AuditLine.get, models.AuditLine.action == "remove")
    assert (audited.subject_kind, audited.subject) == ("recording", str(first))


def test_what_goes_by_a_rule_has_one_line_in_the_audit_log_that_proves_which(world: World) -> None:
    world.dispose(*world.recordings)
    audited = world.store.read_now(models.AuditLine.get, models.AuditLine.action == "remove")
    detail = json.loads(audited.detail)
    assert (audited.actor_kind, detail["recordings"], detail["rule"]) == ("recorder", 3, "retention")
    assert len(detail["sha256"]) == 64


def test_the_log_can_be_neither_changed_nor_deleted(world: World) -> None:
    world.dispose(world.recordings[0])
    for statement in (models.Disposal.delete(), models.Disposal.update(rule="none")):
        with pytest.raises(peewee.DatabaseError, match="append-only"):
            world.store.write_now(statement.execute)


def test_who_wants_to_know_of_it_is_told(world: World) -> None:
    add_hook(world.store, world.user.organisation)
    first = world.recordings[0]
    world.begin(first)
    assert kinds(world.store) == []
    asyncio.run(world.disposer().clear())
    assert noted(world.store) == [("disposed", LATER)]


# What does not go


def test_a_call_that_goes_on_or_is_prepared_is_left_alone(world: World) -> None:
    call = Call.rings(world.store, world.user).happens(Event.ANSWERED)
    assert world.begin(call.recording) == Begun(busy=[call.recording])
    call.hangs_up()
    assert world.begin(call.recording) == Begun(busy=[call.recording])
    finish(world.store, world.safe, world.folder)
    assert world.begin(call.recording) == Begun([call.recording])


def test_what_is_held_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = world.recordings[:2]
    monkeypatch.setattr(holds, "held", lambda ids: {held} & set(ids))
    assert world.dispose(held, free) == Begun([free], held=[held])
    assert world.store.read_now(catalogue.recording, COMMAND_LINE, held).note == WORDS


def test_what_is_not_there_or_on_its_way_is_gone(world: World) -> None:
    nobody, first = uuid4(), world.recordings[0]
    assert world.begin(nobody, first) == Begun([first], gone=[nobody])
    assert world.begin(first) == Begun(gone=[first])
    world.dispose()
    assert world.begin(first).gone == [first]


def test_from_its_beginning_on_nobody_sees_or_hears_it(world: World) -> None:
    first = world.recordings[0]
    world.begin(first)
    for read in (catalogue.recording, catalogue.heard, annotations.history):
        with pytest.raises(NotFound):
            world.store.read_now(read, COMMAND_LINE, first)  # type: ignore[arg-type]
    page = world.store.read_now(catalogue.recordings, COMMAND_LINE)
    assert first not in [row.id for row in page.recordings]
    assert world.store.read_now(models.Recording.get_by_id, first).wrapped_key is None


# Whatever happens in between


STEPS = ("before all", "begun", "file gone", "not committed", "complete")


@pytest.mark.parametrize("step", STEPS)
def test_it_is_whole_or_gone_after_a_death_at_every_step(store_url: str, tmp_path: Path, step: str) -> None:
    """After each the catalogue is opened anew, `verify` names what waits, and it goes on to its end."""
    with reopened(store_url) as store:
        world = World(store, safe_in(store, tmp_path), tmp_path, add_user(store))
        first = world.record()
        world.record(BEGIN + DAY)
        _until(world, first, step)
    with reopened(store_url) as store:
        world.store, world.safe = store, safe_in(store, tmp_path)
        report = world.verified()
        assert report.damage == []
        waiting = [(one.kind, one.subject) for one in report.open]
        begun = step not in ("before all", "complete")
        assert waiting == ([(Kind.DISPOSING, str(first))] if begun else [])
        assert store.read_now(disposal.left).count == begun
        if step == "before all":
            world.begin(first)
        asyncio.run(world.disposer().clear())
        assert store.read_now(disposal.left).count == 0
        report = world.verified(settled=True)
        assert report.damage == []
        assert (report.recordings, report.files, report.disposed) == (1, 1, 1)
        assert len(store.read_now(disposals.disposals, COMMAND_LINE).rows) == 1


def _until(world: World, recording: UUID, step: str) -> None:
    if step == "before all":
        return
    world.begin(recording)
    (there,) = world.store.read_now(disposal.waiting, 10)
    assert there.place is not None
    if step in ("file gone", "not committed", "complete"):
        world.safe.remove(there.place)
    if step == "not committed":

        def dies() -> None:
            disposal.complete([recording], LATER)
            raise RuntimeError("before the commit")

        with pytest.raises(RuntimeError):
            world.store.write_now(dies)
    if step == "complete":
        world.store.write_now(disposal.complete, [recording], LATER)


def test_a_vault_that_is_away_keeps_it_waiting_until_it_is_back(world: World) -> None:
    first = world.recordings[0]
    world.begin(first)
    vault = world.folder / "vault"
    vault.rename(world.folder / "elsewhere")
    vault.mkdir()
    passing = [0.0]
    disposer = world.disposer(passing=lambda: passing[0])
    assert asyncio.run(disposer.clear()) == 0
    assert world.store.read_now(disposal.left).count == 1
    vault.rmdir()
    (world.folder / "elsewhere").rename(vault)
    assert asyncio.run(disposer.clear()) == 0  # it is not tried again at once
    passing[0] = 11.0
    assert asyncio.run(disposer.clear()) == 1


def test_nothing_is_removed_from_a_folder_that_is_not_the_vault(world: World) -> None:
    (world.folder / "vault" / MARKER).unlink()
    with pytest.raises(VaultAway):
        world.safe.vault.remove(world.files()[0])
    assert len(world.files()) == 3


def test_a_file_that_is_gone_already_is_no_fault_and_a_key_outside_is(world: World) -> None:
    key = world.files()[0]
    world.safe.vault.remove(key)
    world.safe.vault.remove(key)
    with pytest.raises(VaultError):
        world.safe.vault.remove("../catalogue.db")


def test_files_in_the_recording_folder_are_cleared_first(world: World) -> None:
    first = world.recordings[0]
    its = models.Segment.recording == first
    world.store.write_now(models.Segment.update(cleared=False).where(its).execute)
    world.begin(first)
    assert world.store.read_now(disposal.waiting, 10) == []
    assert world.store.write_now(disposal.complete, [first], LATER) == []
    world.store.write_now(models.Segment.update(cleared=True).where(its).execute)
    assert asyncio.run(world.disposer().clear()) == 1


# What verify says


def test_what_is_gone_without_a_line_is_damage(world: World) -> None:
    first = world.recordings[0]
    for model in (models.Segment, models.Announcement):
        world.store.write_now(model.delete().where(model.recording == first).execute)
    world.store.write_now(models.Recording.delete().where(models.Recording.id == first).execute)
    kinds = {str(one.kind) for one in world.verified().damage}
    assert {evidence_check.Fault.GONE, Kind.STRAY, Kind.LINE_WRONG} <= kinds


def test_what_is_left_of_what_should_be_gone_is_damage(world: World) -> None:
    first = world.recordings[0]
    key = next(key for key in world.files() if str(first) in key)
    manifest = world.store.read_now(models.Manifest.get, models.Manifest.recording == first)
    world.dispose(first)
    world.safe.vault.put(key, [b"once more"])
    its = models.Manifest.recording == first
    world.store.write_now(models.Manifest.update(text=manifest.text).where(its).execute)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert found == {(Kind.NOT_GONE, key), (evidence_check.Fault.LEFT, str(first))}


@pytest.mark.parametrize("why", [RETENTION, Why(Rule.REQUEST, {}, BY)])
def test_a_line_that_somebody_added_to_hide_a_deletion_is_damage(world: World, why: Why) -> None:
    first, second, third = world.recordings
    world.dispose(first, why=why)
    assert not world.verified().damage

    def forge() -> None:
        line = dict(models.Disposal.select().dicts().get())
        leaf = models.Manifest.get(models.Manifest.recording == second).number
        more = {"recording": second, "leg": world.legs[1], "leaf": leaf}
        models.Disposal.insert(**{**line, "id": models.new_id(), **more}).execute()
        models.Manifest.update(text="", personal="").where(models.Manifest.recording == second).execute()
        for model in (models.Segment, models.Announcement):
            model.delete().where(model.recording == second).execute()
        models.Recording.delete().where(models.Recording.id == second).execute()

    world.store.write_now(forge)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert (Kind.UNACCOUNTED, str(second)) in found
    world.dispose(third, now=LATER + timedelta(days=1))
    assert (Kind.UNACCOUNTED, str(third)) not in {(one.kind, one.subject) for one in world.verified().damage}


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        (Rule.RETENTION, {"days": 180}),
        (Rule.RETENTION, {"days": 2}),
        (Rule.RETENTION, {"restored": True}),
        (Rule.RETENTION, {}),
        (Rule.ERASURE, {"erasure": str(models.new_id())}),
        (Rule.REQUEST, {}),
    ],
)
def test_what_the_recorder_was_made_to_dispose_of_is_damage(
    world: World, rule: Rule, detail: dict[str, Any]
) -> None:
    first, second, _ = world.recordings
    world.dispose(first)
    soon = BEGIN + timedelta(days=3)

    def forge() -> None:
        its = models.Recording.id == second
        models.Recording.update(state=RecordingState.DISPOSING, started_at=BEGIN - timedelta(days=400)).where(
            its
        ).execute()
        models.Disposing.insert(
            recording=second, organisation=world.user.organisation, was=RecordingState.STORED, rule=rule,
            detail=json.dumps(detail), actor_kind="recorder", actor="", asked_at=soon,
        ).execute()  # fmt: skip

    world.store.write_now(forge)
    (there,) = world.store.read_now(disposal.waiting, 10)
    assert there.place is not None
    world.safe.remove(there.place)
    world.store.write_now(disposal.complete, [second], soon)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert found == {(Kind.GROUNDLESS, str(second))}


@pytest.mark.parametrize("kind", [HoldKind.RECORDING, HoldKind.SELECTION, HoldKind.USER])
@pytest.mark.parametrize(("hours", "told"), [(-1, True), (1, False)])
def test_what_went_in_spite_of_a_hold_is_damage(world: World, kind: HoldKind, hours: int, told: bool) -> None:
    first, *_ = world.recordings
    names: dict[HoldKind, dict[str, Any]] = {
        HoldKind.RECORDING: {"recording": first},
        HoldKind.SELECTION: {"recordings": [first]},
        HoldKind.USER: {"user": world.user.id},
    }
    hold = About(kind, **names[kind])
    at = LATER + timedelta(hours=hours)
    world.store.write_now(
        holding.place, COMMAND_LINE, world.user.organisation, hold, reason="Case", actor=BY, now=at
    )
    assert world.begin(first).held == [first]

    def forge() -> None:
        its = models.Recording.id == first
        models.Recording.update(state=RecordingState.DISPOSING).where(its).execute()
        models.Disposing.insert(
            recording=first, organisation=world.user.organisation, was=RecordingState.STORED,
            rule=Rule.RETENTION, detail='{"days": 180}', actor_kind="recorder", actor="", asked_at=LATER,
        ).execute()  # fmt: skip

    world.store.write_now(forge)
    (there,) = world.store.read_now(disposal.waiting, 10)
    assert there.place is not None
    world.safe.remove(there.place)
    world.store.write_now(disposal.complete, [first], LATER)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert found == ({(Kind.GROUNDLESS, str(first))} if told else set())


def test_a_leaf_of_what_is_gone_that_was_changed_is_found(world: World) -> None:
    first = world.recordings[0]
    world.dispose(first)
    its = models.Manifest.recording == first
    world.store.write_now(models.Manifest.update(sha256="0" * 64).where(its).execute)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert (evidence_check.Fault.LEAF, str(first)) in found


def test_an_emptied_manifest_without_a_line_is_damage(world: World) -> None:
    its = models.Manifest.recording == world.recordings[0]
    world.store.write_now(models.Manifest.update(text="", personal="").where(its).execute)
    found = {(str(one.kind), one.subject) for one in world.verified().damage}
    assert (evidence_check.Fault.MANIFEST, str(world.recordings[0])) in found


# What a month has used


def test_a_past_month_has_used_what_it_had(world: World) -> None:
    organisation = world.user.organisation

    def stored(month: str) -> tuple[int, int]:
        used = world.store.read_now(usage.report, organisation, month, LATER + 60 * DAY).usage
        return used.recordings, used.stored_bytes

    before = stored("2026-03")
    assert before[0] == 3
    world.begin(world.recordings[0])
    assert stored("2026-03") == before
    world.dispose(*world.recordings[1:])
    assert stored("2026-03") == before
    assert stored("2026-09")[0] == 1  # it counts until it is gone
    asyncio.run(world.disposer().clear())
    assert stored("2026-03") == before
    assert stored("2026-09") == (0, 0)


# Retention


def kept(world: World) -> int:
    return world.rows(models.Recording, models.Recording.state == RecordingState.STORED)


def retained(world: World, *times: datetime) -> list[int]:
    """How many recordings are left after a run at each of these times, by a clock that went there."""
    left = []
    for time in times:
        world.store.write_now(retention.believe, time, actor=BY)
        asyncio.run(world.disposer(time).retain())
        left.append(kept(world))
    return left


def test_what_is_due_goes_and_not_before(world: World) -> None:
    due = BEGIN + 181 * DAY - timedelta(hours=8)  # the midnight after the 180th day
    assert retained(world, BEGIN + DAY, due - timedelta(minutes=1), due) == [3, 3, 0]
    assert world.verified(settled=True).damage == []


def test_a_call_without_a_recording_loses_whom_it_was_with_when_one_would_have_gone(world: World) -> None:
    due = BEGIN + 181 * DAY - timedelta(hours=8)
    other = f"{NUMBER}77"
    unanswered = Call.rings(world.store, world.user, number=other, at=BEGIN).hangs_up()
    still_there = Call.rings(world.store, world.user, number="0317778899", at=due - DAY).hangs_up()
    goes_on = Call.rings(world.store, world.user, number="0317778800", at=BEGIN)

    retained(world, BEGIN + DAY, due - timedelta(minutes=1))
    assert other in everything(world.store)
    retained(world, due)
    assert other not in everything(world.store)
    row = world.store.read_now(models.Leg.get_by_id, unanswered.leg.id)
    assert [getattr(row, name) for name in disposal.PERSONAL_OF_LEG] == [""] * len(disposal.PERSONAL_OF_LEG)
    for call in (still_there, goes_on):
        assert call.leg.counterpart.number in everything(world.store)
    told = world.store.read_now(models.AuditLine.get, models.AuditLine.subject_kind == "calls")
    assert json.loads(told.detail) == {"rule": "retention", "days": 180, "calls": 1}
    assert world.verified(now=due, settled=False).damage == []


def test_what_was_there_before_is_warned_about_first(world: World) -> None:
    assert retained(world, LATER, LATER + 13 * DAY, LATER + 14 * DAY) == [3, 3, 0]


def test_a_shortened_setting_is_warned_about_and_can_be_taken_back(world: World) -> None:
    organisation, day = world.user.organisation, BEGIN + 40 * DAY

    def set_to(days: int, at: datetime) -> None:
        world.store.write_now(
            people.change_organisation, organisation, {"retention_days": days}, actor=BY, now=at
        )

    assert retained(world, day) == [3]
    set_to(30, day)
    (told,) = world.store.read_now(retention.coming, organisation, day)
    assert (told.at, told.users, told.recordings, told.days) == (day + 14 * DAY, 1, 3, 30)
    assert retained(world, day, day + 13 * DAY) == [3, 3]
    set_to(180, day + 13 * DAY)
    assert retained(world, day + 14 * DAY, day + 20 * DAY) == [3, 3]
    set_to(30, day + 20 * DAY)
    assert retained(world, day + 20 * DAY, day + 33 * DAY, day + 34 * DAY) == [3, 3, 0]


def test_a_group_keeps_its_members_recordings_for_longer_or_shorter(world: World) -> None:
    organisation = world.user.organisation
    group = world.store.write_now(people.add_group, organisation, "Sales", actor=BY, now=BEGIN)
    world.store.write_now(people.set_group_retention, organisation, group.id, 30, actor=BY, now=BEGIN)
    assert retained(world, BEGIN + 40 * DAY) == [3]
    world.store.write_now(people.add_members, organisation, group.id, [world.user.id], actor=BY, now=BEGIN)
    assert retained(world, BEGIN + 41 * DAY, BEGIN + 54 * DAY) == [3, 3]  # who comes into it is warned
    assert retained(world, BEGIN + 56 * DAY) == [0]
    lines = world.store.read_now(disposals.disposals, COMMAND_LINE).rows
    assert {line.detail["group"] for line in lines} == {str(group.id)}


def test_a_clock_a_day_ahead_makes_nothing_go(world: World) -> None:
    due = BEGIN + 181 * DAY
    retained(world, BEGIN + DAY)
    world.store.write_now(retention.believe, due - DAY, actor=BY)
    at = [due - DAY]
    passing = [0.0]
    disposer = Disposer(world.store, world.safe, lambda: at[0], lambda: passing[0], pause_s=0.0)
    asyncio.run(disposer.retain())
    at[0] += DAY
    passing[0] += 300
    asyncio.run(disposer.retain())
    assert kept(world) == 3
    clock = world.store.read_now(retention.clock)
    assert clock is not None
    assert clock.ahead > DAY - timedelta(hours=1)
    passing[0] += DAY.total_seconds()  # and a day passes, while the clock stands
    asyncio.run(disposer.retain())
    assert kept(world) == 0


def test_what_is_held_stays_and_is_not_in_the_way_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.delivery.retention.AT_ONCE", 1)
    held = world.recordings[0]
    monkeypatch.setattr(holds, "held", lambda ids: {held} & set(ids))
    assert retained(world, BEGIN + DAY, LATER) == [3, 1]
    assert world.store.read_now(catalogue.recording, COMMAND_LINE, held).note == WORDS


def test_two_that_run_at_once_do_no_harm(world: World) -> None:
    for number in range(12):
        world.record(BEGIN + timedelta(hours=number))
    retained(world, BEGIN + DAY)
    world.store.write_now(retention.believe, LATER, actor=BY)
    both = [world.disposer(), world.disposer()]

    async def run() -> None:
        await asyncio.gather(*(one.retain() for one in both))
        await asyncio.gather(*(one.clear() for one in both))

    asyncio.run(run())
    assert kept(world) == 0
    lines = world.store.read_now(disposals.disposals, COMMAND_LINE, limit=100).rows
    assert len(lines) == len({line.recording for line in lines}) == 15
    assert world.verified(settled=True).damage == []


# Nothing in the files


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[World]:
    with reopened(f"sqlite:///{tmp_path}/catalogue.db") as store:
        yield World(store, safe_in(store, tmp_path), tmp_path, add_user(store))


def test_no_page_of_sqlites_files_has_anything_of_it(sqlite: World) -> None:
    kept_on = [sqlite.record(BEGIN + timedelta(minutes=n), number=f"0800{n:04}") for n in range(5)]
    gone = sqlite.record(BEGIN + DAY)
    leg = sqlite.legs[-1]
    wrapped = sqlite.store.read_now(models.Recording.get_by_id, gone).wrapped_key
    sqlite.store.write_now(_without_audit_text)
    secrets = [NUMBER.encode(), wrapped.encode()]
    assert any(secret in _bytes(sqlite.folder) for secret in secrets)
    sqlite.dispose(gone)
    asyncio.run(_forgotten(sqlite))
    found = _bytes(sqlite.folder)
    assert [secret for secret in secrets if secret in found] == []
    assert sqlite.store.read_now(disposals.among, [gone]) == {gone}
    assert {row.id for row in sqlite.store.read_now(catalogue.recordings, COMMAND_LINE).recordings} == set(
        kept_on
    )
    assert str(leg)


def test_the_index_of_texts_has_nothing_of_what_is_gone(sqlite: World) -> None:
    for number in range(20):
        sqlite.record(BEGIN + timedelta(minutes=number))
    assert _terms(sqlite) > 0
    sqlite.dispose(*sqlite.recordings)
    asyncio.run(_forgotten(sqlite))
    assert _terms(sqlite) == 0
    assert not sqlite.store.read_now(forgetting.is_due, LATER)
    assert sqlite.verified(settled=True).damage == []


async def _forgotten(world: World) -> None:
    disposer = world.disposer(LATER + DAY)
    await disposer.look_at_clock()
    await disposer.forget()


def _without_audit_text() -> None:
    for table in ("audit_line",):
        for event in ("update", "delete"):
            models.database.execute_sql(f"DROP TRIGGER {table}_{event}")
    models.AuditLine.update(detail="{}").execute()


def _terms(world: World) -> int:
    """Pages of the index that have a part of a word that only notes have."""
    part = "щед".encode()[1:]  # its first byte it has in common with the one before
    query = "SELECT count(*) FROM searched_text_data WHERE instr(block, ?)"
    return int(world.store.read_now(lambda: models.database.execute_sql(query, (part,)).fetchone()[0]))


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("catalogue.db*")))
