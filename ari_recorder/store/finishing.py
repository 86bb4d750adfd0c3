"""From a call that is over to a recording in the vault: what the finisher writes and reads.

The order that survives a crash: the file is in the vault, then `seal` commits its hash, then the files in
the recording folder go, then `cleared` says so. Whatever is interrupted is found again by `due`,
`uncleared`, and done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from peewee import fn

from ari_recorder.policies.ledger import FINAL, RecordingState
from ari_recorder.store import models, statements
from ari_recorder.store.calls import close_ledger
from ari_recorder.store.rows import SegmentRow, segment_row


@dataclass(frozen=True)
class Due:
    """A recording to be finished: stitched (``closing``) or destroyed (``discarding``)."""

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

    vault_key: str
    media_type: str
    sha256: str
    size_bytes: int
    duration_ms: int
    sample_rate_hz: int
    peaks: bytes
    left_dbfs: float | None
    right_dbfs: float | None
    problems: Sequence[str]
    spans_ms: Sequence[tuple[int, int]]
    """Offset and length of each segment in the file."""


def due(skip: Iterable[UUID] = (), limit: int = 50) -> list[Due]:
    """Up to ``limit`` recordings that wait to be finished, oldest first, whose segments have all ended."""
    passed_over = set(skip)
    growing = models.Segment.select(models.Segment.recording).where(models.Segment.ended_at.is_null())
    rows = (
        models.Recording.select(models.Recording, models.Leg)
        .join(models.Leg)
        .where(
            models.Recording.state.in_((RecordingState.CLOSING, RecordingState.DISCARDING))
            & models.Recording.id.not_in(growing)
        )
        .order_by(models.Recording.ended_at, models.Recording.id)
        .limit(limit + len(passed_over))
    )
    return [
        Due(
            id=row.id,
            organisation=row.organisation_id,
            leg=row.leg_id,
            pbx=row.leg.pbx,
            state=RecordingState(row.state),
            answered_at=row.answered_at,
            started_at=row.started_at,
            segments=_segments(row.id),
        )
        for row in rows
        if row.id not in passed_over
    ][:limit]


def seal(recording: Due, sealed: Sealed, now: datetime) -> None:
    """The file is in the vault: commit what it is, and close the ledger if this was the last."""
    began = recording.segments[0].began_at if recording.segments else recording.started_at
    told = models.Recording.get_by_id(recording.id).problems.splitlines()
    statements.update(
        models.Recording,
        recording.id,
        state=RecordingState.STORED,
        started_at=began,
        answered_at=min(began, recording.answered_at),
        vault_key=sealed.vault_key,
        media_type=sealed.media_type,
        sha256=sealed.sha256,
        size_bytes=sealed.size_bytes,
        duration_ms=sealed.duration_ms,
        sample_rate_hz=sealed.sample_rate_hz,
        peaks=sealed.peaks,
        left_dbfs=sealed.left_dbfs,
        right_dbfs=sealed.right_dbfs,
        problems="\n".join((*told, *sealed.problems)),
        stored_at=now,
    )
    for segment, (offset_ms, duration_ms) in zip(recording.segments, sealed.spans_ms, strict=True):
        statements.update(models.Segment, segment.id, offset_ms=offset_ms, duration_ms=duration_ms)
    close_ledger(recording.leg, now)


def end_without_file(recording: Due, state: RecordingState, problem: str, now: datetime) -> None:
    """The recording ends as ``discarded`` (its files are gone) or ``empty`` (there never was audio).

    What the files of an empty one hold, if they are there at all, is not ours to delete.
    """
    told = models.Recording.get_by_id(recording.id).problems.splitlines()
    models.Recording.update(
        state=state, problems="\n".join(filter(None, (*told, problem))), duration_ms=0
    ).where(models.Recording.id == recording.id).execute()
    if state is RecordingState.EMPTY:
        cleared(recording.segments)
    close_ledger(recording.leg, now)


def cleared(segments: Iterable[SegmentRow]) -> None:
    """The segments' files in the recording folder are gone."""
    models.Segment.update(cleared=True).where(
        models.Segment.id.in_([segment.id for segment in segments])
    ).execute()


def uncleared() -> list[tuple[str, SegmentRow]]:
    """Segments of finished recordings whose files may still lie in the recording folder, with their PBX."""
    rows = (
        models.Segment.select(models.Segment, models.Recording.id, models.Leg.pbx)
        .join(models.Recording)
        .join(models.Leg)
        .where(models.Segment.cleared == False, models.Recording.state.in_(FINAL))  # noqa: E712
    )
    return [(row.recording.leg.pbx, segment_row(row)) for row in rows]


def waiting() -> int:
    """How many recordings wait to be finished."""
    states = (RecordingState.CLOSING, RecordingState.DISCARDING)
    return int(
        models.Recording.select(fn.COUNT(models.Recording.id))
        .where(models.Recording.state.in_(states))
        .scalar()
    )


def _segments(recording: UUID) -> tuple[SegmentRow, ...]:
    rows = (
        models.Segment.select().where(models.Segment.recording == recording).order_by(models.Segment.ordinal)
    )
    return tuple(segment_row(row) for row in rows)
