"""A machine's runner: when it is told that it is time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import structlog

from ari_recorder.handlers.context import Heard
from ari_recorder.handlers.runner import BEHIND_S, Runner
from ari_recorder.policies.machine import Input, Time, WakeAt


class Listener(Runner[None]):
    """Notes what its machine is told."""

    def __init__(self, context: Any) -> None:
        super().__init__(context, None, structlog.get_logger(__name__))
        self.received: list[Input] = []

    def _receive(self, told: Input) -> None:
        self.received.append(told)

    def wake(self) -> None:
        self._perform(WakeAt(self._context.now()))


async def test_time_is_told_behind_what_had_come_by_then_and_waits_for_nothing_that_came_later() -> None:
    heard, waiting = Heard(), [2]
    heard.waiting = lambda: waiting[0]
    runner = Listener(SimpleNamespace(now=lambda: datetime.now(UTC), heard=heard))
    runner.wake()
    await asyncio.sleep(5 * BEHIND_S)
    assert runner.received == []
    heard.told, waiting[0] = 1, 50
    await asyncio.sleep(5 * BEHIND_S)
    assert runner.received == []
    heard.told = 2
    async with asyncio.timeout(5):
        while not runner.received:
            await asyncio.sleep(BEHIND_S)
    assert runner.received == [Time()]
    await runner.stop()


async def test_who_stops_is_not_told_the_time() -> None:
    heard, waiting = Heard(), [1]
    heard.waiting = lambda: waiting[0]
    runner = Listener(SimpleNamespace(now=lambda: datetime.now(UTC), heard=heard))
    runner.wake()
    await asyncio.sleep(2 * BEHIND_S)
    await runner.stop()
    heard.told = 1
    await asyncio.sleep(3 * BEHIND_S)
    assert runner.received == []
