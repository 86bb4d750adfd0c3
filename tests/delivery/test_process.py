"""The process that delivers: its tasks go on whatever one of them fails of, and it ends with the recorder."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_recorder import apart
from ari_recorder.config import Settings, Vault, Web
from ari_recorder.config import Store as StoreSettings
from ari_recorder.delivery import process
from ari_recorder.delivery.apart import NAME, delivery
from ari_recorder.delivery.process import DeliveryContext, keep_on
from ari_recorder.errors import StoreError
from ari_recorder.line import Beat, Line
from ari_recorder.safes import safe
from ari_recorder.store.database import Store

WITHIN_S = 60.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path}/catalogue.db"
    Store(url).close()
    vault = Vault(path=tmp_path / "vault", key_file=tmp_path / "master.key")
    web = Web(key_file=tmp_path / "session.key")
    return Settings(store=StoreSettings(url=url), vault=vault, web=web)


@pytest.fixture
def context(settings: Settings) -> DeliveryContext:
    store = Store(settings.store.url)
    return DeliveryContext(store, safe(settings.vault, store, process.utc_now))


async def test_a_task_that_fails_is_told_of_and_begun_again(
    context: DeliveryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "AGAIN_AFTER_S", (0.01,))
    tries = 0

    async def failing(_context: DeliveryContext) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreError("the catalogue is away")
        if tries == 2:
            raise ZeroDivisionError

    with capture_logs() as logged:
        async with asyncio.timeout(WITHIN_S):
            await keep_on("webhooks", failing, context)
    assert tries == 3
    assert [(one["event"], one.get("why")) for one in logged] == [
        ("webhooks cannot go on at the moment; it is tried again", "the catalogue is away"),
        ("a fault in ari_recorder", None),
    ]


async def test_an_outage_is_told_once_and_so_is_its_end(
    context: DeliveryContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "AGAIN_AFTER_S", (0.01,))
    monkeypatch.setattr(process, "GOES_ON_S", 0.1)
    tries, back = 0, asyncio.Event()

    async def failing(_context: DeliveryContext) -> None:
        nonlocal tries
        tries += 1
        if tries <= 6:
            raise StoreError("the catalogue is away")
        await back.wait()

    with capture_logs() as logged:
        async with asyncio.timeout(WITHIN_S):
            working = asyncio.create_task(keep_on("webhooks", failing, context))
            while not any(one["log_level"] == "info" for one in logged):
                await asyncio.sleep(0.01)  # polling: it is told by the clock
            back.set()
            await working
    assert [one["event"] for one in logged] == [
        "webhooks cannot go on at the moment; it is tried again",
        "webhooks: goes on again",
    ]


async def test_it_begins_and_is_ended(settings: Settings) -> None:
    beside = delivery(settings)
    running = asyncio.create_task(beside.run())
    async with asyncio.timeout(WITHIN_S):
        while beside.process is None or not _named(beside.process.pid, NAME):
            await asyncio.sleep(0.02)  # polling: it is another process
    pid = beside.process.pid
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not os.path.exists(f"/proc/{pid}")  # noqa: ASYNC240, PTH110
    assert beside._failures == 0


async def test_it_ends_when_the_recorder_says_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "HEARD_WITHIN_S", 0.2)
    ours, theirs = socket.socketpair()
    line: Line[Beat] = await Line.over(ours, Beat | process.Unable)
    async with asyncio.timeout(WITHIN_S):
        await process.work(settings, theirs)
        assert await line.receive(apart.SILENT_S) == Beat()
    line.close()


async def test_one_without_a_catalogue_says_why_it_cannot_begin(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").unlink()
    ours, theirs = socket.socketpair()
    line: Line[process.Unable] = await Line.over(ours, Beat | process.Unable)
    async with asyncio.timeout(WITHIN_S):
        await process.work(settings, theirs)
        told = [await line.receive(apart.SILENT_S)]
        while not isinstance(told[-1], process.Unable):
            told.append(await line.receive(apart.SILENT_S))
    assert "catalogue.db" in told[-1].why
    line.close()


def _named(pid: int | None, name: str) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == name
