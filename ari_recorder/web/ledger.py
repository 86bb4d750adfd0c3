"""The API of the ledger: every due call, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies.rights import Right
from ari_recorder.store.ledger import LedgerRow
from ari_recorder.store.ledger import ledger as ledger_page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.lists import Cursor, Limit
from ari_recorder.web.routing import operation
from ari_recorder.web.shapes import time_or_none


class LedgerLine(msgspec.Struct):
    """An answered call of a user whose mode records: what became of it, and why."""

    id: UUID
    call: UUID
    user: UUID
    number: str | None
    name: str
    direction: str
    mode: str
    opened_at: str | None
    closed_at: str | None
    outcome: str | None
    """`recorded`, `discarded` or `not_recorded`; null until it is over."""
    reason: str
    recording: UUID | None
    """The first that was made of it."""


class Ledger(msgspec.Struct):
    """A page of the ledger, the newest first."""

    lines: list[LedgerLine]
    next_cursor: str | None


class LedgerQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which lines: by when the call was answered."""

    begin: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="from")
    """From this time on."""
    end: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="to")
    """Before this time."""
    outcome: Literal["recorded", "discarded", "not_recorded", "open"] | None = None
    """`open`: not over, or not accounted for yet."""
    limit: Limit = 50
    cursor: Cursor | None = None


@operation("GET", "/api/v1/ledger", need=Right.LEDGER_READ, problems=(422,))
async def ledger(request: web.Request, query: LedgerQuery) -> Ledger:
    """Every due call of the organisation, and what became of it, the newest first."""
    found = await request.app[CONTEXT].store.read(
        ledger_page, scope(request), begin=query.begin, end=query.end, outcome=query.outcome,
        limit=query.limit, cursor=query.cursor,
    )  # fmt: skip
    return Ledger([_line(row) for row in found.rows], found.next_cursor)


def _line(row: LedgerRow) -> LedgerLine:
    times = {"opened_at": time_or_none(row.opened_at), "closed_at": time_or_none(row.closed_at)}
    return LedgerLine(**{**vars(row), **times})
