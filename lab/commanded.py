"""The demo's calls with commands: every mode, every command, by keys in both ways and by app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import soundfile as sf
from aiohttp import ClientWebSocketResponse

from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event
from lab.call import PhoneCall
from lab.cases import Case, Made, Stage, length_s
from lab.evidence import Expected
from lab.my_pages import Json, MyPages, signed_in
from lab.tones import sine

OTHER = "106"
STRETCH_S = 1.5
SETTLED_S = 0.3
"""What a phone played is through the PBX after this."""
SECRET_HZ = (2400, 2800)
"""What user and counterpart play only while recording is paused: nothing a codec makes of their tones."""
TOLERANCE_S = 0.25
CODES = Preferences().codes
TOLD_S = 15.0


class Way(StrEnum):
    """How a command is given."""

    FEATURE = "feature map"
    DIGITS = "plain digits"
    """Pressed too slowly for Asterisk's feature map, which lets them through; the recorder waits longer."""
    APP = "app"


BETWEEN_MS = {Way.FEATURE: 60, Way.DIGITS: 1400}


@dataclass
class Commanded:
    """A call in which its recorded user gives commands; ``state`` is the leg's as last told."""

    stage: Stage
    calling: PhoneCall
    called: PhoneCall
    pages: MyPages
    feed: ClientWebSocketResponse
    way: Way
    call: Json

    async def give(self, command: Event) -> datetime:
        """Give a command; when what it led to began. Raises `LabError` if nothing came of it."""
        before = self.call
        await self._press(command)
        await self._told(lambda told: told["type"] == "call" and told["call"]["since"] != before["since"])
        return datetime.fromisoformat(self.call["since"])

    async def is_refused(self, command: Event) -> bool:
        """Give a command that changes nothing; whether it is said so."""
        await self._press(command)
        return bool(await self._told(lambda told: told["type"] == "refused"))

    async def say_secrets(self) -> None:
        """Both play what must not be recorded, then their own tones again."""
        for call, hz in zip((self.calling, self.called), SECRET_HZ, strict=True):
            path = self.stage.lab.folder / f"secret-{hz}.wav"
            sf.write(path, sine(hz, 10, 8000), 8000)
            await call.play(path)
        await asyncio.sleep(STRETCH_S)
        for call in (self.calling, self.called):
            await call.play("tone")
        await asyncio.sleep(SETTLED_S)

    async def _press(self, command: Event) -> None:
        if self.way is Way.APP:
            await self.pages.command(self.call["id"], command)
        else:
            await self.calling.dtmf(CODES[command], between_ms=BETWEEN_MS[self.way])

    async def _told(self, true: Callable[[Json], bool]) -> Json:
        async with asyncio.timeout(TOLD_S):
            while not true(told := await self.feed.receive_json()):
                pass
        self.call = told.get("call", self.call)
        found: Json = told
        return found


@asynccontextmanager
async def conversation(stage: Stage, user: str, way: Way) -> AsyncIterator[Commanded]:
    """A call of a recorded user to one who is not, in which both play their tones; hung up at the end."""
    calling = await stage.lab.phones[user].call(OTHER, play="tone")
    called = await stage.lab.phones[OTHER].incoming()
    async with signed_in(stage.url, user, f"demo-{user}") as pages, pages.live() as feed:
        await called.answer(play="tone")
        await calling.answered()
        commanded = Commanded(stage, calling, called, pages, feed, way, {})
        await commanded._told(lambda told: told.get("call", {}).get("answered_at") is not None)
        await asyncio.sleep(STRETCH_S)
        yield commanded
        await calling.hangup()
        await calling.ended()
        await called.ended()


def paused(user: str, way: Way, *first: Event) -> Callable[[Stage], Awaitable[Made]]:
    """Pause and resume, after the ``first`` commands; the pause's secrets must be nowhere."""

    async def make(stage: Stage) -> Made:
        async with conversation(stage, user, way) as talk:
            for command in first:
                await talk.give(command)
            since = await talk.give(Event.PAUSE)
            await talk.say_secrets()
            until = await talk.give(Event.RESUME)
            await asyncio.sleep(STRETCH_S)
        length = length_s(talk.calling) - (until - since).total_seconds()
        return Made([_expected(user, length, SECRET_HZ)])

    return make


def kept(user: str, way: Way) -> Callable[[Stage], Awaitable[Made]]:
    """Start is given late, and the whole call is kept."""

    async def make(stage: Stage) -> Made:
        async with conversation(stage, user, way) as talk:
            await talk.give(Event.START)
        return Made([_expected(user, length_s(talk.calling))])

    return make


def started_twice(user: str, way: Way) -> Callable[[Stage], Awaitable[Made]]:
    """Start and stop, twice: two recordings."""

    async def make(stage: Stage) -> Made:
        lengths = []
        async with conversation(stage, user, way) as talk:
            for _ in range(2):
                since = await talk.give(Event.START)
                await asyncio.sleep(STRETCH_S)
                lengths.append((await talk.give(Event.STOP) - since).total_seconds())
        return Made([_expected(user, length) for length in lengths])

    return make


def refused(user: str, way: Way, *commands: Event) -> Callable[[Stage], Awaitable[Made]]:
    """Commands that the mode has not: each is refused, and the whole call is recorded."""

    async def make(stage: Stage) -> Made:
        async with conversation(stage, user, way) as talk:
            faults = [
                f"{command} was not refused" for command in commands if not await talk.is_refused(command)
            ]
        return Made([_expected(user, length_s(talk.calling))], faults)

    return make


def _expected(user: str, length: float, absent_hz: tuple[int, ...] = ()) -> Expected:
    return Expected(user, OTHER, length, "outbound", absent_hz=absent_hz, tolerance_s=TOLERANCE_S)


def _cases(way: Way) -> tuple[Case, ...]:
    every = tuple(CODES)
    return (
        Case(f"101 gives every command by {way}", "always", refused("101", way, *every)),
        Case(f"102 pauses and resumes by {way}", "always_pause_resume", paused("102", way)),
        Case(f"103 starts by {way}", "on_demand", kept("103", way)),
        Case(f"103 starts, pauses and resumes by {way}", "on_demand", paused("103", way, Event.START)),
        Case(f"104 starts and stops twice by {way}", "on_demand_user_start", started_twice("104", way)),
    )


COMMANDED = tuple(case for way in Way for case in _cases(way))
