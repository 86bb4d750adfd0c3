"""What each kind of search takes among a million recordings, for an administrator, a supervisor and a user.

    python -m bench search

Medians and 95th percentiles (ms), each kind asked many times for something else (`bench.asking`), on SQLite
and PostgreSQL, in three ways: ``sql``, the statements that find a page's ids; ``service``, the answer of the
API over HTTP, with all that it shows; and ``without``, one statement as it would be without our indexes,
once. A line of each engine says how long it took to fill, and then until all of it could be searched.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from ari_recorder.config import Web
from ari_recorder.live import Live
from ari_recorder.policies.rights import Scope
from ari_recorder.store import finding, models, search_index, sessions
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.catalogue import COUNTED_MAX
from ari_recorder.store.database import Store
from ari_recorder.store.sessions import Begun, Limits
from ari_recorder.web.context import WebContext
from ari_recorder.web.routes import create_app
from ari_recorder.web.session import COOKIE
from bench import asking, catalogued
from bench.asking import Question
from bench.catalogued import People
from bench.results import Result, Row, percentile
from bench.without import statement
from lab.postgresql import postgresql

ROWS = 1_000_000
PAGE = 51
"""A page of fifty, and whether there is another."""
STEP = 1_000
"""Recordings that come into the search at a time, here; a service takes fewer, between other things."""
FEW = 1
"""Times that each kind is asked without the indexes, which takes seconds."""


async def run() -> Result:
    """Measure."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ari-recorder-bench-") as folder:
        found += await _filled(f"sqlite:///{folder}/catalogue.db", "sqlite")
    with postgresql() as server:
        found += await _filled(server.new_database(), "postgresql")
    return result(found)


def result(found: list[Row]) -> Result:
    """With how busy the machine was meanwhile."""
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    note = f"{os.cpu_count()} processors; load over 1, 5 and 15 minutes at the end: {loads}."
    return Result(f"Searching {ROWS} recordings (ms)", found, [note])


async def _filled(url: str, engine: str) -> list[Row]:
    store = await asyncio.to_thread(Store, url)
    try:
        who = await asyncio.to_thread(catalogued.people, store)
        filled = await asyncio.to_thread(_fill, store, who, engine)
        return [filled, *await measure(store, who, engine)]
    finally:
        store.close()


def _fill(store: Store, who: People, engine: str) -> Row:
    since_s = time.perf_counter()
    catalogued.fill(store, who, ROWS)
    filled_s = time.perf_counter()
    while store.write_now(search_index.take_in, STEP):
        pass
    if engine == "postgresql":
        store.read_now(lambda: models.database.execute_sql("VACUUM ANALYZE searched"))
    took = {"fill_s": filled_s - since_s, "take_in_s": time.perf_counter() - filled_s}
    return {"engine": engine, "rows": ROWS, "way": "fill", **{name: round(s, 1) for name, s in took.items()}}


async def measure(store: Store, who: People, engine: str) -> list[Row]:
    """Each kind, in each way, for each who asks."""
    scopes, questions = asking.people(store, who), asking.questions(store, who, ROWS)
    found: list[Row] = []
    for name, scope in scopes.items():
        base = {"engine": engine, "rows": ROWS, "who": name}
        for kind, told in (await asyncio.to_thread(measured, store, scope, questions)).items():
            found.append({**base, "kind": kind, "way": "sql", **told})
        for kind, took in (await _served(store, scope, questions)).items():
            found.append({**base, "kind": kind, "way": "service", **_told(took)})
        for kind, asked in questions.items():
            took = await asyncio.to_thread(store.read_now, _without, scope, asked[:FEW])
            found.append({**base, "kind": kind, "way": "without", **_told(took)})
    return found


def measured(store: Store, scope: Scope, questions: Mapping[str, list[Question]]) -> Mapping[str, Row]:
    """What the statements of each kind took."""
    return {kind: _told(store.read_now(_sql, scope, asked)) for kind, asked in questions.items()}


def _told(took_ms: list[float]) -> Row:
    return {
        "median_ms": round(percentile(took_ms, 50), 2),
        "p95_ms": round(percentile(took_ms, 95), 2),
        "asked": len(took_ms),
    }


def _sql(scope: Scope, questions: list[Question]) -> list[float]:
    _answer(scope, questions[0])
    return [_ms(lambda one=question: _answer(scope, one)) for question in questions]  # type: ignore[misc]


def _answer(scope: Scope, question: Question) -> object:
    if question.counted:
        return finding.count(scope, question.wanted, COUNTED_MAX)
    return finding.page(scope, question.wanted, question.sort, question.behind, PAGE)


def _without(scope: Scope, questions: list[Question]) -> list[float]:
    return [_ms(lambda one=question: statement(scope, one)) for question in questions]  # type: ignore[misc]


def _ms(work: Callable[[], object]) -> float:
    since_s = time.perf_counter()
    work()
    return (time.perf_counter() - since_s) * 1000


async def _served(
    store: Store, scope: Scope, questions: Mapping[str, list[Question]]
) -> dict[str, list[float]]:
    """As a program asks the API; what it has no parameter for is left out."""
    with tempfile.TemporaryDirectory(prefix="ari-recorder-bench-") as folder:
        settings = msgspec.structs.replace(Web(), requests_per_minute_max=1_000_000)
        parts: dict[str, Any] = {"store": store, "safe": None, "settings": settings}
        context = WebContext(**parts, key_file=Path(folder) / "session.key", probes={}, live=Live())
        runner = web.AppRunner(create_app(context))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1/recordings"
        headers = {"Cookie": f"{COOKIE}={await store.write(_signed_in, scope)}"}
        try:
            async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as client:
                return {
                    kind: [await _asked(client, url, question) for question in asked]
                    for kind, asked in questions.items()
                    if not any(question.behind for question in asked)
                }
        finally:
            await runner.cleanup()


async def _asked(client: aiohttp.ClientSession, url: str, question: Question) -> float:
    since_s = time.perf_counter()
    async with client.get(url, params=asking.address(question)) as answer:
        await answer.read()
        answer.raise_for_status()
    return (time.perf_counter() - since_s) * 1000


def _signed_in(scope: Scope) -> str:
    assert scope.user is not None
    begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(24), "127.0.0.1", "bench")
    limits = Limits(timedelta(hours=12), timedelta(hours=2))
    actor = Actor(ActorKind.COMMAND_LINE, "bench", "bench")
    sessions.begin(scope.user, begun, limits, actor, datetime.now(UTC), whole=True)
    return begun.secret
