"""Which samples of which file go where in the finished recording: decided before any are read.

Pauses are cut out: a segment begins where the one before it ended. A *run* is a segment with
those that continue it. Where a run begins the two sides are aligned: the file that began later
gets silence in front. Within a run the files of a side are joined sample to sample, so a
roll-over is not heard; where the run ends the shorter side is filled up with silence.

One exception keeps the parties of a conversation in step: a side that has fallen behind the other
inside a run by more than the tolerance, because a file of it is missing or was cut off, is filled
up before the next file is joined.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from ari_recorder.errors import NoAudio
from ari_recorder.media.jobs import AudioFormat, Segment, SegmentReport, StitchJob
from ari_recorder.media.sources import Source, probe

ALIGN_FROM_MS = 10.0
"""A smaller distance between the two beginnings is left as it is: half a 20 ms frame."""

OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Sample rates an Opus encoder takes (RFC 6716, section 2.1.3)."""


@dataclass(frozen=True)
class Piece:
    """``samples`` of a side at the plan's rate: those of ``source``, or silence if it is None."""

    samples: int
    source: Source | None = None


@dataclass
class Side:
    """One channel of the finished file, as far as it is laid out."""

    pieces: list[Piece] = field(default_factory=list)
    samples: int = 0

    def add(self, samples: int, source: Source | None = None) -> None:
        """Lay ``samples`` of a source, or of silence, at the end."""
        if samples > 0:
            self.pieces.append(Piece(samples, source))
            self.samples += samples


@dataclass
class Plan:
    """Two sides of ``samples`` each at ``rate_hz``; ``starts`` is the first sample of each segment."""

    rate_hz: int
    left: Side = field(default_factory=Side)
    right: Side = field(default_factory=Side)
    starts: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Samples of the longer side; once the plan is made, of both."""
        return max(self.left.samples, self.right.samples)

    @property
    def duration_ms(self) -> int:
        """Length of the finished recording, rounded to a millisecond."""
        return self._ms(self.samples)

    def reports(self) -> tuple[SegmentReport, ...]:
        """Where each segment lies, without gaps between them."""
        marks = [self._ms(at) for at in (*self.starts, self.samples)]
        return tuple(SegmentReport(a, b - a) for a, b in itertools.pairwise(marks))

    def level(self) -> None:
        """Fill the shorter side up with silence."""
        for side in (self.left, self.right):
            side.add(self.samples - side.samples)

    def _ms(self, samples: int) -> int:
        return round(samples * 1000 / self.rate_hz)


@dataclass(frozen=True)
class _Pair:
    """A segment, numbered from 1 for people, with what is in its files."""

    number: int
    segment: Segment
    inward: Source
    outward: Source

    @property
    def tolerance_s(self) -> float:
        return max(0.1, 0.005 * self.segment.clock_s)

    @property
    def late_ms(self) -> float:
        """Silence due in front: before the outward audio, or if negative before the inward."""
        late_ms = self.segment.outward_late_ms
        both = self.inward.samples and self.outward.samples
        return late_ms if both and abs(late_ms) >= ALIGN_FROM_MS else 0.0

    @property
    def late_believable(self) -> bool:
        """Whether one file can have begun that much after the other."""
        return abs(self.late_ms) <= max(self.segment.clock_s, 0.0) * 1000


def make_plan(job: StitchJob) -> Plan:
    """Probe the files of a job and lay them out.

    Raises NoAudio if there is not one sample in any of them, VaultError if one is unreadable.
    """
    pairs = [_Pair(i, s, probe(s.inward), probe(s.outward)) for i, s in enumerate(job.segments, 1)]
    problems = [f"segment {pair.number}: {text}" for pair in pairs for text in _problems(pair)]
    rates = [source.rate_hz for pair in pairs for source in (pair.inward, pair.outward) if source.samples]
    if not rates:
        reasons = "; ".join(problems) or "it has no segments"
        raise NoAudio(f"There is no audio at all: {reasons}")
    plan = Plan(_common_rate_hz(max(rates), job.format), problems=problems)
    for pair in pairs:
        _lay(plan, pair)
    plan.level()
    return plan


def _common_rate_hz(highest_hz: int, audio_format: AudioFormat) -> int:
    if audio_format != "opus":
        return highest_hz
    return next((rate for rate in OPUS_RATES_HZ if rate >= highest_hz), OPUS_RATES_HZ[-1])


def _lay(plan: Plan, pair: _Pair) -> None:
    behind_s = abs(plan.left.samples - plan.right.samples) / plan.rate_hz
    first = pair.number == 1 or not pair.segment.continues
    if first or behind_s > pair.tolerance_s:
        plan.level()
    plan.starts.append(plan.samples)
    if first and pair.late_believable:
        late = round(pair.late_ms * plan.rate_hz / 1000)
        plan.right.add(late)
        plan.left.add(-late)
    for side, source in ((plan.left, pair.inward), (plan.right, pair.outward)):
        side.add(round(source.duration_s * plan.rate_hz), source)


def _problems(pair: _Pair) -> Iterator[str]:
    sides = (("the recorded user's", pair.inward), ("the counterpart's", pair.outward))
    for whose, source in sides:
        if source.fault:
            yield f"{whose} audio file {source.fault}"
    due_s = {"the recorded user's": pair.segment.clock_s}
    due_s["the counterpart's"] = pair.segment.clock_s - pair.late_ms / 1000
    if not pair.late_believable:
        yield f"its two files cannot have begun {pair.late_ms / 1000:.1f} s apart; taken as begun together"
        due_s["the counterpart's"] = pair.segment.clock_s
    for whose, source in sides:
        if source.samples and abs(source.duration_s - due_s[whose]) > pair.tolerance_s:
            yield f"{source.duration_s:.1f} s of {whose} audio for {due_s[whose]:.1f} s of call"
