"""The audit log is signed while the recorder runs, and when it stops; the log tells how far."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from ari_recorder.handlers import sealer as module
from ari_recorder.handlers.sealer import Sealer
from ari_recorder.store import audit, audit_key, audit_seals, evidence, finishing, models
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditHead, AuditSeal, TreeHead

from ..store.build import add_user, recorded_call, sealed, the_due

CHAIN = UUID(int=4)
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path, empty_sqlite: Path) -> AsyncIterator[Store]:
    opened = Store(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'catalogue.db')}")
    await opened.write(
        audit.write, Actor(ActorKind.USER, "1", "Anna", CHAIN), Action.SIGN_IN, Subject("user", "1"), NOW
    )
    yield opened
    opened.close()


async def test_it_seals_what_is_due(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_S", 0.01)
    clock = [NOW]
    sealer = Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: clock[0])
    with capture_logs() as log:
        running = asyncio.create_task(sealer.run())
        await asyncio.wait([running], timeout=0.1)
        assert await store.read(AuditSeal.select().count) == 0
        clock[0] += timedelta(minutes=1)
        async with asyncio.timeout(5):
            while not log:
                await asyncio.sleep(0.005)
        running.cancel()
    (told,) = audit_seals.read_told([str(log)])
    assert (told.organisation, told.number) == (CHAIN, 1)


async def test_at_its_end_it_seals_all(store: Store, tmp_path: Path) -> None:
    await Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: NOW).seal()
    assert await store.read(AuditSeal.select().count) == 1


async def test_recordings_of_before_are_asked_for_until_all_are_written_down(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks through the whole catalogue: not every five seconds for ever."""
    asked: list[int] = []
    left = [UUID(int=1)]

    def unproved(most: int) -> list[UUID]:
        asked.append(most)
        return list(left)

    monkeypatch.setattr(evidence, "unproved", unproved)
    monkeypatch.setattr(evidence, "append", lambda *_: left.clear())
    sealer = Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: NOW)
    for _ in range(4):
        await sealer.seal()
    assert len(asked) == 2


async def test_a_recording_that_cannot_be_written_down_is_not_in_the_way_of_signing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = add_user(store)
    recorded_call(store, user)
    due = the_due(store)
    await store.write(finishing.seal, due, sealed(due), NOW)
    monkeypatch.setattr(evidence, "unproved", lambda _: [UUID(int=1)])
    await Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: NOW).seal()
    assert await store.read(TreeHead.select().count) == 1


async def test_a_catalogue_that_is_away_ends_nothing(store: Store, tmp_path: Path) -> None:
    sealer = Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: NOW + timedelta(hours=1))
    await store.write(AuditHead.drop_table)
    with capture_logs() as log:
        await sealer.seal(NOW + timedelta(hours=1))
        await sealer.seal(NOW + timedelta(hours=1))
    assert len([line for line in log if line["log_level"] == "error"]) == 1


async def test_a_damaged_log_does_not_end_the_recorder(store: Store, tmp_path: Path) -> None:
    sealer = Sealer(store, audit_key.made(tmp_path / "audit.key"), lambda: NOW)
    await store.write(lambda: models.database.execute_sql("UPDATE audit_head SET organisation = 'damaged'"))
    with capture_logs() as log:
        await sealer.seal()
        await sealer.seal()
    assert [line["event"] for line in log] == [
        "a fault in ari_recorder: audit log and evidence are not signed"
    ]
