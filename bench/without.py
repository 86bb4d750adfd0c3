"""The same searches as one statement each that none of our indexes helps, for comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ari_recorder.policies.rights import Scope
from ari_recorder.store.catalogue import COUNTED_MAX
from ari_recorder.store.finding.order import Order
from ari_recorder.store.scope import within
from ari_recorder.store.sql import Sql, among, every_of, on_postgresql, rows, run, sql
from bench.asking import Question

_STATES = {"recording": "r.state = 'open'", "problems": "r.problems <> ''"}


def statement(scope: Scope, question: Question) -> list[Any]:
    """Its rows: a page of ids, or how many there are."""
    if on_postgresql():
        for way in ("indexscan", "bitmapscan", "indexonlyscan"):
            run(Sql(f"SET enable_{way} = off"))
    try:
        return rows(_statement(scope, question))
    finally:
        if on_postgresql():
            run(Sql("RESET ALL"))


def _statement(scope: Scope, question: Question) -> Sql:
    table = "recording r" if on_postgresql() else "recording r NOT INDEXED"
    order = Order(question.sort, question.behind)
    joined = ' JOIN "user" u ON u.id = r.user_id'
    conditions = every_of([*_whose(scope), *order.behind(), *_wanted(vars(question.wanted))])
    if question.counted:
        found = sql(f"SELECT 1 FROM {table}{joined} WHERE {{}} LIMIT {COUNTED_MAX + 1}", conditions)
        return sql("SELECT count(*) FROM ({}) found", found)
    by = f"{order.key} {order.way}, r.id {order.way}"
    return sql(f"SELECT r.id FROM {table}{joined} WHERE {{}} ORDER BY {by} LIMIT 51", conditions)


def _whose(scope: Scope) -> Iterator[Sql]:
    whose = within(scope)
    assert whose is not None
    yield Sql("r.state IN ('open', 'closing', 'stored')")
    if whose.organisation is not None:
        yield sql("r.organisation_id = {}", whose.organisation)
    if whose.users is not None:
        yield among("r.user_id", sorted(whose.users))


def _wanted(wanted: dict[str, Any]) -> Iterator[Sql]:
    plain = {
        "began_from": "r.started_at >= {}", "began_before": "r.started_at < {}", "mark": "r.mark = {}",
        "min_duration_s": "r.duration_ms >= {} * 1000", "tag1": "r.tag1 = {}",
        "direction": "r.direction = {}",
    }  # fmt: skip
    for name, condition in plain.items():
        if wanted[name] is not None:
            yield sql(condition, wanted[name])
    if wanted["state"] is not None:
        yield Sql(_STATES[wanted["state"]])
    if wanted["number"] is not None:
        yield _like("r.counterpart_number", "".join(one for one in wanted["number"] if one.isdigit())[-9:])
    if wanted["note"] is not None:
        yield _like("lower(r.note)", wanted["note"].lower())
    for word in (wanted["text"] or "").lower().split():
        text = " || ' ' || ".join(
            f"lower({column})"
            for column in ("r.note", "r.tag1", "r.counterpart_name", "r.counterpart_number", "u.name")
        )
        yield _like(text, word)


def _like(text: str, part: str) -> Sql:
    return sql(f"{text} LIKE {{}}", f"%{part}%")
