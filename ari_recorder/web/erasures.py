"""The API of erasures: those there are, and their reports. They are begun by people, on a page or the
command line."""

from __future__ import annotations

import json
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies.erasing import Kind, State
from ari_recorder.policies.rights import Right
from ari_recorder.store.erasing import asking
from ari_recorder.store.erasing.asking import ErasureRow
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.lists import Paging
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Time, time, time_or_none

_ERASURES = "/api/v1/erasures"
_ERASURE = _ERASURES + "/{id}"


class Erasure(msgspec.Struct):
    """Somebody who is taken out, or was: under a pseudonym."""

    id: UUID
    kind: Kind
    pseudonym: str
    reference: Annotated[str, Meta(description="The organisation's own.")]
    begun_at: Time
    begun_by: str
    state: Annotated[State, Meta(description="`waiting`: for a legal hold, or a call that goes on.")]
    done_at: Time | None
    disposed: Annotated[int, Meta(description="Recordings disposed of so far.")]
    renamed: Annotated[int, Meta(description="Recordings in which a pseudonym stands now.")]
    held: Annotated[
        int, Meta(description="Recordings under a legal hold, of the run that goes on or was the last.")
    ]
    report_sha256: Annotated[str, Meta(description="As the audit log has it; empty while there is none.")]


class Erasures(msgspec.Struct):
    """A page of erasures, the newest first."""

    erasures: list[Erasure]
    next_cursor: str | None


class ReportQuery(msgspec.Struct, forbid_unknown_fields=True):
    """In which form."""

    form: Literal["json", "text"] = "json"


@operation("GET", _ERASURES, need=Right.HOLDS_READ, problems=(422,))
async def erasures(request: web.Request, query: Paging) -> Erasures:
    """Erasures of the organisation, the newest first."""
    found = await request.app[CONTEXT].store.read(
        asking.listed, scope(request), limit=query.limit, cursor=query.cursor
    )
    return Erasures([shown(row) for row in found.rows], found.next_cursor)


@operation("GET", _ERASURE, need=Right.HOLDS_READ, problems=(404,))
async def erasure(request: web.Request) -> Erasure:
    """One erasure, with how far it has come."""
    return shown(await _one(request))


@operation(
    "GET", _ERASURE + "/report", need=Right.HOLDS_READ, media_type="application/json", problems=(404, 409)
)
async def erasure_report(request: web.Request, query: ReportQuery) -> web.Response:
    """The report as it stands: what was done, what waits, what stays. The audit log has the SHA-256 of the
    JSON."""
    row = await _one(request)
    if not row.report:
        raise Refused(409, N_("There is no report yet: the erasure goes on."))
    is_text = query.form == "text"
    headers = {
        "Content-Disposition": f'attachment; filename="erasure-{row.id}.{"txt" if is_text else "json"}"'
    }
    return web.Response(
        text=as_text(row) if is_text else row.report,
        headers=headers,
        content_type="text/plain" if is_text else "application/json",
    )


OPERATIONS = (erasures, erasure, erasure_report)


def as_text(row: ErasureRow) -> str:
    """The report as lines of words."""
    facts = json.loads(row.report)
    lines = []
    for name, value in facts.items():
        inner = value if isinstance(value, dict) else {name: value}
        for one, said in inner.items():
            shown_as = ", ".join(map(str, said)) if isinstance(said, list) else said
            lines.append(f"{one.replace('_', ' ')}: {'-' if shown_as in (None, '') else shown_as}")
    return "\n".join([*lines, f"sha256 of the report in JSON: {row.report_sha256}", ""])


def shown(row: ErasureRow) -> Erasure:
    """An erasure as the API shows it."""
    return Erasure(
        row.id, row.kind, row.pseudonym, row.reference, time(row.begun_at), row.begun_by, row.state,
        time_or_none(row.done_at), row.counts.disposed, row.counts.renamed, row.counts.held,
        row.report_sha256,
    )  # fmt: skip


async def _one(request: web.Request) -> ErasureRow:
    return await request.app[CONTEXT].store.read(asking.one, scope(request), path_id(request))
