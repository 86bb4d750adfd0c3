"""One request to a webhook: signed by Standard Webhooks, held to an address, a time and a length.

What is answered is looked at only as far as it is told of: its status, and how it begins.
"""

from __future__ import annotations

import asyncio
import binascii
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from ari_recorder import __version__
from ari_recorder.config import Webhooks
from ari_recorder.delivery.addresses import Guard, in_words
from ari_recorder.delivery.signing import signature
from ari_recorder.errors import InsideAddress
from ari_recorder.policies.text import harmless
from ari_recorder.policies.webhooks.events import CONTENT_TYPE
from ari_recorder.policies.webhooks.sending import Attempt

WITHIN_S = 15.0
"""How long a request may take, from the look-up of the name to the answer's head."""
READ_WITHIN_S = 2.0
"""How long it is waited for how the answer begins: it is for people, and changes nothing."""
CONNECTS_WITHIN_S = 5.0
ANSWER_MAX = 500
"""Characters that are kept of an answer."""
READ_BYTES = 4 * ANSWER_MAX
NO_SECRET = "its secret cannot be opened: web.key_file is another than when it was made. Renew the secret."  # noqa: S105
UNENCRYPTED = "plain HTTP is not used unless webhooks.allow_http says so."


class Poster:
    """Posts. One session for all hooks, each request on a connection of its own."""

    def __init__(self, settings: Webhooks) -> None:
        self._unencrypted = settings.allow_http
        self._guard = Guard(settings.allow_inside)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, event: str, body: bytes, secrets: Iterable[str], now: Callable[[], datetime]
    ) -> Attempt:
        """Send it, and tell how that went: whatever goes wrong there is in the attempt."""
        at, began_s = now(), time.monotonic()
        try:
            headers = _headers(event, body, list(secrets), at)
        except (binascii.Error, ValueError):
            return Attempt(at, 0, 0, NO_SECRET)
        if url.startswith("http://") and not self._unencrypted:
            return Attempt(at, 0, 0, UNENCRYPTED)

        def went(status: int, error: str, answer: str = "", retry_after_s: float | None = None) -> Attempt:
            took_ms = int((time.monotonic() - began_s) * 1000)
            return Attempt(at, status, took_ms, harmless(error, most=ANSWER_MAX), answer, retry_after_s)

        try:
            async with asyncio.timeout(WITHIN_S):
                asked = self._opened().post(url, data=body, headers=headers, allow_redirects=False)
                response = await asked
        except TimeoutError:
            return went(0, f"no answer within {WITHIN_S:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            return went(0, _told(failure))
        answer = await _begins(response)
        return went(response.status, _redirected(response), answer, _retry_after_s(response.headers, at))

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._guard.connector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECTS_WITHIN_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session


def _headers(event: str, body: bytes, secrets: list[str], at: datetime) -> dict[str, str]:
    if not secrets:
        raise ValueError("nothing to sign with")
    seconds = int(at.timestamp())
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": f"ari_recorder/{__version__}",
        "webhook-id": event,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(one, event, seconds, body) for one in secrets),
    }


def _redirected(response: aiohttp.ClientResponse) -> str:
    if 300 <= response.status < 400:
        return f"it points elsewhere, which is not followed: {response.headers.get('Location', '')[:200]}"
    return ""


async def _begins(response: aiohttp.ClientResponse) -> str:
    """How the answer begins; the rest of one that is longer, or has no end, is not waited for."""
    read = b""
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while len(read) < READ_BYTES and (more := await response.content.read(READ_BYTES - len(read))):
                read += more
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        pass  # what has come is shown
    finally:
        response.close()
    return harmless(read.decode(errors="replace"), lines=True, most=ANSWER_MAX)


def _retry_after_s(headers: Mapping[str, str], at: datetime) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a time. What is neither is not there."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max((found - at).total_seconds(), 0.0)


def _told(failure: Exception) -> str:
    """In words, without the address, which is the hook's own."""
    inside = next((one for one in _causes(failure) if isinstance(one, InsideAddress)), None)
    if inside is not None:
        return str(inside)
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            found = failure.certificate_error
            return f"its certificate is not accepted: {getattr(found, 'verify_message', '') or found}"
        case aiohttp.ClientConnectorDNSError():
            return f"its name is not found: {in_words(failure.os_error)}"
        case aiohttp.ClientSSLError():
            return f"no encrypted connection: {failure.os_error}"
        case aiohttp.ClientConnectorError():
            return f"it cannot be connected to: {in_words(failure.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer."
        case ssl.SSLError():
            return f"no encrypted connection: {failure}"
    return f"no answer that can be read: {type(failure).__name__}: {failure}"


def _causes(failure: BaseException | None) -> Iterable[BaseException]:
    for _ in range(8):
        if failure is None:
            return
        yield failure
        if (own := getattr(failure, "os_error", None)) is not None:
            yield own
        failure = failure.__cause__ or failure.__context__
