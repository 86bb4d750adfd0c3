"""Texts in SQLite: its full-text index finds any three characters in a row, in the order of time.

Whose a recording is is in that index, too, three characters for the organisation and three for the user: so
what is rare among many is as near as what is common among few. These characters may be another's as well
(once in four million million times), so the row says it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding.asked import Asked, Needle
from ari_recorder.store.finding.order import Order
from ari_recorder.store.sql import Sql, among, every_of, rows, sql

USERS_MAX = 100
"""So many are looked for by the index; of more each row is asked."""


def page(asked: Asked, order: Order, limit: int) -> list[Any]:
    """The ids of the first ``limit`` in the order of time."""
    found = _found("s.recording_id", asked, order.searched_behind())
    return rows(sql(f"{{}} ORDER BY {{}} {order.way} LIMIT {{}}", found, Sql(_place(asked)), limit))


def count(asked: Asked, most: int) -> int:
    """How many there are, up to ``most``."""
    return int(rows(sql("SELECT count(*) FROM ({} LIMIT {}) found", _found("1", asked), most))[0][0])


def having(asked: Asked, most: int) -> Sql:
    """A statement of the ids of those that have the texts, whatever else is asked, up to ``most``."""
    return sql("{} LIMIT {}", _found("s.recording_id AS id", asked, attributes=False), most)


def _found(
    chosen: str, asked: Asked, behind: Iterable[tuple[str, int]] = (), *, attributes: bool = True
) -> Sql:
    match = _match(asked)
    source = "searched_text t CROSS JOIN searched s" if match else "searched s"
    bounds = [*((way, search.begins(at)) for way, at in asked.began), *behind]
    conditions = [sql(f"{_place(asked)} {way} {{}}", at) for way, at in bounds]
    if match:
        conditions += [sql("t.searched_text MATCH {}", match), Sql("s.id = t.rowid")]
    conditions += [needle.stands(_instr) for needle in asked.needles if _is_wide(needle)]
    if attributes and asked.attributes:
        source += " CROSS JOIN recording r"
        conditions += [Sql("r.id = s.recording_id"), *asked.attributes]
    return sql(f"SELECT {chosen} FROM {source} WHERE {{}}", every_of([*conditions, *_whose(asked)]))


def _place(asked: Asked) -> str:
    return "t.rowid" if _match(asked) else "s.id"


def _match(asked: Asked) -> str:
    """What the index is asked: https://sqlite.org/fts5.html#full_text_query_syntax."""
    texts = [_any_of(_parts(needle)) for needle in asked.needles if not _is_wide(needle)]
    if not texts:
        return ""
    users, of = asked.within.users, asked.within.organisation
    if users is not None and len(users) <= USERS_MAX:
        texts.append(_any_of(_who(users)))
    elif of is not None:
        texts.append(_any_of(_who([of])))
    return " AND ".join(texts)


def _is_wide(needle: Needle) -> bool:
    return len(needle.users) > USERS_MAX


def _parts(needle: Needle) -> Iterable[str]:
    for column, parts in needle.parts.items():
        for part in parts:
            yield f"{column} : {_quoted(part)}"
    yield from _who(needle.users)


def _who(ids: Iterable[UUID]) -> list[str]:
    return [f"who : {_quoted(search.who(one))}" for one in ids]


def _any_of(parts: Iterable[str]) -> str:
    return f"({' OR '.join(parts)})"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _whose(asked: Asked) -> Iterable[Sql]:
    if asked.within.organisation is not None:
        yield sql("s.organisation = {}", asked.within.organisation)
    if asked.within.users is not None:
        yield among('s."user"', sorted(asked.within.users))


def _instr(column: str, part: str) -> Sql:
    return sql(f"instr(s.{column}, {{}}) > 0", part)
