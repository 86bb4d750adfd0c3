"""What is asked for, as conditions: of whose recordings, of what else is known of them, of their texts.

In statements a recording is ``r``, what it is found by ``s`` (`models.Searched`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.search import Term
from ari_recorder.store.filters import Wanted
from ari_recorder.store.models import Group, Membership, User
from ari_recorder.store.scope import Within, grouped, within
from ari_recorder.store.sql import Sql, among, every_of, one_of, rows, sql

_STATES = {
    "recording": "r.state = 'open'",
    "preparing": "r.state = 'closing'",
    "ready": "r.state = 'stored'",
    "problems": "r.problems <> ''",
}
ENDING_MIN = 5
"""Figures that different writings of a number have in common at their end, and that few others have."""
_LONGEST_MS = 2**31 - 1


@dataclass(frozen=True)
class Needle:
    """A part of one of the columns, any of them; or the recording is one of these users'."""

    parts: Mapping[str, tuple[str, ...]]
    users: tuple[UUID, ...] = ()

    @property
    def nearly(self) -> Mapping[str, tuple[str, ...]]:
        """As ``parts``; of a number in several writings only what they end in, to be looked for once."""
        numbers = self.parts.get("numbers", ())
        ending = "".join(_same(numbers)).lstrip()
        return self.parts if len(ending) < ENDING_MIN else {**self.parts, "numbers": (ending,)}

    def stands(
        self,
        condition: Callable[[str, str], Sql],
        parts: Mapping[str, tuple[str, ...]] | None = None,
        *,
        theirs: Sql | None = None,
    ) -> Sql:
        """That it is there, or one of other ``parts``: ``condition`` says that a part is in a column.

        ``theirs``: what else has to hold of a recording of its users.
        """
        every = (self.parts if parts is None else parts).items()
        found = [condition(column, part) for column, several in every for part in several]
        if self.users:
            found.append(every_of([among('s."user"', self.users), *([theirs] if theirs else ())]))
        return one_of(found)


@dataclass(frozen=True)
class Asked:
    """Recordings of ``within``; all conditions hold.

    ``attributes`` are of the recording itself, ``narrow`` those of them that an index finds by itself, by its
    name; ``began`` are bounds of when it began.
    """

    within: Within
    narrow: Mapping[str, Sql]
    others: tuple[Sql, ...]
    needles: tuple[Needle, ...]
    began: tuple[tuple[str, datetime], ...]

    @property
    def attributes(self) -> tuple[Sql, ...]:
        """All conditions on ``r``, but for when it began."""
        return (*self.narrow.values(), *self.others)


def asked(asker: Scope, wanted: Wanted) -> Asked | None:
    """What is wanted, of what ``asker`` may see; None if there can be nothing of it."""
    whose = _whose(asker, wanted)
    if whose is None:
        return None
    needles = tuple(_needles(whose, wanted))
    if any(not (any(needle.parts.values()) or needle.users) for needle in needles):
        return None
    bounds = ((">=", wanted.began_from), ("<", wanted.began_before))
    began = tuple((way, at) for way, at in bounds if at is not None)
    return Asked(whose, dict(_narrow(wanted)), tuple(_others(wanted)), needles, began)


# Whose


def _whose(asker: Scope, wanted: Wanted) -> Within | None:
    """Whose recordings may be found at all; None: nobody's."""
    found: Within | None = within(asker)
    if found is not None and wanted.user is not None:
        found = found.only(_users_called(found, wanted.user))
    if found is not None and wanted.group is not None:
        found = found.only(_members(asker, wanted.group))
    return found


def _users_called(whose: Within, user: UUID | str) -> set[UUID]:
    if isinstance(user, UUID):
        return {user}
    query = User.select(User.id).where(User.number == user)
    if whose.organisation is not None:
        query = query.where(User.organisation == whose.organisation)
    return {row.id for row in query}


def _members(asker: Scope, group: UUID) -> set[UUID]:
    """Who may not see a group does not learn who of theirs is in it."""
    shown = Membership.select(Membership.user).join(Group).where(grouped(asker) & (Group.id == group))
    return {row.user_id for row in shown}


# What else is known of them


def _narrow(wanted: Wanted) -> Iterator[tuple[str, Sql]]:
    if wanted.mark:
        yield "recording_listed_mark", sql("r.mark <> '' AND r.mark = {}", wanted.mark)
    if wanted.state in ("recording", "preparing"):
        yield "recording_listed_unready", Sql(f"r.state <> 'stored' AND {_STATES[wanted.state]}")
    if wanted.state == "problems":
        yield "recording_listed_problems", Sql(_STATES["problems"])
    if wanted.min_duration_s is not None or wanted.max_duration_s is not None:
        shortest = math.ceil((wanted.min_duration_s or 0) * 1000)
        longest = _LONGEST_MS if wanted.max_duration_s is None else math.floor(wanted.max_duration_s * 1000)
        bounds = (min(shortest, _LONGEST_MS), min(longest, _LONGEST_MS))
        yield "recording_listed_length", sql("coalesce(r.duration_ms, -1) BETWEEN {} AND {}", *bounds)


def _others(wanted: Wanted) -> Iterator[Sql]:
    for name in ("direction", "mode", "tag1", "tag2", "tag3"):
        if (value := getattr(wanted, name)) is not None:
            yield sql(f"r.{name} = {{}}", value)
    if wanted.mark == "":
        yield Sql("r.mark = ''")
    if wanted.state == "ready":
        yield Sql(_STATES["ready"])


# Their texts


def _needles(whose: Within, wanted: Wanted) -> Iterator[Needle]:
    country = _country(whose) if wanted.number is not None or wanted.text is not None else ""
    if wanted.number is not None:
        yield Needle({"numbers": search.number_parts(wanted.number, country)})
    if wanted.note is not None:
        yield Needle({"note": _parts(wanted.note)})
    for tag in filter(None, (wanted.tag1, wanted.tag2, wanted.tag3)):
        if parts := _parts(tag):  # of one that is made of nothing that is indexed, the attribute is enough
            yield Needle({"words": parts})
    if wanted.text is not None:
        people = list(_people(whose))
        for term in search.terms(wanted.text, country):
            users = tuple(User.id.python_value(user) for user, person in people if term.is_of(person))
            yield Needle(_anywhere(term), users)


def _parts(text: str) -> tuple[str, ...]:
    part = search.part(text)
    return (part,) if part else ()


def _anywhere(term: Term) -> dict[str, tuple[str, ...]]:
    text = (term.text,) if term.text else ()
    return {"note": text, "words": text, "numbers": term.numbers}


def _country(whose: Within) -> str:
    """Whose numbering plan numbers are taken to follow; of several organisations, if it is the same."""
    of = Sql("1 = 1") if whose.organisation is None else sql("id = {}", whose.organisation)
    found = rows(sql("SELECT DISTINCT country FROM organisation WHERE {} LIMIT 2", of))
    return str(found[0][0]) if len(found) == 1 else ""


def _people(whose: Within) -> Iterator[tuple[Any, search.Person]]:
    """Everybody whose recordings may be found, also who is no user any more; ids as the database has them."""
    conditions = []
    if whose.organisation is not None:
        conditions.append(sql("organisation_id = {}", whose.organisation))
    if whose.users is not None:
        conditions.append(among("id", whose.users))
    for user, name, number in rows(sql('SELECT id, name, number FROM "user" WHERE {}', every_of(conditions))):
        yield user, _person(name, number)


_person = lru_cache(maxsize=20_000)(search.person)


def _same(texts: tuple[str, ...]) -> list[str]:
    """The characters that all end in."""
    ending = takewhile(lambda ones: len(set(ones)) == 1, zip(*(text[::-1] for text in texts), strict=False))
    return [ones[0] for ones in ending][::-1]
