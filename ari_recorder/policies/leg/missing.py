"""What is missing of a recording: told in words, with length, time and cause (row C10).

A recording is wanted in stretches: from the answer, start or resume to the pause, stop or hang-up. What of a
stretch no segment has is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ari_recorder.policies.leg.state import Recording, Segment

TOLD_FROM = timedelta(seconds=0.25)
"""So much at the beginning of a stretch, at its end, or at a roll-over is told; of a hole that a loss made,
what is more than `FRAME`."""
FRAME = timedelta(seconds=0.02)
SLOW = "Asterisk began late"
BRIEF = "it was paused, or over, at once"
EARLY = "Asterisk ended the file early"


@dataclass(frozen=True)
class Hole:
    """What is missing before ``segment``, or, if that is None, at the end of a stretch."""

    since: datetime
    until: datetime
    segment: Segment | None

    @property
    def length(self) -> timedelta:
        """How much it is."""
        return self.until - self.since


def find_missing(recording: Recording, trouble: str) -> tuple[str, ...]:
    """Sentences about a recording whose segments are all closed; ``trouble`` is what last went wrong."""
    return tuple(_sentences(recording, trouble))


def _sentences(recording: Recording, trouble: str) -> Iterator[str]:
    wanted = list(stretches(recording))
    if all(one.nothing for one in recording.segments):
        cause = next((one.cause for one in recording.segments if one.cause), "")
        brief = all(_wanted_until(stretch, recording) - stretch[0].due_at <= TOLD_FROM for stretch in wanted)
        other = EARLY if any(one.file_began_at for one in recording.segments) else SLOW
        yield f"Nothing of it could be recorded: {BRIEF if brief else cause or trouble or other}."
        return
    for number, stretch in enumerate(wanted, 1):
        for hole in _holes(stretch, recording):
            first = number == 1 and hole.since == stretch[0].due_at
            last = number == len(wanted) and hole.segment is None
            yield f"{_where(hole, first=first, last=last)}: {_cause(hole, stretch, trouble)}."


def stretches(recording: Recording) -> Iterator[list[Segment]]:
    """Segments that should follow on one another without a hole, in order."""
    stretch: list[Segment] = []
    for segment in recording.segments:
        if segment.since is not None and segment.since == segment.until:
            continue
        if stretch and not (segment.continues or stretch[-1].lost):
            yield stretch
            stretch = []
        stretch.append(segment)
    if stretch:
        yield stretch


def _holes(stretch: list[Segment], recording: Recording) -> Iterator[Hole]:
    reached, lost = stretch[0].due_at, False
    wanted_until = _wanted_until(stretch, recording)
    for segment in stretch:
        if not segment.nothing:
            begins_at = min(segment.began_at, wanted_until)
            if begins_at - reached > (FRAME if lost else TOLD_FROM):
                yield Hole(reached, begins_at, segment)
            reached = max(reached, segment.dry_at or segment.ended_at or reached)
        lost = segment.lost
    if wanted_until - reached > TOLD_FROM:
        yield Hole(reached, wanted_until, None)


def _wanted_until(stretch: list[Segment], recording: Recording) -> datetime:
    return stretch[-1].until or recording.ended_at or stretch[-1].began_at


def _where(hole: Hole, *, first: bool, last: bool) -> str:
    length = f"{hole.length.total_seconds():.1f} s"
    if first:
        return f"The first {length} are missing"
    if last:
        return f"The last {length} are missing"
    return f"{length} are missing from {hole.since:%H:%M:%S} UTC on"


def _cause(hole: Hole, stretch: list[Segment], trouble: str) -> str:
    if hole.segment is not None:
        return hole.segment.cause or SLOW
    return stretch[-1].cause if stretch[-1].nothing and stretch[-1].cause else trouble or EARLY
