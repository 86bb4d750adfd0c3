"""In what order recordings are listed, and the cursor that holds a place in it.

A place is compared as a row: one step in the index, however far down. Recordings that come or go meanwhile
move no other onto another page.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound

UNKNOWN_MS = -1
"""The length of a recording whose length is not known yet, when they are ordered by it."""


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


def by_length(sort: Sort) -> bool:
    """Whether it is by the length of the audio, and otherwise by when it began."""
    return sort in _BY_LENGTH


def descending(sort: Sort) -> bool:
    """Whether the greatest comes first."""
    return sort in _DESCENDING


@dataclass(frozen=True)
class Place:
    """The last recording of a page: what it is ordered by, a time or a length (ms), and its id."""

    key: datetime | int
    recording: UUID


def cursor_at(row: Any, sort: Sort) -> str:
    """The cursor of the page behind that recording."""
    if sort in _BY_LENGTH:
        key = str(UNKNOWN_MS if row.duration_ms is None else row.duration_ms)
    else:
        key = row.started_at.isoformat()
    return base64.urlsafe_b64encode(f"{sort}|{key}|{row.id}".encode()).decode()


def place_of(cursor: str, sort: Sort) -> Place:
    """What a cursor holds. Raises `NotFound` if it is none, or of another order."""
    try:
        order, key, last = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        if order != sort:
            raise ValueError("of another order")
        return Place(_key(key, sort), UUID(last))
    except (ValueError, OverflowError, binascii.Error) as error:
        raise NotFound("That page does not exist; start again from the first.") from error


def _key(text: str, sort: Sort) -> datetime | int:
    if sort not in _BY_LENGTH:
        return datetime.fromisoformat(text).astimezone(UTC)
    length_ms = int(text)
    if not UNKNOWN_MS <= length_ms < 2**31:
        raise ValueError("no length")
    return length_ms
