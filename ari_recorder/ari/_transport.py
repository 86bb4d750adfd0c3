"""Requests to one Asterisk over HTTP: connections, time limits, and errors with Asterisk's own reason."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from http.client import responses
from typing import Any, TypeVar

import aiohttp
import msgspec
from yarl import URL

from ari_recorder.ari import metrics
from ari_recorder.ari._operations import Value, address
from ari_recorder.errors import (
    AriConflict,
    AriError,
    AriNotFound,
    AriRefused,
    AriUnauthorized,
    AriUnreachable,
)

T = TypeVar("T")

KEEP_ALIVE_S = 10.0
"""Shorter than Asterisk's ``session_keep_alive`` (15 s), so that no request meets a closing connection."""

_BY_STATUS: dict[int, type[AriError]] = {
    401: AriUnauthorized,
    403: AriUnauthorized,
    404: AriNotFound,
    409: AriConflict,
    412: AriConflict,
}
_OUTCOMES: dict[type[AriError], str] = {
    AriUnreachable: "unreachable",
    AriUnauthorized: "unauthorized",
    AriNotFound: "not_found",
    AriConflict: "conflict",
    AriRefused: "refused",
}


class _Reason(msgspec.Struct):
    message: str = ""
    error: str = ""


class Transport:
    """At most ``connections`` kept-alive connections to one Asterisk; see `Ari` for the parameters."""

    def __init__(
        self, *, url: str, username: str, password: str, timeout_s: float, connections: int, pbx: str
    ) -> None:
        self._base = url.rstrip("/") + "/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password, "utf-8")}
        self._timeout_s = timeout_s
        self._connections = connections
        self._pbx = pbx
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Close every connection; later requests raise `AriUnreachable`."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        operation: str,
        answer: type[T] | None,
        target: str,
        path: Mapping[str, str] = {},
        query: Mapping[str, Value] = {},
        body: object = None,
    ) -> T:
        """Ask for the operation of that name in `OPERATIONS`, and make ``answer`` of the reply.

        ``target`` is what error messages name. Raises `AriError`.
        """
        started_s = time.perf_counter()
        outcome = "cancelled"
        try:
            status, reply = await self._send(operation, target, *address(operation, path, query), body)
            understood = _understood(operation, target, status, reply, answer)
        except AriError as error:
            outcome = _OUTCOMES[type(error)]
            raise
        else:
            outcome = "ok"
            return understood
        finally:
            metrics.REQUESTS.labels(self._pbx, operation, outcome).inc()
            metrics.REQUEST_SECONDS.labels(self._pbx, operation).observe(time.perf_counter() - started_s)

    async def _send(
        self, operation: str, target: str, method: str, path: str, body: object
    ) -> tuple[int, bytes]:
        try:
            session = self._open_session()
            url = URL(self._base + path, encoded=True)
            async with session.request(method, url, json=body, allow_redirects=False) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise AriUnreachable(operation, target, 0, f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnreachable(operation, target, 0, _why_not(error)) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise aiohttp.ClientConnectionError("this client is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE_S),
            )
        return self._session


def _why_not(error: aiohttp.ClientError | OSError) -> str:
    """Why there is no connection, in the system's words where it has some: *Connection refused*."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return f"the certificate of {error.host}:{error.port} is not trusted: {found}"
    is_tls = isinstance(error, aiohttp.ClientSSLError)
    if isinstance(error, aiohttp.ClientConnectorError) and (code := error.errno or 0) > 0 and not is_tls:
        return f"cannot connect to {error.host}:{error.port}: {os.strerror(code)}"
    return str(error).replace(" ssl:default", "") or type(error).__name__


def _understood(operation: str, target: str, status: int, reply: bytes, answer: type[T] | None) -> T:
    if not 200 <= status < 300:
        raise _BY_STATUS.get(status, AriRefused)(operation, target, status, _reason(status, reply))
    nothing: Any = None
    try:
        return nothing if answer is None else msgspec.json.decode(reply, type=answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AriRefused(operation, target, status, f"answer cannot be understood: {error}") from error


def _reason(status: int, reply: bytes) -> str:
    try:
        said = msgspec.json.decode(reply, type=_Reason)
        return said.message or said.error or responses.get(status, "no reason given")
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = reply[:200].decode("utf-8", "replace").strip()
        is_page = text.startswith("<")  # of a web server's, Asterisk's own too
        return (not is_page and text) or responses.get(status, "no reason given")
