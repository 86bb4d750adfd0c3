"""The ledger, read: every due call, and what became of it, always for somebody (`scope.accounted`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.policies.ledger import NOT_STARTED, Outcome, RecordingState
from ari_recorder.policies.rights import Scope
from ari_recorder.store import paging
from ari_recorder.store.models import LedgerLine, Leg, Recording, User
from ari_recorder.store.paging import Page
from ari_recorder.store.scope import accounted


@dataclass(frozen=True)
class LedgerRow:
    """A due call of a user; ``outcome`` and ``closed_at`` are None until it is over.

    ``recording`` is the first recording that was made of it, if one was and is not disposed of.
    """

    id: UUID
    call: UUID
    user: UUID
    number: str | None
    name: str
    direction: str
    mode: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    reason: str
    recording: UUID | None


OPEN = "open"
"""In place of an outcome: the call is not over, or not accounted for yet."""


def ledger(
    asker: Scope,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    outcome: str | None = None,
    limit: int = paging.LIMIT,
    cursor: str | None = None,
) -> Page[LedgerRow]:
    """A page of the lines that ``asker`` may see, opened from ``begin`` on and before ``end``, newest first.

    ``outcome`` is one, or `OPEN`. Raises `Invalid` for a cursor that is none.
    """
    query = LedgerLine.select(LedgerLine, Leg, User).join(Leg).join(User).where(_within(asker, begin, end))
    if outcome is not None:
        query = query.where(
            LedgerLine.outcome.is_null() if outcome == OPEN else LedgerLine.outcome == outcome
        )
    return paging.page(
        query, LedgerLine.opened_at, LedgerLine, _rows, limit=limit, cursor=cursor, newest_first=True
    )


def outcomes(asker: Scope, begin: datetime, end: datetime) -> dict[str, int]:
    """How many of those lines have which outcome, or are `OPEN`."""
    counted = LedgerLine.select(LedgerLine.outcome, fn.COUNT(SQL("*"))).where(_within(asker, begin, end))
    return {outcome or OPEN: count for outcome, count in counted.group_by(LedgerLine.outcome).tuples()}


def lost(asker: Scope, begin: datetime, end: datetime) -> int:
    """How many of them were not recorded though they should have been."""
    condition = (LedgerLine.outcome == Outcome.NOT_RECORDED.value) & (LedgerLine.reason != NOT_STARTED)
    return int(LedgerLine.select().where(_within(asker, begin, end) & condition).count())


def _within(asker: Scope, begin: datetime | None, end: datetime | None) -> Any:
    condition = accounted(asker)
    if begin is not None:
        condition &= LedgerLine.opened_at >= begin
    if end is not None:
        condition &= LedgerLine.opened_at < end
    return condition


def _rows(lines: Sequence[Any]) -> list[LedgerRow]:
    made = Recording.select(Recording.id, Recording.leg, Recording.ordinal).where(
        Recording.leg.in_([line.leg_id for line in lines])
        & (Recording.state != RecordingState.DISPOSING.value)
    )
    first = {row.leg_id: row.id for row in made.order_by(Recording.ordinal.desc())}
    return [
        LedgerRow(
            id=line.id,
            call=line.leg.id,
            user=line.leg.user.id,
            number=line.leg.user.number,
            name=line.leg.user.name,
            direction=line.leg.direction,
            mode=line.leg.mode,
            opened_at=line.opened_at,
            closed_at=line.closed_at,
            outcome=line.outcome,
            reason=line.reason,
            recording=first.get(line.leg_id),
        )
        for line in lines
    ]
