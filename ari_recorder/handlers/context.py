"""What every handler of one Asterisk works with."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ari_recorder.ari import Ari
from ari_recorder.handlers.books import Books
from ari_recorder.handlers.directory import Directory
from ari_recorder.handlers.prompts import Prompts
from ari_recorder.handlers.spool import Spool
from ari_recorder.handlers.traces import Traces
from ari_recorder.live import Live
from ari_recorder.store.database import Store

BEHIND = 10
"""Events that may wait for a moment."""


class Heard:
    """How many events of one Asterisk have been told to whom they concern, and how many are ``waiting``."""

    def __init__(self) -> None:
        self.waiting: Callable[[], int] = lambda: 0
        self._told = 0
        self._until: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def behind(self) -> bool:
        """Whether more wait than there are in a moment's work."""
        return self.waiting() > BEHIND

    def told(self) -> None:
        """One more is being told."""
        self._told += 1
        while self._until and self._until[0][0] <= self._told:
            _, caught_up = self._until.popleft()
            if not caught_up.done():
                caught_up.set_result(None)

    def caught_up(self) -> asyncio.Future[None] | None:
        """Done when as many have been told as have come by now; None if nothing waits."""
        waiting = self.waiting()
        if not waiting:
            return None
        caught_up = asyncio.get_running_loop().create_future()
        self._until.append((self._told + waiting, caught_up))
        return caught_up


@dataclass(frozen=True)
class Context:
    """One Asterisk, the store, and the clock; ``live`` is told of every change."""

    pbx: str
    ari: Ari
    store: Store
    books: Books
    spool: Spool
    prompts: Prompts
    directory: Directory
    segment_max_s: float
    now: Callable[[], datetime]
    live: Live
    traces: Traces = field(default_factory=Traces)
    gone_after_s: float = 300.0
    heard: Heard = field(default_factory=Heard)
    background: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def app(self) -> str:
        """Name of the Stasis application, which everything made in Asterisk is named after."""
        return self.ari.app

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something that nobody waits for."""
        task = asyncio.create_task(work, name=name)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
