"""Texts in SQLite: its full-text index has any three characters in a row, in the order of time.

Of a part that is looked for the rarest of these say which recordings may have it, and their texts which have:
more would take longer to go through than that (`grams`). Whose a recording is is in that index, too, three
characters for the organisation and three for the user. It is asked for that where there is little of theirs
among all and much of what is looked for; otherwise the rows say it, as they do anyway, since three characters
may be another's as well (once in four million million times).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding import grams, listing
from ari_recorder.store.finding.asked import Asked, Needle
from ari_recorder.store.finding.order import Order
from ari_recorder.store.models import Organisation
from ari_recorder.store.sql import Sql, among, every_of, rows, sql

USERS_MAX = 100
"""So many are looked for by the index; of more each row is asked."""
WORTH = 30
"""To look at a recording takes as long as to read so many from the index."""

_PLACE = "t.rowid"


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    common = all(grams.share_with(needle) >= grams.COMMON for needle in asked.needles)
    if common and (index := listing.in_time(asked)):
        texts = every_of(needle.stands(_instr) for needle in asked.needles)
        return rows(listing.walk(asked, index, order, limit, texts))
    found = _found("s.recording_id", asked, order.searched_behind())
    return rows(sql(f"{{}} ORDER BY {_PLACE} {order.way} LIMIT {{}}", found, limit))


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    found = _found("1", asked)
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", found, most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    return sql("{} LIMIT {}", _found("s.recording_id AS id", asked, attributes=False), most)


def _found(
    chosen: str, asked: Asked, behind: Iterable[tuple[str, int]] = (), *, attributes: bool = True
) -> Sql:
    needles, whose = _given(asked)
    source, joins, conditions = _rows_of(asked, needles, attributes=attributes)
    there = sql("t.searched_text MATCH {}", _match(asked, needles, whose))
    every = [there, *_bounds(asked, behind), *joins, *conditions]
    return sql(f"SELECT {chosen} FROM searched_text t CROSS JOIN {source} WHERE {{}}", every_of(every))


def _given(asked: Asked) -> tuple[list[Needle], list[UUID]]:
    """What the index is asked for, and whose recordings: each of whom takes as long as all of theirs."""
    narrow, whose = [needle for needle in asked.needles if not _is_wide(needle)], _ids(asked)
    shares = [*map(grams.share_with, narrow), *([grams.share_of(whose) * len(whose)] if whose else [])]
    asks = grams.worth(shares, WORTH)
    needles = [needle for needle, is_asked in zip(narrow, asks, strict=False) if is_asked]
    return needles, whose if whose and asks[-1] else []


def _rows_of(
    asked: Asked, given: list[Needle], *, attributes: bool = True
) -> tuple[str, list[Sql], list[Sql]]:
    """What is joined to what the index says, how, and what it leaves to hold."""
    left = (needle for needle in asked.needles if needle not in given or not _is_exact(needle))
    conditions = [*_whose(asked), *(needle.stands(_instr) for needle in left)]
    if not (attributes and asked.attributes):
        return "searched s", [Sql("s.id = t.rowid")], conditions
    joins = [Sql("s.id = t.rowid"), Sql("r.id = s.recording_id")]
    return "searched s CROSS JOIN recording r", joins, [*conditions, *asked.attributes]


def _bounds(asked: Asked, behind: Iterable[tuple[str, int]]) -> list[Sql]:
    bounds = [*((way, search.begins(at)) for way, at in asked.began), *behind]
    return [sql(f"{_PLACE} {way} {{}}", at) for way, at in bounds]


def _match(asked: Asked, needles: list[Needle], whose: list[UUID]) -> str:
    """What the index is asked; without a text that it can be, for everything of theirs."""
    among = grams.share_of(whose) if len(whose) == 1 else 1.0
    texts = [_any_of(_parts(needle, among)) for needle in needles]
    theirs = whose or ([] if texts else _organisations(asked))
    return " AND ".join([*texts, _any_of(_who(theirs))] if theirs else texts)


def _ids(asked: Asked) -> list[UUID]:
    """Whose recordings the index could be asked for."""
    users, of = asked.within.users, asked.within.organisation
    if users is not None and len(users) <= USERS_MAX:
        return sorted(users)
    return [] if of is None else [of]


def _organisations(asked: Asked) -> list[UUID]:
    if asked.within.organisation is not None:
        return [asked.within.organisation]
    return [Organisation.id.python_value(row[0]) for row in rows(Sql("SELECT id FROM organisation"))]


def _is_wide(needle: Needle) -> bool:
    return len(needle.users) > USERS_MAX


def _is_exact(needle: Needle) -> bool:
    """Whether what the index finds has it for sure."""
    parts = (part for parts in needle.parts.values() for part in parts)
    return all(len(part) == grams.LENGTH for part in parts)


def _parts(needle: Needle, among: float) -> Iterator[str]:
    for columns, part in _columns(needle):
        rarest = " AND ".join(map(grams.quoted, grams.rarest(columns, part, among)))
        yield f"{{{' '.join(columns)}}} : ({rarest})"
    yield from _who(needle.users)


def _columns(needle: Needle) -> Iterator[tuple[list[str], str]]:
    """The columns in which each part may be."""
    columns = defaultdict(list)
    for column, parts in needle.nearly.items():
        for part in parts:
            columns[part].append(column)
    yield from ((names, part) for part, names in columns.items())


def _who(ids: Iterable[UUID]) -> list[str]:
    return [f"who : {grams.quoted(search.who(one))}" for one in ids]


def _any_of(parts: Iterable[str]) -> str:
    return f"({' OR '.join(parts)})"


def _whose(asked: Asked) -> Iterator[Sql]:
    if asked.within.organisation is not None:
        yield sql("s.organisation = {}", asked.within.organisation)
    if asked.within.users is not None:
        yield among('s."user"', sorted(asked.within.users))


def _instr(column: str, part: str) -> Sql:
    return sql(f"instr(s.{column}, {{}}) > 0", part)
