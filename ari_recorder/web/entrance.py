"""Before a connection is served: how many there may be, and how long one may keep us waiting.

Connections hold descriptors, which Asterisk's requests and audio files need too. When there are as many as
may be, a new one takes the place of the oldest that has no request; where there is none, or too many are of
its own address, it is closed at once. A peer that does not read what it is sent is cut off by the kernel. How
long a connection may be without a whole request is for aiohttp's own timer: `server.py` sets it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable

import structlog
from aiohttp import web
from prometheus_client import Counter

from ari_recorder.web.loopback import is_loopback

UNREAD_S = 60.0
"""How long what was sent may wait for its reader, and how long a reader may take for a block of audio."""
TOLD_EVERY_S = 60.0

REFUSED = Counter("ari_recorder_web_refused_connections", "Connections that were one too many", ["limit"])
_log = structlog.get_logger(__name__)


class Entrance:
    """Makes the protocol of each new connection: of at most ``most``, and ``most_each`` of one address.

    This machine's own address is not counted by itself: it may be a proxy that everybody comes through.
    """

    def __init__(self, server: web.Server, most: int, most_each: int) -> None:
        self.serve = server
        self._most = most
        self._most_each = most_each
        self._origins: dict[web.RequestHandler, str] = {}
        self._told_s = float("-inf")

    def __call__(self) -> asyncio.Protocol:
        """For asyncio: called for each connection."""
        return _Comer(self)

    def refusal(self, address: str) -> str:
        """Make room for ``address``; returns the setting that keeps it out, empty when it may come in."""
        held = self.serve.connections
        if not is_loopback(address) and self._held_by(origin(address), held) >= self._most_each:
            return "connections_per_address_max"
        if len(held) >= self._most and not _end_oldest_idle(held):
            return "connections_max"
        return ""

    def admit(self, address: str) -> web.RequestHandler:
        """The protocol that serves a connection from ``address``."""
        if len(self._origins) >= 2 * self._most:  # of the others, most have gone
            self._origins = {one: self._origins[one] for one in self.serve.connections}
        handler = self.serve()
        self._origins[handler] = origin(address)
        return handler

    def _held_by(self, origin: str, held: list[web.RequestHandler]) -> int:
        return sum(self._origins[handler] == origin for handler in held)

    def tell(self, setting: str) -> None:
        """Count a refusal, and log one now and then."""
        REFUSED.labels(setting).inc()
        if time.monotonic() - self._told_s >= TOLD_EVERY_S:
            self._told_s = time.monotonic()
            _log.warning("connections to the pages are refused", setting=f"web.{setting}")


class _Comer(asyncio.Protocol):
    """A connection that has just been made: handed on to aiohttp, or closed."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""  # gone already
        if setting := self._entrance.refusal(address):
            transport.abort()
            self._entrance.tell(setting)
            return
        _cut_off_when_unread(transport.get_extra_info("socket"))
        handler = self._entrance.admit(address)
        transport.set_protocol(handler)
        handler.connection_made(transport)


def _end_oldest_idle(held: Iterable[web.RequestHandler]) -> bool:
    """Close the one that has been without a request for longest; False when all are at work."""
    for handler in held:
        busy = getattr(handler, "_request_in_progress", True)  # aiohttp does not say it in public
        if not busy and handler.transport is not None and not handler.transport.is_closing():
            handler.transport.abort()
            return True
    return False


def _cut_off_when_unread(connection: socket.socket) -> None:
    """tcp(7): data may be unacknowledged, or unsent as the peer's window is full, no longer than this."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_S * 1000))


def origin(address: str) -> str:
    """What counts as one: an IPv4 address, or the /64 that everybody with IPv6 has for themselves."""
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))
