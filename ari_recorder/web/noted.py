"""That a session or token is in use is written down beside what is asked for, which does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from aiohttp import web

from ari_recorder.errors import StoreError
from ari_recorder.web.context import CONTEXT

SETTLED_WITHIN_S = 0.25
"""How long an answer waits; what was asked for has been done by then."""

_log = structlog.get_logger(__name__)


class Noted:
    """What is being written now, by whose it is: of each no more than one."""

    def __init__(self) -> None:
        self._writing: dict[UUID, asyncio.Task[None]] = {}

    def note(self, request: web.Request, whose: UUID, work: Callable[[UUID, datetime], None]) -> None:
        """Write that it is in use now; ``work`` is the store's function."""
        context = request.app[CONTEXT]
        now = context.now()

        async def write() -> None:
            try:
                await context.store.write(work, whose, now)
            except StoreError as error:
                _log.warning("that somebody is here cannot be written", whose=str(whose), error=str(error))

        if whose not in self._writing:
            task = self._writing[whose] = asyncio.create_task(write())
            task.add_done_callback(lambda _: self._writing.pop(whose, None))
            request[NOTE] = task


NOTED = web.AppKey("noted", Noted)
NOTE = web.RequestKey("note", asyncio.Task[None])


async def settled(request: web.Request) -> None:
    """What this request has noted is written, or takes longer than an answer may wait for it."""
    if NOTE in request:
        await asyncio.wait([request[NOTE]], timeout=SETTLED_WITHIN_S)
