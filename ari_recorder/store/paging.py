"""Lists in pages: a cursor holds the last row's place in the order, and the next page begins behind it.

So a row that comes or goes meanwhile moves no other onto another page.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from peewee import EnclosedNodeList

from ari_recorder.errors import Invalid
from ari_recorder.store.models import Table, UtcField

T = TypeVar("T")
LIMIT = 50
LIMIT_MAX = 500
CURSOR_MAX = 2000
"""Characters of a cursor: a name and an id."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows in their order, and the cursor of the next page, if there is one."""

    rows: list[T]
    next_cursor: str | None


def page(
    query: Any,
    key: Any,
    table: type[Table],
    shown: Callable[[Sequence[Any]], list[T]],
    *,
    limit: int = LIMIT,
    cursor: str | None = None,
    newest_first: bool = False,
) -> Page[T]:
    """A page of ``query``, by ``key`` (a text, or a time) and id. Raises `Invalid` for a cursor that is none.

    ``shown`` makes what is shown of all rows at once.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    place = EnclosedNodeList((key, table.id))
    if cursor:
        value, last = _read(cursor)
        behind = EnclosedNodeList((_typed(key, value), table.id.db_value(last)))
        query = query.where(place < behind if newest_first else place > behind)
    order = (key.desc(), table.id.desc()) if newest_first else (key, table.id)
    rows = list(query.select_extend(key.alias("place")).order_by(*order).limit(limit + 1))
    more = len(rows) > limit
    return Page(shown(rows[:limit]), _cursor(rows[limit - 1]) if more else None)


def _typed(key: Any, value: str) -> Any:
    if not isinstance(key, UtcField):
        return value
    try:
        return key.db_value(datetime.fromisoformat(value).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise _no_cursor() from error


def _no_cursor() -> Invalid:
    return Invalid("cursor", "use next_cursor of an earlier answer.")


def _cursor(row: Any) -> str:
    text = json.dumps([str(row.place), str(row.id)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(cursor: str) -> tuple[str, UUID]:
    try:
        if len(cursor) > CURSOR_MAX:
            raise ValueError("too long")
        value, last = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")).decode())
        if not isinstance(value, str) or "\0" in value:
            raise ValueError("no text")
        return value, UUID(last)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _no_cursor() from error
