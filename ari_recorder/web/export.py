"""Recordings as a CSV file: what is found, or what was chosen in the list. Who, when, with whom; no audio.

It is read in parts, each behind the last row of the one before, so that any number of rows takes no more
memory than a few hundred; nothing is held meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
import structlog
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.errors import StoreError
from ari_recorder.policies import spreadsheet
from ari_recorder.policies.rights import Right
from ari_recorder.policies.selection import SELECTED_MAX
from ari_recorder.store import audit, catalogue
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import Wanted
from ari_recorder.store.order import Sort
from ari_recorder.web import entrance, page
from ari_recorder.web.context import ACTOR, CONTEXT, asker_id, own_organisation, scope
from ari_recorder.web.gate import scope_now
from ari_recorder.web.language import N_
from ari_recorder.web.places import DOWNLOADS
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation
from ari_recorder.web.search import Filters, wanted
from ari_recorder.web.thread import aside
from ari_recorder.web.words import Words

PART_ROWS = 500
_TAGS = ("tag1", "tag2", "tag3")
COLUMNS = (
    N_("Recorded from"),
    N_("Recorded until"),
    N_("Duration"),
    N_("Seconds"),
    N_("User"),
    N_("User's number"),
    N_("Counterpart"),
    N_("Counterpart's number"),
    N_("Direction"),
    N_("Internal"),
    N_("Recording mode"),
    N_("State"),
    N_("Mark"),
    N_("Note"),
    *_TAGS,
    N_("Problems"),
    N_("Recording's id"),
)
Rows = Sequence[RecordingRow]
_log = structlog.get_logger(__name__)


class Exported(Filters, forbid_unknown_fields=True, kw_only=True):
    """What a file is made of: recordings of which everything holds."""

    ids: (
        Annotated[
            str,
            Meta(
                min_length=36,
                max_length=37 * SELECTED_MAX,
                pattern=r"^[0-9a-fA-F-]{36}(,[0-9a-fA-F-]{36})*$",
                description="These, and no search: ids, parted by commas, at most 100.",
            ),
        ]
        | UnsetType
    ) = UNSET


@operation("GET", "/api/v1/recordings.csv", need=Right.RECORDINGS_READ, media_type="text/csv")
async def recordings_csv(request: web.Request, query: Exported) -> web.StreamResponse:
    """What is found, as a file for a spreadsheet: in the language and the zone of who asks, with its offset.

    A cell that a spreadsheet might take for a formula has an apostrophe in front. The connection is broken
    off when not all of it can be sent.
    """
    chosen = _chosen(query)
    parts = _found(request, wanted(query), query.sort) if chosen is None else _these(request, chosen)
    await _write_down(request, query)
    response = web.StreamResponse(headers={"Content-Disposition": _disposition(request)})
    response.content_type, response.charset = "text/csv", "utf-8"
    with request.app[DOWNLOADS].take(asker_id(request), response):
        await response.prepare(request)
        if request.method != "HEAD":
            await _send(request, response, parts)
    return response


def address_of(recordings: Iterable[UUID]) -> str:
    """Where the file of these is to be had."""
    return f"/api/v1/recordings.csv?ids={','.join(map(str, recordings))}"


def _chosen(query: Exported) -> list[UUID] | None:
    """What was chosen, if it was. Raises `Refused` (400) for what is no id, and for a search beside it."""
    if not isinstance(query.ids, str):
        return None
    others = {name for name, value in msgspec.structs.asdict(query).items() if value is not UNSET}
    if others - {"ids", "sort"}:
        raise Refused(400, N_("either these, or what a search finds: not both."), field="ids")
    try:
        return [UUID(text) for text in query.ids.split(",")]
    except ValueError as error:
        raise Refused(400, N_("one of them is no UUID."), field="ids") from error


async def _found(request: web.Request, search: Wanted, sort: Sort) -> AsyncIterator[Rows]:
    """What is found, part by part, each behind the last row of the one before."""
    cursor = None
    while True:
        found = await request.app[CONTEXT].store.read(
            catalogue.recordings, scope(request), limit=PART_ROWS, cursor=cursor, wanted=search, sort=sort
        )
        yield found.recordings
        cursor = found.next_cursor
        if cursor is None:
            return


async def _these(request: web.Request, chosen: Iterable[UUID]) -> AsyncIterator[Rows]:
    yield await request.app[CONTEXT].store.read(catalogue.chosen, scope(request), chosen)


async def _write_down(request: web.Request, query: Exported) -> None:
    """In the audit log, before the first byte: who, and what was looked for."""
    context = request.app[CONTEXT]
    given = {
        name.rstrip("_"): value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET
    }
    if ids := given.pop("ids", ""):
        given["recordings"] = len(ids.split(","))
    await context.store.write(
        audit.write, request[ACTOR], Action.EXPORT, Subject("recordings"), context.now(),
        organisation=own_organisation(request), detail={"form": "csv", **given},
    )  # fmt: skip


def _disposition(request: web.Request) -> str:
    today = request.app[CONTEXT].now().astimezone(page.words(request).zone).date()
    return f'attachment; filename="recordings-{today.isoformat()}.csv"'


async def _send(request: web.Request, response: web.StreamResponse, parts: AsyncIterator[Rows]) -> None:
    """Part by part; broken off when the catalogue or who asks cannot be reached, or it is theirs no more."""
    say = page.words(request)
    try:
        await _write(response, spreadsheet.BOM + spreadsheet.lines([_titles(say)], say.separator))
        async for part in parts:
            if await scope_now(request) != scope(request):
                raise StoreError("who asks may not see all of it any more.")
            await _write(response, await aside(_text, part, say))
        await response.write_eof()
    except (StoreError, TimeoutError) as error:
        _log.error("an export of recordings was broken off", error=str(error))
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        _log.info("an export of recordings was given up by who asked for it")


def _titles(say: Words) -> list[str]:
    return [say.tag(name) if name in _TAGS else say.language.gettext(name) for name in COLUMNS]


def _text(rows: Iterable[RecordingRow], say: Words) -> str:
    return spreadsheet.lines((_cells(row, say) for row in rows), say.separator)


def _cells(row: RecordingRow, say: Words) -> tuple[str, ...]:
    yes_no = {True: N_("yes"), False: N_("no")}
    return (
        _time(row.started_at, say),
        _time(row.ended_at, say) if row.ended_at else "",
        say.duration(row.duration_ms) if row.duration_ms is not None else "",
        say.tenths(row.duration_ms / 1000) if row.duration_ms is not None else "",
        row.user_name,
        row.user_number or "",
        row.counterpart_name,
        row.counterpart_number,
        say.direction(row),
        say.language.gettext(yes_no[row.internal]),
        say.mode(row),
        say.state(row),
        say.mark(row.mark) if row.mark else "",
        row.note,
        *row.tags,
        " ".join(row.problems),
        str(row.id),
    )


def _time(at: datetime, say: Words) -> str:
    """Of the organisation's zone, with its offset."""
    return at.astimezone(say.zone).isoformat(sep=" ", timespec="seconds")


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(entrance.UNREAD_S):
        await response.write(text.encode())
