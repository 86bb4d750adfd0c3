"""What Asterisk itself says of a call, to an application of the tests' own, whatever the recorder says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from lab import Lab
from lab.ari import Ari, Json
from lab.errors import LabError

CODES = {"*48": "pause", "*49": "resume"}


@dataclass
class Seen:
    """What the PBX says of a channel."""

    up_at: datetime | None = None
    gone_at: datetime | None = None
    commands: list[tuple[str, datetime]] = field(default_factory=list)
    digits: str = ""
    claimed: bool = False
    """Whose leg it is is known."""


class Witness:
    """What Asterisk says of channels: when they were answered and ended, and when it had a command."""

    def __init__(self) -> None:
        self.channels: dict[str, Seen] = {}
        self.connected = asyncio.Event()
        """It is told what happens."""
        self.bare_s: list[float] = []
        """How long after each answer a request was done that was made as soon as it was heard of."""

    def answered(self, number: str) -> list[Seen]:
        """The channels of a phone that are up, and that nobody has claimed."""
        its = [seen for name, seen in self.channels.items() if name.startswith(f"PJSIP/{number}-")]
        return [seen for seen in its if seen.up_at and not seen.gone_at and not seen.claimed]

    def take(self, event: Json) -> bool:
        """Note an event; whether it is an answer."""
        channel = event.get("channel")
        if channel is None:
            return False
        seen, at = (
            self.channels.setdefault(channel["name"], Seen()),
            datetime.fromisoformat(event["timestamp"]),
        )
        match event["type"]:
            case "ChannelStateChange" if channel["state"] == "Up":
                seen.up_at = seen.up_at or at
                return True
            case "ChannelDestroyed":
                seen.gone_at = at
            case "ChannelUserevent" if event["eventname"] == "RecorderCommand":
                seen.commands.append((event["userevent"]["command"], at))
            case "ChannelDtmfReceived":
                seen.digits += event["digit"]
                command = CODES.get(seen.digits[-3:])
                if command is not None:
                    seen.commands.append((command, at))
        return False


def _since_s(event: Json) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])).total_seconds()


@contextlib.asynccontextmanager
async def witness(lab: Lab, *numbers: str) -> AsyncIterator[Witness]:
    """Watch these phones' channels on the PBX, also when it is back after it was killed."""
    found = Witness()
    sources = tuple(f"endpoint:PJSIP/{number}" for number in numbers)

    async def read(ari: Ari) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, LabError):
                async for event in ari.events("witness", sources):
                    found.connected.set()
                    if found.take(event):
                        await ari.get("/asterisk/ping")
                        found.bare_s.append(_since_s(event))
            found.connected.clear()
            await asyncio.sleep(0.05)  # polling: it may be back

    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        reading = asyncio.create_task(read(ari))
        try:
            async with asyncio.timeout(10):
                await found.connected.wait()
            yield found
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
