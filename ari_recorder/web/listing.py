"""The rows of the list of recordings: grouped by day, with what who asks may do with each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import Scope
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.order import Sort
from ari_recorder.web.words import Words


@dataclass(frozen=True)
class Line:
    """A recording in the list, whether who asks may play it here, and mark it, and whether it is under a
    legal hold, as far as they may know."""

    row: RecordingRow
    plays: bool
    marks: bool
    held: bool = False


@dataclass(frozen=True)
class Day:
    """Recordings of one day; ``name`` is empty where they are not in the order of time."""

    name: str
    lines: list[Line] = field(default_factory=list)


BY_TIME = (Sort.NEWEST, Sort.OLDEST)


def days(
    rows: Iterable[RecordingRow],
    asker: Scope,
    sort: Sort,
    say: Words,
    now: datetime,
    held: Collection[UUID] = (),
) -> list[Day]:
    """The list, in the order it is in; ``held`` are those under a legal hold."""
    lines = [_line(row, asker, held) for row in rows]
    if sort not in BY_TIME:
        return [Day("", lines)] if lines else []
    grouped = groupby(lines, lambda line: say.day(line.row.started_at, now))
    return [Day(name, list(of_day)) for name, of_day in grouped]


def _line(row: RecordingRow, asker: Scope, held: Collection[UUID]) -> Line:
    stored = row.state is RecordingState.STORED
    return Line(
        row,
        plays=stored and asker.hears_recording_of(row.organisation, row.user),
        marks=asker.annotates_call_of(row.organisation, row.user),
        held=row.id in held,
    )
