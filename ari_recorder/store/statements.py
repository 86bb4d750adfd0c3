"""The statements that every call and every request needs, compiled once.

peewee compiles a query anew each time; at ten calls a second that was half of what the recorder computed,
and the event loop, which answers calls, waited for it. Fields still convert the values.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

from peewee import Field

from ari_recorder.store.models import database


def insert(model: Any, *, or_ignore: bool = False, **values: Any) -> bool:
    """Insert a row, with the model's defaults; ``or_ignore`` if one that clashes with it may be there.

    Returns whether it is new.
    """
    ending = "ON CONFLICT DO NOTHING" if or_ignore else ""
    return _insert(model, values, ending)


def upsert(model: Any, unless: str = "", **values: Any) -> None:
    """Insert a row, or change the one with that id, ``unless`` that SQL condition holds for it."""
    _insert(model, values, _on_conflict(model, tuple(values), unless))


def find(model: Any, names: tuple[str, ...], **where: Any) -> list[tuple[Any, ...]]:
    """These columns of the rows that have those values (None: that have none), in any order."""
    fields = [model._meta.fields[name] for name in names]
    given = {name: value for name, value in where.items() if value is not None}
    parameters = _converted([model._meta.fields[name] for name in given], list(given.values()))
    sql = _find_sql(model, names, tuple(given), tuple(where.keys() - given.keys()), database.param)
    rows = database.execute_sql(sql, parameters).fetchall()
    return [
        tuple(field.python_value(value) for field, value in zip(fields, row, strict=True)) for row in rows
    ]


def find_one(model: Any, names: tuple[str, ...], **where: Any) -> tuple[Any, ...]:
    """As `find`, of the one row that there has to be."""
    rows = find(model, names, **where)
    assert len(rows) == 1, f"there are {len(rows)} of {model.__name__} with {where}"
    return rows[0]


def update(model: Any, row: UUID, **values: Any) -> None:
    """Change columns of the row with that id; there has to be one."""
    fields = [model._meta.fields[name] for name in values]
    sql = _update_sql(model, tuple(values), database.param)
    parameters = _converted([*fields, model.id], [*values.values(), row])
    changed = database.execute_sql(sql, parameters).rowcount
    assert changed == 1, f"there is no {model.__name__} {row} to change"


def _insert(model: Any, values: dict[str, Any], ending: str) -> bool:
    left = dict(values)
    fields = model._meta.sorted_fields
    row = [left.pop(field.name) if field.name in left else _default(field) for field in fields]
    assert not left, f"{model.__name__} has no {', '.join(left)}"
    done = database.execute_sql(_insert_sql(model, ending, database.param), _converted(fields, row))
    return bool(done.rowcount)


def _converted(fields: list[Field], values: list[Any]) -> list[Any]:
    return [field.db_value(value) for field, value in zip(fields, values, strict=True)]


def _default(field: Field) -> Any:
    return field.default() if callable(field.default) else field.default


@cache
def _insert_sql(model: Any, ending: str, parameter: str) -> str:
    meta = model._meta
    columns = [f'"{field.column_name}"' for field in meta.sorted_fields]
    marks = ", ".join([parameter] * len(columns))
    return f'INSERT INTO "{meta.table_name}" ({", ".join(columns)}) VALUES ({marks}) {ending}'  # noqa: S608


@cache
def _find_sql(
    model: Any, names: tuple[str, ...], given: tuple[str, ...], empty: tuple[str, ...], parameter: str
) -> str:
    fields = model._meta.fields
    columns = ", ".join(f'"{fields[name].column_name}"' for name in names)
    conditions = [f'"{fields[name].column_name}" = {parameter}' for name in given]
    conditions += [f'"{fields[name].column_name}" IS NULL' for name in empty]
    return f'SELECT {columns} FROM "{model._meta.table_name}" WHERE {" AND ".join(conditions)}'  # noqa: S608


@cache
def _on_conflict(model: Any, names: tuple[str, ...], unless: str) -> str:
    columns = [f'"{model._meta.fields[name].column_name}"' for name in names if name != "id"]
    settings = ", ".join(f"{column} = excluded.{column}" for column in columns)
    condition = f' WHERE NOT ("{model._meta.table_name}".{unless})' if unless else ""
    return f'ON CONFLICT ("id") DO UPDATE SET {settings}{condition}'


@cache
def _update_sql(model: Any, names: tuple[str, ...], parameter: str) -> str:
    meta = model._meta
    settings = [f'"{meta.fields[name].column_name}" = {parameter}' for name in names]
    return f'UPDATE "{meta.table_name}" SET {", ".join(settings)} WHERE "id" = {parameter}'  # noqa: S608
