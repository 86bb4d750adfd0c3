"""Whose calls are recorded on one Asterisk, and the subscriptions that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from ari_recorder.ari import Ari, Channel, subscribe_endpoints
from ari_recorder.errors import AriConflict, AriNotFound, AriRefused
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.people import RecordedEndpoint

_log = structlog.get_logger(__name__)


def endpoint_of(channel_name: str) -> str:
    """The endpoint that a channel belongs to: ``PJSIP/101`` of ``PJSIP/101-0000002a``."""
    return channel_name.rpartition("-")[0]


class Directory:
    """Follows the users and endpoints in the store, and keeps Asterisk's subscriptions the same.

    ``unknown`` are endpoints of recorded users that Asterisk does not have: nothing is recorded there.
    """

    def __init__(self, pbx: str, ari: Ari, store: Store, now: Callable[[], datetime]) -> None:
        self.unknown: frozenset[str] = frozenset()
        self.subscribed: frozenset[str] = frozenset()
        self._pbx = pbx
        self._ari = ari
        self._store = store
        self._now = now
        self._revision = -1
        self._endpoints: dict[str, RecordedEndpoint] = {}
        self._added_at: dict[str, datetime] = {}

    def find(self, channel: Channel) -> RecordedEndpoint | None:
        """The channel's endpoint with its user's mode, or None if nobody's calls are recorded there."""
        return self._endpoints.get(endpoint_of(channel.name))

    def is_recorded(self, channel: Channel) -> bool:
        """Whether a channel found in Asterisk began after its user's service: it holds from the next call."""
        name = endpoint_of(channel.name)
        since = self._added_at.get(name)
        return name in self._endpoints and (since is None or channel.creationtime >= since)

    async def subscribe(self, in_use: set[str]) -> None:
        """After a connect: have Asterisk send the events of every recorded user's endpoints, and no others.

        Those ``in_use`` by a leg stay: a user whose service ends during a call is still to be followed to
        the end of it. Raises `AriError`.
        """
        self._revision = await self._store.read(people.revision)
        there = frozenset((await self._ari.application()).endpoint_ids)
        await self._subscribe(there)
        for name in sorted(there - frozenset(self._endpoints) - in_use):
            await self._unsubscribe(name)

    async def follow(self) -> None:
        """If users or endpoints have changed, subscribe to what is new. Raises `AriError`.

        What is no longer wanted is only unsubscribed at the next connect: calls may be going on there.
        """
        revision = await self._store.read(people.revision)
        if revision != self._revision:
            before = frozenset(self._endpoints)
            await self._subscribe(self.subscribed)
            self._added_at |= dict.fromkeys(self._endpoints.keys() - before, self._now())
            self._revision = revision

    async def retry_unknown(self) -> None:
        """Ask again for endpoints that Asterisk did not have: they may have been added. Raises `AriError`."""
        if self.unknown:
            await self._subscribe(self.subscribed)

    async def _subscribe(self, there: frozenset[str]) -> None:
        rows = await self._store.read(people.recorded_endpoints, self._pbx)
        self._endpoints = {row.name: row for row in rows}
        wanted = frozenset(self._endpoints)
        unknown = frozenset(await subscribe_endpoints(self._ari, sorted(wanted - there)))
        self.subscribed = wanted - unknown
        self._report(unknown)

    async def _unsubscribe(self, name: str) -> None:
        try:
            await self._ari.unsubscribe([f"endpoint:{name}"])
        except (AriConflict, AriNotFound, AriRefused):
            _log.debug("was not subscribed", pbx=self._pbx, endpoint=name)

    def _report(self, unknown: frozenset[str]) -> None:
        for name in sorted(unknown - self.unknown):
            _log.error(
                "Asterisk does not know this endpoint: its user is not recorded."
                " Correct it with `ari-recorder user set`, or add it to pjsip.conf",
                pbx=self._pbx,
                endpoint=name,
            )
        self.unknown = unknown
        _log.info("following endpoints", pbx=self._pbx, known=len(self.subscribed), unknown=len(unknown))
