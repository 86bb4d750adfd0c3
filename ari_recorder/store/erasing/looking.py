"""Calls in the order of their ids, looked through for a person: as the database gives them, nothing changed.

A million calls are gone through while others are recorded, so what is no text and no number is not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from ari_recorder.policies.erasing import Person
from ari_recorder.store.models import Leg
from ari_recorder.store.sql import rows, sql

_PARTY = "counterpart_number, counterpart_name"
_TEXTS = "note, tag1, tag2, tag3"


@dataclass
class Page:
    """Calls of an organisation, by their ids as the database has them: whose each is, and what stands in it.

    ``last`` is the last call that was looked at, None if there are no more behind.
    """

    last: UUID | None
    users: dict[Any, Any] = field(default_factory=dict)
    parties: dict[Any, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    texts: dict[Any, set[str]] = field(default_factory=lambda: defaultdict(set))


def page(behind: UUID, organisation: UUID, limit: int) -> Page:
    """The next calls behind that one."""
    # By ids alone: of an organisation that is named, too, SQLite would look through all that it has.
    chosen = f"SELECT id, organisation_id, user_id, {_PARTY}, {_TEXTS} FROM leg"  # noqa: S608
    legs = rows(sql(chosen + " WHERE id > {} ORDER BY id LIMIT {}", behind, limit))
    if not legs:
        return Page(None)
    last = _id(legs[-1][0])
    found = Page(last if len(legs) == limit else None)
    for leg, of, user, number, name, *texts in legs:
        if _id(of) == organisation:
            found.users[leg] = user
            found.parties[leg].add((number, name))
            found.texts[leg].update(texts)
    within = sql("leg_id > {} AND leg_id <= {}", behind, last)
    chosen = f"SELECT leg_id, {_PARTY}, {_TEXTS} FROM recording WHERE {{}}"  # noqa: S608
    for leg, number, name, *texts in rows(sql(chosen, within)):
        _add(found, leg, (number, name), texts)
    for leg, number, name in rows(sql("SELECT leg_id, number, name FROM counterpart WHERE {}", within)):
        _add(found, leg, (number, name), ())
    for leg, *texts in rows(sql("SELECT leg_id, before, after FROM annotation WHERE {}", within)):
        _add(found, leg, None, texts)
    return found


def concerned(found: Page, who: Person, user: UUID | None, *, partly: bool) -> list[UUID]:
    """Calls with which anything is to be done: theirs, with them, or with texts that speak of them.

    ``partly``: also those that somebody is to look at.
    """
    is_party = lru_cache(maxsize=None)(who.is_party)

    def speaks(text: str) -> bool:
        return bool(text) and (who.is_in(text) or (partly and who.is_partly_in(text)))

    return [
        _id(leg)
        for leg, of in found.users.items()
        if (user is not None and _id(of) == user)
        or any(is_party(*one) for one in found.parties[leg])
        or any(map(speaks, found.texts[leg]))
    ]


def _add(found: Page, leg: Any, party: tuple[str, str] | None, texts: Iterable[str]) -> None:
    if leg in found.users:
        found.texts[leg].update(texts)
        if party is not None:
            found.parties[leg].add(party)


def _id(value: Any) -> UUID:
    converted: UUID = Leg.id.python_value(value)
    return converted
