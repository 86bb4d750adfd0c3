"""The API of recordings, under ``/api/v1``. See `docs/reference/http.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta

from ari_recorder.errors import NotFound
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.policies.rights import Right
from ari_recorder.store import annotations as notes
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import Wanted
from ari_recorder.store.order import Sort
from ari_recorder.web import annotating, audio, shapes
from ari_recorder.web.content import content_of
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.editing import guard
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.search import LIMIT, Search, wanted
from ari_recorder.web.shapes import Party, time, time_or_none
from ari_recorder.web.thread import aside

CURSOR_MAX = 200

_RECORDINGS = "/api/v1/recordings"


@operation("GET", _RECORDINGS, need=Right.RECORDINGS_READ)
async def recordings(request: web.Request, query: Search) -> shapes.Recordings:
    """A page of recordings, newest first unless otherwise asked: in progress, being prepared and ready."""
    cursor = query.cursor if isinstance(query.cursor, str) else None
    found = await list_page(request, cursor, query.limit, wanted(query), query.sort)
    count = await _count(request, wanted(query)) if query.count == "1" else UNSET
    return await aside(
        lambda: shapes.Recordings([shown(row) for row in found.recordings], found.next_cursor, count)
    )


@operation("GET", _RECORDINGS + "/{id}", need=Right.RECORDINGS_READ)
async def recording(request: web.Request) -> shapes.Recording:
    """One recording."""
    return shown(await one(request))


@operation(
    "PATCH",
    _RECORDINGS + "/{id}",
    need=Right.RECORDINGS_ANNOTATE,
    reads=shapes.Annotating,
    guarded=True,
)
async def annotate_recording(request: web.Request) -> shapes.Recording:
    """Set note, mark and tags of a recording afterwards.

    They are the call's, here: of the recorded user's leg; all recordings of that leg have them.
    """
    context, row = request.app[CONTEXT], path_id(request)
    changes = annotating.check_changes(await annotating.read_object(request))
    unchanged = guard(request, shown)
    changed = await context.store.write(
        notes.annotate_recording,
        scope(request),
        request[ACTOR],
        row,
        changes,
        context.now(),
        unchanged,
    )
    annotating.tell(request, changed.leg, changed.annotations)
    return shown(changed.recording)


@operation("GET", _RECORDINGS + "/{id}/history", need=Right.RECORDINGS_READ)
async def annotation_history(request: web.Request) -> shapes.History:
    """Every change of its note, mark and tags, the oldest first: what it was, and who changed it when."""
    store, row = request.app[CONTEXT].store, path_id(request)
    changes = await store.read(notes.history, scope(request), row)
    return shapes.History(
        [
            shapes.AnnotationChange(time(one.at), one.by, one.field, one.before, one.after)  # type: ignore[arg-type]
            for one in changes
        ]
    )


class Download(msgspec.Struct, forbid_unknown_fields=True):
    """How the audio is wanted."""

    download: Annotated[
        shapes.ZeroOrOne, Meta(description="`1`: to be saved, under a name of time, user and counterpart.")
    ] = "0"
    format: (
        Annotated[
            AudioFormat,
            Meta(description="What it is made into while it is sent; left out: the file as it is kept."),
        ]
        | None
    ) = None


@operation(
    "GET",
    _RECORDINGS + "/{id}/audio",
    need=Right.RECORDINGS_LISTEN,
    media_type="audio/*",
    problems=(409, 416),
)
async def recording_audio(request: web.Request, query: Download) -> web.StreamResponse:
    """The audio, whole or one range of it: left the recorded user, right the counterpart.

    409 while there is none. The connection is broken off when not all of it can be sent. What is made into
    Opus or FLAC has no ranges.
    """
    store = request.app[CONTEXT].store
    row = await store.read(catalogue.heard, scope(request), path_id(request))
    content = content_of(request, row, query.format)
    return await audio.send(request, row, content, download=query.download == "1")


@operation("GET", _RECORDINGS + "/{id}/waveform", need=Right.RECORDINGS_LISTEN)
async def waveform(request: web.Request) -> shapes.Waveform:
    """The waveform; without buckets while there is no audio."""
    row = await one(request)
    peaks = await request.app[CONTEXT].store.read(catalogue.peaks, scope(request), row.id)
    return shapes.Waveform(1, 2, len(peaks) // 2, row.duration_ms, list(peaks))


@operation("GET", _RECORDINGS + "/{id}/timeline", need=Right.RECORDINGS_READ)
async def timeline(request: web.Request) -> shapes.Timeline:
    """Its unbroken stretches, when the other was on hold, and what was played meanwhile, each in order."""
    store, asker, row = request.app[CONTEXT].store, scope(request), path_id(request)
    spans = await store.read(catalogue.timeline, asker, row)
    played = await store.read(catalogue.played, asker, row)
    held = await store.read(catalogue.on_hold, asker, row)
    return shapes.Timeline(
        [_span(one) for one in spans],
        [_played(one) for one in played],
        [shapes.OnHold(time(one.began_at), time_or_none(one.ended_at)) for one in held],
    )


async def list_page(
    request: web.Request,
    cursor: str | None,
    limit: int = LIMIT,
    search: Wanted = catalogue.EVERYTHING,
    sort: Sort = Sort.NEWEST,
) -> catalogue.Page:
    """A page of what who asks may see. Raises `Refused` (400) for a cursor that is none."""
    if cursor is not None and len(cursor) > CURSOR_MAX:
        raise Refused(400, NO_CURSOR, field="cursor")
    read: Callable[..., catalogue.Page] = catalogue.recordings
    try:
        return await request.app[CONTEXT].store.read(
            read, scope(request), limit=limit, cursor=cursor, wanted=search, sort=sort
        )
    except NotFound as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error


async def _count(request: web.Request, search: Wanted) -> shapes.Count:
    found = await request.app[CONTEXT].store.read(catalogue.count, scope(request), search)
    return shapes.Count(min(found, catalogue.COUNTED_MAX), found > catalogue.COUNTED_MAX)


async def one(request: web.Request) -> RecordingRow:
    """The recording of the address. Raises `NotFound` unless who asks may see it."""
    context = request.app[CONTEXT]
    return await context.store.read(catalogue.recording, scope(request), path_id(request))


def shown(row: RecordingRow) -> shapes.Recording:
    """A recording as the API shows it."""
    return shapes.Recording(
        id=str(row.id),
        state=row.state,
        mode=row.mode,  # type: ignore[arg-type]
        kept=row.kept,
        user=shapes.RecordedUser(str(row.user), row.user_number, row.user_name),
        counterpart=Party(row.counterpart_number, row.counterpart_name),
        counterparts=[
            shapes.CounterpartSpan(each.number, each.name, time(each.joined_at), time_or_none(each.left_at))
            for each in row.counterparts
        ],
        direction=row.direction,  # type: ignore[arg-type]
        internal=row.internal,
        answered_at=time(row.answered_at),
        started_at=time(row.started_at),
        ended_at=time_or_none(row.ended_at),
        stored_at=time_or_none(row.stored_at),
        duration_ms=row.duration_ms,
        problems=list(row.problems),
        media_type=row.media_type,
        sample_rate_hz=row.sample_rate_hz,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        left_dbfs=row.left_dbfs,
        right_dbfs=row.right_dbfs,
        note=row.note,
        mark=row.mark,
        tag1=row.tags[0],
        tag2=row.tags[1],
        tag3=row.tags[2],
        pbx=row.pbx,
        call=str(row.call),
        leg=str(row.leg),
    )


def _span(span: catalogue.SegmentSpan) -> shapes.SegmentSpan:
    return shapes.SegmentSpan(
        span.ordinal, time(span.began_at), time_or_none(span.ended_at), span.offset_ms, span.duration_ms
    )


def _played(played: catalogue.Played) -> shapes.Played:
    times = {"began_at": time_or_none(played.began_at), "ended_at": time_or_none(played.ended_at)}
    return shapes.Played(**{**asdict(played), **times})
