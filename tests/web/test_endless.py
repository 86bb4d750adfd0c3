"""Bodies that never end: what is read of them has a limit, and others get their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from ari_recorder.config import Web
from ari_recorder.media.prompts import FILE_MAX_BYTES
from ari_recorder.web import Server, WebContext, start
from ari_recorder.web.exchange import FILE_MAX_BYTES as CSV_MAX_BYTES
from ari_recorder.web.routes import BODY_MAX_BYTES
from ari_recorder.web.session import COOKIE, FORM_HEADER

from .matrix_people import session
from .world import World

BLOCK = b"a" * 16_384
SLACK_BYTES = 12_000_000
"""What the kernel has taken in on a loopback connection before the answer is there, and some more."""
FORM = "application/x-www-form-urlencoded"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
UPLOAD = "multipart/form-data; boundary=x"
ENDLESS = [
    ("POST", "/sign-in", FORM, BODY_MAX_BYTES),
    ("POST", "/sign-out", FORM, BODY_MAX_BYTES),
    ("POST", "/account/password", FORM, BODY_MAX_BYTES),
    ("POST", "/api/v1/groups", "application/json", BODY_MAX_BYTES),
    ("POST", "/api/v1/sessions/end-others", "application/json", BODY_MAX_BYTES),
    ("POST", "/api/v1/users/import", "text/csv", CSV_MAX_BYTES),
    ("PUT", "/api/v1/prompts/sv/start", "audio/wav", FILE_MAX_BYTES),
    ("POST", "/prompts/sv/start", UPLOAD, FILE_MAX_BYTES),
    ("POST", "/nothing", "text/plain", BODY_MAX_BYTES),
    ("GET", "/healthz", "text/plain", BODY_MAX_BYTES),
    ("GET", "/api/v1/me", "text/plain", BODY_MAX_BYTES),
]


@pytest.fixture
async def server(context: WebContext) -> AsyncIterator[Server]:
    found = await start(replace(context, settings=Web(port=0)))
    yield found
    await found.close()


@pytest.fixture
async def signed_in(server: Server, world: World) -> AsyncIterator[aiohttp.ClientSession]:
    secret, _, form = session(world, world.ids["admin-acme"])
    headers = {"Cookie": f"{COOKIE}={secret}", FORM_HEADER: form}
    async with aiohttp.ClientSession(server.url, headers=headers) as client:
        yield client


@pytest.mark.parametrize(("method", "path", "kind", "most"), ENDLESS)
async def test_a_body_that_never_ends(
    server: Server, signed_in: aiohttp.ClientSession, method: str, path: str, kind: str, most: int
) -> None:
    sent = 0
    head = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' if kind == UPLOAD else b""
    )

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield head
        for _ in range((most + 2 * SLACK_BYTES) // len(BLOCK)):  # who reads so much would read on
            yield BLOCK
            sent += len(BLOCK)

    began_s = time.monotonic()
    asked = signed_in.request(method, path, data=endless(), headers={"Content-Type": kind})
    try:
        async with asyncio.timeout(20), asked as answer:
            assert answer.status < 500, await answer.text()
    except (aiohttp.ClientConnectionError, ConnectionResetError):
        pass  # it was put out while it was still sending
    assert sent <= most + SLACK_BYTES
    assert time.monotonic() - began_s < 15
    async with signed_in.get("/healthz") as answer:
        assert answer.status == 200
