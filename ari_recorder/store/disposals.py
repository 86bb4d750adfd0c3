"""The disposal log, read: which recordings are gone, when and why, always for somebody (`scope.disposed`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.policies.rights import Scope
from ari_recorder.store import paging
from ari_recorder.store.models import Disposal, Token, User
from ari_recorder.store.paging import Page
from ari_recorder.store.scope import disposed


@dataclass(frozen=True)
class DisposalRow:
    """A recording that is gone. ``leaf`` is its number in the tree, None if it never was in it.

    ``by`` is what the user or token is called today who asked for it; empty if nobody did, or they are gone.
    """

    id: UUID
    recording: UUID
    leaf: int | None
    was: str
    started_at: datetime
    size_bytes: int
    rule: str
    detail: dict[str, Any]
    actor_kind: str
    actor: str
    by: str
    asked_at: datetime
    at: datetime


def disposals(
    asker: Scope,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    limit: int = paging.LIMIT,
    cursor: str | None = None,
) -> Page[DisposalRow]:
    """A page of the lines that ``asker`` may see, gone from ``begin`` on and before ``end``, newest first.

    Raises `Invalid` for a cursor that is none.
    """
    query = Disposal.select().where(_within(asker, begin, end))
    return paging.page(query, Disposal.at, Disposal, _rows, limit=limit, cursor=cursor, newest_first=True)


def count(asker: Scope, begin: datetime | None = None, end: datetime | None = None) -> tuple[int, int]:
    """How many those are, and the bytes that they had together."""
    found = Disposal.select(fn.COUNT(SQL("*")), fn.COALESCE(fn.SUM(Disposal.size_bytes), 0))
    number, size_bytes = found.where(_within(asker, begin, end)).scalar(as_tuple=True)
    return int(number), int(size_bytes)


def among(recordings: Collection[UUID]) -> set[UUID]:
    """Those of these recordings that were disposed of."""
    ids = list(recordings)
    rows = Disposal.select(Disposal.recording).where(Disposal.recording.in_(ids)) if ids else ()
    return {row.recording for row in rows}


def _within(asker: Scope, begin: datetime | None, end: datetime | None) -> Any:
    condition = disposed(asker)
    if begin is not None:
        condition &= Disposal.at >= begin
    if end is not None:
        condition &= Disposal.at < end
    return condition


def _rows(lines: Sequence[Any]) -> list[DisposalRow]:
    names = _names({line.actor for line in lines if line.actor})
    return [_row(line, names.get(line.actor, "")) for line in lines]


def _names(actors: Collection[str]) -> dict[str, str]:
    ids = [found for found in map(_id, actors) if found is not None]
    if not ids:
        return {}
    rows = [*User.select(User.id, User.name).where(User.id.in_(ids)),
            *Token.select(Token.id, Token.name).where(Token.id.in_(ids))]  # fmt: skip
    return {str(row.id): row.name for row in rows}


def _id(actor: str) -> UUID | None:
    try:
        return UUID(actor)
    except ValueError:
        return None


def _row(line: Any, by: str) -> DisposalRow:
    return DisposalRow(
        id=line.id,
        recording=line.recording,
        leaf=line.leaf,
        was=line.was,
        started_at=line.started_at,
        size_bytes=line.size_bytes,
        rule=line.rule,
        detail=json.loads(line.detail or "{}"),
        actor_kind=line.actor_kind,
        actor=line.actor,
        by=by,
        asked_at=line.asked_at,
        at=line.at,
    )
