"""Readiness is what was tried for real, seldom; strangers are told no more than that something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ari_recorder import readiness
from ari_recorder.errors import StoreError
from ari_recorder.readiness import Found, Probe, Readiness
from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.store.vault import LocalVault
from ari_recorder.web import Part

from .store.build import BEGIN, add_user, recorded_call


@pytest.fixture
def store(tmp_path: Path, empty_sqlite: Path) -> Iterator[Store]:
    (tmp_path / "catalogue.db").write_bytes(empty_sqlite.read_bytes())
    opened = Store(f"sqlite:///{tmp_path}/catalogue.db")
    yield opened
    opened.close()


def ready(store: Store, folder: Path) -> Readiness:
    return Readiness(
        store=store,
        vault=LocalVault(folder / "vault"),
        spools={"main": folder / "spool"},
        sessions={},
        now=lambda: BEGIN + timedelta(minutes=20),
    )


async def test_every_part_is_looked_at(store: Store, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    parts = await ready(store, tmp_path)()
    assert all(part.ok for part in parts.values())
    assert set(parts) == {"store", "vault", "spool.main"}
    assert parts["store"].detail == "no recording waits to be finished"


async def test_how_long_the_oldest_recording_waits_is_said(store: Store, tmp_path: Path) -> None:
    for minute in (12, 8):
        recorded_call(store, add_user(store, str(minute)), at=BEGIN + timedelta(minutes=minute))
    part = (await ready(store, tmp_path)())["store"]
    assert part.detail == part.public == "2 recordings wait to be finished, the oldest for 11 min"


async def test_a_catalogue_that_can_be_read_and_not_written_is_not_ready(
    store: Store, tmp_path: Path
) -> None:
    store.write_now(lambda: models.database.execute_sql("ALTER TABLE revision RENAME TO elsewhere"))
    part = (await ready(store, tmp_path)())["store"]
    assert (part.ok, part.public) == (False, "the catalogue cannot be written")
    assert str(tmp_path) in part.detail


async def test_a_full_disk_is_known_before_the_catalogue_fails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ROOM_BYTES", 1 << 62)
    part = (await ready(store, tmp_path)())["store"]
    assert (part.ok, part.public) == (False, "the catalogue cannot be written")
    assert "the disk of the catalogue is full" in part.detail


async def test_what_is_wrong_with_folders_is_told_without_their_names(store: Store, tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("in the way")
    parts = await ready(store, tmp_path)()
    told = {name: (part.ok, part.public) for name, part in parts.items() if name != "store"}
    assert told == {
        "vault": (False, "the vault cannot be written"),
        "spool.main": (False, "the recording folder is not there"),
    }
    assert all(str(tmp_path) in parts[name].detail for name in told)


async def test_however_many_ask_a_part_is_looked_at_once() -> None:
    looked: list[Any] = []

    async def look() -> Part:
        looked.append(None)
        await asyncio.sleep(0)
        return Part(True, "fine")

    probe = Probe("broken", look)
    found = await asyncio.gather(*(probe() for _ in range(200)))
    assert set(found) == {Found(True, "fine", "fine")}
    assert len(looked) == 1


async def test_after_a_while_it_is_looked_at_again() -> None:
    outcomes = [Part(True), StoreError("gone: /secret/path")]

    async def look() -> Part:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    probe = Probe("broken", look, kept_s=0.0)
    assert await probe() == Found(True, "", "")
    assert await probe() == Found(False, "gone: /secret/path", "broken")


async def test_a_part_that_does_not_answer_is_told_in_time_and_asked_no_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "LIMIT_S", 0.05)
    answer = asyncio.Event()
    looked: list[Any] = []

    async def look() -> Part:
        looked.append(None)
        await answer.wait()
        return Part(True)

    probe = Probe("broken", look, kept_s=0.0)
    for _ in range(3):
        assert await probe() == Found(False, "no answer within 0.05 s", "broken")
    answer.set()
    assert await probe() == Found(True)
    assert len(looked) == 1
