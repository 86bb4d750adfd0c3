"""Work that many ask for at once is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What ``work`` gives or raises, for everybody who asks while it runs, and until it is ``fresh_s`` old.

    It is never run twice at a time: one that hangs is waited for, and no further threads are put behind it.
    """

    def __init__(self, work: Callable[[], Awaitable[T]], fresh_s: float) -> None:
        self._work = work
        self._fresh_s = fresh_s
        self._begun_s = 0.0
        self._running: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Wait for it; who gives up waiting does not end it for the others."""
        now_s = asyncio.get_running_loop().time()
        if self._running is None or (self._running.done() and now_s - self._begun_s >= self._fresh_s):
            self._begun_s, self._running = now_s, asyncio.ensure_future(self._work())
        return await asyncio.shield(self._running)
