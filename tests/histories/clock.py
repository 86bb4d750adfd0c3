"""Simulated time: what is to happen, in the order of its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """The time, and what waits for its own; at the same time, what was asked first happens first."""

    def __init__(self) -> None:
        self.now = BEGIN
        self._waiting: list[tuple[datetime, int, Callable[..., None], tuple[Any, ...]]] = []
        self._asked = 0

    def after(self, seconds: float, do: Callable[..., None], *arguments: Any) -> None:
        """Do something so many seconds from now."""
        self.at(self.now + timedelta(seconds=seconds), do, *arguments)

    def at(self, when: datetime, do: Callable[..., None], *arguments: Any) -> None:
        """Do something at that time, or now if it is past."""
        self._asked += 1
        heappush(self._waiting, (max(when, self.now), self._asked, do, arguments))

    def run(self, until: datetime) -> None:
        """Let everything happen that is due until then."""
        while self._waiting and self._waiting[0][0] <= until:
            self.now, _, do, arguments = heappop(self._waiting)
            do(*arguments)
        self.now = until
