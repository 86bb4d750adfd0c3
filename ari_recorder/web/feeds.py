"""The live feeds that are open: a few for each person, and none of somebody who has signed out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from aiohttp import web

from ari_recorder.web.problems import Refused

EACH_MAX = 20
"""Feeds of one person: each holds memory and a file descriptor, which Asterisk's requests need too."""
ALL_MAX = 1000


class Feeds:
    """The open feeds, by who follows."""

    def __init__(self) -> None:
        self._open: dict[UUID, set[web.WebSocketResponse]] = {}

    @contextmanager
    def admit(self, user: UUID, feed: web.WebSocketResponse) -> Iterator[None]:
        """Count a feed in for as long as it is open. Raises `Refused` (429) where there are too many."""
        own = self._open.setdefault(user, set())
        if len(own) >= EACH_MAX or sum(map(len, self._open.values())) >= ALL_MAX:
            raise Refused(429, "Too many live feeds are open: close one first.", {"Retry-After": "30"})
        own.add(feed)
        try:
            yield
        finally:
            own.discard(feed)
            if not own:
                self._open.pop(user, None)

    async def close(self, user: UUID) -> None:
        """Close every feed of somebody; who still has a right to one may open it again."""
        for feed in list(self._open.get(user, ())):
            await feed.close()


FEEDS = web.AppKey("feeds", Feeds)
