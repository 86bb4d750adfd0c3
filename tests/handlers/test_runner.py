"""A machine's runner: when it is told that it is time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from ari_recorder.handlers.context import Heard
from ari_recorder.handlers.runner import Runner
from ari_recorder.policies.machine import Input, Time, WakeAt


class Listener(Runner[Any]):
    """Notes what its machine is told."""

    def __init__(self, context: Any) -> None:
        super().__init__(context, None, structlog.get_logger(__name__))
        self.received: list[Input] = []

    def _receive(self, told: Input) -> None:
        self.received.append(told)

    def wake(self, later: timedelta = timedelta(0)) -> None:
        self._perform(WakeAt(self._context.now() + later))


@pytest.fixture
async def behind() -> AsyncIterator[tuple[Listener, Heard, list[int]]]:
    """One who is to be told the time, while two events wait; how many wait can be set."""
    heard, waiting = Heard(), [2]
    heard.waiting = lambda: waiting[0]
    runner = Listener(SimpleNamespace(now=lambda: datetime.now(UTC), heard=heard))
    runner.wake()
    await asyncio.sleep(0.05)  # it has been time by then
    yield runner, heard, waiting
    await runner.stop()


async def settled() -> None:
    """What is due at once has been done."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_time_is_told_behind_what_had_come_by_then_and_waits_for_nothing_that_came_later(
    behind: tuple[Listener, Heard, list[int]],
) -> None:
    runner, heard, waiting = behind
    waiting[0] = 50
    heard.told()
    await settled()
    assert runner.received == []
    heard.told()
    await settled()
    assert runner.received == [Time()]


async def test_who_stops_is_not_told_the_time(behind: tuple[Listener, Heard, list[int]]) -> None:
    runner, heard, _ = behind
    heard.told()
    heard.told()
    await runner.stop()
    await settled()
    assert runner.received == []


async def test_who_wants_another_time_is_told_that_alone(behind: tuple[Listener, Heard, list[int]]) -> None:
    runner, heard, waiting = behind
    runner.wake(later=timedelta(hours=1))
    waiting[0] = 0
    heard.told()
    heard.told()
    await settled()
    assert runner.received == []
    runner.wake()
    await asyncio.sleep(0.05)
    assert runner.received == [Time()]
