"""In what order recordings are listed, and the cursor that holds a place in it.

A place is compared as a row: one step in the index, however far down. Recordings that come or go meanwhile
move no other onto another page.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from peewee import EnclosedNodeList, fn

from ari_recorder.errors import NotFound
from ari_recorder.store.models import Recording

UNKNOWN_MS = -1
"""The length of a recording whose length is not known yet, when they are ordered by it."""
_LENGTH = fn.COALESCE(Recording.duration_ms, UNKNOWN_MS)


class Sort(StrEnum):
    """What comes first; of the same time or length, by id."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    """Those in progress, or being prepared, last: they have no length yet."""
    SHORTEST = "shortest"
    """Those in progress, or being prepared, first."""


_BY_LENGTH = (Sort.LONGEST, Sort.SHORTEST)
_DESCENDING = (Sort.NEWEST, Sort.LONGEST)


def ordered(query: Any, sort: Sort, cursor: str | None) -> Any:
    """The query in that order, behind the place that the cursor holds. Raises `NotFound` if it is none."""
    key = _LENGTH if sort in _BY_LENGTH else Recording.started_at
    place = EnclosedNodeList((key, Recording.id))
    if cursor:
        last = EnclosedNodeList(_read(cursor, sort))
        query = query.where(last > place if sort in _DESCENDING else last < place)
    if sort in _DESCENDING:
        return query.order_by(key.desc(), Recording.id.desc())
    return query.order_by(key, Recording.id)


def cursor_at(row: Any, sort: Sort) -> str:
    """The cursor of the page behind that recording."""
    if sort in _BY_LENGTH:
        key = str(UNKNOWN_MS if row.duration_ms is None else row.duration_ms)
    else:
        key = row.started_at.isoformat()
    return base64.urlsafe_b64encode(f"{sort}|{key}|{row.id}".encode()).decode()


def _read(cursor: str, sort: Sort) -> tuple[Any, Any]:
    """The place as the database has it."""
    try:
        order, key, last = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        if order != sort:
            raise ValueError("of another order")
        return _key(key, sort), Recording.id.db_value(UUID(last))
    except (ValueError, OverflowError, binascii.Error) as error:
        raise NotFound("That page does not exist; start again from the first.") from error


def _key(text: str, sort: Sort) -> Any:
    if sort in _BY_LENGTH:
        length_ms = int(text)
        if not UNKNOWN_MS <= length_ms < 2**31:
            raise ValueError("no length")
        return length_ms
    return Recording.started_at.db_value(datetime.fromisoformat(text).astimezone(UTC))
