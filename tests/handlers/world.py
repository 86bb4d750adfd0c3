"""A leg's runner with real books, on an Asterisk that does what a real one does too seldom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from ari_recorder.ari import Ari, Channel
from ari_recorder.ari.resources import LiveRecording
from ari_recorder.errors import AriNotFound, AriRefused, AriUnreachable
from ari_recorder.handlers.books import Books
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import Directory
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.looking import Survey
from ari_recorder.handlers.prompts import Prompts
from ari_recorder.handlers.spool import Spool
from ari_recorder.live import Changed, Live, Refused
from ari_recorder.policies.leg import Leg, begin, inputs
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.table import Mode, State
from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from lab.directory import add_user

CHANNEL = "1795000000.1"
PROMPT_S = 0.05
BYTES = 4000


@dataclass
class Clock:
    """The time, as far as it is not set ``ahead`` or back."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Asterisk:
    """As much of it as a leg asks for. ``next`` has what an operation comes to the next times.

    ``"lost"`` is done, and the answer lost; ``"silent"`` is done, and neither answer nor word of it comes;
    ``"refused"`` is not done; ``"unheard"`` is not done, and not answered either. None is done.
    """

    spool: Path
    tell: Callable[[Input], None] = lambda _: None
    app: str = "app"
    peer: str = "PJSIP/106-2"
    next: dict[str, list[str | None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    channels: dict[str, str] = field(default_factory=lambda: {CHANNEL: "Ring"})
    variables: dict[str, str] = field(default_factory=dict)
    """The global ones."""
    live: set[str] = field(default_factory=set)
    at_record: Callable[[], Awaitable[None]] | None = None

    async def info(self) -> Any:
        raise AriNotFound("info", "Asterisk", 404, "it does not tell")

    async def channel(self, channel_id: str) -> Channel:
        self._ask("channel", channel_id)
        if channel_id not in self.channels:
            raise AriNotFound("channel", channel_id, 404, "gone")
        nobody = {"name": "", "number": ""}
        dialplan = {"context": "x", "exten": "1", "priority": 1, "app_name": "AppDial", "app_data": ""}
        fields = {
            "id": channel_id, "name": "PJSIP/101-1", "state": self.channels[channel_id], "caller": nobody,
            "connected": nobody, "dialplan": dialplan, "creationtime": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        return msgspec.convert(fields, Channel)

    async def variable(self, variable: str) -> str:
        self._ask("variable", variable)
        if variable not in self.variables:
            raise AriNotFound("variable", variable, 404, "there is none")
        return self.variables[variable]

    async def unset_variable(self, variable: str) -> None:
        self.variables.pop(variable, None)

    async def channel_variable(self, channel_id: str, variable: str) -> str:
        self._ask("variable", variable)
        return {"CHANNEL(linkedid)": "1795000000.0", "BRIDGEPEER": self.peer}.get(variable, "(ulaw)")

    async def snoop(self, target: str, *, snoop_id: str, **_: Any) -> None:
        with self._answering("snoop", snoop_id) as heard:
            self.channels[snoop_id] = "Up"
            heard(inputs.SnoopEntered(snoop_id, wide=True))

    async def record(self, target: str, *, name: str, format: str) -> None:
        if self.at_record:
            await self.at_record()
        with self._answering("record", name) as heard:
            self.live.add(name)
            (self.spool / f"{name}.{format}").write_bytes(bytes(BYTES))
            heard(inputs.FileBegan(name, datetime.now(UTC)))

    async def stop_recording(self, name: str) -> None:
        with self._answering("stop", name) as heard:
            if name not in self.live:
                raise AriNotFound("stop", name, 404, "over")
            self.live.discard(name)
            heard(inputs.FileClosed(name, datetime.now(UTC)))

    async def live_recording(self, name: str) -> LiveRecording:
        self._ask("live", name)
        if name not in self.live:
            raise AriNotFound("live", name, 404, "over")
        return LiveRecording(name=name, format="wav", state="recording", target_uri="channel:x")

    async def play(self, target: str, *, playback_id: str, media: list[str]) -> None:
        with self._answering("play", playback_id) as heard:
            heard(inputs.PlaybackBegan(playback_id, datetime.now(UTC)))
            asyncio.get_running_loop().call_later(PROMPT_S, self._played, playback_id)

    def _played(self, playback: str) -> None:
        self.tell(inputs.PlaybackEnded(playback, datetime.now(UTC), ok=True))

    async def hangup(self, target: str, cause: int = 16) -> None:
        with self._answering("hangup", target):
            self.channels.pop(target, None)

    def ends(self, *names: str) -> None:
        """Files end that nobody has asked to end."""
        for name in names:
            self.live.discard(name)
            self.tell(inputs.FileClosed(name, datetime.now(UTC)))

    def asked_for(self, *operations: str) -> list[str]:
        return [operation for operation, _ in self.asked if operation in operations]

    def _ask(self, operation: str, target: str) -> str | None:
        """What it comes to."""
        self.asked.append((operation, target))
        waiting = self.next.get(operation, [])
        comes_to = waiting.pop(0) if waiting else None
        if comes_to == "refused":
            raise AriRefused(operation, target, 500, "as the test says")
        if comes_to == "unheard":
            raise AriUnreachable(operation, target, 0, "timed out")
        return comes_to

    def _answering(self, operation: str, target: str) -> _Answering:
        return _Answering(self, operation, target, self._ask(operation, target))


class _Answering:
    """What is done inside is done; word of it and the answer come, or not."""

    def __init__(self, asterisk: Asterisk, operation: str, target: str, comes_to: str | None) -> None:
        self._asterisk, self._operation, self._target = asterisk, operation, target
        self._comes_to = comes_to

    def __enter__(self) -> Callable[[Input], object]:
        loop = asyncio.get_running_loop()
        if self._comes_to == "silent":
            return lambda told: None
        return lambda told: loop.call_soon(self._asterisk.tell, told)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._comes_to in ("lost", "silent"):
            raise AriUnreachable(self._operation, self._target, 0, "timed out")


@dataclass
class World:
    """One leg of user 101, its Asterisk, and what followers of the live feed are told."""

    context: Context
    asterisk: Asterisk
    leg: LegRunner
    journal: Path
    books: asyncio.Task[None]
    clock: Clock
    told: list[State] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ended: bool = False

    async def until(self, condition: Callable[[], object], within_s: float = 10.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def armed(self) -> None:
        """Both snoops are there, before the answer."""
        self.leg.tell(inputs.Begun("1795000000.0"))
        await self.until(lambda: len(self.leg.leg.entered) == 2)

    async def answered(self) -> None:
        await self.armed()
        self.asterisk.channels[CHANNEL] = "Up"
        self.leg.tell(inputs.Answered(self.clock(), "(ulaw)"))

    async def recording(self) -> None:
        await self.answered()
        await self.until(lambda: State.RECORDING in self.told)

    def hangs_up(self) -> None:
        """Asterisk ends the files by itself."""
        self.asterisk.channels.clear()
        self.asterisk.ends(*list(self.asterisk.live))
        self.leg.tell(inputs.HungUp(self.clock()))

    @property
    def over(self) -> bool:
        """The leg has come to its end, and the catalogue knows all of it."""
        return self.ended and not self.context.books.has(self.leg.leg.id)

    def rows(self, model: Any) -> list[Any]:
        return self.context.store.read_now(lambda: list(model.select().order_by(model.id)))

    def announced(self) -> list[tuple[str, str, str]]:
        query = models.Announcement.select().order_by(models.Announcement.planned_at)
        found = self.context.store.read_now(lambda: list(query))
        return [(row.kind, row.heard_by, row.outcome) for row in found]

    async def again(self) -> None:
        """The recorder is started again."""
        await self.leg.stop()
        await _end(self.books)
        self._start()
        (leg,) = await self.context.books.recover(self.context.pbx)
        await self.follow(leg)

    def _start(self) -> None:
        live = Live()
        self.context = _context(self.context.store, self.asterisk, self.journal, self.clock, live)
        self.books = asyncio.create_task(self.context.books.run())

    async def follow(self, leg: Leg) -> None:
        """As a session does with a leg that it has found."""
        live = self.context.live
        self.leg = LegRunner(self.context, leg, self._over)
        self.asterisk.tell = self.leg.tell
        live.add(self.leg)
        self._listening = asyncio.create_task(self._listen(live))
        await asyncio.sleep(0)
        self.leg.tell(inputs.Begun(leg.linkedid, found=True))
        there = {name: await self.asterisk.channel(name) for name in self.asterisk.channels}
        self.leg.compare(Survey(self.clock(), there, away=True, revived=True))

    def _over(self, leg: LegRunner) -> None:
        self.ended = True
        self.context.live.remove(leg)

    async def _listen(self, live: Live) -> None:
        with live.follow() as follower:
            async for change in follower:
                if isinstance(change, Changed):
                    self.told.append(change.leg.policy.state)
                elif isinstance(change, Refused):
                    self.refused.append(str(change.reason))


def _context(store: Store, asterisk: Asterisk, journal: Path, clock: Clock, live: Live) -> Context:
    ari, spool = cast("Ari", asterisk), Spool(asterisk.spool)
    return Context(
        pbx="main",
        ari=ari,
        store=store,
        books=Books(store, Journal(journal), clock, lambda: None),
        spool=spool,
        prompts=Prompts(store, spool, clock),
        directory=Directory("main", ari, store, clock),
        segment_max_s=3600.0,
        now=clock,
        live=live,
    )


@asynccontextmanager
async def ringing(store: Store, folder: Path, mode: Mode, **preferences: object) -> AsyncIterator[World]:
    """A ringing leg in a mode, with preferences."""
    user = store.write_now(add_user, name="Anna", number="101", mode=mode)
    asterisk, clock = Asterisk(folder / "spool"), Clock()
    asterisk.spool.mkdir()
    context = _context(store, asterisk, folder / "journal", clock, Live())
    leg = begin(
        app="app", pbx="main", channel=CHANNEL, channel_name="PJSIP/101-1", created_at=clock(), user=user.id,
        organisation=user.organisation, user_number="101", user_name="Anna", mode=mode,
        preferences=combine(preferences), direction="inbound", counterpart=Counterpart("0701234567", "Eva"),
        segment_max_s=3600.0,
    )  # fmt: skip
    books = asyncio.create_task(context.books.run())
    world = World(
        context, asterisk, LegRunner(context, leg, lambda _: None), folder / "journal", books, clock
    )
    world.leg = LegRunner(context, leg, world._over)
    asterisk.tell = world.leg.tell
    context.live.add(world.leg)
    world._listening = asyncio.create_task(world._listen(context.live))
    await asyncio.sleep(0)
    yield world
    await world.leg.stop()
    await _end(world._listening)
    await _end(world.books)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
