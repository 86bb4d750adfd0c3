"""What every handler of one Asterisk works with."""

from __future__ import annotations

import asyncio
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
        self.told = 0
        self.waiting: Callable[[], int] = lambda: 0

    @property
    def come(self) -> int:
        """How many have come so far; when as many have been told, nothing of before waits any more."""
        return self.told + self.waiting()

    @property
    def behind(self) -> bool:
        """Whether more wait than there are in a moment's work."""
        return self.waiting() > BEHIND


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
