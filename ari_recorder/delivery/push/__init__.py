"""The same folders as by SFTP, pushed to where organisations want them: to an SFTP server or an S3 bucket.

At 06:00 a day becomes due. What could not be pushed is tried again, later each time, as long as its window is
open; what comes late is pushed when it is ready. Which files lie there is in the store, file by file.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from ari_recorder.delivery.addresses import Guard
from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.push import destinations
from ari_recorder.delivery.push.days import push_day
from ari_recorder.delivery.push.destinations import Destination
from ari_recorder.delivery.reading import Threads
from ari_recorder.errors import DeliveryError, StoreError, VaultError
from ari_recorder.policies import delivery
from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store.deliveries import pushing
from ari_recorder.store.deliveries.pushing import Due, TargetRow

LOOKS_EVERY_S = 1.0
DAYS_LOOKED_S = 60.0
"""How long it is taken for granted that an organisation's days are to be pushed."""
AT_ONCE = 4
"""Organisations that are pushed to at the same time."""
DUE_MAX = 100
AGAIN = timedelta(minutes=5)
"""How often it is looked whether something of a day has come late."""
REPORTED = timedelta(days=400)
"""How long it is told what came of a day."""

_log = structlog.get_logger(__name__)


class Pusher:
    """Pushes, for as long as `run` is running: of an organisation one day after the other."""

    def __init__(self, context: Needed) -> None:
        self._context = context
        self._threads = Threads()
        self._guard = Guard(context.settings.webhooks.allow_inside)
        self._seals: Seals | None = None
        self._busy: dict[UUID, asyncio.Task[None]] = {}
        self._days: dict[UUID, tuple[list[str], float]] = {}

    async def run(self) -> None:
        """Until cancelled. Raises `StoreError` while the catalogue does not answer."""
        try:
            while True:
                await self.step()
                await asyncio.sleep(LOOKS_EVERY_S)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def step(self) -> int:
        """Begin what is due now; returns how much is going on."""
        store, now = self._context.store, self._context.now()
        for organisation in await store.read(pushing.to_test):
            self._begin(organisation, self._test(organisation))
        await self._open_days(now)
        for due in await store.read(pushing.due, now, DUE_MAX):
            self._begin(due.organisation, self._push(due))
        return len(self._busy)

    async def _open_days(self, now: datetime) -> None:
        """See to it that the days whose folders are there are pushed; once in a while, if none is new."""
        store, now_s = self._context.store, asyncio.get_running_loop().time()
        pushed = await store.read(pushing.pushing)
        for gone in self._days.keys() - {organisation for organisation, _ in pushed}:
            del self._days[gone]
        for organisation, zone in pushed:
            days = [day.isoformat() for day in delivery.open_days(now, ZoneInfo(zone))]
            known, looked_s = self._days.get(organisation, ([], 0.0))
            if known == days and now_s - looked_s < DAYS_LOOKED_S:
                continue
            if await store.read(pushing.are_new, organisation, days):
                await store.write(pushing.open_days, organisation, days, now)
                await store.write(pushing.forget_before, (now - REPORTED).date().isoformat())
            self._days[organisation] = days, now_s

    async def idle(self) -> None:
        """Return when nothing is going on."""
        while self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _begin(self, organisation: UUID, work: object) -> None:
        if organisation in self._busy or len(self._busy) >= AT_ONCE:
            work.close()  # type: ignore[attr-defined]
            return
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._busy[organisation] = task
        task.add_done_callback(lambda done: self._ended(organisation, done))

    def _ended(self, organisation: UUID, done: asyncio.Task[None]) -> None:
        self._busy.pop(organisation, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.error("it cannot be pushed at the moment", organisation=str(organisation), error=str(error))

    async def _push(self, due: Due) -> None:
        try:
            await push_day(self._context, due, self._open, self._threads, AGAIN)
        except (StoreError, VaultError):
            raise
        except Exception:
            _log.exception("a fault in ari_recorder", organisation=str(due.organisation), day=due.day)
            again_at = self._context.now() + delivery.retry_after(due.attempts + 1)
            told = "A fault in ari_recorder; it is in the log."
            await self._context.store.write(pushing.failed, due, None, None, told, again_at)

    def _open(self, target: TargetRow, sealed: str) -> AbstractAsyncContextManager[Destination]:
        """The place, with its secret opened."""
        if self._seals is None:
            self._seals = Seals(load_key(self._context.settings.web.key_file))
        secret = self._seals.open(Purpose.DELIVERY, sealed, str, self._context.now()) if sealed else ""
        return destinations.opened(target.place, secret, self._guard)

    async def _test(self, organisation: UUID) -> None:
        store = self._context.store
        target = await store.read(pushing.find, organisation)
        if target is None or target.test_asked_at is None:
            return
        problem = ""
        try:
            async with self._open(target, await store.read(pushing.secret_of, organisation)) as place:
                await place.try_out()
        except DeliveryError as error:
            problem = str(error)
        except Exception:
            _log.exception("a fault in ari_recorder", organisation=str(organisation))
            problem = "A fault in ari_recorder; it is in the log."
        await store.write(pushing.tested, organisation, target.test_asked_at, problem, self._context.now())


async def run(context: Needed) -> None:
    """For ever. Raises `StoreError` while the catalogue does not answer."""
    await Pusher(context).run()
