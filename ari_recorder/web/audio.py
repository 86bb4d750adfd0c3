"""A recording's audio, streamed from the vault: whole or in part, to play or to keep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import partial

import structlog
from aiohttp import web

from ari_recorder.errors import NotFound, VaultError
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.safe import Place
from ari_recorder.web import entrance, listening, page
from ari_recorder.web.context import CONTEXT, asker_id
from ari_recorder.web.filenames import content_disposition, download_name
from ari_recorder.web.gate import scope_now
from ari_recorder.web.language import N_
from ari_recorder.web.places import DOWNLOADS
from ari_recorder.web.problems import Refused
from ari_recorder.web.ranges import Span, Unsatisfiable, parse
from ari_recorder.web.watch import until_not_allowed

_log = structlog.get_logger(__name__)


async def send(request: web.Request, row: RecordingRow, *, download: bool) -> web.StreamResponse:
    """Answer with the audio of ``row`` (200, 206, 304 or 416).

    That it is heard is written down first. Raises `Refused`: 409 while there is none, 429 when there are too
    many downloads, 500 when the vault does not give what the catalogue promises; and `StoreError` when it
    cannot be written down who listens: then nothing is sent.
    """
    place, size_bytes, etag = _stored(row)
    headers = _headers(request, row, etag, download=download)
    if _is_known(request.headers.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=headers)
    span = _span(request, headers, size_bytes)
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    with request.app[DOWNLOADS].take(asker_id(request), response):
        part = span or Span(0, size_bytes)
        noted = partial(listening.write_down, request, row, part, copied=download)
        return await _while_heard(request, row, _stream(request, response, place, part, noted))


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


def _stored(row: RecordingRow) -> tuple[Place, int, str]:
    if row.state is not RecordingState.STORED or row.place is None or row.size_bytes is None:
        raise Refused(
            409, N_("The recording has no audio: its state is %(state)s."), values={"state": row.state}
        )
    return row.place, row.size_bytes, f'"{row.sha256}"'


def _headers(request: web.Request, row: RecordingRow, etag: str, *, download: bool) -> dict[str, str]:
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Type": row.media_type or "application/octet-stream",
    }
    if download:
        headers["Content-Disposition"] = content_disposition(download_name(row, page.words(request).zone))
    return headers


def _is_known(header: str, etag: str) -> bool:
    """``If-None-Match`` compares weakly (RFC 9110, 13.1.2)."""
    return header.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in header.split(","))


def _asked_for(request: web.Request, etag: str, size_bytes: int) -> Span | None:
    """A range goes with the version the client has (``If-Range``; a date never matches), or is ignored."""
    if request.headers.get("If-Range", etag).strip() != etag:
        return None
    return parse(request.headers.get("Range"), size_bytes)


async def _stream(
    request: web.Request,
    response: web.StreamResponse,
    place: Place,
    span: Span,
    noted: Callable[[], Awaitable[None]],
) -> web.StreamResponse:
    safe = request.app[CONTEXT].safe
    try:
        blocks = await asyncio.to_thread(safe.read, place, span.offset, span.length)
    except VaultError as error:
        raise _unreadable(place, error) from error
    reading = _blocks(blocks)
    try:
        first = await anext(reading, b"")  # before the answer begins: a file that is gone is an error
        if not first and span.length:
            raise VaultError(f"{place.key} is shorter than the catalogue says.")
        if request.method != "HEAD":
            await noted()
        response.content_length = span.length
        await response.prepare(request)
        if request.method != "HEAD":
            await _send_blocks(response, first, reading, span.length)
    except VaultError as error:
        refused = _unreadable(place, error)
        if not response.prepared:
            raise refused from error
        _break_off(request)
    except TimeoutError:  # not read
        _break_off(request)
    finally:
        await reading.aclose()
    return response


def _unreadable(place: Place, error: VaultError) -> Refused:
    """Told to the log, and without what it is to who asks."""
    _log.error("a recording cannot be read", key=place.key, error=str(error))
    return Refused(500, N_("The audio of this recording cannot be read from the vault."))


async def _send_blocks(
    response: web.StreamResponse, first: bytes, rest: AsyncIterator[bytes], expected: int
) -> None:
    sent = len(first)
    await _write(response, first)
    async for block in rest:
        sent += len(block)
        await _write(response, block)
    if sent != expected:
        raise VaultError(f"The file ends after {sent} of {expected} bytes.")
    await response.write_eof()


async def _write(response: web.StreamResponse, block: bytes) -> None:
    async with asyncio.timeout(entrance.UNREAD_S):
        await response.write(block)


async def _blocks(source: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        while block := await asyncio.to_thread(next, source, b""):
            yield block
    finally:
        with contextlib.suppress(AttributeError, ValueError):  # ValueError: its thread still reads
            source.close()  # type: ignore[attr-defined]


def _break_off(request: web.Request) -> None:
    """The length has been promised already: only a broken connection says that this is not all of it."""
    if request.transport is not None:
        request.transport.abort()
