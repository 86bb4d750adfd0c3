"""Readiness is what was tried for real."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ari_recorder import readiness
from ari_recorder.readiness import probes
from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.web import Part

from .store.build import BEGIN, add_user, recorded_call, safe_in

Ask = Callable[[], Awaitable[dict[str, Part]]]


@pytest.fixture
def store(tmp_path: Path, empty_sqlite: Path) -> Iterator[Store]:
    (tmp_path / "catalogue.db").write_bytes(empty_sqlite.read_bytes())
    opened = Store(f"sqlite:///{tmp_path}/catalogue.db")
    yield opened
    opened.close()


@pytest.fixture
async def parts(store: Store, tmp_path: Path) -> Ask:
    """What every part's probe says."""
    asked = probes(
        store=store,
        safe=safe_in(store, tmp_path),
        spools={"main": tmp_path / "spool"},
        sessions={},
        now=lambda: BEGIN + timedelta(minutes=20),
    )

    async def ask() -> dict[str, Part]:
        return {name: await probe() for name, probe in asked.items()}

    return ask


async def test_every_part_is_looked_at(parts: Ask, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    found = await parts()
    assert all(part.ok for part in found.values())
    assert set(found) == {"store", "vault", "spool.main"}
    assert found["store"].detail == "no recording waits to be finished"


async def test_how_long_the_oldest_recording_waits_is_said(parts: Ask, store: Store) -> None:
    for minute in (12, 8):
        recorded_call(store, add_user(store, str(minute)), at=BEGIN + timedelta(minutes=minute))
    part = (await parts())["store"]
    assert part.detail == "2 recordings wait to be finished, the oldest for 11 min"


async def test_a_catalogue_that_can_be_read_and_not_written_is_not_ready(
    parts: Ask, store: Store, tmp_path: Path
) -> None:
    store.write_now(lambda: models.database.execute_sql("ALTER TABLE revision RENAME TO elsewhere"))
    part = (await parts())["store"]
    assert not part.ok
    assert f"{tmp_path}/catalogue.db cannot be written" in part.detail


async def test_a_full_disk_is_known_before_the_catalogue_fails(
    parts: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ROOM_BYTES", 1 << 62)
    part = (await parts())["store"]
    assert not part.ok
    assert "the disk of the catalogue is full" in part.detail


async def test_what_is_wrong_with_folders_names_them(parts: Ask, tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("in the way")
    found = await parts()
    for name in ("vault", "spool.main"):
        assert not found[name].ok
        assert str(tmp_path) in found[name].detail
