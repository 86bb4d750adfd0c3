"""Statements that are put together of parts, each with its values.

For what no query of peewee's can say alike on both databases, and for what is asked so often that making one
would take longer than answering it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import PostgresqlDatabase

from ari_recorder.store.models import Recording, database


@dataclass(frozen=True)
class Sql:
    """A part of a statement: ``{}`` stands for each of ``values``."""

    text: str
    values: tuple[Any, ...] = ()


def sql(text: str, *values: Any) -> Sql:
    """A part; a value that is a part itself is put in its place."""
    parts = text.split("{}")
    written, given = [parts[0]], list[Any]()
    for value, after in zip(values, parts[1:], strict=True):
        if isinstance(value, Sql):
            written.append(value.text)
            given.extend(value.values)
        else:
            written.append("{}")
            given.append(value)
        written.append(after)
    return Sql("".join(written), tuple(given))


def joined(separator: str, parts: Iterable[Sql]) -> Sql:
    """Several, one after the other."""
    every = list(parts)
    return Sql(
        separator.join(part.text for part in every), tuple(value for part in every for value in part.values)
    )


def every_of(conditions: Iterable[Sql]) -> Sql:
    """That all of them hold; of none, nothing is asked."""
    found = joined(" AND ", conditions)
    return found if found.text else Sql("1 = 1")


def one_of(conditions: Iterable[Sql]) -> Sql:
    """That one of them holds; of none, none does."""
    found = joined(" OR ", conditions)
    return Sql(f"({found.text})", found.values) if found.text else Sql("1 = 0")


def among(column: str, values: Iterable[Any]) -> Sql:
    """That a column has one of these values."""
    given = tuple(values)
    return Sql(f"{column} IN ({', '.join(['{}'] * len(given))})", given) if given else Sql("1 = 0")


def run(statement: Sql) -> Any:
    """What the database answers; UUIDs and times are given as it has them."""
    values = [_converted(value) for value in statement.values]
    return database.execute_sql(statement.text.replace("{}", database.param), values)


def rows(statement: Sql) -> list[tuple[Any, ...]]:
    """The rows that it answers."""
    return list(run(statement).fetchall())


def on_postgresql() -> bool:
    """Which of the two it is."""
    return isinstance(database.obj, PostgresqlDatabase)


def _converted(value: Any) -> Any:
    if isinstance(value, UUID):
        return Recording.id.db_value(value)
    return Recording.started_at.db_value(value) if isinstance(value, datetime) else value
