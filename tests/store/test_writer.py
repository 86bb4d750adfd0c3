"""One writer: what it promises when writes come together, fail, are given up or the process dies."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from ari_recorder.errors import NotFound, StoreError
from ari_recorder.store import database, models
from ari_recorder.store.database import Store

from ..conftest import PostgreSQL, eventually
from .build import add_organisation, reopened


def names() -> list[str]:
    return [row.name for row in models.Organisation.select().order_by(models.Organisation.name)]


def on_sqlite() -> bool:
    return type(models.database.obj).__name__ == "SqliteDatabase"


@contextmanager
def busy(store: Store) -> Iterator[None]:
    """While inside, the writer is held up, so that writes wait and then come together."""
    entered, go = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert go.wait(10)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(store.write_now, hold)
        assert entered.wait(10)
        try:
            yield
        finally:
            go.set()
        held.result()


async def together(store: Store, *works: Callable[[], object]) -> list[object]:
    """These writes in one batch; what each returned or raised."""
    with busy(store):
        tasks = [asyncio.ensure_future(store.write(work)) for work in works]
        await asyncio.sleep(0)  # lets every task put its work into the queue
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_writes_that_wait_share_a_commit(store: Store) -> None:
    seen: list[int] = []

    def look_from_outside() -> None:
        seen.append(len(store.read_now(names)))

    works = [lambda i=i: add_organisation(f"{i}") for i in range(20)]
    await together(store, *works, look_from_outside)
    assert seen == [0], "the writes before it in the batch were committed on their own"
    assert len(await store.read(names)) == 20


async def test_a_write_that_fails_takes_no_other_with_it(store: Store) -> None:
    def fail_with_own_error() -> None:
        add_organisation("half")
        raise NotFound("no such thing")

    def fail_in_the_database() -> None:
        add_organisation("other half")
        add_organisation("first")

    first, own, database, last = await together(
        store,
        lambda: add_organisation("first"),
        fail_with_own_error,
        fail_in_the_database,
        lambda: add_organisation("last"),
    )
    assert await store.read(names) == ["first", "last"]
    assert isinstance(own, NotFound)
    assert type(database).__name__ == "IntegrityError"
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)


async def test_when_the_transaction_is_lost_every_write_in_it_says_so(store: Store) -> None:
    def lose_the_transaction() -> None:
        if on_sqlite():
            models.database.execute_sql("ROLLBACK")
        else:
            models.database.execute_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    results = await together(
        store, lambda: add_organisation("before"), lose_the_transaction, lambda: add_organisation("after")
    )
    assert await store.read(names) == []
    assert all(isinstance(result, StoreError) for result in results), results
    await store.write(add_organisation, "later")
    assert await store.read(names) == ["later"]


async def test_a_full_disk_is_told_truthfully_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    def fill() -> None:
        (pages,) = models.database.execute_sql("PRAGMA page_count").fetchone()
        models.database.execute_sql(f"PRAGMA max_page_count = {pages + 4}")
        for i in range(2000):
            add_organisation(f"{i}".rjust(150, "x"))

    with reopened(f"sqlite:///{tmp_path}/full.db") as store:
        results = await together(
            store, lambda: add_organisation("before"), fill, lambda: add_organisation("after")
        )
        kept = [
            name
            for name, result in zip(["before", "fill", "after"], results, strict=True)
            if not isinstance(result, BaseException)
        ]
        assert isinstance(results[1], StoreError)
        assert "full" in str(results[1])
        assert sorted(await store.read(names)) == sorted(kept)
        await store.write(lambda: models.database.execute_sql("PRAGMA max_page_count = 100000") and None)
        await store.write(add_organisation, "later")


async def test_a_disk_without_room_for_a_page_is_told_as_what_it_is(tmp_path: Path) -> None:
    """SQLite ends the transaction by itself then, and there is none any more to be rolled back."""
    with reopened(f"sqlite:///{tmp_path}/full.db") as store:
        await store.write(add_organisation, "first")
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        largest = (tmp_path / "full.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limit[1]))
        try:
            with pytest.raises(StoreError, match=r"cannot be written: (disk I/O|.*full)"):
                await store.write(add_organisation, "x" * 100_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)


async def test_a_write_given_up_while_waiting_does_not_stop_the_writer(store: Store) -> None:
    with busy(store):
        given_up = asyncio.ensure_future(store.write(add_organisation, "given up"))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
    await store.write(add_organisation, "next")
    assert await store.read(names) == ["next"]


async def test_a_write_given_up_while_it_runs_does_not_stop_the_writer(store: Store) -> None:
    entered, go = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        go.wait(10)

    given_up = asyncio.ensure_future(store.write(slow))
    await asyncio.to_thread(entered.wait, 10)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    go.set()
    await store.write(add_organisation, "next")
    assert await store.read(names) == ["next"]


async def test_many_more_writes_than_a_batch_holds_all_arrive(store: Store) -> None:
    await asyncio.gather(*(store.write(add_organisation, f"{i:04}") for i in range(300)))
    assert await store.read(names) == [f"{i:04}" for i in range(300)]


async def test_writes_arrive_in_the_order_they_were_asked_for(store: Store) -> None:
    order: list[int] = []
    await together(store, *(lambda i=i: order.append(i) for i in range(100)))
    assert order == list(range(100))


def test_closing_finishes_what_waits_and_refuses_what_comes_later(store_url: str) -> None:
    store = Store(store_url)
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(store.write_now, add_organisation, f"{i}") for i in range(8)]
        assert len({write.result() for write in writes}) == 8
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.write_now(add_organisation, "too late")
    with reopened(store_url) as again:
        assert len(again.read_now(names)) == 8


WRITE_AND_TELL = """
import sys
from ari_recorder.store import models
from ari_recorder.store.database import Store
store = Store(sys.argv[1])
for number in range(100000):
    store.write_now(models.Organisation.create, name=f"{number}")
    print(number, flush=True)
"""


def test_a_write_that_has_returned_survives_a_kill(store_url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_TELL, store_url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(20)]
    process.kill()
    told += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    with reopened(store_url) as store:
        kept = set(store.read_now(names))
        assert set(told) <= kept
        assert len(kept) <= len(told) + 1
        if on_sqlite():
            assert store.read_now(_checked) == "ok"


def _checked() -> str:
    return str(models.database.execute_sql("PRAGMA integrity_check").fetchone()[0])


def test_sqlite_syncs_every_commit_and_keeps_foreign_keys(tmp_path: Path) -> None:
    def pragmas() -> dict[str, object]:
        ask = models.database.execute_sql
        keys = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {key: ask(f"PRAGMA {key}").fetchone()[0] for key in keys}

    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    with reopened(f"sqlite:///{tmp_path}/pragmas.db") as store:
        assert store.write_now(pragmas) == expected
        assert store.read_now(pragmas) == expected


async def test_reading_goes_on_while_something_is_written(store: Store) -> None:
    with busy(store):
        assert await asyncio.wait_for(store.read(names), 5) == []


TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


async def test_a_reader_s_lost_connection_is_made_anew(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    name = url.rpartition("/")[2]
    with reopened(url) as store:
        assert await asyncio.gather(*(store.read(names) for _ in range(4))) == [[]] * 4
        postgresql.execute(TERMINATE.format(name))
        assert await asyncio.gather(*(store.read(names) for _ in range(4))) == [[]] * 4
    postgresql.drop(url)


def test_closing_leaves_no_connection_behind(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    with reopened(url) as store:
        store.write_now(add_organisation, "one")
        store.read_now(names)
    name = url.rpartition("/")[2]
    postgresql.execute(f"DROP DATABASE {name}")  # refused while somebody is connected


async def test_a_lost_connection_is_told_as_the_one_error_of_the_store(
    postgresql: PostgreSQL,
) -> None:
    url = postgresql.new_database()
    with reopened(url) as store:
        await store.read(names)
        postgresql.drop(url)
        with pytest.raises(StoreError, match="cannot be read"):
            await store.read(names)
        with pytest.raises(StoreError, match="cannot be written"):
            await store.write(add_organisation, "lost")


async def test_a_database_that_is_read_only_is_away_and_connected_to_anew(postgresql: PostgreSQL) -> None:
    """As a replica is, that an address leads to while the other server takes over."""
    url = postgresql.new_database()
    name = url.rpartition("/")[2]
    try:
        with reopened(url) as store:
            await store.write(add_organisation, "Acme")
            postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            postgresql.execute(TERMINATE.format(name))
            with suppress(StoreError):  # finds the connection lost
                await store.write(add_organisation, "Bolt")
            with pytest.raises(StoreError, match="cannot be written: cannot execute INSERT in a read-only"):
                await store.write(add_organisation, "Bolt")
            postgresql.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await store.write(add_organisation, "Bolt")
            assert await store.read(names) == ["Acme", "Bolt"]
    finally:
        postgresql.drop(url)


def test_closing_does_not_wait_for_a_database_that_does_not_answer(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose machine or disk stands still: the connection is there, and no word comes."""
    monkeypatch.setattr(database, "CLOSED_WITHIN_S", 0.2)
    url = postgresql.new_database()
    store = Store(url)
    store.read_now(names)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(one, _sleep) for one in (store.write_now, store.read_now)]
        eventually(lambda: asleep(postgresql, url) == 2, 20.0, "nobody waits")
        began_s = time.monotonic()
        store.close()
        assert time.monotonic() - began_s < 10
        assert all(isinstance(one.exception(), StoreError) for one in waiting)
    postgresql.drop(url)


def test_who_stops_waits_once_for_a_database_that_does_not_answer(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of what is done before it is closed would wait as long as the next."""
    monkeypatch.setattr(database, "CLOSED_WITHIN_S", 0.2)
    url = postgresql.new_database()
    with reopened(url) as store:
        store.hurry()
        for ask in (store.write_now, store.read_now, store.write_now):
            with pytest.raises(StoreError):
                ask(_sleep)
    postgresql.drop(url)


def asleep(server: PostgreSQL, url: str) -> int:
    """How many wait for that database."""
    asked = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query ~ 'pg_sleep'"
    with psycopg.connect(server.url("postgres")) as connection:
        return len(connection.execute(asked, (url.rpartition("/")[2],)).fetchall())


def _sleep() -> None:
    models.database.execute_sql("SELECT pg_sleep(60)")
