"""Rights that change count at once, also for what is open: a live feed, a download.

One task of each application looks, once a second, whether anybody has changed who may do what, in this or
another process. Then everything that is open looks again whether who asks still may.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import structlog
from aiohttp import web

from ari_recorder.errors import StoreError
from ari_recorder.store.access import revision
from ari_recorder.store.database import Store
from ari_recorder.web.context import CONTEXT

_log = structlog.get_logger(__name__)

LOOKS_EVERY_S = 1.0
ASKED_AGAIN_S = 15.0
"""How long without a change until it is looked again: a session or a token may end by its time alone."""


class Watch:
    """Counts the changes that were seen; ``count`` is how many."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._revision: tuple[int, int] | None = None
        self.count = 0
        self._next = asyncio.Event()

    async def run(self) -> None:
        """Look, for ever; a catalogue that does not answer changes nothing."""
        while True:
            try:
                found = await self._store.read(revision)
            except StoreError:
                pass
            except Exception:
                _log.exception("a fault in ari_recorder: changes of rights are seen late")
            else:
                self._changed(found)
            await asyncio.sleep(LOOKS_EVERY_S)

    def _changed(self, found: tuple[int, int]) -> None:
        if self._revision not in (None, found):
            self.count += 1
            self._next.set()
            self._next = asyncio.Event()
        self._revision = found

    async def beyond(self, count: int, within_s: float) -> int:
        """Wait until there were more changes than ``count``, or for so long; returns how many there were."""
        if self.count == count:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._next.wait()
        return self.count


WATCH = web.AppKey("watch", Watch)
SEEN = web.RequestKey("changes_seen", int)
"""How many changes there were before it was looked up who asks."""


async def watching(app: web.Application) -> AsyncIterator[None]:
    """For as long as the application runs."""
    app[WATCH] = Watch(app[CONTEXT].store)
    task = asyncio.create_task(app[WATCH].run(), name="watch")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_not_allowed(request: web.Request, still: Callable[[], Awaitable[bool]]) -> None:
    """Returns when ``still`` says no; it is asked after every change of who may do what, and now and then."""
    seen = request[SEEN]
    while True:
        seen = await request.app[WATCH].beyond(seen, ASKED_AGAIN_S)
        with suppress(StoreError):  # a catalogue that does not answer takes no rights away
            if not await still():
                return
