"""From a command to the moment the audio stops: a pause by keys, and a pause by app.

By keys: from Asterisk's time of the last digit to Asterisk's time of the closed file, both of its own clock.
By app: from sending the request to the same; the clock is this machine's. The peer is what any program could
do at best: a bare ARI request to stop a recording, from sending it to the closed file.

Then the same while another program has locked the catalogue: the journal takes what is to be written.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import ClientWebSocketResponse

from ari_recorder.policies.table import Mode
from ari_recorder.store import models
from ari_recorder.store.database import Store
from bench.load import bench_lab, hang_up, recorder_on
from bench.results import Result, Row, percentile
from lab.ari import Ari, Json
from lab.call import PhoneCall
from lab.directory import change_user
from lab.lab import Lab
from lab.my_pages import MyPages, signed_in

MS = timedelta(milliseconds=1)
COMMANDS = 200
BETWEEN_S = 0.1
USER, PASSWORD, OTHER = "106", "demo-106", "105"
"""A user whose phone has no feature map: the digits come as digits."""


async def run() -> Result:
    """Measure."""
    async with bench_lab() as lab, recorder_on(lab) as (recorder, evidence):
        await lab.phones[USER].manual_answer()
        await lab.phones[OTHER].auto_answer()
        await evidence.store.write(_let_pause)
        await asyncio.sleep(1)  # within a second a running recorder knows
        async with signed_in(recorder.url, USER, PASSWORD) as pages:
            found = {
                "dtmf": await _latency(evidence.store, await _pauses(lab, pages, by_app=False)),
                "api": await _latency(evidence.store, await _pauses(lab, pages, by_app=True)),
            }
            with _locked(recorder.store_url):
                locked_dtmf = await _pauses(lab, pages, by_app=False)
                locked_api = await _pauses(lab, pages, by_app=True)
            found["locked_dtmf"] = await _latency(evidence.store, locked_dtmf)
            found["locked_api"] = await _latency(evidence.store, locked_api)
        found["bare_ari"] = await _bare(lab)
    values: Row = {"commands": sum(len(ms) for name, ms in found.items() if name != "bare_ari")}
    for name, ms in found.items():
        values[f"{name}_median_ms"] = round(percentile(ms, 50), 1)
        values[f"{name}_p99_ms"] = round(percentile(ms, 99), 1)
    return Result("From a pause command to the closed file", values)


def _let_pause() -> None:
    change_user(USER, mode=Mode.ALWAYS_PAUSE_RESUME)


@contextmanager
def _locked(url: str) -> Iterator[None]:
    """Another program writes to the SQLite catalogue all the while."""
    other = sqlite3.connect(url.partition(":///")[2], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def _pauses(lab: Lab, pages: MyPages, *, by_app: bool) -> tuple[UUID, list[datetime]]:
    """One call with many pauses: its leg, and when each was asked for."""
    call = await lab.phones[USER].call(OTHER, play="tone")
    await call.answered()
    leg = (await _calls(pages, 1))[0]["id"]
    asked_at = []
    async with pages.live() as feed:
        await feed.receive_json()
        for _ in range(COMMANDS):
            asked_at.append(await _pause(pages, call, leg, feed, by_app=by_app))
            await asyncio.sleep(BETWEEN_S)
            await pages.command(leg, "resume")
            await _until(feed, "recording")
            await asyncio.sleep(BETWEEN_S)
    await hang_up([call])
    await _calls(pages, 0)
    return UUID(leg), asked_at


async def _latency(store: Store, call: tuple[UUID, list[datetime]]) -> list[float]:
    """From each of these to the closed file (ms), once the catalogue has them all."""
    leg, asked_at = call
    while len(closed_at := await store.read(_closed_at, leg)) < len(asked_at):  # noqa: ASYNC110
        await asyncio.sleep(BETWEEN_S)
    return [(closed - asked) / MS for asked, closed in zip(asked_at, closed_at, strict=False)]


async def _calls(pages: MyPages, count: int) -> list[Json]:
    """The calls that go on, once they are so many."""
    while len(calls := await pages.calls()) != count:  # noqa: ASYNC110 - in another process
        await asyncio.sleep(BETWEEN_S)
    return calls


async def _pause(
    pages: MyPages, call: PhoneCall, leg: str, feed: ClientWebSocketResponse, *, by_app: bool
) -> datetime:
    """Pause; when it was asked for."""
    if by_app:
        asked_at = datetime.now(UTC)
        await pages.command(leg, "pause")
        await _until(feed, "paused")
        return asked_at
    await call.dtmf("*48")
    return datetime.fromisoformat((await _until(feed, "paused"))["since"])


async def _until(feed: ClientWebSocketResponse, state: str) -> Json:
    async with asyncio.timeout(10):
        while (told := await feed.receive_json())["call"]["state"] != state:
            pass
        call: Json = told["call"]
        return call


def _closed_at(leg: UUID) -> list[datetime]:
    rows = (
        models.Segment.select()
        .join(models.Recording)
        .where((models.Recording.leg == leg) & models.Segment.file_ended_at.is_null(False))
        .order_by(models.Segment.ordinal)
    )
    return [row.file_ended_at for row in rows]


async def _bare(lab: Lab) -> list[float]:
    """The peer: a program that only stops, on a snoop of a call that nobody else records (ms each)."""
    app = "bench"
    call = await lab.phones["105"].call("106", play="tone")
    called = await lab.phones["106"].incoming()
    await called.answer(play="tone")
    await call.answered()
    found: list[float] = []
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        events = ari.events(app)
        await anext(events)
        channel = next(one for one in await ari.get("/channels") if one["name"].startswith("PJSIP/105"))
        await ari.post(f"/channels/{channel['id']}/snoop", spy="in", app=app, snoopId="bench")
        await _event(events, "StasisStart")
        for index in range(COMMANDS):
            name = f"bench-{index}"
            await ari.post("/channels/bench/record", name=name, format="wav")
            await asyncio.sleep(BETWEEN_S)
            asked_at = datetime.now(UTC)
            await ari.post(f"/recordings/live/{name}/stop")
            finished = await _event(events, "RecordingFinished")
            found.append((datetime.fromisoformat(finished["timestamp"]) - asked_at) / MS)
    await hang_up([call])
    return found


async def _event(events: AsyncIterator[Json], kind: str) -> Json:
    async with asyncio.timeout(10):
        while (event := await anext(events))["type"] != kind:
            pass
        return event
