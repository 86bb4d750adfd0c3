"""The catalogue is locked, full or away during calls: nobody notices, and it is filled in afterwards.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from lab.postgresql import PostgreSQL, postgresql
from tests.asterisk.kept import assert_kept, assert_next_is_whole
from tests.asterisk.outage import LOSSLESS, TALK_S, Scene, Talk, Way, end, go_on, pause_and_resume, scene
from tests.asterisk.station import Begin, Station
from tests.asterisk.test_failures import small_disk

pytestmark = [pytest.mark.asterisk, pytest.mark.outages]

OUTAGE_S = 8.0
Outage = Callable[[], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def locked(station: Station, for_s: float = OUTAGE_S) -> AsyncIterator[None]:
    """Another program writes to the SQLite catalogue, for at least that long."""
    _, _, path = station.recorder.store_url.partition(":///")
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        enough = asyncio.create_task(asyncio.sleep(for_s))  # the length of the outage
        yield
        await enough
    finally:
        other.execute("ROLLBACK")
        other.close()


async def go_through(scene: Scene, outage: Outage, *, app: bool = True) -> list[Talk]:
    """Calls begun before and within the outage, ended within and after it; in each a pause within it.

    Without ``app`` who uses it can give no commands.
    """
    before, by_app = await scene.begin_each(Way.KEYS, Way.APP)
    outliving = await scene.begin(Way.KEYS)
    await asyncio.sleep(TALK_S)
    async with outage():
        within = await scene.begin(Way.DIGITS)
        talks = [before, outliving, within, by_app]
        await pause_and_resume(*(talks if app else talks[:-1]))
        await go_on(*talks)
        await before.over()
    await asyncio.sleep(TALK_S)
    await go_on(*talks[1:])
    await end(*talks[1:])
    return talks


async def assert_whole(scene: Scene, talks: list[Talk]) -> None:
    """Every recording is there, in full, and so is that of the next call."""
    for talk, row in zip(talks, await scene.rows(*talks), strict=True):
        assert_kept(talk, row)
    assert {outcome for outcome, _ in scene.station.ledger()} == {"recorded"}
    await assert_next_is_whole(scene)


async def test_the_catalogue_is_locked(begin: Begin) -> None:
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        talks = await go_through(here, lambda: locked(station))
        await assert_whole(here, talks)
        assert here.log("the catalogue cannot be written") <= 1
    assert list((station.lab.pbx.spool / "ari_recorder-journal").glob("*")) == []


async def test_the_catalogues_disk_is_full(begin: Begin, tmp_path: Path) -> None:
    with small_disk(tmp_path, 32 * 1024):
        station = begin(**LOSSLESS, store__url=f"sqlite:///{tmp_path}/catalogue.db")
        async with scene(station) as here:

            @contextlib.asynccontextmanager
            async def full() -> AsyncIterator[None]:
                filler = tmp_path / "filler"
                with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                    while file.write(bytes(4096)):
                        pass
                try:
                    yield
                    assert here.log("the catalogue cannot be written")
                finally:
                    filler.unlink()

            talks = await go_through(here, full)
            await assert_whole(here, talks)
        station.recorder.stop()
        station.evidence.close()


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


async def test_postgresql_is_killed_and_back(begin: Begin, server: PostgreSQL) -> None:
    """Without it nobody can be signed in: the app is told so, keys work."""
    station = begin(**LOSSLESS, store__url=server.new_database())
    async with scene(station) as here:

        @contextlib.asynccontextmanager
        async def killed() -> AsyncIterator[None]:
            server.kill()
            enough = asyncio.create_task(asyncio.sleep(OUTAGE_S))  # the length of the outage
            yield
            status, _ = await here.pages.command(here.app_call, "pause")
            assert status == 503
            await enough
            await asyncio.to_thread(server.start)

        talks = await go_through(here, killed, app=False)
        await assert_whole(here, talks)
