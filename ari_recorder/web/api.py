"""The API of recordings, under ``/api/v1``. See `docs/reference/http.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.errors import NotFound
from ari_recorder.policies.annotations import TAG_MAX
from ari_recorder.policies.rights import Right
from ari_recorder.store import annotations as notes
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import NUMBER_MAX, TEXT_MAX, Wanted
from ari_recorder.web import annotating, audio, shapes
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.editing import guard
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Direction, Mark, Party, time, time_or_none
from ari_recorder.web.thread import aside

LIMIT = 50
CURSOR_MAX = 200
DURATION_MAX_S = 10_000_000

_RECORDINGS = "/api/v1/recordings"
_NO_CURSOR = N_("use next_cursor of an earlier answer.")

Tag = Annotated[str, Meta(min_length=1, max_length=TAG_MAX, description="Exactly this tag.")]
Seconds = Annotated[float, Meta(ge=0, le=DURATION_MAX_S)]


class Search(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What recordings are looked for: those of which everything holds."""

    from_: (
        Annotated[datetime, Meta(tz=True, description="Begun then or later: a time with its zone.")]
        | UnsetType
    ) = msgspec.field(name="from", default=UNSET)
    to: Annotated[datetime, Meta(tz=True, description="Begun before then.")] | UnsetType = UNSET
    min_duration: (
        Annotated[Seconds, Meta(description="At least so long, in seconds of audio.")] | UnsetType
    ) = UNSET
    max_duration: (
        Annotated[Seconds, Meta(description="At most so long, in seconds of audio.")] | UnsetType
    ) = UNSET
    user: (
        Annotated[str, Meta(min_length=1, max_length=64, description="The recorded user: id or number.")]
        | UnsetType
    ) = UNSET
    number: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=NUMBER_MAX,
                description="Of any counterpart that the recording had, or a part of it.",
            ),
        ]
        | UnsetType
    ) = UNSET
    mark: Annotated[Mark, Meta(description="This mark; empty for those without.")] | UnsetType = UNSET
    note: (
        Annotated[str, Meta(min_length=1, max_length=TEXT_MAX, description="A part of the note.")] | UnsetType
    ) = UNSET
    tag1: Tag | UnsetType = UNSET
    tag2: Tag | UnsetType = UNSET
    tag3: Tag | UnsetType = UNSET
    group: (
        Annotated[UUID, Meta(description="Of users who are members of this group now: its id.")] | UnsetType
    ) = UNSET
    direction: Annotated[Direction, Meta(description="As seen from the recorded user.")] | UnsetType = UNSET
    q: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=TEXT_MAX,
                description="A part of a note, a tag, or the number or name of user or counterpart.",
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=catalogue.LIMIT_MAX, description="How many.")] = LIMIT
    cursor: (
        Annotated[str, Meta(description="`next_cursor` of the answer before; the filters stay the same.")]
        | UnsetType
    ) = UNSET


@operation("GET", _RECORDINGS, need=Right.RECORDINGS_READ)
async def recordings(request: web.Request, query: Search) -> shapes.Recordings:
    """A page of recordings, newest first: in progress, being prepared and ready."""
    cursor = query.cursor if isinstance(query.cursor, str) else None
    found = await list_page(request, cursor, query.limit, _wanted(query))
    return await aside(lambda: shapes.Recordings([shown(row) for row in found.recordings], found.next_cursor))


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


@operation(
    "GET",
    _RECORDINGS + "/{id}/audio",
    need=Right.RECORDINGS_LISTEN,
    media_type="audio/*",
    problems=(409, 416),
)
async def recording_audio(request: web.Request, query: Download) -> web.StreamResponse:
    """The audio, whole or one range of it: left the recorded user, right the counterpart.

    409 while there is none. The connection is broken off when not all of it can be sent.
    """
    store = request.app[CONTEXT].store
    row = await store.read(catalogue.heard, scope(request), path_id(request))
    return await audio.send(request, row, download=query.download == "1")


@operation("GET", _RECORDINGS + "/{id}/waveform", need=Right.RECORDINGS_LISTEN)
async def waveform(request: web.Request) -> shapes.Waveform:
    """The waveform; without buckets while there is no audio."""
    row = await one(request)
    peaks = await request.app[CONTEXT].store.read(catalogue.peaks, scope(request), row.id)
    return shapes.Waveform(1, 2, len(peaks) // 2, row.duration_ms, list(peaks))


@operation("GET", _RECORDINGS + "/{id}/timeline", need=Right.RECORDINGS_READ)
async def timeline(request: web.Request) -> shapes.Timeline:
    """Its unbroken stretches, and what was played to the parties meanwhile, in order."""
    store, asker, row = request.app[CONTEXT].store, scope(request), path_id(request)
    spans = await store.read(catalogue.timeline, asker, row)
    played = await store.read(catalogue.played, asker, row)
    return shapes.Timeline([_span(one) for one in spans], [_played(one) for one in played])


async def list_page(
    request: web.Request, cursor: str | None, limit: int = LIMIT, wanted: Wanted = catalogue.EVERYTHING
) -> catalogue.Page:
    """A page of what who asks may see. Raises `Refused` (400) for a cursor that is none."""
    if cursor is not None and len(cursor) > CURSOR_MAX:
        raise Refused(400, _NO_CURSOR, field="cursor")
    read: Callable[..., catalogue.Page] = catalogue.recordings
    try:
        return await request.app[CONTEXT].store.read(
            read, scope(request), limit=limit, cursor=cursor, wanted=wanted
        )
    except NotFound as error:
        raise Refused(400, _NO_CURSOR, field="cursor") from error


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
        user=Party(row.user_number, row.user_name),
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
    )


def _span(span: catalogue.SegmentSpan) -> shapes.SegmentSpan:
    return shapes.SegmentSpan(
        span.ordinal, time(span.began_at), time_or_none(span.ended_at), span.offset_ms, span.duration_ms
    )


def _played(played: catalogue.Played) -> shapes.Played:
    times = {"began_at": time_or_none(played.began_at), "ended_at": time_or_none(played.ended_at)}
    return shapes.Played(**{**asdict(played), **times})


def _wanted(query: Search) -> Wanted:
    """What is looked for. Raises `Refused` (400) for a stretch that ends before it begins."""
    given = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET}
    if "from_" in given and "to" in given and given["to"] <= given["from_"]:
        raise Refused(400, N_("it has to be later than from."), field="to")
    if given.get("max_duration", DURATION_MAX_S) < given.get("min_duration", 0):
        raise Refused(400, N_("it has to be at least min_duration."), field="max_duration")
    return Wanted(
        **{_ASKED_BY[name]: _read(name, value) for name, value in given.items() if name in _ASKED_BY}
    )


def _read(name: str, value: Any) -> Any:
    """A user may be given by id; a time that no calendar has in UTC is refused (400)."""
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return UUID(value) if name == "user" and isinstance(value, str) and len(value) == 36 else value
    except OverflowError as error:
        raise Refused(400, N_("there is no such time."), field=name.rstrip("_")) from error
    except ValueError:
        return value


_ASKED_BY = {
    "from_": "began_from",
    "to": "began_before",
    "min_duration": "min_duration_s",
    "max_duration": "max_duration_s",
    "user": "user",
    "number": "number",
    "mark": "mark",
    "note": "note",
    "tag1": "tag1",
    "tag2": "tag2",
    "tag3": "tag3",
    "group": "group",
    "direction": "direction",
    "q": "text",
}
"""What each parameter is called in the catalogue."""
