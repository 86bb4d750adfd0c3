"""Files of users on their way in: tried and done beside the requests, and looked at meanwhile.

What was sent lies in memory until it is done, and is gone with the program. What was begun and did not come
to its end is known by the audit log (`people.last_import`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from aiohttp import web

from ari_recorder.errors import ARIRecorderError
from ari_recorder.policies.rights import Right
from ari_recorder.policies.spreadsheet import Row
from ari_recorder.store.accounts import account
from ari_recorder.store.database import Store
from ari_recorder.store.people import Importing
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused

KEPT_MAX = 8
"""Files at once; one to a user."""
LOOKED_EVERY = 20
"""Steps after which it is looked whether who imports still may."""

_log = structlog.get_logger(__name__)


@dataclass
class File:
    """A file that somebody has sent, tried first and done when they say so."""

    user: UUID
    organisation: UUID
    name: str
    rows: Sequence[Row]
    running: Importing
    key: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    over: bool = False
    """Whether what was asked for last, to try it or to do it, is over."""
    broke_off: bool = False


class Imports:
    """The files of everybody, and the one task after the other that takes them in."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, File] = OrderedDict()
        self._turn = asyncio.Semaphore(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, user: UUID, key: str) -> File | None:
        """Somebody's own."""
        found = self._files.get(key)
        return found if found is not None and found.user == user else None

    def goes_on(self, organisation: UUID) -> bool:
        """Whether a file of that organisation is being taken in."""
        return any(one.organisation == organisation and not one.over for one in self._files.values())

    def take(self, file: File, store: Store) -> None:
        """Keep a file in the place of its sender's last one, and try it.

        Raises `Refused` (503) if there are too many.
        """
        for key, other in list(self._files.items()):
            if other.user == file.user and other.over:
                del self._files[key]
        if len(self._files) >= KEPT_MAX:
            idle = next((key for key, other in self._files.items() if other.over), None)
            if idle is None:
                raise Refused(503, N_("Others are importing just now. Try again in a minute."))
            del self._files[idle]
        self._files[file.key] = file
        self.go_on(file, store)

    def forget(self, file: File) -> None:
        """Somebody does not want it any more."""
        if file.over:
            self._files.pop(file.key, None)

    def go_on(self, file: File, store: Store) -> None:
        """Try it, or do it: beside the requests, and after those that were before."""
        file.over = False
        task = asyncio.create_task(self._run(file, store), name="importing users")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what goes on between two of its steps."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, file: File, store: Store) -> None:
        try:
            async with self._turn:
                await _import(file, store)
        except ARIRecorderError as error:
            _log.error("an import of users broke off", rows=len(file.rows), error=str(error))
            file.broke_off = True
        finally:
            file.over = True


async def _import(file: File, store: Store) -> None:
    running = file.running
    await store.read(running.look)
    for number, step in enumerate(running.steps()):
        if number % LOOKED_EVERY == 0 and not await _still_may(file, store):
            file.broke_off = True
            return
        await store.write(step)


async def _still_may(file: File, store: Store) -> bool:
    found = await store.read(account, file.user)
    return found is not None and Right.USERS_WRITE in found.scope.rights


IMPORTS = web.AppKey("imports", Imports)


async def importing(app: web.Application) -> AsyncIterator[None]:
    """Files are taken in for as long as the application runs."""
    yield
    await app[IMPORTS].close()
