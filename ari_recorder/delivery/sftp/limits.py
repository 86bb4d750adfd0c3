"""What the service has only so much of: sessions, and bytes a second."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Sessions:
    """``most`` at once, ``most_each`` of one organisation."""

    most: int
    most_each: int
    _of: Counter[UUID] = field(default_factory=Counter)

    def take(self, organisation: UUID) -> str:
        """Take a place; or why there is none."""
        if self._of[organisation] >= self.most_each:
            return f"there are {self.most_each} sessions of this account already"
        if self._of.total() >= self.most:
            return "the service has as many sessions as it may; try again later"
        self._of[organisation] += 1
        return ""

    def give_back(self, organisation: UUID) -> None:
        """It has ended."""
        self._of[organisation] -= 1
        if not self._of[organisation]:
            del self._of[organisation]

    @property
    def count(self) -> int:
        """How many there are."""
        return self._of.total()


class Pace:
    """So many bytes a second for all together, one after the other, so that everybody gets a turn."""

    def __init__(self, bytes_per_s: int, clock: Callable[[], float] | None = None) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock or asyncio.get_running_loop().time
        self._free_at = 0.0
        self._turn = asyncio.Lock()

    async def take(self, size_bytes: int) -> None:
        """Return when so many bytes may be sent; a second's worth may have been saved up."""
        async with self._turn:
            now = self._clock()
            self._free_at = max(self._free_at, now - 1.0) + size_bytes / self._bytes_per_s
            if (wait_s := self._free_at - now) > 0:
                await asyncio.sleep(wait_s)
