"""Whose calls are recorded on one Asterisk, and the subscriptions that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from ari_recorder.ari import Ari, Channel, subscribe_endpoints
from ari_recorder.errors import AriConflict, AriNotFound, AriRefused, StoreError
from ari_recorder.policies.text import listed
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.people import RecordedEndpoint

_log = structlog.get_logger(__name__)


def endpoint_of(channel_name: str) -> str:
    """The endpoint that a channel belongs to: ``PJSIP/101`` of ``PJSIP/101-0000002a``."""
    return channel_name.rpartition("-")[0]


class Directory:
    """Follows the users and endpoints in the store, and keeps Asterisk's subscriptions the same.

    ``unknown`` are endpoints of recorded users that Asterisk does not have: nothing is recorded there. While
    the catalogue cannot be read, what was read last holds.
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
        self._organisations: dict[str, UUID] = {}
        self._numbers: frozenset[tuple[UUID, str]] = frozenset()
        self._added_at: dict[str, datetime] = {}

    def find(self, channel: Channel) -> RecordedEndpoint | None:
        """The channel's endpoint with its user's mode, or None if nobody's calls are recorded there."""
        return self._endpoints.get(endpoint_of(channel.name))

    def user(self, user: UUID) -> RecordedEndpoint | None:
        """Any of the endpoints of a user whose calls are recorded."""
        return next((one for one in self._endpoints.values() if one.user == user), None)

    def is_recorded(self, channel: Channel) -> bool:
        """Whether a channel found in Asterisk began after its user's service: it holds from the next call."""
        name = endpoint_of(channel.name)
        since = self._added_at.get(name)
        return name in self._endpoints and (since is None or channel.creationtime >= since)

    def is_internal(self, organisation: UUID, peer: str, number: str) -> bool:
        """Whether a counterpart is of the organisation: ``peer`` is the channel at the other end, if any.

        A channel says by its endpoint whose it is, whatever number it shows. Where there is none, or one that
        only leads on (``Local/``), the number has to be one of the organisation's users'.
        """
        if peer and not peer.startswith("Local/"):
            return self._organisations.get(endpoint_of(peer.partition(",")[0])) == organisation
        return (organisation, number) in self._numbers

    async def subscribe(self, in_use: set[str]) -> None:
        """After a connect: have Asterisk send the events of every recorded user's endpoints, and no others.

        Those ``in_use`` by a leg stay: a user whose service ends during a call is still to be followed to
        the end of it. Raises `AriError`, and `StoreError` if the catalogue was never read.
        """
        try:
            await self._read(await self._store.read(people.revision))
        except StoreError as error:
            if self._revision < 0:
                raise
            _log.error("the catalogue cannot be read; going on with the users known", error=str(error))
        there = frozenset((await self._ari.application()).endpoint_ids)
        await self._subscribe(there)
        for name in sorted(there - frozenset(self._endpoints) - in_use):
            await self._unsubscribe(name)

    async def follow(self) -> None:
        """If users or endpoints have changed, subscribe to what is new. Raises `AriError`, `StoreError`.

        What is no longer wanted is only unsubscribed at the next connect: calls may be going on there.
        """
        revision = await self._store.read(people.revision)
        if revision != self._revision:
            before = frozenset(self._endpoints)
            await self._read(revision)
            await self._subscribe(self.subscribed)
            self._added_at |= dict.fromkeys(self._endpoints.keys() - before, self._now())

    async def retry_unknown(self) -> None:
        """Ask again for endpoints that Asterisk did not have: they may have been added. Raises `AriError`."""
        if self.unknown:
            await self._subscribe(self.subscribed)

    async def _read(self, revision: int) -> None:
        """Everybody, if that has changed: most of the time it has not."""
        if revision == self._revision:
            return
        found = await self._store.read(people.directory, self._pbx)
        self._endpoints = {row.name: row for row in found.recorded}
        self._organisations = found.organisations
        self._numbers = found.numbers
        self._revision = revision

    async def _subscribe(self, there: frozenset[str]) -> None:
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
        if new := sorted(unknown - self.unknown):
            _log.error(
                "Asterisk does not know these endpoints: their users are not recorded."
                " Correct them with `ari-recorder user set`, or add them to pjsip.conf",
                pbx=self._pbx,
                endpoints=listed(new),
            )
        self.unknown = unknown
        _log.info("following endpoints", pbx=self._pbx, known=len(self.subscribed), unknown=len(unknown))
