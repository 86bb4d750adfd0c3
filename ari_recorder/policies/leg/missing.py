"""What is missing of a recording: told in words, with length, time and cause (row C10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ari_recorder.policies.leg.state import Recording, Segment

TOLD_FROM = timedelta(seconds=0.25)
"""So much at the beginning, or at the end, is told; of a hole that a loss made, any."""
HOLE_FROM = timedelta(seconds=0.02)
"""A frame."""
SLOW = "Asterisk began late"


def find_missing(recording: Recording, trouble: str) -> tuple[str, ...]:
    """Sentences about a recording whose segments are all closed; ``trouble`` is what last went wrong."""
    return tuple(_sentences(recording, trouble))


def _sentences(recording: Recording, trouble: str) -> Iterator[str]:
    segments = [one for one in recording.segments if not one.nothing]
    if not segments:
        yield f"Nothing of it could be recorded: {recording.never or trouble or SLOW}."
        return
    before: Segment | None = None
    for segment in segments:
        yield from _before(before, segment, trouble)
        before = segment
    assert before is not None
    wanted_until = before.until or recording.ended_at
    if wanted_until and before.ended_at and wanted_until - before.ended_at > TOLD_FROM:
        missing_s = (wanted_until - before.ended_at).total_seconds()
        yield f"The last {missing_s:.1f} s are missing: {trouble or 'Asterisk ended the file early'}."


def _before(before: Segment | None, segment: Segment, trouble: str) -> Iterator[str]:
    if segment.continues:
        return
    lost = before is not None and before.lost
    due_at = _end(before) if before is not None and lost else segment.due_at
    missing = min(segment.began_at, segment.until or segment.began_at) - due_at
    if missing <= (HOLE_FROM if lost else TOLD_FROM):
        return
    cause = segment.cause or trouble or SLOW
    where = f"The first {_s(missing)} are missing" if before is None else _hole(missing, due_at)
    yield f"{where}: {cause}."


def _end(segment: Segment) -> datetime:
    return segment.ended_at or segment.due_at


def _hole(missing: timedelta, since: datetime) -> str:
    return f"{_s(missing)} are missing from {since:%H:%M:%S} UTC on"


def _s(length: timedelta) -> str:
    return f"{length.total_seconds():.1f} s"
