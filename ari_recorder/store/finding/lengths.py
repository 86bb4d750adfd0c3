"""Texts in the order of length, or where something else that is asked for leaves only few recordings."""

from __future__ import annotations

from typing import Any

from ari_recorder.store.finding import listing, lite, pg
from ari_recorder.store.finding.asked import Asked
from ari_recorder.store.finding.order import Order
from ari_recorder.store.sql import Sql, every_of, on_postgresql, rows, sql

SORTED_MAX = 5_000
"""As many as have a text are sorted; of more the list is read in order until a page is full."""


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in that order."""
    texts = every_of(needle.stands(contains()) for needle in asked.needles)
    if table := listing.few(asked):
        return rows(sql("{} {}", table, listing.among_few(asked, order, limit, texts)))
    having = (pg if on_postgresql() else lite).having(asked, SORTED_MAX + 1)
    many = f"(SELECT count(*) FROM few) > {SORTED_MAX}"
    found = rows(
        sql(
            "WITH few AS MATERIALIZED ({}) SELECT id FROM ({}) found UNION ALL SELECT NULL WHERE " + many,
            having, listing.among_few(asked, order, limit, besides=Sql(f"NOT {many}")),
        )
    )  # fmt: skip
    if found and found[-1][0] is None:
        return rows(listing.walk(asked, listing.BY_LENGTH, order, limit, texts))
    return found


def contains() -> Any:
    """How a part is looked for in a column, where no index is to be asked."""
    return _strpos if on_postgresql() else _instr


def _strpos(column: str, part: str) -> Sql:
    return sql(f"strpos(s.{column}, {{}}) > 0", part)


def _instr(column: str, part: str) -> Sql:
    return sql(f"instr(s.{column}, {{}}) > 0", part)
