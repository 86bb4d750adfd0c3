"""What fifty people at the pages cost the calls: requests a second, and the answer gap beside them.

    python -m bench api

Fifty people, each with a session of their own, ask without a pause for the list of recordings, one recording,
a range of its audio and the snapshot of calls in turn (`bench.people`, a process of its own), while forty
calls at a time are recorded. Waves of calls without the people and with them take turns, so that both have
the same machine. The gap is that of `bench.answer_gap`: from the answer to the first recorded audio, in
Asterisk's own times.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.store import sessions
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.sessions import Begun, Limits
from ari_recorder.web.session import COOKIE
from bench.answer_gap import gaps_ms
from bench.load import bench_lab, dial, hang_up, recorder_on
from bench.people import KINDS
from bench.results import Result, Row, percentile
from lab.directory import add_user
from lab.evidence import Evidence
from lab.lab import Lab

PEOPLE = 50
CALLS = 40
"""At once."""
WAVES = 5
"""Of each sort, after one that warms up and leaves something to list and to listen to."""
PER_SECOND = 10.0
TALK_S = 5.0
SETTLE_S = 300.0
WARM_S = 2.0
"""That people ask before the first call."""
SETTINGS = {"ARI_RECORDER_WEB__REQUESTS_PER_MINUTE_MAX": "1000000"}
"""What one person may ask in a minute is asked here in seconds."""


@dataclass
class Found:
    """Gaps of the calls without people and with them, and how long the people's answers took (ms)."""

    alone_ms: list[float] = field(default_factory=list)
    loaded_ms: list[float] = field(default_factory=list)
    took_ms: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    seconds: float = 0.0

    def row(self) -> Row:
        """As it is written down."""
        values: Row = {"people": PEOPLE, "calls": len(self.alone_ms), "loaded_calls": len(self.loaded_ms)}
        for name, found_ms in (("gap", self.alone_ms), ("gap_loaded", self.loaded_ms)):
            values[f"{name}_median_ms"] = round(percentile(found_ms, 50), 1)
            values[f"{name}_p99_ms"] = round(percentile(found_ms, 99), 1)
        for kind, took_ms in self.took_ms.items():
            values[f"{kind}_per_s"] = round(len(took_ms) / self.seconds, 1)
            values[f"{kind}_p95_ms"] = round(percentile(took_ms, 95), 1)
        return values


async def run() -> Result:
    """Have the waves in turn."""
    found = Found()
    async with bench_lab() as lab, recorder_on(lab, SETTINGS) as (recorder, evidence):
        told: dict[str, object] = {"url": recorder.url, "cookies": _cookies(recorder.store_url)}
        told["recording"] = str(next(iter(await _wave(lab, evidence))))
        for _ in range(WAVES):
            found.alone_ms += (await _wave(lab, evidence)).values()
            async with _people(told, found):
                calls = await _calls(lab)
            found.loaded_ms += (await _gaps(evidence, calls)).values()
    return Result(f"{PEOPLE} people at the pages while {CALLS} calls are recorded", found.row())


async def _wave(lab: Lab, evidence: Evidence) -> dict[UUID, float]:
    """Have the calls; the gaps of their recordings."""
    return await _gaps(evidence, await _calls(lab))


async def _calls(lab: Lab) -> datetime:
    """Have the calls; since when."""
    began_at = datetime.now(UTC)
    calls = await dial(lab, "106", CALLS, PER_SECOND)
    await asyncio.sleep(TALK_S)
    await hang_up(calls)
    await lab.idle()
    return began_at


async def _gaps(evidence: Evidence, since: datetime) -> dict[UUID, float]:
    """Of the recordings since then, once all is finished."""
    await evidence.settled(SETTLE_S)
    return await evidence.store.read(gaps_ms, since)


@asynccontextmanager
async def _people(told: dict[str, object], found: Found) -> AsyncIterator[None]:
    """While inside, people ask; afterwards it is noted how long their answers took."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.people", stdin=pipe, stdout=pipe, limit=2**26
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    await process.stdin.drain()
    await asyncio.sleep(WARM_S)
    yield
    answer, _ = await process.communicate(b"\n")
    asked = json.loads(answer)
    found.seconds += asked["seconds"]
    for kind, more in asked["took_ms"].items():
        found.took_ms[kind] += more


def _cookies(url: str) -> list[str]:
    """A new administrator for each, and the cookie of a session of theirs."""
    store = Store(url)
    try:
        return [f"{COOKIE}={store.write_now(_signed_in, number)}" for number in range(PEOPLE)]
    finally:
        store.close()


def _signed_in(number: int) -> str:
    user = add_user(
        name=f"Person {number}", number=None, role="administrator", login=f"person-{number}",
        password=secrets.token_urlsafe(24),
    )  # fmt: skip
    begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(24), "127.0.0.1", "bench")
    limits, actor = (
        Limits(timedelta(hours=12), timedelta(hours=2)),
        Actor(ActorKind.COMMAND_LINE, "bench", "bench"),
    )
    sessions.begin(user.id, begun, limits, actor, datetime.now(UTC), whole=True)
    return begun.secret
