"""Who asks and has gone before there is an answer is no error of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from structlog.testing import capture_logs

from ari_recorder.web import problems

ASKED = (
    b"GET /feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest_asyncio.fixture
async def answered() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """The port of a service whose feed begins when the connection is lost, and what is set then."""
    tried = asyncio.Event()

    async def feed(request: web.Request) -> web.StreamResponse:
        while request.transport is not None:
            request.transport.abort()
            await asyncio.sleep(0)
        socket = web.WebSocketResponse()
        try:
            await socket.prepare(request)
        finally:
            tried.set()
        return socket

    app = web.Application(middlewares=[problems.errors])
    app.router.add_get("/feed", feed)
    runner = web.AppRunner(app)  # a test server would end who answers, too
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1], tried
    await runner.cleanup()


@pytest.mark.asyncio
async def test_who_has_gone_before_the_live_feed_began(answered: tuple[int, asyncio.Event]) -> None:
    port, tried = answered
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASKED)
        await asyncio.wait_for(tried.wait(), 5.0)
        writer.close()
    assert logs == []
