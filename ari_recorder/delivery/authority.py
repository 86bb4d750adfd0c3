"""One request to a Time-Stamping Authority by HTTP (RFC 3161, 3.4), held to a time and a length."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp

from ari_recorder import __version__
from ari_recorder.errors import TimestampError
from ari_recorder.policies.text import harmless
from ari_recorder.store.timestamps.response import RESPONSE_MAX_BYTES

WITHIN_S = 15.0
"""How long a request may take, from the look-up of the name to the answer's end."""
CONNECTS_WITHIN_S = 5.0
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"


async def ask(url: str, request: bytes) -> bytes:
    """What it answers. Raises `TimestampError` that says why there is no answer that could be a stamp."""
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _ask(url, request)
    except TimeoutError as error:
        raise TimestampError(f"It did not answer within {WITHIN_S:g} s.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        told = harmless(str(error), most=200) or type(error).__name__
        raise TimestampError(f"It cannot be asked: {told}") from error


def name_of(url: str) -> str:
    """The authority's name in the log: without a password that may stand in its address."""
    parts = urlsplit(url)
    return harmless(parts.netloc.rpartition("@")[2], most=200)


async def _ask(url: str, request: bytes) -> bytes:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTS_WITHIN_S)
    headers = {"Content-Type": QUERY, "Accept": REPLY, "User-Agent": f"ari_recorder/{__version__}"}
    async with (
        aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
        ) as session,
        session.post(url, data=request, headers=headers, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise TimestampError(f"It answers with the status {response.status}{_redirected(response)}.")
        return await _content(response)


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """All of it; one that is longer than a stamp is, or has no end, is left."""
    read = bytearray()
    async for block in response.content.iter_any():
        read += block
        if len(read) > RESPONSE_MAX_BYTES:
            response.close()
            raise TimestampError(f"Its answer is longer than {RESPONSE_MAX_BYTES} bytes.")
    if response.content_type != REPLY and not read.startswith(b"\x30"):
        kind = harmless(response.content_type, most=100)
        raise TimestampError(f"Its answer is no time stamp but {kind}.")
    return bytes(read)


def _redirected(response: aiohttp.ClientResponse) -> str:
    if 300 <= response.status < 400:
        where = harmless(response.headers.get("Location", ""), most=200)
        return f", and points to {where}, which is not followed"
    return ""
