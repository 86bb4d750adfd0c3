"""A recording's audio, streamed from the vault: whole or in part, to play or to keep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine

import structlog
from aiohttp import web

from ari_recorder.errors import NotFound, VaultAway, VaultError
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.together import has_twin
from ari_recorder.web import entrance, listening, page
from ari_recorder.web.content import Content
from ari_recorder.web.context import CONTEXT, asker_id
from ari_recorder.web.filenames import content_disposition, download_name, suffix
from ari_recorder.web.gate import scope_now
from ari_recorder.web.language import N_
from ari_recorder.web.places import DOWNLOADS
from ari_recorder.web.problems import Refused
from ari_recorder.web.ranges import Span, Unsatisfiable, parse
from ari_recorder.web.watch import until_not_allowed

RETRY_S = 30
FIRST_WITHIN_S = 30.0
UNREADABLE = N_("The audio of this recording cannot be read from the vault.")
AWAY = N_("The audio of this recording cannot be read: the vault cannot be reached just now.")

_log = structlog.get_logger(__name__)


async def send(
    request: web.Request, row: RecordingRow, content: Content, *, download: bool
) -> web.StreamResponse:
    """Answer with that ``content`` of ``row`` (200, 206, 304 or 416).

    That it is heard is written down first. Raises `Refused`: 429 when there are too many downloads, 503 while
    the vault is away, 500 when it does not give what the catalogue promises; and `StoreError` when it cannot
    be written down who listens: then nothing is sent.
    """
    headers = await _headers(request, row, content, download=download)
    if _is_known(request.headers.get("If-None-Match", ""), content.etag):
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(headers=headers)
    with request.app[DOWNLOADS].take(asker_id(request), response):
        streaming = _stream(request, response, row, content, download=download)
        return await _while_heard(request, row, streaming)


async def _while_heard(
    request: web.Request, row: RecordingRow, streaming: Coroutine[None, None, web.StreamResponse]
) -> web.StreamResponse:
    """Send it, for as long as who asks may hear the recording; then the connection is broken off."""

    async def still() -> bool:
        asker = await scope_now(request)
        with contextlib.suppress(NotFound):
            return asker is not None and bool(
                await request.app[CONTEXT].store.read(catalogue.heard, asker, row.id)
            )
        return False

    sending = asyncio.ensure_future(streaming)
    watching = asyncio.ensure_future(until_not_allowed(request, still))
    try:
        await asyncio.wait([sending, watching], return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            _break_off(request)
        return await sending
    finally:
        for task in (sending, watching):
            task.cancel()
        await asyncio.gather(sending, watching, return_exceptions=True)


def send_wav(request: web.Request, content: bytes, sha256: str) -> web.Response:
    """Answer with a short file that is at hand (200, 206, 304 or 416)."""
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "Content-Type": "audio/wav"}
    if _is_known(request.headers.get("If-None-Match", ""), headers["ETag"]):
        return web.Response(status=304, headers=headers)
    span = _span(request, headers, len(content))
    part = content[span.offset : span.offset + span.length] if span else content
    return web.Response(body=part, status=206 if span else 200, headers=headers)


def _span(request: web.Request, headers: dict[str, str], size_bytes: int) -> Span | None:
    """The part asked for, noted in the ``headers`` of the answer. Raises `Refused` (416) for none."""
    try:
        span = _asked_for(request, headers["ETag"], size_bytes)
    except Unsatisfiable:
        unsatisfied = {"Content-Range": f"bytes */{size_bytes}", "Accept-Ranges": "bytes"}
        raise Refused(
            416, N_("The file has %(size)s bytes."), unsatisfied, values={"size": size_bytes}
        ) from None
    if span:
        headers["Content-Range"] = span.content_range(size_bytes)
    return span


async def _headers(
    request: web.Request, row: RecordingRow, content: Content, *, download: bool
) -> dict[str, str]:
    headers = {"ETag": content.etag, "Content-Type": content.media_type}
    if content.ranges:
        headers["Accept-Ranges"] = "bytes"
    if download:
        name = await name_of(request, row, content.media_type)
        headers["Content-Disposition"] = content_disposition(name)
    return headers


async def name_of(request: web.Request, row: RecordingRow, media_type: str | None) -> str:
    """What a copy of it is called, as a file of that kind."""
    twin = await request.app[CONTEXT].store.read(has_twin, row)
    return download_name(row, page.words(request).zone, suffix(media_type), twin=twin)


def _is_known(header: str, etag: str) -> bool:
    """``If-None-Match`` compares weakly (RFC 9110, 13.1.2)."""
    known = (tag.strip().removeprefix("W/") for tag in header.split(","))
    return header.strip() == "*" or etag.removeprefix("W/") in known


def _asked_for(request: web.Request, etag: str, size_bytes: int) -> Span | None:
    """A range goes with the version the client has (``If-Range``; a date never matches), or is ignored."""
    if request.headers.get("If-Range", etag).strip() != etag:
        return None
    return parse(request.headers.get("Range"), size_bytes)


async def _begun(reading: AsyncGenerator[bytes, None]) -> bytes:
    """The first block. Somebody waits for it: a vault may be silent for longer than one wants to."""
    try:
        async with asyncio.timeout(FIRST_WITHIN_S):
            return await anext(reading, b"")
    except TimeoutError as error:
        raise VaultAway(f"The vault gave nothing within {FIRST_WITHIN_S:g} s.") from error


async def _stream(
    request: web.Request, response: web.StreamResponse, row: RecordingRow, content: Content, *, download: bool
) -> web.StreamResponse:
    reading: AsyncGenerator[bytes, None] | None = None
    try:
        await content.open(request.app[CONTEXT].safe, whole=download)
        span = _part(request, response, content)
        reading = content.read(span)
        first = await _begun(reading)  # before the answer begins: a file that is gone is an error
        response.content_length = span.length if span else content.size_bytes
        if request.method != "HEAD":
            heard = span or Span(0, content.size_bytes or 1)
            of_bytes = content.size_bytes or 1
            await listening.write_down(request, row, heard, of_bytes, form=content.form, copied=download)
        await response.prepare(request)
        if request.method != "HEAD":
            await _send_blocks(response, first, reading)
    except VaultError as error:
        _log.error("a recording cannot be read", recording=str(row.id), error=str(error))
        if not response.prepared:
            away = isinstance(error, VaultAway)
            raise (
                Refused(503, AWAY, {"Retry-After": str(RETRY_S)}) if away else Refused(500, UNREADABLE)
            ) from error
        _break_off(request)
    except (TimeoutError, ConnectionError):  # not read, or nobody there any more
        _break_off(request)
    finally:
        if reading is not None:
            await reading.aclose()
        content.close()
    return response


def _part(request: web.Request, response: web.StreamResponse, content: Content) -> Span | None:
    """The part asked for, noted in the answer; None for all of it. Raises `Refused` (416)."""
    if not content.ranges or content.size_bytes is None:
        return None
    headers = {"ETag": content.etag}
    span = _span(request, headers, content.size_bytes)
    if span is not None:
        response.set_status(206)
        response.headers.update(headers)
    return span


async def _send_blocks(response: web.StreamResponse, first: bytes, rest: AsyncIterator[bytes]) -> None:
    await _write(response, first)
    async for block in rest:
        await _write(response, block)
    await response.write_eof()


async def _write(response: web.StreamResponse, block: bytes) -> None:
    async with asyncio.timeout(entrance.UNREAD_S):
        await response.write(block)


def _break_off(request: web.Request) -> None:
    """The length has been promised already: only a broken connection says that this is not all of it."""
    if request.transport is not None:
        request.transport.abort()
