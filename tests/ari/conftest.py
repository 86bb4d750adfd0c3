"""A fake of Asterisk's HTTP server on loopback, and Asterisk's own Swagger documents."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from ari_recorder.ari import Ari, EventSocket

USERNAME, PASSWORD, APP = "recorder", "correct hörse", "ari_recorder"


class Request(NamedTuple):
    """What the fake was asked; ``path`` as it came over the wire, without ``/ari``."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    peer: tuple[str, int]
    line_bytes: int


Answer = tuple[int, Any]
Handler = Callable[[Request], Awaitable[Answer]]


class FakeAri:
    """Answers every request with ``answer`` and takes every event socket, unless told otherwise."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Handler | Answer = (200, {})
        self.sockets: list[web.WebSocketResponse] = []
        self.socket_requests: list[web.BaseRequest] = []
        self.socket_status = 101
        self.answers_pings = True
        self.port = 0
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._take), shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            for socket in self.sockets:
                if socket._req is not None and socket._req.transport is not None:
                    socket._req.transport.abort()
            await self._runner.cleanup()
            self._runner = None

    async def send(self, *events: dict[str, Any] | str) -> None:
        for event in events:
            await self.sockets[-1].send_str(event if isinstance(event, str) else json.dumps(event))

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/ari/events":
            return await self._take_socket(request)
        credentials = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credentials}":
            return web.json_response({"message": "Authentication required"}, status=401)
        assert request.transport is not None
        body = await request.json() if request.can_read_body else None
        taken = Request(
            request.method,
            request.rel_url.raw_path.removeprefix("/ari"),
            dict(request.query),
            body,
            request.transport.get_extra_info("peername"),
            len(f"{request.method} {request.raw_path} HTTP/1.1"),
        )
        self.requests.append(taken)
        status, reply = self.answer if isinstance(self.answer, tuple) else await self.answer(taken)
        if isinstance(reply, bytes):
            return web.Response(body=reply, status=status)
        return web.json_response(reply, status=status)

    async def _take_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        self.socket_requests.append(request)
        if self.socket_status != 101:
            return web.Response(status=self.socket_status)
        socket = web.WebSocketResponse(autoping=self.answers_pings)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def fake() -> AsyncIterator[FakeAri]:
    server = FakeAri()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def ari(fake: FakeAri) -> AsyncIterator[Ari]:
    async with Ari(url=fake.url, username=USERNAME, password=PASSWORD, app=APP, timeout_s=2.0) as client:
        yield client


@pytest.fixture
async def open_socket(fake: FakeAri) -> AsyncIterator[Callable[..., EventSocket]]:
    opened: list[EventSocket] = []

    def make(**settings: Any) -> EventSocket:
        given = {"retry_min_s": 0.01, "retry_max_s": 0.05, "close_timeout_s": 0.1, **settings}
        login = {"url": fake.url, "username": USERNAME, "password": PASSWORD, "app": APP}
        opened.append(EventSocket(**{**login, **given}))
        return opened[-1]

    yield make
    for socket in opened:
        await socket.close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until a condition holds; fails after 5 s."""

    async def until(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)

    return until


def _rest_api() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ari_recorder"
    trees = [Path("/"), *sorted(cache.glob("asterisk-22*"))]
    for folder in (tree / "usr/share/asterisk/rest-api" for tree in trees):
        if (folder / "events.json").is_file():
            return folder
    pytest.fail(f"No Asterisk with its rest-api documents on this machine or under {cache}: run make test.")


@pytest.fixture(scope="session")
def swagger() -> dict[str, Any]:
    """Asterisk's Swagger documents by name, such as ``channels``."""
    return {path.stem: json.loads(path.read_text()) for path in _rest_api().glob("*.json")}


@pytest.fixture
def channel_json() -> dict[str, Any]:
    return {
        "id": "1763802708.42",
        "name": "PJSIP/101-0000002a",
        "state": "Up",
        "protocol_id": "f81d4fae-7dec-11d0",
        "caller": {"name": "Åsa", "number": "101"},
        "connected": {"name": "", "number": "+46701234567"},
        "accountcode": "",
        "dialplan": {
            "context": "internal",
            "exten": "200",
            "priority": 3,
            "app_name": "Dial",
            "app_data": "PJSIP/200",
        },
        "creationtime": "2026-11-22T09:11:48.123+0000",
        "language": "en",
    }
