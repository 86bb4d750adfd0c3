"""From a call that is over to a recording in the vault: what the finisher writes and reads.

The order that survives a crash: the file is in the vault, then `seal` commits its hash, then the files in
the recording folder go, then `cleared` says so. Whatever is interrupted is found again by `due`,
`uncleared`, and done again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.policies.ledger import FINAL, RecordingState
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.segments import certain
from ari_recorder.policies.manifest import ClockReading, SourceFile
from ari_recorder.store import evidence, happenings, models, sql, statements
from ari_recorder.store.calls import close_ledger, segment_values
from ari_recorder.store.places import columns
from ari_recorder.store.rows import SegmentRow, segment_row
from ari_recorder.store.safe import Kept

UNFINISHED = (RecordingState.CLOSING, RecordingState.DISCARDING)
_DUE = tuple(
    getattr(models.Recording, name)
    for name in ("id", "organisation", "leg", "state", "answered_at", "started_at")
)
_NOT_FINAL = tuple(
    state for state in RecordingState if state not in FINAL and state is not RecordingState.DISPOSING
)


@dataclass(frozen=True)
class Due:
    """A recording to be finished: stitched (``closing``) or destroyed (``discarding``).

    In a final state it is one whose ``segments`` have files that are still to be deleted.
    """

    id: UUID
    organisation: UUID
    leg: UUID
    pbx: str
    state: RecordingState
    answered_at: datetime
    started_at: datetime
    segments: tuple[SegmentRow, ...]


@dataclass(frozen=True)
class Sealed:
    """What is known of a recording once its file is in the vault."""

    kept: Kept
    media_type: str
    duration_ms: int
    sample_rate_hz: int
    peaks: bytes
    left_dbfs: float | None
    right_dbfs: float | None
    problems: Sequence[str]
    spans_ms: Sequence[tuple[int, int]]
    """Offset and length of each segment in the file."""
    sources: Sequence[SourceFile] = ()
    """The files that it was made of."""
    clock: ClockReading | None = None
    """Of its Asterisk."""


@dataclass(frozen=True)
class Waiting:
    """How many recordings wait to be finished; the call of the oldest was over at ``since``."""

    count: int
    since: datetime | None


def due(skip: Collection[UUID] = (), limit: int = 50, pbxs: Collection[str] | None = None) -> list[Due]:
    """Up to ``limit`` recordings that wait to be finished, oldest first.

    ``skip`` are passed over, as are calls of an Asterisk that is not in ``pbxs`` (None: none is).
    """
    found = (
        models.Recording.select(models.Recording.id)
        .where(_in(models.Recording.state, UNFINISHED) & _of(pbxs))
        .order_by(models.Recording.ended_at, models.Recording.id)
        .limit(limit + len(skip))
    )
    return _read(_others(skip, (row.id for row in found))[:limit])


def uncleared(skip: Collection[UUID] = (), limit: int = 50, pbxs: Collection[str] | None = None) -> list[Due]:
    """As `due`, but finished recordings whose files may still lie in the recording folder."""
    final = models.Recording.select(SQL("1")).where(
        (models.Recording.id == models.Segment.recording)
        & ~_in(models.Recording.state, _NOT_FINAL)
        & _of(pbxs)
    )
    found = (
        models.Segment.select(models.Segment.recording)
        .where(~models.Segment.cleared & fn.EXISTS(final))
        .distinct()
        .order_by(models.Segment.recording)
        .limit(limit + len(skip))
    )
    ids = _others(skip, (row.recording_id for row in found))[:limit]
    return _read(ids, ~models.Segment.cleared)


def going_on(leg: Leg, before: datetime, now: datetime) -> list[Due]:
    """Recordings of a leg that are kept, go on, and began before that; with what is certain of them."""
    return [
        Due(
            id=leg.recording_id(recording.ordinal),
            organisation=leg.organisation,
            leg=leg.id,
            pbx=leg.pbx,
            state=recording.state,
            answered_at=leg.answered_at or recording.opened_at,
            started_at=recording.opened_at,
            segments=tuple(
                SegmentRow(**segment_values(leg, recording, one)) for one in certain(leg, recording, now)
            ),
        )
        for recording in leg.recordings
        if recording.kept and recording.state is RecordingState.OPEN and recording.opened_at < before
    ]


def waiting() -> Waiting:
    """What waits to be finished, of every Asterisk."""
    count, since = (
        models.Recording.select(fn.COUNT(models.Recording.id), fn.MIN(models.Recording.ended_at))
        .where(_in(models.Recording.state, UNFINISHED))
        .tuples()
        .get()
    )
    return Waiting(count, since)


def prove_writable() -> None:
    """Commit something that changes nothing: a full disk is found out by writing."""
    if not models.Revision.update(directory=models.Revision.directory).execute():
        models.Revision.create()


def of_others(pbxs: Collection[str]) -> dict[str, int]:
    """By Asterisk, how many recordings wait that belong to none of ``pbxs``: nobody finishes them.

    Calls that went on when it was taken out of the settings, or got another name there, are counted, too.
    """
    its = models.Leg.select(models.Leg.pbx).where(models.Leg.id == models.Recording.leg)
    rows = (
        models.Recording.select(its.alias("pbx"), fn.COUNT(models.Recording.id))
        .where(_in(models.Recording.state, UNFINISHED))
        .group_by(SQL("1"))
        .order_by(SQL("1"))
        .tuples()
    )
    going_on = sql.rows(
        sql.sql("SELECT pbx, count(*) FROM leg WHERE machine <> '' GROUP BY pbx ORDER BY pbx")
    )
    found: Counter[str] = Counter()
    for pbx, count in (*rows, *going_on):
        found[pbx] += 0 if pbx in pbxs else count
    return dict(+found)


def kept_until(recording: UUID) -> datetime | None:
    """How long it is to be kept, by what its organisation has set now; None without one."""
    row = (
        models.Recording.select(models.Recording.started_at, models.Organisation.retention_days)
        .join(models.Organisation)
        .where(models.Recording.id == recording)
        .tuples()
        .first()
    )
    return row[0] + timedelta(days=row[1]) if row else None


def waits(recording: Due) -> bool:
    """Whether it is still as it was found; otherwise it has been finished meanwhile, by another recorder."""
    return bool(statements.find(models.Recording, ("id",), id=recording.id, state=recording.state))


def _is_ended(recording: Due, state: RecordingState) -> bool:
    """It is ``state`` from now on, unless it is not as it was found any more; asked with the change."""
    found = (models.Recording.id == recording.id) & (models.Recording.state == recording.state)
    return bool(models.Recording.update(state=state).where(found).execute())


def seal(recording: Due, sealed: Sealed, now: datetime) -> None:
    """The file is in the vault: commit what it is, and close the ledger if this was the last.

    Of two who have finished it the second changes nothing.
    """
    if not _is_ended(recording, RecordingState.STORED):
        return
    began = recording.segments[0].began_at if recording.segments else recording.started_at
    (told,) = statements.find_one(models.Recording, ("problems",), id=recording.id)
    statements.update(
        models.Recording,
        recording.id,
        started_at=began,
        answered_at=min(began, recording.answered_at),
        **columns(sealed.kept),
        media_type=sealed.media_type,
        duration_ms=sealed.duration_ms,
        sample_rate_hz=sealed.sample_rate_hz,
        peaks=sealed.peaks,
        left_dbfs=sealed.left_dbfs,
        right_dbfs=sealed.right_dbfs,
        problems="\n".join((*told.splitlines(), *sealed.problems)),
        stored_at=now,
    )
    for segment, (offset_ms, duration_ms) in zip(recording.segments, sealed.spans_ms, strict=True):
        statements.update(models.Segment, segment.id, offset_ms=offset_ms, duration_ms=duration_ms)
    evidence.append(recording.id, sealed.sources, now, sealed.clock)
    happenings.ready(recording.organisation, recording.id, now)
    close_ledger(recording.leg, now)


def end_without_file(recording: Due, state: RecordingState, problem: str, now: datetime) -> None:
    """The recording ends as ``discarded`` (its files are gone) or ``empty`` (there never was audio).

    What the files of an empty one hold, if they are there at all, is not ours to delete. One that has been
    finished meanwhile stays as it is.
    """
    if not _is_ended(recording, state):
        return
    (told,) = statements.find_one(models.Recording, ("problems",), id=recording.id)
    problems = "\n".join(filter(None, (*told.splitlines(), problem)))
    statements.update(models.Recording, recording.id, problems=problems, duration_ms=0)
    if state is RecordingState.EMPTY:
        cleared(recording.segments)
        happenings.failed(recording.organisation, recording.id, now)
    close_ledger(recording.leg, now)


def cleared(segments: Iterable[SegmentRow]) -> None:
    """The segments' files in the recording folder are gone."""
    for segment in segments:
        statements.update(models.Segment, segment.id, cleared=True)


def _in(field: Any, states: Iterable[RecordingState]) -> Any:
    """The states as part of the statement: with parameters SQLite would not see that an index has them."""
    return field.in_([SQL(f"'{state}'") for state in states])


def _of(pbxs: Collection[str] | None) -> Any:
    """Not by a join, which SQLite likes to begin with the legs, of which there are as many as calls."""
    if pbxs is None:
        return SQL("1 = 1")
    its = (models.Leg.id == models.Recording.leg) & models.Leg.pbx.in_(list(pbxs))
    return fn.EXISTS(models.Leg.select(SQL("1")).where(its))


def _others(skip: Collection[UUID], ids: Iterable[UUID]) -> list[UUID]:
    passed_over = frozenset(skip)
    return [recording for recording in ids if recording not in passed_over]


def _read(ids: list[UUID], which: Any = True) -> list[Due]:
    """The recordings in this order, each with those of its segments that ``which`` holds for."""
    if not ids:
        return []
    segments = defaultdict(list)
    its = models.Segment.recording.in_(ids) & which
    for row in models.Segment.select().where(its).order_by(models.Segment.ordinal):
        segments[row.recording_id].append(segment_row(row))
    rows = models.Recording.select(*_DUE, models.Leg.id, models.Leg.pbx).join(models.Leg)
    found = {row.id: row for row in rows.where(models.Recording.id.in_(ids))}
    return [_due(found[recording], segments[recording]) for recording in ids if recording in found]


def _due(row: Any, segments: list[SegmentRow]) -> Due:
    return Due(
        id=row.id,
        organisation=row.organisation_id,
        leg=row.leg_id,
        pbx=row.leg.pbx,
        state=RecordingState(row.state),
        answered_at=row.answered_at,
        started_at=row.started_at,
        segments=tuple(segments),
    )
