"""Texts in PostgreSQL: its index finds any three characters in a row, but in no order.

What is common is found fast by reading the newest until a page is full, what is rare by the index. Which it
is the newest say (`_sample`): enough of them, and they are the page; a few, and more are read;
hardly any, and the index is asked for all that there are. Without the extension ``pg_trgm`` there is no such
index, and all texts are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding import listing
from ari_recorder.store.finding.asked import Asked
from ari_recorder.store.finding.listing import each_of
from ari_recorder.store.finding.order import Order
from ari_recorder.store.order import Sort
from ari_recorder.store.sql import Sql, among, every_of, rows, sql

SAMPLE = 1_500
"""Recordings whose texts are read first."""
HARDLY_ANY = 5
"""Fewer of these are too few to read on until a page is full."""
ENOUGH = 2
"""So many times as many are read as a page would need if the others were like these."""
LISTS_MAX = 100
"""Users each of whose list is read; of more that of the organisation is."""
COMMON = 30
"""So many of a sample are one in fifty: to count those, reading all of them is faster than the index."""


@dataclass(frozen=True)
class Sampled:
    """The ids found, in order, and whether what was read was all that there is."""

    found: list[Any]
    whole: bool


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    index = listing.in_time(asked)
    if index and len(_sample(asked, order, SAMPLE, limit, attributes=False).found) >= limit:
        texts = every_of(needle.stands(_strpos) for needle in asked.needles)
        return rows(listing.walk(asked, index, order, limit, texts))
    sampled = _sample(asked, order, SAMPLE, limit)
    if HARDLY_ANY <= len(sampled.found) < limit and not sampled.whole:
        enough = SAMPLE * limit * ENOUGH // len(sampled.found)
        sampled = _sample(asked, order, enough, limit)
    if len(sampled.found) >= limit or sampled.whole:
        return sampled.found
    behind = [sql(f"s.id {way} {{}}", place) for way, place in order.searched_behind()]
    return rows(
        sql(
            "WITH found AS MATERIALIZED ({})"
            f" SELECT recording_id FROM found ORDER BY id {order.way} LIMIT {{}}",
            _indexed("s.id, s.recording_id", asked, behind),
            limit,
        )
    )


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    sampled = _sample(asked, Order(Sort.NEWEST, None), SAMPLE, SAMPLE)
    if sampled.whole:
        return min(len(sampled.found), most)
    found = (_read if len(sampled.found) >= COMMON else _indexed)("1", asked)
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", found, most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    return sql("{} LIMIT {}", _indexed("s.recording_id AS id", asked, attributes=False), most)


def _sample(asked: Asked, order: Order, size: int, limit: int, *, attributes: bool = True) -> Sampled:
    """Of the first ``size`` of the list: of several users' as many of each, as far as all were read."""
    each, whose = _lists(asked)
    newest = order.way == "DESC"
    part = size // max(1, len(each)) + 1
    bounds = [*((way, search.begins(at)) for way, at in asked.began), *order.searched_behind()]
    listed = sql(
        "SELECT s.id, s.recording_id, {} AS fits FROM searched s WHERE {}"
        f" ORDER BY s.id {order.way} LIMIT {part}",
        every_of(needle.stands(_strpos) for needle in asked.needles),
        every_of([*whose, *(sql(f"s.id {way} {{}}", at) for way, at in bounds)]),
    )
    source = sql("{} CROSS JOIN LATERAL", each_of(each)) if each else Sql("(SELECT 1 AS one) asked, LATERAL")
    last, cut, behind = ("min", "max", ">=") if newest else ("max", "min", "<=")
    found = sql(
        "WITH sample AS MATERIALIZED (SELECT asked.one, s.* FROM {} ({}) s), cut AS MATERIALIZED"
        f" (SELECT {cut}(ended.id) AS id FROM"
        f"  (SELECT {last}(id) AS id FROM sample GROUP BY one HAVING count(*) = {part}) ended)"
        "(SELECT s.recording_id, NULL::boolean FROM sample s{} WHERE s.fits AND {}"
        f"  AND (SELECT s.id {behind} cut.id OR cut.id IS NULL FROM cut)"
        f" ORDER BY s.id {order.way} LIMIT {{}})"
        " UNION ALL SELECT NULL, (SELECT cut.id IS NULL FROM cut)",
        source, listed, _recording(asked) if attributes else Sql(""),
        every_of(_attributes(asked) if attributes else ()), limit,
    )  # fmt: skip
    *ids, (_, whole) = rows(found)
    return Sampled(ids, bool(whole))


def _lists(asked: Asked) -> tuple[list[UUID], list[Sql]]:
    """Of whom the lists are, and what makes a row one of theirs."""
    users, of = asked.within.users, asked.within.organisation
    if users is not None and len(users) <= LISTS_MAX:
        return sorted(users), [Sql('s."user" = asked.one'), *_organisation(asked)]
    if of is not None:
        return [of], [Sql("s.organisation = asked.one"), *_users(asked)]
    return [], _users(asked)


def _indexed(chosen: str, asked: Asked, behind: Iterable[Sql] = (), *, attributes: bool = True) -> Sql:
    """By the index of texts, which is asked for one writing of a number, and the rows for each."""
    likes = [needle.stands(_like, needle.nearly) for needle in asked.needles]
    exact = [needle.stands(_strpos) for needle in asked.needles if needle.nearly is not needle.parts]
    return _searched(chosen, asked, [*likes, *exact, *behind], attributes=attributes)


def _read(chosen: str, asked: Asked) -> Sql:
    """By reading, which no index is asked for."""
    return _searched(chosen, asked, [needle.stands(_strpos) for needle in asked.needles])


def _searched(chosen: str, asked: Asked, texts: list[Sql], *, attributes: bool = True) -> Sql:
    began = [sql(f"s.id {way} {{}}", search.begins(at)) for way, at in asked.began]
    others = _attributes(asked) if attributes else []
    recording = _recording(asked) if attributes else Sql("")
    conditions = [*texts, *began, *_organisation(asked), *_users(asked), *others]
    return sql(f"SELECT {chosen} FROM searched s{{}} WHERE {{}}", recording, every_of(conditions))


def _organisation(asked: Asked) -> list[Sql]:
    of = asked.within.organisation
    return [] if of is None else [sql("s.organisation = {}", of)]


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
