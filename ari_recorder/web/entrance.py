"""Before a connection is served: how many there may be, and how long one may keep us waiting.

Connections hold descriptors, which the catalogue and audio files need too. When there are as many as
may be, a new one takes the place of the oldest that has no request; where there is none, or too many are of
its own address, it is closed at once. A peer that does not read what it is sent is cut off by the kernel. How
long a connection may be without a whole request is for aiohttp's own timer: `server.py` sets it.

Where there is TLS, all this comes before it: a connection that only begins to be encrypted holds a
descriptor, too. So the certificate is chosen for each connection, and may change.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable

import structlog
from aiohttp import web
from prometheus_client import Counter

from ari_recorder.policies.slowdown import origin
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.tls import Certificate

UNREAD_S = 60.0
"""How long what was sent may wait for its reader, and how long a reader may take for a block of audio."""
TOLD_EVERY_S = 60.0

REFUSED = Counter("ari_recorder_web_refused_connections", "Connections that were one too many", ["limit"])
_log = structlog.get_logger(__name__)


class Entrance:
    """Makes the protocol of each new connection: of at most ``most``, and ``most_each`` of one address.

    Those are not counted by themselves whom everybody may come through: this machine's own address, and those
    that ``is_proxy`` says.
    """

    def __init__(
        self,
        server: web.Server,
        make: Callable[[], web.RequestHandler],
        most: int,
        most_each: int,
        is_proxy: Callable[[str], bool],
        certificate: Certificate | None = None,
        handshake_s: float = 15.0,
    ) -> None:
        self._server = server
        self._make = make
        self._most = most
        self._most_each = most_each
        self._is_proxy = is_proxy
        self._certificate = certificate
        self._handshake_s = handshake_s
        self._handshakes: dict[asyncio.Transport, tuple[str, asyncio.Task[None]]] = {}
        self._origins: dict[web.RequestHandler, str] = {}
        self._told_s = float("-inf")

    def __call__(self) -> asyncio.Protocol:
        """For asyncio: called for each connection."""
        return _Comer(self)

    def refusal(self, address: str) -> str:
        """Make room for ``address``; returns the setting that keeps it out, empty when it may come in."""
        held = self._server.connections
        counted = not is_loopback(address) and not self._is_proxy(address)
        if counted and self._held_by(origin(address), held) >= self._most_each:
            return "connections_per_address_max"
        if len(held) + len(self._handshakes) >= self._most and not (
            _end_oldest_idle(held) or self._end_oldest_handshake()
        ):
            return "connections_max"
        return ""

    def admit(self, transport: asyncio.Transport, address: str) -> None:
        """Serve a connection from ``address``, once it is encrypted where that is wanted."""
        if self._certificate is None:
            self._serve(transport, address)
            return
        transport.pause_reading()
        task = asyncio.create_task(self._encrypt(transport, address, self._certificate))
        self._handshakes[transport] = (origin(address), task)

    async def _encrypt(self, transport: asyncio.Transport, address: str, certificate: Certificate) -> None:
        early = _Early()
        try:
            encrypted = await asyncio.get_running_loop().start_tls(
                transport,
                early,
                certificate.context,
                server_side=True,
                ssl_handshake_timeout=self._handshake_s,
                ssl_shutdown_timeout=self._handshake_s,
            )
        except OSError:  # no TLS, none that both know, or none in time
            transport.abort()
            return
        finally:
            del self._handshakes[transport]
        if encrypted is None or early.lost or transport.is_closing():
            transport.abort()
        else:
            early.hand_on(self._serve(encrypted, address))

    def _serve(self, transport: asyncio.Transport, address: str) -> web.RequestHandler:
        if len(self._origins) >= 2 * self._most:  # of the others, most have gone
            self._origins = {one: self._origins[one] for one in self._server.connections}
        handler = self._make()
        self._origins[handler] = origin(address)
        transport.set_protocol(handler)
        handler.connection_made(transport)
        return handler

    def _held_by(self, origin: str, held: list[web.RequestHandler]) -> int:
        beginning = sum(found == origin for found, _ in self._handshakes.values())
        return beginning + sum(self._origins[handler] == origin for handler in held)

    def _end_oldest_handshake(self) -> bool:
        for transport in self._handshakes:
            if not transport.is_closing():
                transport.abort()
                return True
        return False

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
        self._entrance.admit(transport, address)


class _Early(asyncio.Protocol):
    """Keeps what comes between the end of a handshake and the handler's beginning, which is a turn later."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self._kept.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def hand_on(self, handler: web.RequestHandler) -> None:
        """Let the handler have what was kept."""
        for data in self._kept:
            handler.data_received(data)


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
