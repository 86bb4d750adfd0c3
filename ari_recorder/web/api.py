"""The API's read part, under ``/api/v1``: JSON, for who is signed in. See `docs/reference/http.md`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import NotFound
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import CounterpartSpan, Played, RecordingRow, SegmentSpan
from ari_recorder.web import audio
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.problems import Refused
from ari_recorder.web.thread import json_aside

LIMIT = 50
CURSOR_MAX = 200


async def recordings(request: web.Request) -> web.Response:
    """``GET /api/v1/recordings``: a page of them, newest first."""
    given = asked(request, "limit", "cursor", "number")
    number = _number(given.get("number"))
    found = await list_page(request, given.get("cursor"), _limit(given.get("limit")), number)
    return await json_aside(
        lambda: {
            "recordings": [recording_json(row) for row in found.recordings],
            "next_cursor": found.next_cursor,
        }
    )


async def recording(request: web.Request) -> web.Response:
    """``GET /api/v1/recordings/{id}``."""
    asked(request)
    return web.json_response(recording_json(await one(request)))


async def recording_audio(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/recordings/{id}/audio``: the file, with ranges; to keep with ``?download=1``."""
    download = asked(request, "download").get("download", "0")
    if download not in ("0", "1"):
        raise Refused(400, "download: 0 or 1.")
    store = request.app[CONTEXT].store
    row = await store.read(catalogue.heard, scope(request), recording_id(request))
    return await audio.send(request, row, download=download == "1")


async def waveform(request: web.Request) -> web.Response:
    """``GET /api/v1/recordings/{id}/waveform``: peaks of both sides, left and right in turn."""
    asked(request)
    row = await one(request)
    peaks = await request.app[CONTEXT].store.read(catalogue.peaks, scope(request), row.id)
    return web.json_response(
        {
            "version": 1,
            "channels": 2,
            "buckets": len(peaks) // 2,
            "duration_ms": row.duration_ms,
            "peaks": list(peaks),
        }
    )


async def timeline(request: web.Request) -> web.Response:
    """``GET /api/v1/recordings/{id}/timeline``: its segments, and what was played meanwhile, in order."""
    asked(request)
    store, asker, row = request.app[CONTEXT].store, scope(request), recording_id(request)
    spans = await store.read(catalogue.timeline, asker, row)
    played = await store.read(catalogue.played, asker, row)
    return web.json_response(
        {
            "segments": [_span_json(span) for span in spans],
            "announcements": [_played_json(one) for one in played],
        }
    )


async def list_page(
    request: web.Request, cursor: str | None, limit: int = LIMIT, number: str | None = None
) -> catalogue.Page:
    """A page of what who asks may see. Raises `Refused` (400) for a cursor that is none."""
    if cursor is not None and len(cursor) > CURSOR_MAX:
        raise Refused(400, "cursor: use next_cursor of an earlier answer.")
    read: Callable[..., catalogue.Page] = catalogue.recordings
    try:
        return await request.app[CONTEXT].store.read(
            read, scope(request), limit=limit, cursor=cursor, number=number
        )
    except NotFound as error:
        raise Refused(400, "cursor: use next_cursor of an earlier answer.") from error


async def one(request: web.Request) -> RecordingRow:
    """The recording of the address. Raises `NotFound` unless who asks may see it."""
    context = request.app[CONTEXT]
    return await context.store.read(catalogue.recording, scope(request), recording_id(request))


def recording_id(request: web.Request) -> UUID:
    """The id in the address. Raises `Refused` (400) if it is not a UUID as we write them."""
    text = request.match_info["id"]
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise Refused(400, "The id in the address is a UUID: 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b.")
    return found


def recording_json(row: RecordingRow) -> dict[str, Any]:
    """A recording as the API shows it. Times are RFC 3339 in UTC, numbers strings."""
    return {
        "id": str(row.id),
        "state": row.state,
        "mode": row.mode,
        "kept": row.kept,
        "user": {"number": row.user_number, "name": row.user_name},
        "counterpart": {"number": row.counterpart_number, "name": row.counterpart_name},
        "counterparts": [_counterpart_json(one) for one in row.counterparts],
        "direction": row.direction,
        "internal": row.internal,
        "answered_at": time(row.answered_at),
        "started_at": time(row.started_at),
        "ended_at": time(row.ended_at),
        "stored_at": time(row.stored_at),
        "duration_ms": row.duration_ms,
        "problems": list(row.problems),
        "media_type": row.media_type,
        "sample_rate_hz": row.sample_rate_hz,
        "size_bytes": row.size_bytes,
        "sha256": row.sha256,
        "left_dbfs": row.left_dbfs,
        "right_dbfs": row.right_dbfs,
        "note": row.note,
        "mark": row.mark,
        "tag1": row.tags[0],
        "tag2": row.tags[1],
        "tag3": row.tags[2],
        "pbx": row.pbx,
        "call": str(row.call),
    }


def _counterpart_json(one: CounterpartSpan) -> dict[str, Any]:
    return {
        "number": one.number,
        "name": one.name,
        "joined_at": time(one.joined_at),
        "left_at": time(one.left_at),
    }


def _span_json(span: SegmentSpan) -> dict[str, Any]:
    return {
        "ordinal": span.ordinal,
        "began_at": time(span.began_at),
        "ended_at": time(span.ended_at),
        "offset_ms": span.offset_ms,
        "duration_ms": span.duration_ms,
    }


def _played_json(played: Played) -> dict[str, Any]:
    return {**asdict(played), "began_at": time(played.began_at), "ended_at": time(played.ended_at)}


def time(at: datetime | None) -> str | None:
    """RFC 3339, UTC, milliseconds."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asked(request: web.Request, *known: str) -> dict[str, str]:
    """The query's parameters. Raises `Refused` (400) for an unknown or repeated one."""
    _refuse_unknown(request.query.keys(), known)
    for name in known:
        if len(request.query.getall(name, [])) > 1:
            raise Refused(400, f"{name}: give it once.")
    return dict(request.query)


def _refuse_unknown(asked: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        allowed = f"known here: {', '.join(known)}" if known else "there are none here"
        raise Refused(400, f"Unknown query parameter {unknown[0][:40]!r}; {allowed}.")


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= catalogue.LIMIT_MAX):
        raise Refused(400, f"limit: a whole number from 1 to {catalogue.LIMIT_MAX}.")
    return int(text)


def _number(text: str | None) -> str | None:
    if text is not None and not catalogue.searchable(text):
        raise Refused(400, f"number: a number or a part of one, 1 to {NUMBER_MAX} characters.")
    return text
