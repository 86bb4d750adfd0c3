"""A catalogue as it is after so many recordings, written by the database itself.

One recording, one call: 20 recordings wait to be finished, 5 are not cleared; the rest is over. Rows are
made from the models, so that a column which is added has a value by its type.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from ari_recorder.policies.ledger import Outcome, RecordingState
from ari_recorder.policies.table import Mode, State
from ari_recorder.store import models
from ari_recorder.store.database import Store

PBX = "main"
DUE, UNCLEARED = 20, 5
PER_CALL = {
    models.Call: 1,
    models.Leg: 1,
    models.Counterpart: 1,
    models.Recording: 1,
    models.Segment: 1,
    models.Announcement: 1,
    models.LedgerLine: 1,
}
"""How many rows of a table a call leaves; ``n`` in the expressions below counts those of a table."""


@dataclass(frozen=True)
class Dialect:
    """What the two write differently: numbers from 0, a number's UUID, the time of call ``i``, a waveform."""

    numbers: str
    uuid: str
    time: str
    peaks: str


SQLITE = Dialect(
    "WITH RECURSIVE counted(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < {})",
    "printf('%032x', {})",
    "datetime('2025-01-01', (i * 30) || ' seconds')",
    "zeroblob(1000)",
)
POSTGRESQL = Dialect(
    "WITH counted AS (SELECT generate_series(0, {} - 1) AS n)",
    "CAST(lpad(to_hex({}), 32, '0') AS uuid)",
    "timestamp '2025-01-01' + i * interval '30 seconds'",
    "decode(repeat('00', 1000), 'hex')",
)

_WAITS = f"i > total - {DUE}"
_LIES_THERE = f"i > total - {DUE + UNCLEARED}"
_VALUES: Mapping[tuple[Any, str], str] = {
    (models.Call, "linkedid"): "'1772438400.' || i",
    (models.Leg, "channel"): "'1772438400.' || i",
    (models.Leg, "channel_name"): "'PJSIP/101-' || i",
    (models.Leg, "mode"): f"'{Mode.ALWAYS}'",
    (models.Leg, "state"): f"'{State.ENDED}'",
    (models.Recording, "mode"): f"'{Mode.ALWAYS}'",
    (models.Recording, "state"): (
        f"CASE WHEN {_WAITS} THEN '{RecordingState.CLOSING}' ELSE '{RecordingState.STORED}' END"
    ),
    (models.Recording, "vault_key"): "'2026/03/02/' || i || '.ogg'",
    (models.Recording, "started_at"): "at",
    (models.Segment, "name"): "'app-' || i || '-r1-1'",
    (models.Segment, "cleared"): f"NOT {_LIES_THERE}",
    (models.Announcement, "outcome"): "'played'",
    (models.LedgerLine, "outcome"): f"'{Outcome.RECORDED}'",
}
_BY_NAME = {"pbx": f"'{PBX}'", "counterpart_number": "'07' || i", "ordinal": "1", "format": "'wav'"}
_BY_TYPE = {
    "VARCHAR": "''", "TEXT": "''", "INT": "1", "FLOAT": "-20.0", "BOOL": "(1 = 1)", "DATETIME": "at",
}  # fmt: skip


def fill(store: Store, user: UUID, organisation: UUID, rows: int) -> None:
    """Add ``rows`` calls of that user, without the checks that would take most of the time."""
    owners = {models.User: user, models.Organisation: organisation}
    if store.url.startswith("sqlite"):
        with sqlite3.connect(store.url.partition(":///")[2]) as lite:
            lite.execute("PRAGMA synchronous = off")
            for model in PER_CALL:
                lite.execute(_insert(model, SQLITE, owners, rows))
        lite.close()
        return
    with psycopg.connect(store.url) as server:
        server.execute("SET session_replication_role = replica")
        for model in PER_CALL:
            server.execute(_insert(model, POSTGRESQL, owners, rows).encode())
    with psycopg.connect(store.url, autocommit=True) as server:
        server.execute("VACUUM ANALYZE")  # as its own keeper would have done by and by


def _insert(model: Any, dialect: Dialect, owners: Mapping[Any, UUID], rows: int) -> str:
    fields = model._meta.sorted_fields
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    values = ", ".join(_value(model, field, dialect, owners) for field in fields)
    each = PER_CALL[model]
    return (
        f'INSERT INTO "{model._meta.table_name}" ({columns}) '
        f"{dialect.numbers.format(rows * each)},"
        f" calls AS (SELECT n, n / {each} + 1 AS i, {rows} AS total FROM counted),"
        f" timed AS (SELECT n, i, total, {dialect.time} AS at FROM calls) SELECT {values} FROM timed"
    )


def _value(model: Any, field: Any, dialect: Dialect, owners: Mapping[Any, UUID]) -> str:
    """The expression of a column: its own, a reference, or one by its name or type."""
    if (model, field.name) in _VALUES:
        return _VALUES[model, field.name]
    if field.primary_key:
        return dialect.uuid.format("n + 1")
    if field in model._meta.refs:
        owner = owners.get(field.rel_model)
        return f"'{owner.hex}'" if owner else dialect.uuid.format("i")
    if field.field_type == "BLOB":
        return dialect.peaks
    return _BY_NAME.get(field.name) or _BY_TYPE[field.field_type]
