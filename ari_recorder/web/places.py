"""Things that there are only so many of: live feeds and downloads, in total and for each person."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar
from uuid import UUID

from aiohttp import web

from ari_recorder.web.language import N_
from ari_recorder.web.problems import Marked, Refused

T = TypeVar("T")

FEEDS_EACH = 20
DOWNLOADS_EACH = 20
CLOSING_S = 5.0
"""How long a feed's reader has for taking leave."""


class Places(Generic[T]):
    """``most`` places, ``most_each`` of them for one person or token; each holds a descriptor or two.

    ``what`` they are is a text marked by `N_`.
    """

    def __init__(self, what: str, most: int, most_each: int) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._taken: dict[UUID, set[T]] = {}

    @contextmanager
    def take(self, user: UUID, taker: T) -> Iterator[None]:
        """A place for as long as it is needed. Raises `Refused` (429) where there is none."""
        own = self._taken.get(user, set())
        if len(own) >= self._most_each or sum(map(len, self._taken.values())) >= self._most:
            told = N_("Too many %(what)s at once: end one first.")
            raise Refused(429, told, {"Retry-After": "30"}, values={"what": Marked(self._what)})
        self._taken[user] = own | {taker}
        try:
            yield
        finally:
            self._taken[user].discard(taker)
            if not self._taken[user]:
                del self._taken[user]

    def of(self, user: UUID) -> list[T]:
        """Who has a place for that person."""
        return list(self._taken.get(user, ()))


class Feeds(Places[web.WebSocketResponse]):
    """The open live feeds."""

    async def close(self, user: UUID) -> None:
        """Close every feed of somebody; who still has a right to one may open it again."""
        if closing := [asyncio.create_task(feed.close()) for feed in self.of(user)]:
            await asyncio.wait(closing, timeout=CLOSING_S)


FEEDS = web.AppKey("feeds", Feeds)
DOWNLOADS = web.AppKey("downloads", Places[web.StreamResponse])
