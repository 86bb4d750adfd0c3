"""The API of the audit log: search it, keep it, check it, and see who listened to a recording (row A8)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web

from ari_recorder.errors import NotFound, StoreError
from ari_recorder.policies.rights import Right
from ari_recorder.store import audit, audit_export, audit_log
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.audit_check import Line
from ari_recorder.store.audit_export import Form
from ari_recorder.store.audit_log import LIMIT_MAX, AuditRow, Filter
from ari_recorder.store.audit_seals import Seal
from ari_recorder.web import entrance, page
from ari_recorder.web.context import ACTOR, CONTEXT, asker_id, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.places import DOWNLOADS
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import time, time_or_none
from ari_recorder.web.thread import aside

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(max_length=200)]

_log = structlog.get_logger(__name__)


class Stretch(msgspec.Struct):
    """From when to when: ``from`` is included, ``to`` is not; RFC 3339 with a zone."""

    began: Time | None = msgspec.field(default=None, name="from")
    ended: Time | None = msgspec.field(default=None, name="to")


class AuditQuery(Stretch):
    """Which lines. ``actor`` is an id or a part of a name, ``q`` a part of anything that a line tells."""

    actor: Text = ""
    action: Action | None = None
    subject_kind: Text = ""
    subject: Text = ""
    q: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = 50
    cursor: Text | None = None


class AuditActor(msgspec.Struct):
    """Who did it: ``kind`` is ``user``, ``token``, ``command_line`` or ``nobody`` (not signed in)."""

    kind: str
    id: str
    name: str
    address: str


class AuditSubject(msgspec.Struct):
    """What it was done to."""

    kind: str
    id: str


class AuditEntry(msgspec.Struct):
    """A line of the audit log. ``number`` counts from 1 without a gap; ``detail`` depends on the action."""

    number: int
    at: str
    actor: AuditActor
    action: str
    subject: AuditSubject
    detail: dict[str, Any]
    sha256: str


class AuditEntries(msgspec.Struct):
    """Lines, newest first."""

    lines: list[AuditEntry]
    next_cursor: str | None


class Listens(msgspec.Struct):
    """Who has listened to a recording or kept a copy, newest first."""

    listens: list[AuditEntry]


class AuditKey(msgspec.Struct):
    """What the seals are checked with: an Ed25519 public key."""

    id: str
    pem: str


@operation("GET", "/api/v1/audit", need=Right.AUDIT_READ, problems=(400, 403))
async def audit_lines(request: web.Request, query: AuditQuery) -> AuditEntries:
    """The organisation's audit log, newest first."""
    wanted = Filter(
        query.began, query.ended, query.actor, query.action or "", query.subject_kind, query.subject, query.q
    )
    found = await read_page(request, wanted, query.limit, query.cursor)
    return AuditEntries(lines=[_entry(row) for row in found.lines], next_cursor=found.next_cursor)


@operation(
    "GET", "/api/v1/audit.jsonl", need=Right.AUDIT_READ, media_type="application/jsonl", problems=(403,)
)
async def audit_jsonl(request: web.Request, query: Stretch) -> web.StreamResponse:
    """The audit log, or a stretch of it, to be checked elsewhere: a JSON object a line, with the seals."""
    return await _export(request, query, audit_export.JSON_LINES)


@operation("GET", "/api/v1/audit.csv", need=Right.AUDIT_READ, media_type="text/csv", problems=(403,))
async def audit_csv(request: web.Request, query: Stretch) -> web.StreamResponse:
    """The audit log, or a stretch of it, for a spreadsheet; it can be checked, too, but for the seals."""
    return await _export(request, query, audit_export.csv_form(page.words(request).separator))


@operation("GET", "/api/v1/audit/key", need=Right.AUDIT_READ, problems=(403, 404))
async def audit_key(request: web.Request) -> AuditKey:
    """The public key that the seals are checked with."""
    key = request.app[CONTEXT].audit_key
    if key is None:
        raise Refused(404, N_("The audit log has no key: nothing seals it here."))
    return AuditKey(id=key.id, pem=key.pem)


@operation("GET", "/api/v1/recordings/{id}/listens", need=Right.AUDIT_READ, problems=(400, 403))
async def recording_listens(request: web.Request) -> Listens:
    """Who has listened to this recording or kept a copy, newest first; 500 at most."""
    store = request.app[CONTEXT].store
    found = await store.read(audit_log.listens, scope(request), path_id(request))
    return Listens(listens=[_entry(row) for row in found])


OPERATIONS = (audit_lines, audit_jsonl, audit_csv, audit_key, recording_listens)


async def read_page(request: web.Request, wanted: Filter, limit: int, cursor: str | None) -> audit_log.Page:
    """A page of what who asks may read. Raises `Refused` (400) for a cursor that is none."""
    store = request.app[CONTEXT].store
    try:
        return await store.read(audit_log.page, scope(request), wanted, limit=limit, cursor=cursor)
    except NotFound as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=time(row.at),
        actor=AuditActor(row.actor_kind, row.actor, row.actor_name, row.address),
        action=row.action,
        subject=AuditSubject(row.subject_kind, row.subject),
        detail=row.detail,
        sha256=row.sha256,
    )


async def _export(request: web.Request, wanted: Stretch, form: Form) -> web.StreamResponse:
    context, organisation = request.app[CONTEXT], own_organisation(request)
    detail = {"form": form.ending, "from": time_or_none(wanted.began), "to": time_or_none(wanted.ended)}
    await context.store.write(
        audit.write, request[ACTOR], Action.EXPORT, Subject("audit"), context.now(),
        organisation=organisation, detail=detail,
    )  # fmt: skip
    first, last = await context.store.read(audit_log.stretch, scope(request), wanted.began, wanted.ended)
    headers = {"Content-Disposition": f'attachment; filename="audit.{form.ending}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = form.media_type, "utf-8"
    with request.app[DOWNLOADS].take(asker_id(request), response):
        await response.prepare(request)
        if request.method != "HEAD":
            await _send(request, response, form, first - 1, last)
    return response


async def _send(
    request: web.Request, response: web.StreamResponse, form: Form, after: int, last: int
) -> None:
    """Page by page. One that cannot be read any more, or whose reader does not read, is broken off."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    try:
        await _write(response, form.titles)
        while part := await store.read(audit_log.exported, organisation, after, last):
            after = audit_log.number_of(part[-1])
            await _write(response, await aside(_text, form, part))
        await response.write_eof()
    except (StoreError, TimeoutError) as error:
        _log.error("an export of the audit log was broken off", error=str(error))
        if request.transport is not None:
            request.transport.abort()


def _text(form: Form, part: list[Line | Seal]) -> str:
    return "".join(form.texts(part))


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(entrance.UNREAD_S):
        await response.write(text.encode())
