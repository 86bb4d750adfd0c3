"""Texts in PostgreSQL: its index finds any three characters in a row, but in no order.

What is common is found fast by reading the newest until a page is full, what is rare by the index. Which it
is the newest few thousand say (`_sample`): enough of them, and they are the page; a few, and more are read;
hardly any, and the index is asked for all that there are. Without the extension ``pg_trgm`` there is no such
index, and all texts are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ari_recorder.policies import search
from ari_recorder.store.finding.asked import Asked
from ari_recorder.store.finding.listing import each_of
from ari_recorder.store.finding.order import Order
from ari_recorder.store.order import Sort
from ari_recorder.store.sql import Sql, among, every_of, rows, sql

SAMPLE = 3_000
"""Recordings whose texts are read first."""
AGAIN = 8
"""So many times as many are read if it was not hardly any of them, which is so many, too."""
LISTS_MAX = 100
"""Users each of whose list is read; of more that of the organisation is."""
COMMON = 60
"""So many of a sample are one in fifty: to count those, reading all of them is faster than the index."""


@dataclass(frozen=True)
class Sampled:
    """The ids found, in order; of how many that were read; and whether these were all that there are."""

    found: list[Any]
    read: int
    whole: bool


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    sampled = _sample(asked, order, SAMPLE, limit)
    if AGAIN <= len(sampled.found) < limit and not sampled.whole:
        sampled = _sample(asked, order, SAMPLE * AGAIN, limit)
    if len(sampled.found) >= limit or sampled.whole:
        return sampled.found
    behind = [sql(f"s.id {way} {{}}", place) for way, place in order.searched_behind()]
    return rows(
        sql(
            "WITH found AS MATERIALIZED ({})"
            f" SELECT recording_id FROM found ORDER BY id {order.way} LIMIT {{}}",
            _found("s.id, s.recording_id", asked, _like, behind),
            limit,
        )
    )


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    sampled = _sample(asked, Order(Sort.NEWEST, None), SAMPLE, SAMPLE)
    if sampled.whole:
        return min(len(sampled.found), most)
    condition = _strpos if len(sampled.found) >= COMMON else _like
    found = sql("SELECT count(*) FROM ({} LIMIT {}) found", _found("1", asked, condition), most)
    return int(rows(found)[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    return sql("{} LIMIT {}", _found("s.recording_id AS id", asked, _like, attributes=False), most)


def _sample(asked: Asked, order: Order, size: int, limit: int) -> Sampled:
    """Of the first ``size`` of the list: of several users' as many of each, as far as all were read."""
    users, of = asked.within.users, asked.within.organisation
    each, whose = [], Sql("")
    if users is not None and len(users) <= LISTS_MAX:
        each, whose = sorted(users), Sql('s."user" = asked.one AND ')
    elif of is not None:
        each, whose = [of], Sql("s.organisation = asked.one AND ")
    least, cut = ("max", ">=") if order.way == "DESC" else ("min", "<=")
    last = "min" if order.way == "DESC" else "max"
    part = size // max(1, len(each))
    source = sql("{} CROSS JOIN LATERAL", each_of(each)) if each else Sql("(SELECT 1 AS one) asked, LATERAL")
    bounds = [(way, search.begins(at)) for way, at in asked.began] + order.searched_behind()
    listed = sql(
        f"SELECT s.* FROM searched s WHERE {{}}{{}} ORDER BY s.id {order.way} LIMIT {part}",
        whose, every_of(sql(f"s.id {way} {{}}", at) for way, at in bounds),
    )  # fmt: skip
    found = sql(
        f"WITH sample AS MATERIALIZED (SELECT asked.one, s.* FROM {{}} ({{}}) s),"
        f" ends AS (SELECT {last}(id) AS id FROM sample GROUP BY one HAVING count(*) = {part}),"
        f" cut AS MATERIALIZED (SELECT {least}(id) AS id FROM ends),"
        f" found AS (SELECT s.recording_id, s.id FROM sample s{{}} WHERE {{}}"
        f"  AND (SELECT s.id {cut} id OR id IS NULL FROM cut) ORDER BY s.id {order.way} LIMIT {{}})"
        f" (SELECT recording_id, id, NULL FROM found ORDER BY id {order.way}) UNION ALL"
        f" SELECT NULL, count(*), (SELECT id IS NULL FROM cut) FROM sample",
        source, listed, _recording(asked), every_of(_conditions(asked, _strpos)), limit,
    )  # fmt: skip
    *ids, (_, read, whole) = rows(found)
    return Sampled(ids, read, whole)


def _found(
    chosen: str, asked: Asked, condition: Any, behind: list[Sql] | None = None, *, attributes: bool = True
) -> Sql:
    began = [sql(f"s.id {way} {{}}", search.begins(at)) for way, at in asked.began]
    conditions = [*_conditions(asked, condition, attributes=attributes), *began, *(behind or ())]
    recording = _recording(asked) if attributes else Sql("")
    return sql(f"SELECT {chosen} FROM searched s{{}} WHERE {{}}", recording, every_of(conditions))


def _conditions(asked: Asked, condition: Any, *, attributes: bool = True) -> list[Sql]:
    conditions = [needle.stands(condition) for needle in asked.needles]
    if asked.within.organisation is not None:
        conditions.append(sql("s.organisation = {}", asked.within.organisation))
    if asked.within.users is not None:
        conditions.append(among('s."user"', sorted(asked.within.users)))
    return [*conditions, *(asked.attributes if attributes else ())]


def _recording(asked: Asked) -> Sql:
    return Sql(" JOIN recording r ON r.id = s.recording_id" if asked.attributes else "")


def _strpos(column: str, part: str) -> Sql:
    return sql(f"strpos(s.{column}, {{}}) > 0", part)


def _like(column: str, part: str) -> Sql:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sql(f"s.{column} LIKE {{}}", f"%{escaped}%")
