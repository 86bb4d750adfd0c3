"""Which samples of a segment's files are kept, when the segment is only a part of what they cover.

A file has the clock's word for when it began and ended, and samples of its own number: frames that were
lost make it shorter than the clock says, and nobody knows where in it they are missing. So a moment is
looked for from both ends of the file. What lies between the two answers may be from before the cut or after
it, and is not kept: a word said in a pause must not be in the recording, a word lost beside a pause may.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ari_recorder.media.jobs import Segment
from ari_recorder.media.sources import Source


def beginnings(segment: Segment) -> tuple[datetime, datetime]:
    """When each file began, the inward one first; a distance that cannot be counts as none."""
    late_ms = segment.outward_late_ms if late_believable(segment) else 0.0
    began = segment.files_from
    return began + timedelta(milliseconds=max(0.0, -late_ms)), began + timedelta(
        milliseconds=max(0.0, late_ms)
    )


def late_believable(segment: Segment) -> bool:
    """Whether one file can have begun that much after the other."""
    return abs(segment.outward_late_ms) <= max(segment.clock_s, 0.0) * 1000  # not so of a NaN


def kept(source: Source, began_at: datetime, segment: Segment) -> Source:
    """What is kept of a file that began at ``began_at``: all of it, some, or no sample."""
    first, end = 0, source.samples
    if segment.cut_behind:
        from_front = _whole_samples(segment.ended_at - began_at, source)
        from_end = source.samples + _whole_samples(segment.ended_at - segment.files_until, source)
        end = min(end, from_front, from_end)
    if segment.cut_in_front:
        from_front = -_whole_samples(began_at - segment.started_at, source)
        from_end = source.samples - _whole_samples(segment.files_until - segment.started_at, source)
        first = max(first, from_front, from_end)
    return source.part(first, end)


def _whole_samples(time: timedelta, source: Source) -> int:
    """Rounded down, also where it is negative."""
    return time // timedelta(microseconds=1) * source.rate_hz // 1_000_000
