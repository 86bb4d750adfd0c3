"""Recordings by what is known of them, without texts: read from an index in the order of the list.

Which index is a matter of who asks: an organisation's, a user's, or several users' merged. SQLite, which
keeps no statistics unless told to, is told which. What an index finds by itself and in the order of time, a
mark say, is read from that one; a length is, if there is little of it (`few`), and looked for along the list
if there is much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ari_recorder.store.finding.asked import Asked
from ari_recorder.store.finding.order import Order
from ari_recorder.store.models import SHOWN
from ari_recorder.store.sql import Sql, among, every_of, joined, on_postgresql, rows, sql

FEW = 2_000
"""So many are sorted as fast as a page of many is read."""
MERGED_MAX = 100
"""Users whose lists are merged; of more that of the organisation is read."""
OF_ALL, OF_USER, BY_LENGTH = "recording_listed", "recording_listed_user", "recording_listed_length"

EVERY = Sql("1 = 1")
NOT_IN_USERS = ("recording_listed_unready", "recording_listed_problems")
_SHOWN = Sql(f"r.{SHOWN}")


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in that order."""
    return rows(_page(asked, order, limit))


def _page(asked: Asked, order: Order, limit: int) -> Sql:
    users = asked.within.users
    if not order.by_length and (index := in_time(asked)):
        return walk(asked, index, order, limit)
    if index := _few_by(asked):
        page_of = _of_few if len(asked.attributes) == 1 and not order.by_length else among_few
        return sql("{} {}", _few_of(asked, index), page_of(asked, order, limit))
    if _of_one(asked):
        return walk(asked, OF_USER, order, limit)
    if order.by_length:
        return walk(asked, BY_LENGTH, order, limit)
    if users is None or len(users) > MERGED_MAX:
        return walk(asked, OF_ALL, order, limit)
    return (_laterally if on_postgresql() else _in_turn)(asked, order, limit)


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    index = next(iter(_narrow(asked)), OF_USER if asked.within.users else OF_ALL)
    found = sql(
        f"SELECT 1 FROM recording r{hint(asked, index)} WHERE {{}} LIMIT {{}}",
        every_of([whose(asked), *conditions_of(asked)]), most,
    )  # fmt: skip
    return int(rows(sql("SELECT count(*) FROM ({}) found", found))[0][0])


def few(asked: Asked) -> Sql | None:
    """A table ``few`` of all that an index finds by itself, if it is little."""
    if index := _few_by(asked):
        return _few_of(asked, index)
    return _few_own(asked) if _of_one(asked) and asked.needles and asked.narrow else None


def _few_by(asked: Asked) -> str | None:
    """The index that finds little by itself."""
    for index, condition in _narrow(asked).items():
        there = sql(
            f"SELECT 1 FROM recording r{hint(asked, index)} WHERE {{}} LIMIT {FEW + 1}",
            every_of([_SHOWN, *_of_organisation(asked), condition]),
        )
        if rows(sql("SELECT count(*) FROM ({}) found", there))[0][0] <= FEW:
            return index
    return None


def _few_of(asked: Asked, index: str) -> Sql:
    return sql(
        "WITH few AS MATERIALIZED"
        f" (SELECT r.id, r.started_at FROM recording r{hint(asked, index)} WHERE {{}})",
        every_of([_SHOWN, _seen(asked), asked.narrow[index]]),
    )


def _few_own(asked: Asked) -> Sql | None:
    """Of one user, by what is in the index of their list."""
    found = sql(
        f"SELECT r.id FROM recording r{hint(asked, OF_USER)} WHERE {{}} LIMIT {FEW + 1}",
        every_of([whose(asked), *conditions_of(asked)]),
    )
    (there,) = rows(sql("SELECT count(*) FROM ({}) found", found))[0]
    return sql("WITH few AS MATERIALIZED ({})", found) if there <= FEW else None


def _narrow(asked: Asked) -> Mapping[str, Sql]:
    """What an index of its own finds faster than a user's own list does, which has marks and lengths, too."""
    if not _of_one(asked):
        return asked.narrow
    return {index: condition for index, condition in asked.narrow.items() if index in NOT_IN_USERS}


def _of_one(asked: Asked) -> bool:
    return asked.within.users is not None and len(asked.within.users) == 1


def conditions_of(asked: Asked) -> list[Sql]:
    """On ``r``, but for whose it is and the order."""
    return [_SHOWN, *asked.attributes, *_began(asked)]


def _began(asked: Asked) -> list[Sql]:
    return [sql(f"r.started_at {way} {{}}", at) for way, at in asked.began]


def whose(asked: Asked) -> Sql:
    """On ``r``, whose it is."""
    users = asked.within.users
    of = [] if users is None else [among("r.user_id", sorted(users))]
    return every_of([*_of_organisation(asked), *of])


def _seen(asked: Asked) -> Sql:
    """As `whose`; of several users seen in the rows, or PostgreSQL would read the lists of all of them."""
    users = asked.within.users
    if users is None or len(users) == 1:
        return whose(asked)
    return every_of([*_of_organisation(asked), sql("({}) IS TRUE", among("r.user_id", sorted(users)))])


def hint(asked: Asked, index: str) -> str:
    """SQLite is told which index; not before it is there, and none that begins with what is not asked for."""
    if on_postgresql() or (asked.within.organisation is None and index != OF_USER):
        return ""
    there = rows(sql("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = {}", index))
    return f" INDEXED BY {index}" if there else ""


def in_time(asked: Asked) -> str | None:
    """The index that finds something by itself, in the order of time."""
    return next((index for index in _narrow(asked) if index != BY_LENGTH), None)


def walk(asked: Asked, index: str, order: Order, limit: int, texts: Sql = EVERY) -> Sql:
    """Along an index. ``texts`` are conditions on ``s``."""
    searched = "" if texts is EVERY else " CROSS JOIN searched s"
    its = [] if texts is EVERY else [Sql("s.recording_id = r.id"), texts]
    return sql(
        f"SELECT r.id FROM recording r{hint(asked, index)}{searched} WHERE {{}} {_ordered(order)} LIMIT {{}}",
        every_of([whose(asked), *conditions_of(asked), *order.behind(), *its]), limit,
    )  # fmt: skip


def among_few(asked: Asked, order: Order, limit: int, texts: Sql = EVERY, besides: Sql = EVERY) -> Sql:
    """Of the table ``few``. SQLite joins in the order of a cross join, and in no other."""
    searched = "" if texts is EVERY else " CROSS JOIN searched s"
    its = [] if texts is EVERY else [Sql("s.recording_id = r.id"), texts]
    return sql(
        f"SELECT r.id FROM few CROSS JOIN recording r{searched} WHERE r.id = few.id AND {{}}"
        f" {_ordered(order)} LIMIT {{}}",
        every_of([besides, _seen(asked), *conditions_of(asked), *order.behind(), *its]), limit,
    )  # fmt: skip


def _of_few(asked: Asked, order: Order, limit: int) -> Sql:
    """Of the table ``few`` alone, where that is all that is asked."""
    return sql(
        f"SELECT r.id FROM few r WHERE {{}} {_ordered(order)} LIMIT {{}}",
        every_of([*_began(asked), *order.behind()]), limit,
    )  # fmt: skip


def _in_turn(asked: Asked, order: Order, limit: int) -> Sql:
    """Several users' lists at once, of each as far as is needed: so SQLite merges what is in order."""
    conditions = [*conditions_of(asked), *order.behind()]
    chosen = f"SELECT r.id, {order.key} FROM recording r{hint(asked, OF_USER)} WHERE {{}}"
    lists = [
        sql(chosen, every_of([*_of_organisation(asked), sql("r.user_id = {}", user), *conditions]))
        for user in asked.within.users or ()
    ]
    every = joined(" UNION ALL ", lists)
    return sql(f"{{}} ORDER BY 2 {order.way}, 1 {order.way} LIMIT {{}}", every, limit)


def _laterally(asked: Asked, order: Order, limit: int) -> Sql:
    """A page of each user's list: PostgreSQL plans this once, and each list's part many times."""
    conditions = [*_of_organisation(asked), *conditions_of(asked), *order.behind()]
    each = sql(
        f"SELECT r.id, {order.key} AS key FROM recording r WHERE r.user_id = asked.one AND {{}}"
        f" {_ordered(order)} LIMIT {{}}",
        every_of(conditions), limit,
    )  # fmt: skip
    return sql(
        f"SELECT found.id FROM {{}} CROSS JOIN LATERAL ({{}}) found"
        f" ORDER BY found.key {order.way}, found.id {order.way} LIMIT {{}}",
        each_of(sorted(asked.within.users or ())), each, limit,
    )  # fmt: skip


def each_of(ids: list[UUID]) -> Sql:
    """A table of these, as PostgreSQL has it."""
    marks = joined(", ", [sql("{}", one) for one in ids])
    return sql("unnest(ARRAY[{}]::uuid[]) AS asked (one)", marks)


def _of_organisation(asked: Asked) -> list[Sql]:
    of = asked.within.organisation
    return [] if of is None else [sql("r.organisation_id = {}", of)]


def _ordered(order: Order) -> str:
    return f"ORDER BY {order.key} {order.way}, r.id {order.way}"
