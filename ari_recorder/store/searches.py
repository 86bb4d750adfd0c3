"""Searches that people keep under a name: each has their own, and sees nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies import fields
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import SavedSearch

NAME_MAX = 100
EACH = 50
"""Most of one user."""


@dataclass(frozen=True)
class SearchRow:
    """A search that somebody keeps; ``query`` is what stands in the list's address."""

    id: UUID
    name: str
    query: str
    created_at: datetime


Check = Callable[[SearchRow], None]


def saved(user: UUID) -> list[SearchRow]:
    """Those of a user, by name."""
    rows = SavedSearch.select().where(SavedSearch.user == user)
    return [_row(row) for row in sorted(rows, key=lambda row: row.name.casefold())]


def search(user: UUID, search: UUID) -> SearchRow:
    """One of a user's. Raises `NotFound`."""
    return _row(_found(user, search))


def save(user: UUID, name: str, query: str, *, actor: Actor, now: datetime) -> SearchRow:
    """Keep one. Raises `Invalid` for a name that cannot be, `Conflict` for one taken, or one too many."""
    if SavedSearch.select().where(SavedSearch.user == user).count() >= EACH:
        raise Conflict("", "There are %(most)s saved searches already: remove one first.", most=EACH)
    row = SavedSearch.create(user=user, name=_free(user, name, None), query=query, created_at=now)
    _write(actor, Action.CREATE, row, now, {"after": _told(row)})
    return _row(row)


def change(
    user: UUID,
    search: UUID,
    name: str | None,
    query: str | None,
    *,
    check: Check = lambda row: None,
    actor: Actor,
    now: datetime,
) -> SearchRow:
    """Give it another name, or search for something else by it; None leaves it as it is.

    ``check`` is called with what it is before. Raises `NotFound`, and as `save` does.
    """
    row = _found(user, search)
    check(_row(row))
    before = _told(row)
    row.name = row.name if name is None else _free(user, name, search)
    row.query = row.query if query is None else query
    if _told(row) != before:
        row.save(only=[SavedSearch.name, SavedSearch.query])
        _write(actor, Action.CHANGE, row, now, {"before": before, "after": _told(row)})
    return _row(row)


def remove(
    user: UUID, search: UUID, *, check: Check = lambda row: None, actor: Actor, now: datetime
) -> SearchRow:
    """Keep it no longer; returns what it was. Raises `NotFound`."""
    row = _found(user, search)
    was = _row(row)
    check(was)
    SavedSearch.delete().where(SavedSearch.id == row.id).execute()
    _write(actor, Action.REMOVE, row, now, {"before": _told(row)})
    return was


def _found(user: UUID, search: UUID) -> Any:
    row = SavedSearch.get_or_none((SavedSearch.id == search) & (SavedSearch.user == user))
    if row is None:
        raise NotFound("There is no such saved search, or it is not yours.")
    return row


def _free(user: UUID, name: str, own: UUID | None) -> str:
    with fit():
        wanted = fields.name("name", name, NAME_MAX)
    others = SavedSearch.select().where((SavedSearch.user == user) & (SavedSearch.name == wanted))
    if any(row.id != own for row in others):
        raise Conflict("name", "you have a search of this name already.")
    return wanted


def _told(row: Any) -> dict[str, str]:
    return {"name": row.name, "query": row.query}


def _row(row: Any) -> SearchRow:
    return SearchRow(row.id, row.name, row.query, row.created_at)


def _write(actor: Actor, action: Action, row: Any, now: datetime, detail: dict[str, Any]) -> None:
    audit.write(actor, action, Subject("search", str(row.id)), now, detail=detail)
