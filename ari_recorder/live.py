"""The calls that go on, as they are now, for whoever follows them: the bridge from handlers to pages.

Handlers put legs in and publish their changes; the web part takes snapshots, follows changes and gives
commands. Who may see what is for `store.scope` to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Event, Reason
from ari_recorder.store.rows import LegRow

WAITING_MAX = 1000
"""Changes that may wait for a follower; one that is slower is dropped, and has to ask for a snapshot."""


@dataclass(frozen=True)
class Answer:
    """What became of a command: ``reason`` says why it changed nothing, ``problem`` what went wrong."""

    leg: LegRow
    reason: Reason | None = None
    problem: str = ""


@dataclass(frozen=True)
class Changed:
    """A leg as it has become."""

    leg: LegRow


@dataclass(frozen=True)
class Refused:
    """A command that changed nothing."""

    leg: LegRow
    command: Event
    source: Source
    reason: Reason
    at: datetime


Change = Changed | Refused


@dataclass(frozen=True)
class Begun:
    """A leg that goes on, for who keeps a likeness of all."""

    leg: LegRow


@dataclass(frozen=True)
class Over:
    """A leg that does not go on any more, for who keeps a likeness of all."""

    leg: UUID


Told = Begun | Over | Change


class Followed(Protocol):
    """A leg in progress, as its handler offers it."""

    row: LegRow

    def command(self, command: Event) -> asyncio.Future[Answer]:
        """Give a command from the app; the answer comes when it has been carried out."""

    def annotated(self, annotations: Mapping[str, str]) -> None:
        """Its note, mark or tags have been changed in the store."""


class Follower:
    """Somebody who follows: changes come by iterating; it ends when too many wait."""

    def __init__(self, sees: Callable[[LegRow], bool]) -> None:
        self._sees = sees
        self._waiting: asyncio.Queue[Change | None] = asyncio.Queue()

    def tell(self, change: Change) -> bool:
        """Put a change in, if it is theirs to see; False when too many wait."""
        if not self._sees(change.leg):
            return True
        full = self._waiting.qsize() >= WAITING_MAX
        self._waiting.put_nowait(None if full else change)
        return not full

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> Change:
        change = await self._waiting.get()
        if change is None:
            raise StopAsyncIteration
        return change


class Live:
    """Every leg in progress on every Asterisk."""

    def __init__(self) -> None:
        self._legs: dict[UUID, Followed] = {}
        self._told: dict[UUID, LegRow] = {}
        self._followers: set[Follower] = set()
        self._likenesses: set[Callable[[Told], None]] = set()

    def add(self, leg: Followed) -> None:
        """A leg begins, or is found again after a restart."""
        self._legs[leg.row.id] = leg
        self._told[leg.row.id] = leg.row
        self._tell(Begun(leg.row))

    def remove(self, leg: Followed) -> None:
        """A leg is over."""
        self._legs.pop(leg.row.id, None)
        self._told.pop(leg.row.id, None)
        self._tell(Over(leg.row.id))

    def publish(self, change: Change) -> None:
        """Tell every follower; a leg counts as changed from now on, when it has been carried out."""
        if isinstance(change, Changed):
            self._told[change.leg.id] = change.leg
        self._followers -= {follower for follower in self._followers if not follower.tell(change)}
        self._tell(change)

    def legs(self) -> list[LegRow]:
        """Every leg that is written down and not over, as last told, oldest first."""
        rows = [row for row in self._told.values() if row.call is not None]
        return sorted(rows, key=lambda row: row.created_at)

    def find(self, leg: UUID) -> Followed | None:
        """The leg in progress with that id."""
        return self._legs.get(leg)

    @contextmanager
    def follow(self, sees: Callable[[LegRow], bool] = lambda leg: True) -> Iterator[Follower]:
        """Follow changes of legs that ``sees`` allows, from now on; a snapshot taken inside misses none.

        ``sees`` is asked before a change is queued, and must neither wait nor raise.
        """
        follower = Follower(sees)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    @contextmanager
    def likeness(self, tell: Callable[[Told], None]) -> Iterator[None]:
        """Tell all that another needs to be as this one: first what there is, then each change.

        ``tell`` must neither wait nor raise.
        """
        for leg in self._legs:
            tell(Begun(self._told[leg]))
        self._likenesses.add(tell)
        try:
            yield
        finally:
            self._likenesses.discard(tell)

    def _tell(self, told: Told) -> None:
        for tell in self._likenesses:
            tell(told)
