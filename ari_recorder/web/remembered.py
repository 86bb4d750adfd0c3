"""The last search of each session, so that it is still there when somebody comes back to the list.

In memory alone: it goes with the program, and an address that is kept or shared needs none of it.
"""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from aiohttp import web

from ari_recorder.web.session import SESSION

SESSIONS_MAX = 5_000
"""Most sessions of which it is remembered; of too many the oldest is forgotten."""


class Remembered:
    """What was last looked for, as in an address, by session."""

    def __init__(self) -> None:
        self._queries: OrderedDict[UUID, str] = OrderedDict()

    def last(self, session: UUID) -> str:
        """Empty where nothing is."""
        return self._queries.get(session, "")

    def keep(self, session: UUID, query: str) -> None:
        """Remember it in place of the one before; an empty one is none."""
        self._queries.pop(session, None)
        if query:
            self._queries[session] = query
        if len(self._queries) > SESSIONS_MAX:
            self._queries.popitem(last=False)


REMEMBERED = web.AppKey("remembered", Remembered)


def last(request: web.Request) -> str:
    """The last search of who asks."""
    session = request.get(SESSION)
    return request.app[REMEMBERED].last(session.id) if session else ""


def keep(request: web.Request, query: str) -> None:
    """Remember a search of who asks; an empty one is none."""
    if session := request.get(SESSION):
        request.app[REMEMBERED].keep(session.id, query)
