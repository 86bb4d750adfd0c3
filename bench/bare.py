"""The peer of `answer_gap`: the least that records one endpoint's calls by ARI.

At `ChannelCreated` it asks for the two snoops, at Up it records both; it decides nothing and keeps nothing. A
process of its own, as the recorder is: ``python -m bench.bare URL USER PASSWORD ENDPOINT``. It prints
``ready``, then for each call the ms from Asterisk's time of the answer to that of the later file's beginning.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from lab.lab import Lab

APP = "bare"
EVENTS = ("ChannelCreated", "ChannelStateChange", "StasisStart", "RecordingStarted")
READY_S = 10.0


class Bare:
    """One endpoint's calls. A snoop's id, and its recording's name, is its direction and the channel's id."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self._session = session
        self._channels = f"{endpoint}-"
        self._up: dict[str, datetime] = {}
        self._entered: set[str] = set()
        self._began: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, event: dict[str, Any]) -> None:
        """Do what an event calls for."""
        channel = event.get("channel", {})
        match event["type"]:
            case "ChannelCreated" if channel["name"].startswith(self._channels):
                for spy in ("in", "out"):
                    snoop = f"{spy}-{channel['id']}"
                    self._post(f"channels/{channel['id']}/snoop", app=APP, spy=spy, snoopId=snoop)
            case "ChannelStateChange" if channel["state"] == "Up":
                self._up[channel["id"]] = datetime.fromisoformat(event["timestamp"])
                for snoop in (f"in-{channel['id']}", f"out-{channel['id']}"):
                    self._record(snoop)
            case "StasisStart":
                self._entered.add(channel["id"])
                self._record(channel["id"])
            case "RecordingStarted":
                self._note(event["recording"]["name"], datetime.fromisoformat(event["timestamp"]))

    def _record(self, snoop: str) -> None:
        """Record a snoop as soon as it has entered the application and its channel is up."""
        if snoop in self._entered and snoop.partition("-")[2] in self._up:
            self._post(f"channels/{snoop}/record", name=snoop, format="wav")

    def _note(self, snoop: str, at: datetime) -> None:
        self._began[snoop] = at
        channel = snoop.partition("-")[2]
        both = [self._began[name] for name in (f"in-{channel}", f"out-{channel}") if name in self._began]
        if len(both) == 2:
            print((max(both) - self._up[channel]) / timedelta(milliseconds=1), flush=True)

    def _post(self, path: str, **query: str) -> None:
        task = asyncio.create_task(self._send(path, query))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, path: str, query: dict[str, str]) -> None:
        async with self._session.post(path, params=query) as answer:
            answer.raise_for_status()


async def run(url: str, user: str, password: str, endpoint: str) -> None:
    """Record until the socket closes."""
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    application = f"applications/{APP}"
    async with (
        aiohttp.ClientSession(f"{url}/ari/", headers=headers) as session,
        session.ws_connect("events", params={"app": APP}) as socket,
    ):
        allowed = {"allowed": [{"type": name} for name in EVENTS]}
        await session.put(f"{application}/eventFilter", json=allowed, raise_for_status=True)
        source = {"eventSource": f"endpoint:{endpoint}"}
        await session.post(f"{application}/subscription", params=source, raise_for_status=True)
        print("ready", flush=True)
        bare = Bare(session, endpoint)
        async for message in socket:
            bare.take(message.json())


@asynccontextmanager
async def bare_on(lab: Lab, endpoint: str) -> AsyncIterator[list[float]]:
    """The peer at work on the lab's PBX; yields the list that its gaps (ms) are put into."""
    command = (sys.executable, "-m", "bench.bare", lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password)
    process = await asyncio.create_subprocess_exec(*command, endpoint, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), READY_S) == b"ready\n"
    gaps_ms: list[float] = []
    reading = asyncio.create_task(_read(process.stdout, gaps_ms))
    try:
        yield gaps_ms
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read(lines: asyncio.StreamReader, gaps_ms: list[float]) -> None:
    async for line in lines:
        gaps_ms.append(float(line))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
