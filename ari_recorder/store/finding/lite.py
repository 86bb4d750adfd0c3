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
TRIED = 1_000
"""What is not common is looked for among everybody's first: so many are as fast as to ask whose they are."""
OWN_MAX = 5_000

_PLACE = "t.rowid"


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    bounds = order.searched_behind()
    if len(asked.needles) > 1 and _is_short(asked):
        return rows(_own(asked, order, limit))
    whose, rare = _who_of(asked), list(_rare(asked))
    common = all(grams.is_common(columns, gram) for columns, gram in rare)
    if common and rare and (index := listing.in_time(asked)):
        texts = every_of(needle.stands(_instr) for needle in asked.needles)
        return rows(listing.walk(asked, index, order, limit, texts))
    if whose and not common and rare:
        first = _first(asked, order, limit)
        if first is not None:
            return first
    found = _found("s.recording_id", asked, _match(asked, whose), bounds)
    return rows(sql(f"{{}} ORDER BY {_PLACE} {order.way} LIMIT {{}}", found, limit))


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    found = _found("1", asked, _match(asked, _who_of(asked)))
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", found, most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    found = _found("s.recording_id AS id", asked, _match(asked, _who_of(asked)), attributes=False)
    return sql("{} LIMIT {}", found, most)


def _is_short(asked: Asked) -> bool:
    """Whether it is about one user, of whom there is not much."""
    if asked.within.users is None or len(asked.within.users) > 1:
        return False
    (user,) = asked.within.users
    some = sql(f'SELECT 1 FROM searched WHERE "user" = {{}} LIMIT {OWN_MAX + 1}', user)
    return bool(rows(sql("SELECT count(*) FROM ({}) some", some))[0][0] <= OWN_MAX)


def _own(asked: Asked, order: Order, limit: int) -> Sql:
    """Along one user's own recordings: faster than to go through all that have one of several texts."""
    source, conditions = _rows_of(asked, every=True)
    bounds = _bounds(asked, order.searched_behind(), "s.id")
    found = every_of([*bounds, *conditions])
    return sql(
        f"SELECT s.recording_id FROM {source} WHERE {{}} ORDER BY s.id {order.way} LIMIT {{}}", found, limit
    )


def _first(asked: Asked, order: Order, limit: int) -> list[Any] | None:
    """The page, if it is among the first thousand of everybody's, or if these are all that there are."""
    bounds = _bounds(asked, order.searched_behind())
    there = sql(
        f"SELECT t.rowid FROM searched_text t WHERE {{}} ORDER BY {_PLACE} {order.way} LIMIT {TRIED}",
        every_of([sql("t.searched_text MATCH {}", _match(asked, "")), *bounds]),
    )
    source, conditions = _rows_of(asked)
    found = sql(
        f"WITH tried AS MATERIALIZED ({{}}) SELECT s.recording_id, (SELECT count(*) FROM tried)"
        f" FROM tried t CROSS JOIN {source} WHERE {{}} UNION ALL SELECT NULL, count(*) FROM tried",
        there, every_of(conditions),
    )  # fmt: skip
    *ids, (_, tried) = rows(found)
    return ids[:limit] if len(ids) >= limit or tried < TRIED else None


def _found(
    chosen: str, asked: Asked, match: str, behind: Iterable[tuple[str, int]] = (), *, attributes: bool = True
) -> Sql:
    source, conditions = _rows_of(asked, attributes=attributes)
    found = [sql("t.searched_text MATCH {}", match), *_bounds(asked, behind), *conditions]
    return sql(f"SELECT {chosen} FROM searched_text t CROSS JOIN {source} WHERE {{}}", every_of(found))


def _rows_of(asked: Asked, *, attributes: bool = True, every: bool = False) -> tuple[str, list[Sql]]:
    """What is joined to what the index says, and what has to hold; ``every`` text, or what it leaves."""
    conditions = [*_whose(asked)] if every else [Sql("s.id = t.rowid"), *_whose(asked)]
    conditions += [needle.stands(_instr) for needle in asked.needles if every or not _is_exact(needle)]
    if not (attributes and asked.attributes):
        return "searched s", conditions
    joined_ = "searched s CROSS JOIN recording r"
    return joined_, [*conditions, Sql("r.id = s.recording_id"), *asked.attributes]


def _bounds(asked: Asked, behind: Iterable[tuple[str, int]], place: str = _PLACE) -> list[Sql]:
    bounds = [*((way, search.begins(at)) for way, at in asked.began), *behind]
    return [sql(f"{place} {way} {{}}", at) for way, at in bounds]


def _match(asked: Asked, whose: str) -> str:
    """What the index is asked; without a text that it can be, for everything of theirs."""
    texts = [_any_of(_parts(needle)) for needle in asked.needles if not _is_wide(needle)]
    if not texts and not whose:
        whose = _any_of(_who(_organisations(asked)))
    return " AND ".join([*texts, whose] if whose else texts)


def _rare(asked: Asked) -> Iterator[tuple[list[str], str]]:
    """The rarest of each part, with the columns; of a user's everything counts as common."""
    for needle in asked.needles:
        if not _is_wide(needle):
            yield from ((columns, grams.rarest(columns, part)[0]) for columns, part in _columns(needle))


def _who_of(asked: Asked) -> str:
    """Whose, for the index, if there is little of theirs among all."""
    users, of = asked.within.users, asked.within.organisation
    if users is not None and len(users) <= USERS_MAX:
        ids = sorted(users)
    elif of is not None:
        ids = [of]
    else:
        return ""
    much = sum(grams.share(["who"], search.who(one)) for one in ids) >= grams.COMMON
    return "" if much else _any_of(_who(ids))


def _organisations(asked: Asked) -> list[UUID]:
    if asked.within.organisation is not None:
        return [asked.within.organisation]
    return [Organisation.id.python_value(row[0]) for row in rows(Sql("SELECT id FROM organisation"))]


def _is_wide(needle: Needle) -> bool:
    return len(needle.users) > USERS_MAX


def _is_exact(needle: Needle) -> bool:
    """Whether what the index finds has it for sure."""
    parts = (part for parts in needle.parts.values() for part in parts)
    return not _is_wide(needle) and all(len(part) == grams.LENGTH for part in parts)


def _parts(needle: Needle) -> Iterator[str]:
    for columns, part in _columns(needle):
        rarest = " AND ".join(map(grams.quoted, grams.rarest(columns, part)))
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
