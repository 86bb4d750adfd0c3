"""Logins and names that differ in small and capital letters alone: one is found, none is made beside it.

No database folds what is not ASCII as Unicode does, so what may be alike is looked at here. A catalogue may
have such twins from before; each is then found as it is written.
"""

from __future__ import annotations

from typing import Any

from peewee import Expression, fn

from ari_recorder.policies.text import caseless
from ari_recorder.store.sql import on_postgresql


def alike(column: Any, wanted: str, *conditions: Any) -> list[str]:
    """What a column has that is ``wanted`` but for small and capital letters, and the space around it."""
    key = caseless(wanted)
    query = column.model.select(column).where(_may_be(column, key), *conditions)
    return [text for (text,) in query.tuples() if caseless(text) == key]


def spelled(column: Any, wanted: str, *conditions: Any) -> str:
    """As a column has it: exactly so, or the only one alike; as it was given if there is none, or several."""
    there = alike(column, wanted, *conditions)
    given = wanted.strip()
    return there[0] if len(there) == 1 and given not in there else given


def _may_be(column: Any, key: str) -> Expression:
    """All that are alike, and whatever a database does not fold."""
    if on_postgresql():
        beyond_ascii = fn.OCTET_LENGTH(column) != fn.CHAR_LENGTH(column)
        return (fn.LOWER(column.collate('"C"')) == key) | beyond_ascii
    return (fn.LOWER(column) == key) | (fn.LENGTH(column.cast("BLOB")) != fn.LENGTH(column))
