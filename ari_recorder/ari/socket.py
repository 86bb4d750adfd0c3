"""Asterisk's event websocket, kept connected.

A reader task empties the websocket into a bounded queue at once, because Asterisk closes a socket that
cannot be written to within ``websocket_write_timeout`` (100 ms unless `ari.conf` says otherwise); the work is
done by whoever iterates. What Asterisk sent while the socket was lost is lost: after each `Connected` set
subscriptions and event filter again and compare with what Asterisk says there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import encode_basic_auth
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ari_recorder.ari import metrics
from ari_recorder.ari.backoff import Backoff
from ari_recorder.ari.events import ApplicationReplaced, Event, decode
from ari_recorder.errors import AriError, EventError

PERMIT_AGAIN_S = 2.0
"""How long after it was not permitted to connect it is asked again."""
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
"""Longest event taken; a longer one closes the socket."""

_log = structlog.get_logger(__name__)

_REMEDIES = {
    401: "the user or password is wrong: compare the settings with ari.conf",
    403: "this user may not: look at allowed_origins and read_only in ari.conf",
    404: "there is no ARI here: enabled=yes in ari.conf? res_ari_events.so loaded? the right address?",
    503: "Asterisk is not ready, or has no session free: raise sessionlimit in http.conf",
}


class Connected(msgspec.Struct, frozen=True):
    """The socket is connected: the first time or again."""


class Disconnected(msgspec.Struct, frozen=True):
    """The socket was lost, or could not be connected; it is tried again by itself."""

    reason: str
    """What happened, and what to do if something must be done."""


Item = Connected | Disconnected | Event
"""What iterating over an `EventSocket` yields."""


class _Queued(NamedTuple):
    received_s: float
    item: Item | None  # None ends the iteration


class _Loss(NamedTuple):
    reason: str
    slow: bool = False  # trying again soon cannot help
    forbidden: bool = False  # it was not tried


class EventSocket:
    """The events of one application of one Asterisk, in order, across reconnects.

    Iterate over it, once, in one task. It connects at the first step, and again for ever: after
    ``retry_min_s`` to ``retry_max_s`` seconds, doubling; at the longest delay where the password is wrong, or
    another program has taken the application. ``heartbeat_s`` is the time between pings, and
    the time an answer may take; ``open_timeout_s`` and ``close_timeout_s`` bound connecting and closing.

    ``permit`` is awaited before each connect; what it returns is why not to, empty if it may be. Then it is
    asked again soon, for that costs little; it is told once.

    At most ``capacity`` events wait to be taken. When they are that many the socket is dropped, and connected
    again when half of them are taken.
    """

    def __init__(
        self,
        *,
        url: str,
        username: str,
        password: str,
        app: str,
        pbx: str = "main",
        capacity: int = 100_000,
        retry_min_s: float = 0.1,
        retry_max_s: float = 10.0,
        heartbeat_s: float = 10.0,
        open_timeout_s: float = 5.0,
        close_timeout_s: float = 2.0,
        permit: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        base = url.rstrip("/").replace("http", "ws", 1)
        self.app = app
        self.pbx = pbx
        self._uri = f"{base}/ari/events?app={quote(app, safe='')}&subscribeAll=false"
        self._headers = {"Authorization": encode_basic_auth(username, password, "utf-8")}
        self._capacity = capacity
        self._steady_s = retry_max_s
        self._heartbeat_s = heartbeat_s
        self._open_timeout_s = open_timeout_s
        self._close_timeout_s = close_timeout_s
        self._backoff = Backoff(retry_min_s, retry_max_s)
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue()  # bounded by _overflow and _room
        self._room = asyncio.Event()
        self._room.set()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False
        self._permit = permit
        self._socket: ClientConnection | None = None
        self._length = metrics.QUEUE_LENGTH.labels(pbx)
        self._wait = metrics.QUEUE_WAIT.labels(pbx)
        self._lag = metrics.EVENT_LAG.labels(pbx)
        self._up = metrics.SOCKET_CONNECTED.labels(pbx)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the socket and end the iteration; events that still wait are dropped."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._put(None)

    async def drop(self) -> None:
        """End the connection; it is tried again, if that is permitted."""
        if self._socket is not None:
            await self._socket.close()

    @property
    def waiting(self) -> int:
        """How many have come that have not been taken."""
        return self._queue.qsize()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        if self._reader is None and not self._closed:
            self._reader = asyncio.create_task(self._run(), name=f"events of {self.pbx}")
            self._reader.add_done_callback(lambda _: self._put(None))
        queued = await self._queue.get()
        if queued.item is None or self._closed:
            return self._end()
        self._taken(queued)
        return queued.item

    def _end(self) -> Item:
        self._put(None)  # whoever asks again is told the same
        if self._reader is not None and self._reader.done() and not self._reader.cancelled():
            self._reader.result()  # a fault in this program, not in the connection
        raise StopAsyncIteration

    def _taken(self, queued: _Queued) -> None:
        length = self._queue.qsize()
        self._length.set(length)
        self._wait.observe(time.monotonic() - queued.received_s)
        if length <= self._capacity // 2:
            self._room.set()

    def _put(self, item: Item | None) -> None:
        self._queue.put_nowait(_Queued(time.monotonic(), item))
        self._length.set(self._queue.qsize())

    # The reader task

    async def _run(self) -> None:
        before: _Loss | None = None
        while True:
            await self._room.wait()
            loss = await self._connect_and_read()
            delay_s = self._delay_s(loss)
            if not (loss.forbidden and loss == before):
                _log.warning("event socket lost", pbx=self.pbx, reason=loss.reason, retry_s=round(delay_s, 2))
            before = loss
            self._put(Disconnected(loss.reason))
            self._note_room()
            await asyncio.sleep(delay_s)

    def _delay_s(self, loss: _Loss) -> float:
        if loss.forbidden:
            return PERMIT_AGAIN_S
        return self._backoff.longest_s() if loss.slow else self._backoff.next_s()

    async def _connect_and_read(self) -> _Loss:
        try:
            against = await self._permit() if self._permit is not None else ""
            if against:
                return self._failed(_Loss(against, forbidden=True))
            async with self._connection() as socket:
                return await self._while_connected(socket)
        except InvalidStatus as error:
            return self._failed(_refused(error.response.status_code))
        except TimeoutError:
            return self._failed(_Loss(f"no answer within {self._open_timeout_s:g} s: is Asterisk running?"))
        except AriError as error:
            unreachable = _Loss(f"no connection to Asterisk: {error.reason}")
            return self._failed(_refused(error.status) if error.status else unreachable)
        except (OSError, WebSocketException) as error:
            return self._failed(_Loss(f"no connection to Asterisk: {error or type(error).__name__}"))

    def _failed(self, loss: _Loss) -> _Loss:
        metrics.SOCKET_FAILURES.labels(self.pbx).inc()
        return loss._replace(reason=f"{self._uri}: {loss.reason}")

    def _connection(self) -> connect:
        return connect(
            self._uri,
            additional_headers=self._headers,
            compression=None,
            proxy=None,
            open_timeout=self._open_timeout_s,
            close_timeout=self._close_timeout_s,
            ping_interval=self._heartbeat_s,
            ping_timeout=self._heartbeat_s,
            max_size=MESSAGE_MAX_BYTES,
        )

    async def _while_connected(self, socket: ClientConnection) -> _Loss:
        since_s = time.monotonic()
        _log.info("event socket connected", pbx=self.pbx, app=self.app)
        metrics.SOCKET_CONNECTS.labels(self.pbx).inc()
        self._up.set(1)
        self._put(Connected())
        self._socket = socket
        try:
            return await self._read(socket)
        except ConnectionClosed as error:
            return _Loss(f"Asterisk or the network closed the event socket: {error}")
        finally:
            self._socket = None
            self._up.set(0)
            metrics.SOCKET_DISCONNECTS.labels(self.pbx).inc()
            if time.monotonic() - since_s >= self._steady_s:
                self._backoff.reset()

    async def _read(self, socket: ClientConnection) -> _Loss:
        while True:
            event = self._decoded(await socket.recv(decode=False))
            if event is None:
                continue
            if self._queue.qsize() >= self._capacity:
                return self._overflow()
            self._put(event)
            if isinstance(event, ApplicationReplaced):
                return _Loss(
                    f"another program has taken the application {self.app}: run one recorder for each name",
                    slow=True,
                )

    def _decoded(self, raw: bytes) -> Event | None:
        try:
            event = decode(raw)
        except EventError as error:
            _log.error("event not understood", pbx=self.pbx, error=str(error).partition(" Raw: ")[0])
            return None
        if event is not None and event.timestamp is not None:
            self._lag.observe(metrics.event_lag_s(event.timestamp, time.time()))
        return event

    def _overflow(self) -> _Loss:
        metrics.QUEUE_OVERFLOWS.labels(self.pbx).inc()
        self._room.clear()
        return _Loss(f"{self._capacity} events wait to be worked on: dropped until half of them are")

    def _note_room(self) -> None:
        if self._queue.qsize() >= self._capacity:
            self._room.clear()


def _refused(status: int) -> _Loss:
    remedy = _REMEDIES.get(status, "look at Asterisk's log")
    return _Loss(f"Asterisk refused the event socket ({status}): {remedy}", slow=status != 503)
