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
from contextlib import closing
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding import grams, listing
from ari_recorder.store.finding.asked import Asked, Needle
from ari_recorder.store.finding.order import Order
from ari_recorder.store.models import Organisation
from ari_recorder.store.sql import Sql, among, every_of, rows, run, sql

USERS_MAX = 100
"""So many are looked for by the index; of more each row is asked."""
TRIED = 1_000
"""What is not common is looked for among everybody's first: so many are as fast as to ask whose they are."""

_PLACE = "t.rowid"


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    whose, rare = _asked_of(asked), [needle for needle in asked.needles if not _is_common(needle)]
    if not rare and (index := listing.in_time(asked)):
        texts = every_of(needle.stands(_instr) for needle in asked.needles)
        return rows(listing.walk(asked, index, order, limit, texts))
    if whose and rare and not _of_one(asked) and (first := _first(asked, order, limit)) is not None:
        return first
    found = _found("s.recording_id", asked, whose, order.searched_behind())
    return rows(sql(f"{{}} ORDER BY {_PLACE} {order.way} LIMIT {{}}", found, limit))


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    found = _found("1", asked, _asked_of(asked))
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", found, most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    found = _found("s.recording_id AS id", asked, _asked_of(asked), attributes=False)
    return sql("{} LIMIT {}", found, most)


def _of_one(asked: Asked) -> bool:
    return asked.within.users is not None and len(asked.within.users) == 1


def _first(asked: Asked, order: Order, limit: int) -> list[Any] | None:
    """The page, if it is among the first of everybody's, or if these are all that there are."""
    needles = _given(asked, [])
    source, joins, conditions = _rows_of(asked, needles)
    there = [sql("t.searched_text MATCH {}", _match(asked, needles, []))]
    tried = sql(
        f"SELECT s.recording_id, {{}} FROM (SELECT t.rowid FROM searched_text t WHERE {{}}"
        f" ORDER BY {_PLACE} {order.way} LIMIT {TRIED}) t CROSS JOIN {source} WHERE {{}}",
        every_of(conditions), every_of([*there, *_bounds(asked, order.searched_behind())]), every_of(joins),
    )  # fmt: skip
    found, number = list[Any](), 0
    with closing(run(tried)) as answer:  # SQLite goes on as far as is read
        for row in answer:
            number += 1
            found += [row] if row[1] else []
            if len(found) == limit:
                return found
    return found if number < TRIED else None


def _found(
    chosen: str,
    asked: Asked,
    whose: list[UUID],
    behind: Iterable[tuple[str, int]] = (),
    *,
    attributes: bool = True,
) -> Sql:
    needles = _given(asked, whose)
    source, joins, conditions = _rows_of(asked, needles, attributes=attributes)
    there = sql("t.searched_text MATCH {}", _match(asked, needles, whose))
    every = [there, *_bounds(asked, behind), *joins, *conditions]
    return sql(f"SELECT {chosen} FROM searched_text t CROSS JOIN {source} WHERE {{}}", every_of(every))


def _given(asked: Asked, whose: list[UUID]) -> list[Needle]:
    """What the index is asked for: what is common only if there is nothing else to ask it for."""
    narrow = [needle for needle in asked.needles if not _is_wide(needle)]
    rare = [needle for needle in narrow if not _is_common(needle)]
    return rare if rare or whose else narrow


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
    among = _share(whose) if len(whose) == 1 else 1.0
    texts = [_any_of(_parts(needle, among)) for needle in needles]
    theirs = whose or ([] if texts else _organisations(asked))
    return " AND ".join([*texts, _any_of(_who(theirs))] if theirs else texts)


def _is_common(needle: Needle) -> bool:
    """Whether a good part of all recordings has it."""
    texts = (grams.share(columns, grams.rarest(columns, part)[0]) for columns, part in _columns(needle))
    return sum((*texts, _share(needle.users))) >= grams.COMMON


def _share(ids: Iterable[UUID]) -> float:
    """How much of all recordings is theirs, users' or organisations'."""
    return sum(grams.share(["who"], search.who(one)) for one in ids)


def _asked_of(asked: Asked) -> list[UUID]:
    """Whose, for the index, if there is little of theirs among all."""
    users, of = asked.within.users, asked.within.organisation
    ids = [] if of is None else [of]
    if users is not None and len(users) <= USERS_MAX:
        ids = sorted(users)
    return [] if _share(ids) >= grams.COMMON else ids


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
