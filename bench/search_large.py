"""What each kind of search takes among ten million recordings on PostgreSQL, as `bench.search` at a million.

    python -m bench search_large

Medians and 95th percentiles (ms) of the statements that find a page's ids. What recordings are found by is
written in bulk, and indexed afterwards, since to have it taken in as the service does would take hours; a
thousandth of it is held against what the service would have made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from ari_recorder.policies import search
from ari_recorder.store import models, search_index
from ari_recorder.store.database import Store
from bench import asking, catalogued
from bench.catalogued import COLUMNS, People, Rows
from bench.results import Result, Row
from bench.search import measured
from lab.postgresql import postgresql

ROWS = 10_000_000
CHECKED_EVERY = 1_000
TABLES = ("call", "leg", "recording", "counterpart", "searched")
FOUND_BY = ("place", "who", "numbers", "noted", "words")
SETTINGS = ("session_replication_role = replica", "synchronous_commit = off", "maintenance_work_mem = '2GB'")


async def run() -> Result:
    """Measure."""
    with postgresql() as server:
        store = await asyncio.to_thread(Store, server.new_database())
        try:
            return await asyncio.to_thread(_measure, store)
        finally:
            store.close()


def _measure(store: Store) -> Result:
    who, since_s = catalogued.people(store), time.perf_counter()
    _fill(store.url, Rows(who, ROWS))
    filled_s = time.perf_counter() - since_s
    checked = store.read_now(_check, who)
    found: list[Row] = [
        {"engine": "postgresql", "rows": ROWS, "who": name, "kind": kind, "way": "sql", **told}
        for name, scope in asking.people(store, who).items()
        for kind, told in measured(store, scope, asking.questions(store, who, ROWS)).items()
    ]
    note = f"Filled and indexed in {filled_s:.0f} s; {checked} of what recordings are found by were right."
    return Result(f"Searching {ROWS} recordings on PostgreSQL (ms)", found, [note])


def _fill(url: str, source: Rows) -> None:
    with psycopg.connect(url) as server:
        for setting in SETTINGS:
            server.execute(f"SET {setting}".encode())
        indexes = server.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
            " WHERE i.indrelid::regclass::text = ANY (%s)"
            " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
            [list(TABLES)],
        ).fetchall()
        for name, _ in indexes:
            server.execute(f"DROP INDEX {name}".encode())
        found_by = "s.id AS place, s.who, s.numbers, s.note AS noted, s.words"
        columns = ", ".join(f"r.{name}" for name in COLUMNS)
        server.execute(
            f"CREATE TEMP TABLE made AS SELECT {columns}, {found_by} FROM recording r, searched s".encode()
        )
        with server.cursor().copy(b"COPY made FROM STDIN") as copy:
            for row in source:
                copy.write_row([*map(catalogued.naive, row), *_found_by(source.who, row)])
        for statement in (*catalogued.inserts(str(source.who.organisation), catalogued.PEAKS), _SEARCHED):
            server.execute(statement.format(of=source.who.organisation).encode())
        for _, made in indexes:
            server.execute(made.encode())
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("VACUUM ANALYZE")


_SEARCHED = """INSERT INTO searched (id, recording_id, organisation, "user", who, numbers, note, words)
    SELECT place, id, '{of}', user_id, who, numbers, noted, words FROM made ORDER BY place"""


def _found_by(who: People, row: tuple[Any, ...]) -> Iterator[Any]:
    one = dict(zip(COLUMNS, row, strict=True))
    number, name = one["counterpart_number"], one["counterpart_name"]
    document = search.document(
        numbers=[number, number], names=[name, name], tags=[one["tag1"], "", ""], note=one["note"]
    )
    yield search.place(one["started_at"], one["id"])
    yield search.who(who.organisation) + search.who(one["user_id"])
    yield from (document.numbers, document.note, document.words)


def _check(who: People) -> int:
    """How many were looked at. Raises `AssertionError` if one is not found by what it should be."""
    ids = [
        row.id
        for row in models.Recording.raw(
            f"SELECT id FROM recording WHERE get_byte(uuid_send(id), 15) = 0 LIMIT {ROWS // CHECKED_EVERY}"
        )
    ]
    assert all(one.fits for one in search_index.looked(ids))
    return len(ids)
