"""Recordings that are removed before their time, and the log of those that are gone; for who may, as API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies import spreadsheet
from ari_recorder.policies.rights import Right
from ari_recorder.store import disposal, disposals, removal, retention
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.disposals import DisposalRow
from ari_recorder.web import api, auditing, page
from ari_recorder.web.context import ACTOR, CONTEXT, asker_id, own_organisation, scope
from ari_recorder.web.editing import guard
from ari_recorder.web.entrance import UNREAD_S
from ari_recorder.web.lists import Cursor, Limit
from ari_recorder.web.places import DOWNLOADS
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Time, time, time_or_none
from ari_recorder.web.thread import aside

PART_ROWS = 500
COLUMNS = (
    "recording", "began_at", "gone_at", "asked_at", "rule", "days", "group", "by", "was", "size_bytes",
    "leaf",
)  # fmt: skip


class DisposalLine(msgspec.Struct):
    """A recording that is gone: nothing of it is kept but this."""

    recording: UUID
    began_at: Time
    """When it began."""
    asked_at: Time
    """Since when nobody could open it."""
    gone_at: Time
    """When all of it was gone."""
    rule: str
    """`retention`: it was kept for as long as recordings are kept; `request`: somebody removed it;
    `erasure`: of a person."""
    days: int | None
    """For how many days recordings were kept then, if that is why."""
    group: UUID | None
    """The group whose setting that was; null: the organisation's."""
    by: str
    """What the user or token is called today who asked for it; empty if nobody did, or they are gone."""
    was: str
    """`stored`, or `discarded` or `empty`, which never had audio to be heard."""
    size_bytes: int
    leaf: int | None
    """Its number in the organisation's tree, where its hash stays."""


class Disposals(msgspec.Struct):
    """A page of the disposal log, the newest first."""

    disposals: list[DisposalLine]
    next_cursor: str | None


class GoneWithin(msgspec.Struct, forbid_unknown_fields=True):
    """Which lines: by when the recording was gone."""

    begin: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="from")
    """From this time on."""
    end: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="to")
    """Before this time."""


class DisposalsQuery(GoneWithin, forbid_unknown_fields=True):
    """Which lines, and which page of them."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ComingDisposal(msgspec.Struct):
    """That recordings go earlier from a time on than they would have; it can be taken back until then."""

    at: Time
    users: int
    """Whose."""
    recordings: int
    """How many go then."""
    days: int
    """For how many days recordings are kept then; the fewest, if it differs."""


class Retention(msgspec.Struct):
    """For how long the organisation's recordings are kept, and what is to come."""

    days: int
    most_days: int
    """The most that it may set by itself; more is for the provider to set."""
    coming: list[ComingDisposal]
    disposing: int
    """Recordings of which something is still to go."""
    clock_ahead_s: float
    """How far the clock is ahead of the time that is trusted: recordings are kept for longer by as much."""


@operation(
    "DELETE", "/api/v1/recordings/{id}", need=Right.RECORDINGS_DELETE, problems=(404, 409, 412), guarded=True
)
async def remove_recording(request: web.Request) -> None:
    """Remove a recording for good: audio, key, notes, history, and what was written down of it.

    From the answer on nobody can open it; its file goes within a minute. 409 while it is under a legal hold,
    or its call goes on or it is being prepared.
    """
    await remove(request, guard(request, api.shown))


async def remove(request: web.Request, check: Any) -> None:
    """Remove the recording of the address. Raises `NotFound`, `Conflict`, and what ``check`` raises."""
    context = request.app[CONTEXT]
    await context.store.write(
        removal.request, scope(request), request[ACTOR], path_id(request), context.now(), check
    )


@operation("GET", "/api/v1/retention", need=Right.ORGANISATION_READ)
async def own_retention(request: web.Request) -> Retention:
    """For how long recordings are kept, and which go earlier than they would have."""
    store, organisation, now = (
        request.app[CONTEXT].store,
        own_organisation(request),
        request.app[CONTEXT].now(),
    )
    clock = await store.read(retention.clock)
    coming = await store.read(retention.coming, organisation, now)
    return Retention(
        days=await store.read(retention.days_of, organisation),
        most_days=await store.read(retention.most, organisation),
        coming=[ComingDisposal(time(one.at), one.users, one.recordings, one.days) for one in coming],
        disposing=(await store.read(disposal.left, organisation)).count,
        clock_ahead_s=clock.ahead.total_seconds() if clock else 0.0,
    )


@operation("GET", "/api/v1/disposals", need=Right.AUDIT_READ, problems=(422,))
async def disposal_log(request: web.Request, query: DisposalsQuery) -> Disposals:
    """Which recordings are gone, when and why, the newest first."""
    found = await request.app[CONTEXT].store.read(
        disposals.disposals, scope(request), begin=query.begin, end=query.end, limit=query.limit,
        cursor=query.cursor,
    )  # fmt: skip
    return Disposals([_line(row) for row in found.rows], found.next_cursor)


@operation("GET", "/api/v1/disposals.csv", need=Right.AUDIT_READ, media_type="text/csv")
async def disposals_csv(request: web.Request, query: GoneWithin) -> web.StreamResponse:
    """The disposal log as a file for a spreadsheet, the newest first."""
    detail = {"form": "csv", "from": time_or_none(query.begin), "to": time_or_none(query.end)}
    await auditing.note(request, Action.EXPORT, Subject("disposals"), detail)
    response = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="disposals.csv"'})
    response.content_type, response.charset = "text/csv", "utf-8"
    with request.app[DOWNLOADS].take(asker_id(request), response):
        await response.prepare(request)
        if request.method != "HEAD":
            separator = page.words(request).separator
            await _write(response, spreadsheet.BOM + spreadsheet.lines([COLUMNS], separator))
            async for rows in _parts(request, query):
                cells = [_cells(row) for row in rows]
                await _write(response, await aside(spreadsheet.lines, cells, separator))
            await response.write_eof()
    return response


OPERATIONS = (own_retention, disposal_log, disposals_csv)


async def _parts(request: web.Request, query: GoneWithin) -> AsyncIterator[Sequence[DisposalRow]]:
    store, cursor = request.app[CONTEXT].store, None
    while True:
        found = await store.read(
            disposals.disposals, scope(request), begin=query.begin, end=query.end, limit=PART_ROWS,
            cursor=cursor,
        )  # fmt: skip
        yield found.rows
        if (cursor := found.next_cursor) is None:
            return


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(UNREAD_S):
        await response.write(text.encode())


def _line(row: DisposalRow) -> DisposalLine:
    days, group = row.detail.get("days"), row.detail.get("group")
    return DisposalLine(
        recording=row.recording,
        began_at=time(row.started_at),
        asked_at=time(row.asked_at),
        gone_at=time(row.at),
        rule=row.rule,
        days=days if isinstance(days, int) else None,
        group=UUID(group) if isinstance(group, str) else None,
        by=row.by,
        was=row.was,
        size_bytes=row.size_bytes,
        leaf=row.leaf,
    )


def _cells(row: DisposalRow) -> tuple[str, ...]:
    line = _line(row)
    values = (
        line.recording, line.began_at, line.gone_at, line.asked_at, line.rule, line.days, line.group, line.by,
        line.was, line.size_bytes, line.leaf,
    )  # fmt: skip
    return tuple("" if value is None else str(value) for value in values)
