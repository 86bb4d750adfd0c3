"""Readiness is what was tried for real."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ari_recorder import readiness
from ari_recorder.config import Sftp
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
        work=tmp_path / "work",
        spools={"main": tmp_path / "spool"},
        sessions={},
        sftp=Sftp(host="127.0.0.1", port=1),
        now=lambda: BEGIN + timedelta(minutes=20),
    )

    async def ask() -> dict[str, Part]:
        return {name: await probe() for name, probe in asked.items()}

    return ask


async def test_every_part_is_looked_at(parts: Ask, tmp_path: Path) -> None:
    for folder in ("spool", "work"):
        (tmp_path / folder).mkdir()
    found = await parts()
    assert {name for name, part in found.items() if not part.ok} == {"sftp"}
    assert set(found) == {"store", "vault", "work", "spool.main", "sftp"}
    assert "the SFTP service is not at 127.0.0.1 port 1" in found["sftp"].detail
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
    parts: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("spool", "work"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(readiness, "ROOM_BYTES", 1 << 62)
    monkeypatch.setattr(readiness, "ROOM_SHARE", 2.0)
    found = await parts()
    assert not found["store"].ok
    assert "the disk of the catalogue is full" in found["store"].detail
    for name in ("work", "spool.main"):
        assert not found[name].ok
        assert "its disk is full" in found[name].detail


async def test_what_is_wrong_with_folders_names_them(parts: Ask, tmp_path: Path) -> None:
    for name in ("vault", "work", "spool"):
        (tmp_path / name).write_text("in the way")
    found = await parts()
    for name in ("vault", "work", "spool.main"):
        assert not found[name].ok
        assert str(tmp_path) in found[name].detail
