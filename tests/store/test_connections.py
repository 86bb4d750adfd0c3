"""Connections are kept: how many there are, and what becomes of them when the database does not stay."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ari_recorder.errors import NotFound, StoreError
from ari_recorder.store import models
from ari_recorder.store.database import READERS, Store

from ..conftest import PostgreSQL
from .build import add_organisation, reopened
from .test_writer import TERMINATE, names

READS = 50


def connection() -> object:
    """The driver's own, which is another one after each connecting."""
    return models.database.connection()


def read_nothing() -> object:
    """A read that fails, as that of somebody who asks for what there is not."""
    connection()
    raise NotFound("no such thing")


async def test_every_read_has_one_of_a_few_kept_connections(store: Store) -> None:
    found = await asyncio.gather(*(store.read(connection) for _ in range(READS)))
    await asyncio.gather(*(store.read(read_nothing) for _ in range(READS)), return_exceptions=True)
    found += await asyncio.gather(*(store.read(connection) for _ in range(READS)))
    assert len(set(map(id, found))) <= READERS


def open_files(path: Path) -> int:
    """How often this process has that file open."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that the folder is read with
            found += descriptor.readlink() == path
    return found


async def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    for number in range(5):
        with reopened(f"sqlite:///{path}") as store:
            await store.write(add_organisation, f"{number}")
            for _ in range(READS):
                await asyncio.gather(store.read(names), store.read(names), store.read(names))
            assert open_files(path) <= READERS + 1
        assert open_files(path) == 0


async def test_a_kept_connection_reads_what_was_written_meanwhile(store: Store) -> None:
    for number in range(READS):
        await store.write(add_organisation, f"{number:03}")
        assert len(await store.read(names)) == number + 1


async def test_a_kept_connection_holds_no_old_state_of_the_file(tmp_path: Path) -> None:
    """SQLite's log is only emptied when nobody reads what was before it: it would grow for ever."""

    def one_of_many() -> None:
        next(iter(models.Organisation.select()))
        raise NotFound("after the first row")

    path = tmp_path / "catalogue.db"
    with reopened(f"sqlite:///{path}") as store:
        for number in range(20):
            await store.write(add_organisation, f"{number}")
        failures = await asyncio.gather(
            *(store.read(one_of_many) for _ in range(READS)), return_exceptions=True
        )
        assert {type(failure) for failure in failures} == {NotFound}
        await store.write(add_organisation, "after")
        del failures
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


async def test_a_file_moved_away_is_told_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "catalogue.db", tmp_path / "away.db"
    with reopened(f"sqlite:///{path}") as store:
        await store.write(add_organisation, "before")
        assert await store.read(names) == ["before"]
        path.rename(away)
        with pytest.raises(StoreError, match="moved or replaced"):
            await store.read(names)
        with pytest.raises(StoreError, match="moved or replaced"):
            await store.write(add_organisation, "meanwhile")
        assert not path.exists(), "an empty catalogue was made in its place"
        away.rename(path)
        await store.write(add_organisation, "later")
        assert await store.read(names) == ["before", "later"]


async def test_a_file_put_in_its_place_is_neither_read_nor_written(tmp_path: Path) -> None:
    path, other = tmp_path / "catalogue.db", tmp_path / "other.db"
    with reopened(f"sqlite:///{other}") as store:
        store.write_now(add_organisation, "another's")
    with reopened(f"sqlite:///{path}") as store:
        await store.write(add_organisation, "ours")
        await store.read(names)
        path.rename(tmp_path / "ours.db")
        other.rename(path)
        with pytest.raises(StoreError, match="moved or replaced"):
            await store.read(names)
        with pytest.raises(StoreError, match="moved or replaced"):
            await store.write(add_organisation, "ours, too")
        with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as found:
            assert found.execute("SELECT name FROM organisation").fetchall() == [("another's",)]


async def test_a_lock_that_does_not_end_is_told_and_then_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalogue.db"
    with reopened(f"sqlite:///{path}") as store:
        await store.write(add_organisation, "before")
        await store.write(lambda: models.database.execute_sql("PRAGMA busy_timeout = 50") and None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                await store.write(add_organisation, "locked out")
            assert await store.read(names) == ["before"]
        await store.write(add_organisation, "after")
        assert await store.read(names) == ["after", "before"]


async def test_postgresql_killed_is_told_and_connected_to_again(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    name = url.rpartition("/")[2]
    with reopened(url) as store:
        await store.write(add_organisation, "before")
        await asyncio.gather(*(store.read(names) for _ in range(4)))
        postgresql.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgresql.execute(TERMINATE.format(name))
        with pytest.raises(StoreError, match="cannot be read"):
            await store.read(names)
        postgresql.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert await asyncio.gather(*(store.read(names) for _ in range(4))) == [["before"]] * 4
    postgresql.drop(url)
