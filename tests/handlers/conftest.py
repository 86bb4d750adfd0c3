"""A leg with its store, on an Asterisk that answers as a test says: what a real one does too seldom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ari_recorder.handlers.leg import LegHandler

from ari_recorder.ari import Channel, Playback
from ari_recorder.errors import AriNotFound, AriRefused, AriUnreachable
from ari_recorder.handlers import leg as leg_module
from ari_recorder.handlers.context import Context
from ari_recorder.live import Changed, Live
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.table import Leg, Mode, State
from ari_recorder.store import calls, models, people
from ari_recorder.store.database import Store
from ari_recorder.store.rows import Counterpart, LegRow

CHANNEL = "1795.1"
PROMPT_S = 0.05


def now() -> datetime:
    return datetime.now(UTC)


def channel(channel_id: str = CHANNEL, state: str = "Up") -> Channel:
    nobody = {"name": "", "number": ""}
    dialplan = {"context": "x", "exten": "1", "priority": 1, "app_name": "AppDial", "app_data": ""}
    fields = {
        "id": channel_id, "name": "PJSIP/101-1", "state": state, "caller": nobody, "connected": nobody,
        "dialplan": dialplan, "creationtime": now().isoformat(),
    }  # fmt: skip
    return msgspec.convert(fields, Channel)


@dataclass
class Asterisk:
    """As much of it as a leg asks for. ``next`` has what an operation fails with the next times.

    ``"lost"`` is done and the answer lost, ``"refused"`` is not done; None is done.
    """

    spool: Path
    app: str = "app"
    leg: LegHandler | None = None
    next: dict[str, list[str | None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    channels: set[str] = field(default_factory=lambda: {CHANNEL})
    live: set[str] = field(default_factory=set)
    at_record: Callable[[], Awaitable[None]] | None = None

    @property
    def followed(self) -> LegHandler:
        assert self.leg is not None
        return self.leg

    def _ask(self, operation: str, target: str) -> bool:
        """Whether the answer gets lost."""
        self.asked.append((operation, target))
        failures = self.next.get(operation, [])
        failure = failures.pop(0) if failures else None
        if failure == "refused":
            raise AriRefused(operation, target, 500, "as the test says")
        return failure == "lost"

    async def channel(self, channel_id: str) -> Channel:
        if channel_id not in self.channels:
            raise AriNotFound("channel", channel_id, 404, "gone")
        return channel(channel_id)

    async def channel_variable(self, channel_id: str, variable: str) -> str:
        return {"CHANNEL(linkedid)": "1795.0", "BRIDGEPEER": "PJSIP/106-2"}.get(variable, "(ulaw)")

    async def snoop(self, target: str, *, snoop_id: str, **_: Any) -> None:
        self._ask("snoop", snoop_id)
        self.channels.add(snoop_id)
        self.followed.snoops.entered(snoop_id)
        self.followed.telling.announcer.entered(snoop_id)

    async def record(self, target: str, *, name: str, format: str) -> None:
        if self.at_record:
            await self.at_record()
        lost = self._ask("record", name)
        self.live.add(name)
        (self.spool / f"{name}.{format}").write_bytes(bytes(4000))
        self.followed.takes.started(name, now())
        if lost:
            raise AriUnreachable("record", name, 0, "timed out")

    async def stop_recording(self, name: str) -> None:
        self._ask("stop", name)
        if name not in self.live:
            raise AriNotFound("stop", name, 404, "over")
        self.live.discard(name)
        self.followed.takes.ended(name, now())

    async def live_recording(self, name: str) -> None:
        if name not in self.live:
            raise AriNotFound("live", name, 404, "over")

    async def play(self, target: str, *, playback_id: str, media: list[str]) -> None:
        self._ask("play", playback_id)
        playback = Playback(id=playback_id, media_uri="", target_uri="", state="done")
        announcer = self.followed.telling.announcer
        announcer.started(playback, now())
        asyncio.get_running_loop().call_later(PROMPT_S, lambda: announcer.finished(playback, now()))

    async def hangup(self, target: str, cause: int = 16) -> None:
        self._ask("hangup", target)
        self.channels.discard(target)


@dataclass
class World:
    """One leg of user 101, its Asterisk, and what followers of the live feed are told."""

    context: Context
    asterisk: Asterisk
    leg: LegHandler
    told: list[State] = field(default_factory=list)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)

    async def answered(self) -> None:
        self.leg.arm()
        await self.until(lambda: self.leg.snoops.armed)
        self.leg.answered(now())

    def announced(self) -> list[tuple[str, str, str]]:
        def rows() -> list[tuple[str, str, str]]:
            found = models.Announcement.select().order_by(models.Announcement.planned_at)
            return [(row.kind, row.heard_by, row.outcome) for row in found]

        return self.context.store.read_now(rows)

    async def again(self) -> None:
        """The recorder is started again."""
        await self.leg.stop()
        (row,) = self.context.store.read_now(calls.open_legs, "main")
        self.leg = self.asterisk.leg = follow(self.context, row)
        self.leg.reconcile(channel())


def follow(context: Context, row: LegRow) -> LegHandler:
    leg = LegHandler(context, row, context.live.remove)
    context.live.add(leg)
    return leg


Begin = Callable[..., World]


@pytest.fixture
async def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """A ringing leg in a mode, with preferences."""
    monkeypatch.setattr(leg_module, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(leg_module, "LOSS_CHECKED_AFTER_S", (0.05,))
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    worlds: list[World] = []
    following: list[asyncio.Task[None]] = []

    def start(mode: Mode, **preferences: object) -> World:
        user = store.write_now(people.add_user, name="Anna", number="101", mode=mode)
        asterisk = Asterisk(tmp_path / "spool")
        asterisk.spool.mkdir()
        context = Context(
            "main",
            asterisk,
            store,
            asterisk.spool,
            3600,
            now,
            lambda: None,
            Live(),  # type: ignore[arg-type]
        )
        row = LegRow(
            id=models.new_id(), user=user.id, organisation=user.organisation, pbx="main", channel=CHANNEL,
            channel_name="PJSIP/101-1", direction="inbound", counterpart=Counterpart("0701234567", "Eva"),
            created_at=now(), policy=Leg(mode, State.RINGING, now()), internal_numbers=r"\d{3}",
            preferences=combine(preferences),
        )  # fmt: skip
        world = World(context, asterisk, follow(context, row))
        asterisk.leg = world.leg
        following.append(asyncio.create_task(_listen(world)))
        worlds.append(world)
        return world

    yield start
    for world in worlds:
        await world.leg.stop()
    for task in following:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    store.close()


async def _listen(world: World) -> None:
    with world.context.live.follow() as follower:
        async for change in follower:
            if isinstance(change, Changed):
                world.told.append(change.leg.policy.state)
