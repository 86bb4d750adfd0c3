"""A real receiver of webhooks, which checks what it gets as Standard Webhooks says, and can misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def takes(_: web.Request) -> web.StreamResponse:
    """As it should be."""
    return web.Response(status=204)


@dataclass
class Receiver:
    """What has come, and how it answers: ``answers`` is used up, then it takes everything."""

    secrets: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    """Those that were signed as they should be, in the order in which they came."""
    ids: list[str] = field(default_factory=list)
    unsigned: int = 0
    answers: list[Answer] = field(default_factory=list)
    always: Answer = takes
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Check, note, answer."""
        body = await request.read()
        if not any(is_signed(request, body, secret) for secret in self.secrets):
            self.unsigned += 1
            return web.Response(status=401)
        assert request.content_type == "application/cloudevents+json"
        self.events.append(json.loads(body))
        self.ids.append(request.headers["webhook-id"])
        self.arrived.set()
        answer = self.answers.pop(0) if self.answers else self.always
        return await answer(request)

    @property
    def types(self) -> list[str]:
        """What was told, in short."""
        return [one["type"].removeprefix("recording.") for one in self.events]


def is_signed(request: web.Request, body: bytes, secret: str) -> bool:
    """Written from the scheme's text, not from our code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in request.headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiver(*secrets: str) -> AsyncIterator[Receiver]:
    """One that listens on the loopback."""
    made = Receiver(list(secrets))
    app = web.Application()
    app.router.add_post("/hook", made.receive)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    made.url = f"http://127.0.0.1:{server.port}/hook"
    try:
        yield made
    finally:
        await server.close()
