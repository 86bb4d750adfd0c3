"""Has an authority stamp the signed heads of the evidence (RFC 3161), for who has set one.

Of each organisation the newest head, at most once in `evidence.timestamp_every_s`, if there is a new one. An
authority that gives no stamp that holds is told of and asked again later, each time longer; only this task
waits. A stamp that came and could not be written down is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from ari_recorder.config import Evidence
from ari_recorder.delivery import authority
from ari_recorder.delivery.needed import Needed
from ari_recorder.errors import TimestampError
from ari_recorder.store.database import Store
from ari_recorder.store.timestamps import authorities, response, rows
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.timestamps.response import Stamp
from ari_recorder.store.tree_heads import Head

LOOKED_S = 10.0
"""How often it is looked whether a head is due."""
AGAIN_AFTER_S = (15.0, 60.0, 300.0, 900.0)
"""How long after it gave none the authority is asked again: by failures in a row."""
DIFFERS = timedelta(minutes=1)
"""More than that between its clock and ours is told: one of them is wrong."""

_log = structlog.get_logger(__name__)


class Stamper:
    """Has heads stamped as ``settings`` say."""

    def __init__(self, store: Store, settings: Evidence, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._name = authority.name_of(settings.timestamp_url)
        self._now = now
        self._failures = 0
        self._failed: dict[str, int] = {}
        """Organisations of which the last try failed, by when: who failed comes after the others."""
        self._tries = 0

    async def run(self) -> None:
        """Until cancelled. Raises `StoreError`, `SettingsError`."""
        while True:
            wait_s = await self.step()
            await asyncio.sleep(wait_s)

    async def step(self) -> float:
        """Have stamped what is due; how many seconds it is to be waited then.

        Raises `StoreError`, and `SettingsError` while it cannot be read whom to trust.
        """
        every = timedelta(seconds=self._settings.timestamp_every_s)
        due = await self._store.read(rows.due, self._now(), every)
        for head in sorted(due, key=lambda one: self._failed.get(one.organisation, 0)):
            self._tries += 1
            try:
                await self._have_stamped(head)
            except TimestampError as error:
                self._failed[head.organisation] = self._tries
                return self._failed_of(head, error)
            self._failed.pop(head.organisation, None)
            self._failures = 0
        return LOOKED_S

    def _failed_of(self, head: Head, error: TimestampError) -> float:
        again_s = AGAIN_AFTER_S[min(self._failures, len(AGAIN_AFTER_S) - 1)]
        self._failures += 1
        _log.error(
            "the evidence is not time-stamped at the moment",
            authority=self._name, head=head.told, why=str(error), again_after_s=again_s,
        )  # fmt: skip
        return again_s

    async def _have_stamped(self, head: Head) -> None:
        """Raises `TimestampError`, `StoreError`, and `SettingsError` while it is not known whom to trust."""
        message = response.stamped(head)
        asked = response.request(message)
        known = await asyncio.to_thread(authorities.trusted, self._settings.timestamp_ca_file)
        answer = await authority.ask(self._settings.timestamp_url, asked.content)
        stamp, anchors = await asyncio.to_thread(_verified, answer, message, known, asked.nonce)
        now = self._now()
        kept = await self._store.write(rows.keep, head, stamp, answer, anchors, now)
        if kept is None:
            return  # another process was faster
        _log.info(
            "the evidence is time-stamped", stamp=kept.told, at=stamp.at.isoformat(), by=stamp.authority
        )
        if abs(stamp.at - now) > DIFFERS:
            _log.warning(
                "the clock of the authority that stamps and ours differ: look at yours",
                authority=self._name, theirs=stamp.at.isoformat(), ours=now.isoformat(),
            )  # fmt: skip


def _verified(answer: bytes, message: bytes, known: Authorities, nonce: int) -> tuple[Stamp, str]:
    stamp = response.verified(answer, message, known, nonce)
    return stamp, response.anchor(answer, message, known).pem


async def run(context: Needed) -> None:
    """Have heads stamped until cancelled; nothing to do where no authority is set."""
    settings = context.settings.evidence
    if settings.timestamp_url:
        await Stamper(context.store, settings, context.now).run()
