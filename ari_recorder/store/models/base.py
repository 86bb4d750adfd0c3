"""What every table has."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from peewee import DatabaseProxy, DateTimeField, Model, UUIDField
from uuid6 import uuid7

database = DatabaseProxy()


def new_id() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562): it sorts by the time it was made."""
    return uuid.UUID(int=uuid7().int)


class UtcField(DateTimeField):  # type: ignore[misc]
    """An aware UTC time, kept without its zone so that both databases compare it alike."""

    def db_value(self, value: datetime | None) -> Any:
        """Convert to UTC and drop the zone. Raises `ValueError` for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return super().db_value(value.astimezone(UTC).replace(tzinfo=None))

    def python_value(self, value: Any) -> datetime | None:
        """Read back as an aware UTC time."""
        naive = super().python_value(value)
        return naive.replace(tzinfo=UTC) if naive is not None else None


class Table(Model):  # type: ignore[misc]
    """Every table has an id of its own."""

    id = UUIDField(primary_key=True, default=new_id)

    class Meta:
        database = database
        legacy_table_names = False
