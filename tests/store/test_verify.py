"""Every kind of damage is found, by its name; what is only on its way is not damage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.policies.ledger import Outcome, RecordingState
from ari_recorder.policies.table import Event, Mode, State
from ari_recorder.store import audit_check, evidence_check, finishing, models, verify
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from ari_recorder.store.timestamps import check as stamp_check
from ari_recorder.store.verify import Finding, Kind, Report

from .build import BEGIN, Call, add_user, finish, recorded_call, safe_in, sealed, the_due


@dataclass
class World:
    """A catalogue with finished calls of every kind, and its vault."""

    store: Store
    safe: Safe
    vault: Path
    scratch: Path
    recording: UUID
    leg: UUID

    def check(self, **options: Any) -> Report:
        return verify.verify(self.store, self.safe, **{"now": BEGIN} | options)

    def file(self) -> Path:
        return self.vault / self.row(models.Recording, self.recording).vault_key

    def row(self, model: Any, key: UUID) -> Any:
        return self.store.read_now(model.get_by_id, key)

    def change(self, model: Any, where: Any, **values: Any) -> None:
        assert self.store.write_now(lambda: model.update(**values).where(where).execute()) == 1


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    safe = safe_in(store, tmp_path)
    call = recorded_call(store, add_user(store, "101"))
    never = add_user(store, "102", Mode.NEVER)
    Call.rings(store, never).happens(Event.ANSWERED).hangs_up()
    Call.rings(store, add_user(store, "103")).hangs_up()  # nobody answered
    Call.rings(store, add_user(store, "104", Mode.ON_DEMAND)).happens(Event.ANSWERED).hangs_up()
    user_start = add_user(store, "105", Mode.ON_DEMAND_USER_START)
    Call.rings(store, user_start).happens(Event.ANSWERED).hangs_up()
    Call.rings(store, user_start).happens(Event.ANSWERED, Event.START).hangs_up()
    finish(store, safe, tmp_path)
    return World(store, safe, tmp_path / "vault", tmp_path, call.recording, call.leg.id)


def only(report: Report) -> Finding:
    """The one thing found, and found as damage."""
    assert report.open == []
    (finding,) = report.damage
    assert not report.sound
    return finding


def test_nothing_is_found_where_nothing_is_wrong(world: World) -> None:
    report = world.check(settled=True)
    assert report.sound
    assert (report.recordings, report.files, report.lines) == (2, 2, 4)
    assert report.damage == report.open == []


def test_an_empty_catalogue_is_sound(store: Store, tmp_path: Path) -> None:
    assert verify.verify(store, safe_in(store, tmp_path), now=BEGIN) == Report()


def test_a_changed_byte_is_found(world: World) -> None:
    content = bytearray(world.file().read_bytes())
    content[0] ^= 1
    world.file().write_bytes(content)
    finding = only(world.check())
    assert (finding.kind, finding.subject) == (Kind.CHANGED, str(world.recording))
    assert world.row(models.Recording, world.recording).vault_key in finding.text


@pytest.mark.parametrize("change", ["shorter", "longer", "empty"])
def test_a_changed_length_is_found(world: World, change: str) -> None:
    content = world.file().read_bytes()
    world.file().write_bytes({"shorter": content[:-1], "longer": content + b"x", "empty": b""}[change])
    assert only(world.check()).kind is Kind.CHANGED


def test_a_changed_row_is_found(world: World) -> None:
    world.change(models.Recording, models.Recording.id == world.recording, size_bytes=1)
    assert only(world.check()).kind is Kind.CHANGED


def test_a_missing_file_is_found(world: World) -> None:
    world.file().unlink()
    finding = only(world.check())
    assert (finding.kind, finding.subject) == (Kind.MISSING, str(world.recording))
    assert "No such file" in finding.text


def test_a_stored_recording_without_a_key_is_found_and_so_is_its_file(world: World) -> None:
    world.change(models.Recording, models.Recording.id == world.recording, vault_key=None)
    assert {f.kind for f in world.check().damage} == {Kind.MISSING, Kind.STRAY}


def test_a_key_that_leads_outside_is_damage_and_not_followed(world: World) -> None:
    world.change(models.Recording, models.Recording.id == world.recording, vault_key="../../secret")
    assert {f.kind for f in world.check().damage} == {Kind.MISSING, Kind.STRAY}


@pytest.mark.parametrize("name", ["stray.opus", "2026/0197f6a0-1c2d-4e3f-8a4b-5c6d7e8f9a0b.opus"])
def test_a_stray_file_is_found(world: World, name: str) -> None:
    path = world.vault / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"whose?")
    finding = only(world.check())
    assert (finding.kind, finding.subject) == (Kind.STRAY, name)


def test_a_copy_of_a_file_beside_it_is_stray(world: World) -> None:
    world.file().with_suffix(".wav").write_bytes(b"old format")
    assert only(world.check()).kind is Kind.STRAY


def test_a_file_of_a_destroyed_recording_is_stray(world: World) -> None:
    state = models.Recording.state == RecordingState.DISCARDED
    (discarded,) = world.store.read_now(lambda: list(models.Recording.select().where(state)))
    (world.vault / f"{discarded.id}.opus").write_bytes(b"should be gone")
    assert only(world.check()).kind is Kind.STRAY


def test_a_file_that_outlived_the_removal_of_its_recording_is_stray(world: World) -> None:
    world.change(models.Recording, models.Recording.id == world.recording, state=RecordingState.DISCARDED)
    assert {f.kind for f in world.check().damage} == {Kind.STRAY, Kind.LINE_WRONG}


def test_a_line_that_was_never_closed_is_found(world: World) -> None:
    world.change(models.LedgerLine, models.LedgerLine.leg == world.leg, closed_at=None, outcome=None)
    finding = only(world.check())
    assert (finding.kind, finding.subject) == (Kind.LINE_OPEN, str(world.leg))


def test_a_missing_line_is_found(world: World) -> None:
    line = models.LedgerLine.leg == world.leg
    world.store.write_now(lambda: models.LedgerLine.delete().where(line).execute())
    finding = only(world.check())
    assert (finding.kind, finding.subject) == (Kind.LINE_MISSING, str(world.leg))
    assert "PJSIP/101" in finding.text


@pytest.mark.parametrize("outcome", [Outcome.DISCARDED, Outcome.NOT_RECORDED])
def test_a_line_that_says_something_else_than_the_recordings_is_found(world: World, outcome: str) -> None:
    world.change(models.LedgerLine, models.LedgerLine.leg == world.leg, outcome=outcome)
    assert only(world.check()).kind is Kind.LINE_WRONG


def test_a_line_of_a_call_that_is_not_due_is_found(world: World) -> None:
    world.change(models.Leg, models.Leg.id == world.leg, mode=Mode.NEVER)
    assert only(world.check()).kind is Kind.LINE_WRONG


def test_a_recording_left_open_by_a_call_that_is_over_is_found(world: World) -> None:
    world.change(
        models.Recording, models.Recording.id == world.recording, state=RecordingState.OPEN, vault_key=None
    )
    assert {f.kind for f in world.check().damage} == {Kind.UNFINISHED, Kind.STRAY}


def test_a_closed_line_of_a_call_that_goes_on_is_found(world: World) -> None:
    world.change(models.Leg, models.Leg.id == world.leg, state=State.RECORDING)
    assert only(world.check()).kind is Kind.LINE_WRONG


def test_calls_going_on_and_waiting_are_open_and_damage_only_once_settled(world: World) -> None:
    user = add_user(world.store, "106")
    going_on = Call.rings(world.store, user).happens(Event.ANSWERED)
    ringing = Call.rings(world.store, user)
    waiting = recorded_call(world.store, user)
    report = world.check()
    assert report.sound
    assert {(f.kind, f.subject) for f in report.open} == {
        (Kind.LINE_OPEN, str(going_on.leg.id)),
        (Kind.UNFINISHED, str(waiting.leg.id)),
    }
    assert ringing.leg.answered_at is None
    settled = world.check(settled=True)
    assert (settled.damage, settled.open) == (report.open, [])


def test_what_waits_has_its_age_told_and_is_wrong_after_an_hour(world: World) -> None:
    user = add_user(world.store, "106")
    for minute in (20, 0):
        recorded_call(world.store, user, at=BEGIN + timedelta(minutes=minute))
    report = world.check(now=BEGIN + timedelta(minutes=62))
    assert (report.waiting, report.oldest_waits_s) == (2, 3718)
    assert [f.text.partition(": ")[2] for f in report.open] == [
        "a recording of it waits to be finished, for 41 min."
    ]
    assert [f.kind for f in report.damage] == [Kind.UNFINISHED]


def test_files_that_outlived_their_recording_in_the_recording_folder_are_open(world: World) -> None:
    rows = world.store.read_now(lambda: list(models.Segment.select()))
    world.store.write_now(models.Segment.update(cleared=False).execute)
    report = world.check()
    assert [f.kind for f in report.open] == [Kind.UNCLEARED] * 3
    assert all(any(row.name in f.text for f in report.open) for row in rows)
    assert world.check(settled=True).damage == report.open


def test_a_file_about_to_be_sealed_is_open(world: World) -> None:
    recorded_call(world.store, add_user(world.store, "106"))
    due = the_due(world.store)
    source = world.scratch / "due"
    source.write_bytes(b"audio")
    kept = world.safe.keep(due.organisation, due.id, f"2026/{due.id}.ogg", source)
    report = world.check()
    assert report.sound
    assert {f.kind for f in report.open} == {Kind.UNSEALED, Kind.UNFINISHED}
    world.store.write_now(finishing.seal, due, sealed(due, kept=kept), BEGIN)
    world.store.write_now(finishing.cleared, due.segments)
    assert world.check(settled=True).sound


def test_progress_is_told_for_every_recording(world: World) -> None:
    told: list[tuple[int, int]] = []
    world.check(progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_every_page_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    user = add_user(world.store, "106")
    for minute in range(5):
        recorded_call(world.store, user, at=BEGIN + timedelta(minutes=minute))
    made = finish(world.store, world.safe, world.scratch)
    for page in (1, 2, 3):
        monkeypatch.setattr(verify, "PAGE", page)
        report = world.check(settled=True)
        assert report.sound
        assert (report.recordings, report.files, report.lines) == (7, 7, 9)
    key = world.row(models.Recording, made[-1]).vault_key
    (world.vault / key).unlink()
    assert only(world.check()).subject == str(made[-1])


@pytest.mark.parametrize(
    ("names", "page"),
    [
        (Kind, "reference/cli.md"), (audit_check.Fault, "guide/audit.md"),
        (evidence_check.Fault, "guide/evidence.md"), (stamp_check.Fault, "guide/evidence.md"),
    ],
)  # fmt: skip
def test_what_it_may_say_is_explained(names: type[StrEnum], page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    assert [name.value for name in names if not any(f"`{name.value}`" in row for row in rows)] == []
