"""Texts in PostgreSQL: its index finds any three characters in a row, of an organisation, a user or an era.

What is common is found fast by reading the newest until a page is full; these say what is (`_sample`).
What is less so is looked for by the index in one era after the other, the newest first, until a page is full
(`_in_turn`); what is rarer, or would take many, in all of them at once. An era is as much time as has the
same upper bits of `search.place`. The index keeps no order, but it finds fast what several of its keys have
in common. Without its extensions there is none, and all texts are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding import grams, listing
from ari_recorder.store.finding.asked import Asked, Needle
from ari_recorder.store.finding.listing import each_of
from ari_recorder.store.finding.order import Order
from ari_recorder.store.order import Sort
from ari_recorder.store.sql import Sql, among, every_of, rows, sql

SAMPLE = 1_000
"""Recordings whose texts are read first."""
ERAS_MIN, ERAS_PART = 8, 3
"""So many eras, or such a part of all, are looked through one after the other as fast as all at once."""
WORTH = 10
"""To look at a recording takes as long as to read so many from the index."""
LISTS_MAX = 100
"""Users each of whose list is read; of more that of the organisation is."""
COUNTED_BY_READING = 20
"""So many of a sample are one in fifty: to count those, reading all of them is faster than the index."""
PIECE = 5
"""Characters of a part that the index is asked for: each three in a row cost more than they leave out."""
_IN_INDEX = re.compile(r"[a-z0-9]{3}")
"""Of other characters the index may have none: which depends on the database's locale."""
_ERA = f"(s.id >> {search.ERA_BITS})"


@dataclass(frozen=True)
class Sampled:
    """The ids found, in order; whether all that there is was read, and from which place to which."""

    found: list[Any]
    whole: bool
    first: int
    last: int

    def eras(self, limit: int) -> int:
        """In how many there should be a page, if the others are like these, and twice as many."""
        reach = abs(self.first - self.last) * limit // max(len(self.found), 1)
        return 2 * (reach >> search.ERA_BITS) + 4


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    index = listing.in_time(asked)
    if index and len(_sample(asked, order, SAMPLE, limit, attributes=False).found) >= limit:
        texts = every_of(needle.stands(_strpos) for needle in asked.needles)
        return rows(listing.walk(asked, index, order, limit, texts))
    newest = _of_the_newest(asked, order, limit)
    if newest is not None:
        return newest
    behind = [sql(f"s.id {way} {{}}", place) for way, place in order.searched_behind()]
    return rows(
        sql(
            "WITH found AS MATERIALIZED ({})"
            f" SELECT recording_id FROM found ORDER BY id {order.way} LIMIT {{}}",
            _indexed("s.id, s.recording_id", asked, behind),
            limit,
        )
    )


def _of_the_newest(asked: Asked, order: Order, limit: int) -> list[Any] | None:
    """A page, or all that there are; None if it is too rare for that."""
    sampled = _sample(asked, order, SAMPLE, limit)
    if len(sampled.found) >= limit or sampled.whole:
        return sampled.found
    if not sampled.found and not all(grams.share_with(needle) for needle in asked.needles):
        return None
    eras, whole = _eras(asked, order, sampled.first, sampled.eras(limit))
    while len(eras) <= _eras_max():
        found = _in_turn(asked, order, limit, eras)
        if len(found) >= limit or whole:
            return found
        eras, whole = _eras(asked, order, sampled.first, 2 * len(eras) * limit // max(len(found), 1))
    return None


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    sampled = _sample(asked, Order(Sort.NEWEST, None), SAMPLE, SAMPLE)
    if sampled.whole:
        return min(len(sampled.found), most)
    found = (_read if len(sampled.found) >= COUNTED_BY_READING else _indexed)("1", asked)
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", found, most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    return sql("{} LIMIT {}", _indexed("s.recording_id AS id", asked, attributes=False), most)


def _sample(asked: Asked, order: Order, size: int, limit: int, *, attributes: bool = True) -> Sampled:
    """Of the first ``size`` of the list: of several users' as many of each, as far as all were read."""
    each, whose = _lists(asked)
    newest = order.way == "DESC"
    part = size // max(1, len(each)) + 1
    bounds = _bounds(asked, order, "s.id")
    listed = sql(
        "SELECT s.id, s.recording_id, {} AS fits FROM searched s WHERE {}"
        f" ORDER BY s.id {order.way} LIMIT {part}",
        every_of(needle.stands(_strpos) for needle in asked.needles),
        every_of([*whose, *bounds]),
    )
    source = sql("{} CROSS JOIN LATERAL", each_of(each)) if each else Sql("(SELECT 1 AS one) asked, LATERAL")
    last, cut, behind = ("min", "max", ">=") if newest else ("max", "min", "<=")
    found = sql(
        "WITH sample AS MATERIALIZED (SELECT asked.one, s.* FROM {} ({}) s), cut AS MATERIALIZED"
        f" (SELECT {cut}(ended.id) AS id FROM"
        f"  (SELECT {last}(id) AS id FROM sample GROUP BY one HAVING count(*) = {part}) ended)"
        "(SELECT s.recording_id, NULL::bigint, NULL::bigint FROM sample s{} WHERE s.fits AND {}"
        f"  AND (SELECT s.id {behind} cut.id OR cut.id IS NULL FROM cut)"
        f" ORDER BY s.id {order.way} LIMIT {{}})"
        f" UNION ALL SELECT NULL, (SELECT {cut}(id) FROM sample), (SELECT id FROM cut)",
        source, listed, _recording(asked) if attributes else Sql(""),
        every_of(_attributes(asked) if attributes else ()), limit,
    )  # fmt: skip
    *ids, (_, first, ended) = rows(found)
    return Sampled(ids, ended is None, first or 0, ended or 0)


def _eras(asked: Asked, order: Order, place: int, enough: int) -> tuple[range, bool]:
    """So many from that of a place on, or as many as are asked for; whether these are all."""
    newest = order.way == "DESC"
    first = place >> search.ERA_BITS
    ends = [search.begins(at) >> search.ERA_BITS for way, at in asked.began if (way == ">=") == newest]
    number = min([enough, *(abs(first - end) + 1 for end in ends)])
    step = -1 if newest else 1
    return range(first, first + step * number, step), number < enough


def _eras_max() -> int:
    return max(ERAS_MIN, (grams.span() >> search.ERA_BITS) // ERAS_PART) if grams.by_era() else 0


def _in_turn(asked: Asked, order: Order, limit: int, eras: range) -> list[Any]:
    """Era by era, until a page is full.

    A lateral join is a loop, and there is no other way to carry it out: the eras behind a full page are not
    looked at.
    """
    first = f"(eras.one << {search.ERA_BITS})"
    theirs = Sql(f"s.id BETWEEN {first} AND {first} + {2**search.ERA_BITS - 1}")
    outside = _bounds(asked, order, "(s.id + 0)")  # by the index of ids whole eras would be read
    conditions = [Sql(f"{_ERA} = eras.one"), *_texts(asked, theirs), *_whose(asked), *outside]
    found = sql(
        "SELECT found.id, found.recording_id FROM"
        f" generate_series({eras[0]}::bigint, {eras[-1]}::bigint, {eras.step}) AS eras (one)"
        f" CROSS JOIN LATERAL ({{}} ORDER BY s.id {order.way} LIMIT {{}}) found LIMIT {{}}",
        _searched("s.id, s.recording_id", asked, conditions), limit, limit,
    )  # fmt: skip
    return rows(sql(f"SELECT recording_id FROM ({{}}) found ORDER BY id {order.way}", found))


def _lists(asked: Asked) -> tuple[list[UUID], list[Sql]]:
    """Of whom the lists are, and what makes a row one of theirs."""
    users, of = asked.within.users, asked.within.organisation
    if users is not None and len(users) <= LISTS_MAX:
        return sorted(users), [Sql('s."user" = asked.one'), *_organisation(asked)]
    if of is not None:
        return [of], [Sql("s.organisation = asked.one"), *_users(asked)]
    return [], _users(asked)


def _indexed(chosen: str, asked: Asked, behind: Iterable[Sql] = (), *, attributes: bool = True) -> Sql:
    """By the index of texts, in all eras."""
    began = _bounds(asked, None, "s.id")
    return _searched(chosen, asked, [*_texts(asked), *_whose(asked), *began, *behind], attributes=attributes)


def _read(chosen: str, asked: Asked) -> Sql:
    """By reading, which no index is asked for."""
    texts = [needle.stands(_strpos) for needle in asked.needles]
    whose = [*_organisation(asked), *_users(asked)]
    return _searched(chosen, asked, [*texts, *_bounds(asked, None, "s.id"), *whose])


def _searched(chosen: str, asked: Asked, conditions: list[Sql], *, attributes: bool = True) -> Sql:
    others = _attributes(asked) if attributes else []
    recording = _recording(asked) if attributes else Sql("")
    every = [*conditions, *others]
    return sql(f"SELECT {chosen} FROM searched s{{}} WHERE {{}}", recording, every_of(every))


def _texts(asked: Asked, theirs: Sql | None = None) -> list[Sql]:
    """What the index is asked, and what it leaves to be seen."""
    asks = grams.worth([grams.share_with(needle) for needle in asked.needles], WORTH)
    every = [
        (needle, _pieces(needle), is_asked) for needle, is_asked in zip(asked.needles, asks, strict=True)
    ]
    likes = [needle.stands(_like, piece, theirs=theirs) for needle, piece, is_asked in every if is_asked]
    exact = [
        needle.stands(_strpos) for needle, piece, is_asked in every if piece != needle.parts or not is_asked
    ]
    return [*likes, *exact]


def _pieces(needle: Needle) -> dict[str, tuple[str, ...]]:
    """What the index is asked for: of each part the rarest few characters, of a number one writing."""
    return {column: tuple(_piece(column, part) for part in parts) for column, parts in needle.nearly.items()}


def _piece(column: str, part: str) -> str:
    every = [part[n : n + PIECE] for n in range(len(part) - PIECE + 1)]
    return min(filter(_IN_INDEX.search, every), key=lambda piece: grams.rarity([column], piece), default=part)


def _bounds(asked: Asked, order: Order | None, place: str) -> list[Sql]:
    """When it began, and behind what it is in the order, of a place."""
    began = [(way, search.begins(at)) for way, at in asked.began]
    behind = [] if order is None else order.searched_behind()
    return [sql(f"{place} {way} {{}}", at) for way, at in (*began, *behind)]


def _organisation(asked: Asked) -> list[Sql]:
    of = asked.within.organisation
    return [] if of is None else [sql("s.organisation = {}", of)]


def _whose(asked: Asked) -> list[Sql]:
    """The index is asked for one user, or an organisation with little of all: for more it takes longer."""
    users, of = asked.within.users, asked.within.organisation
    of_one = users is not None and len(users) == 1
    much = of is not None and grams.share_of([of]) >= grams.COMMON
    organisation = _organisation(asked) if not (of_one or much) else _seen(_organisation(asked))
    return [*organisation, *(_users(asked) if of_one else _seen(_users(asked)))]


def _seen(conditions: list[Sql]) -> list[Sql]:
    """To be seen in the rows: no index is asked for what is written so."""
    return [sql("({}) IS TRUE", condition) for condition in conditions]


def _users(asked: Asked) -> list[Sql]:
    return [] if asked.within.users is None else [among('s."user"', sorted(asked.within.users))]


def _attributes(asked: Asked) -> list[Sql]:
    return list(asked.attributes)


def _recording(asked: Asked) -> Sql:
    return Sql(" JOIN recording r ON r.id = s.recording_id" if asked.attributes else "")


def _strpos(column: str, part: str) -> Sql:
    return sql(f"strpos(s.{column}, {{}}) > 0", part)


def _like(column: str, part: str) -> Sql:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sql(f"s.{column} LIKE {{}}", f"%{escaped}%")
