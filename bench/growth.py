"""What the recorder asks of its catalogue while calls go on, as the catalogue grows.

At 1,000, 100,000 and 1,000,000 recordings, on SQLite and PostgreSQL; medians (ms) of five, or fewer if they
take long. The peers, in the same catalogue: one row by its primary key, and as many commits as a call has, of
one changed row each.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any
from uuid import UUID

from ari_recorder.policies.table import Mode
from ari_recorder.store import calls, finishing, models, people
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from bench.filled import PBX, fill
from bench.one_call import COMMITS, go_on, one_call
from bench.results import Result, Row
from lab.directory import add_user
from lab.postgresql import postgresql

ROWS = (1_000, 100_000, 1_000_000)
GOING_ON = 40
"""Calls in progress, whatever there is besides."""
REPEATS = 5
LONG_S = 5.0
"""Nothing is repeated beyond this."""


async def run() -> Result:
    """Measure."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ari-recorder-bench-") as folder:
        for rows in ROWS:
            found += await asyncio.to_thread(_measure, f"sqlite:///{folder}/{rows}.db", rows, "")
    with postgresql() as server:
        for rows in ROWS:
            found += await asyncio.to_thread(_measure, server.new_database(), rows, "postgresql.")
    return Result("What is asked of the catalogue, as it grows (ms)", found)


def _measure(url: str, rows: int, prefix: str) -> list[Row]:
    store = Store(url)
    try:
        user = store.write_now(add_user, name="Anna", number="101", mode=Mode.ALWAYS)
        fill(store, user.id, user.organisation, rows)
        for _ in range(GOING_ON):
            go_on(store, user)
        found = {what: _ms(work) for what, work in _asked(store, user, rows).items()}
    finally:
        store.close()
    found["start_up"] = _ms(lambda: _start_up(url))
    return [{"rows": rows, "what": f"{prefix}{what}", "ms": ms} for what, ms in found.items()]


def _asked(store: Store, user: UserRow, rows: int) -> Mapping[str, Callable[[], object]]:
    """What is asked while calls go on, by name."""
    middle = UUID(int=rows // 2)
    return {
        "peer_row_by_key": lambda: store.read_now(_by_key, middle),
        "due": lambda: store.read_now(finishing.due),
        "uncleared": lambda: store.read_now(finishing.uncleared),
        "waiting": lambda: store.read_now(finishing.waiting),
        "open_legs": lambda: store.read_now(calls.open_legs, PBX),
        "peer_commits_of_a_row": lambda: _commits(store, user.id),
        "one_call": lambda: one_call(store, user),
    }


def _start_up(url: str) -> None:
    """Open the catalogue, and ask what a session and the finisher ask first."""
    store = Store(url)
    try:
        store.read_now(calls.open_legs, PBX)
        store.read_now(people.revision)
        store.read_now(people.directory, PBX)
        store.read_now(finishing.uncleared)
        store.read_now(finishing.due)
        store.read_now(finishing.waiting)
    finally:
        store.close()


def _by_key(recording: UUID) -> Any:
    mark = models.database.param
    key = models.Recording.id.db_value(recording)
    row = models.database.execute_sql(f'SELECT * FROM "recording" WHERE "id" = {mark}', (key,)).fetchone()
    assert row is not None
    return row


def _commits(store: Store, user: UUID) -> None:
    for _ in range(COMMITS):
        store.write_now(_change, user)


def _change(user: UUID) -> None:
    mark = models.database.param
    key = models.User.id.db_value(user)
    name = f"Anna {time.perf_counter_ns()}"  # SQLite does not write what is there already
    models.database.execute_sql(f'UPDATE "user" SET "name" = {mark} WHERE "id" = {mark}', (name, key))


def _ms(work: Callable[[], object]) -> float:
    taken_s: list[float] = []
    while len(taken_s) < REPEATS and sum(taken_s) < LONG_S:
        since_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - since_s)
    return round(median(taken_s) * 1000, 2)
