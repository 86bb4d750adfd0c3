"""The ledger, read: every due call, and what became of it, always for somebody (`scope.accounted`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.rights import Scope
from ari_recorder.store import paging
from ari_recorder.store.models import LedgerLine, Leg, User
from ari_recorder.store.paging import Page
from ari_recorder.store.scope import accounted


@dataclass(frozen=True)
class LedgerRow:
    """A due call of a user; ``outcome`` and ``closed_at`` are None until it is over."""

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


def ledger(
    asker: Scope,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    limit: int = paging.LIMIT,
    cursor: str | None = None,
) -> Page[LedgerRow]:
    """A page of the lines that ``asker`` may see, opened from ``begin`` on and before ``end``, newest first.

    Raises `Invalid` for a cursor that is none.
    """
    query = LedgerLine.select(LedgerLine, Leg, User).join(Leg).join(User).where(accounted(asker))
    if begin is not None:
        query = query.where(LedgerLine.opened_at >= begin)
    if end is not None:
        query = query.where(LedgerLine.opened_at < end)
    return paging.page(
        query, LedgerLine.opened_at, LedgerLine, _rows, limit=limit, cursor=cursor, newest_first=True
    )


def _rows(lines: Sequence[Any]) -> list[LedgerRow]:
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
        )
        for line in lines
    ]
