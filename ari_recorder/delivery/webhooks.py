"""Sends what has happened to the webhooks that are told of it.

Of a recording one event after the other, of a hook a few recordings at a time, and every hook for itself: one
that hangs keeps no other waiting. What was sent and could not be written down is written down when that is
possible again; if the program dies before, it is sent again, under the same id.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from ari_recorder.config import Webhooks
from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.posting import Poster
from ari_recorder.errors import StoreError
from ari_recorder.policies.webhooks.events import cloud_event
from ari_recorder.policies.webhooks.sending import Attempt, Stopped
from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store import webhook_sending
from ari_recorder.store.database import Store
from ari_recorder.store.webhook_sending import Sending

LOOKED_S = 0.5
"""How often it is looked whether anything is to be sent."""
AWAY_S = (1.0, 2.0, 5.0, 15.0)
"""How long after the catalogue failed it is asked again: by failures in a row."""
TIDIED_EVERY_S = 600.0
CLAIMED_AHEAD = timedelta(seconds=30)
"""It is said anew so long before it ends that no other process sends to a hook: an attempt takes less."""

_log = structlog.get_logger(__name__)


class Sender:
    """Sends, for as long as `run` is running. ``name`` tells it from others on the same catalogue."""

    def __init__(
        self, name: str, store: Store, seals: Seals, settings: Webhooks, now: Callable[[], datetime]
    ) -> None:
        self._name = name
        self._store = store
        self._seals = seals
        self._now = now
        self._pages = settings.pages_url
        self._poster = Poster(settings)
        self._running: dict[UUID, dict[UUID, asyncio.Task[None]]] = defaultdict(dict)
        self._claimed: dict[UUID, datetime] = {}
        self._ended = asyncio.Event()
        self._tidied_s = float("-inf")

    async def run(self) -> None:
        """Until cancelled; what is being sent then is sent again the next time."""
        failures = 0
        try:
            while True:
                try:
                    more = await self.step()
                except StoreError as error:
                    if failures == 0:
                        _log.error("webhooks wait for the catalogue", error=str(error))
                    await asyncio.sleep(AWAY_S[min(failures, len(AWAY_S) - 1)])
                    failures += 1
                    continue
                failures = 0
                if not more:
                    await self._wait()
        finally:
            await self._stop()

    async def step(self) -> bool:
        """Begin to send what is due; whether there is more in the outbox. Raises `StoreError`."""
        taken = 0
        if await self._store.read(webhook_sending.is_anything_out):
            taken = await self._store.write(webhook_sending.take_out, self._now())
        sent_now = {hook: frozenset(tasks) for hook, tasks in self._running.items() if tasks}
        for one in await self._own(await self._store.read(webhook_sending.due, self._now(), sent_now)):
            task = asyncio.create_task(self._send(one), name=f"webhook {one.name}")
            self._running[one.hook][one.id] = task
            task.add_done_callback(partial(self._over, one))
        await self._tidy()
        return taken == webhook_sending.BATCH

    async def _own(self, found: list[Sending]) -> list[Sending]:
        """Of these, those to whose hooks no other process sends."""
        now = self._now()
        wanted = {one.hook for one in found if self._claimed.get(one.hook, now) < now + CLAIMED_AHEAD}
        if wanted:
            claimed = await self._store.write(webhook_sending.claim, self._name, wanted, now)
            self._claimed = {hook: until for hook, until in self._claimed.items() if hook not in wanted}
            self._claimed |= claimed
        return [one for one in found if one.hook in self._claimed]

    def _over(self, one: Sending, _: asyncio.Task[None]) -> None:
        its = self._running[one.hook]
        its.pop(one.id, None)
        if not its:
            del self._running[one.hook]
        self._ended.set()

    async def _wait(self) -> None:
        """Until something is over, which may make way for the next, or it is time to look."""
        self._ended.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOKED_S):
                await self._ended.wait()

    async def _send(self, one: Sending) -> None:
        try:
            now = self._now()
            secrets = [
                found
                for sealed in one.secrets
                if (found := self._seals.open(Purpose.WEBHOOK, sealed, str, now)) is not None
            ]
            body = cloud_event(one.event, one.personal, self._pages).encode()
            attempt = await self._poster.post(one.url, str(one.event.id), body, secrets, self._now)
            stopped = await self._write_down(one, attempt)
            if stopped is not None:
                _log.warning("nothing more is sent to a webhook", webhook=one.name, why=stopped.value)
        except Exception:
            _log.exception("a fault in ari_recorder: a webhook is not told", webhook=one.name)
            await asyncio.sleep(AWAY_S[-1])

    async def _write_down(self, one: Sending, attempt: Attempt) -> Stopped | None:
        failures = 0
        while True:
            try:
                return await self._store.write(webhook_sending.done, one, attempt, self._now())
            except StoreError:
                await asyncio.sleep(AWAY_S[min(failures, len(AWAY_S) - 1)])
                failures += 1

    async def _tidy(self) -> None:
        clock_s = asyncio.get_running_loop().time()
        if clock_s - self._tidied_s < TIDIED_EVERY_S:
            return
        if await self._store.write(webhook_sending.forget_old, self._now()) < webhook_sending.BATCH:
            self._tidied_s = clock_s

    async def _stop(self) -> None:
        tasks = [task for its in self._running.values() for task in its.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._poster.close()


async def run(context: Needed) -> None:
    """Send until cancelled. Raises `SettingsError` when the key of secrets can be neither read nor made."""
    settings = context.settings
    seals = Seals(await asyncio.to_thread(load_key, settings.web.key_file))
    web = settings.web
    name = f"{socket.gethostname()} {settings.app} {web.host}:{web.port}"[:200]  # after a restart the same
    await Sender(name, context.store, seals, settings.webhooks, context.now).run()
