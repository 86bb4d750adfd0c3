"""Which samples of which file go where in the finished recording: decided before any are read.

Pauses are cut out: a segment begins where the one before it ended. A *run* is a segment with
those that continue it. Where a run begins the two sides are aligned: the file that began later
gets silence in front. Within a run the files of a side are joined sample to sample, so a
roll-over is not heard; where the run ends the shorter side is filled up with silence.

One exception keeps the parties of a conversation in step: a side that has fallen behind the other
inside a run by more than the tolerance, because a file of it is missing or was cut off, is filled
up before the next file is joined.

Of a file whose segment is only a part of it, `cuts.kept` says which samples; what is cut ends a run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ari_recorder.errors import NoAudio
from ari_recorder.media.cuts import beginnings, kept, late_believable
from ari_recorder.media.jobs import NO_AUDIO, AudioFormat, Segment, SegmentReport, StitchJob
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

    def beginning(self, samples: int) -> list[tuple[Path | None, int, int, int]]:
        """What the first ``samples`` are made of: file, rate, where in it, how many."""
        found: list[tuple[Path | None, int, int, int]] = []
        for piece in self.pieces:
            length = min(piece.samples, samples)
            if length <= 0:
                break
            source = piece.source
            where = (source.path, source.rate_hz, source.offset_bytes) if source else (None, 0, 0)
            found.append((*where, length))
            samples -= length
        return found


LOST_FROM_S = 0.05
"""From this on the length of what a file should have held is told."""


@dataclass
class Plan:
    """Two sides of ``samples`` each at ``rate_hz``; ``starts`` is the first sample of each segment."""

    rate_hz: int
    left: Side = field(default_factory=Side)
    right: Side = field(default_factory=Side)
    starts: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    certain: int = 0
    """Samples that stay as they are laid out, whatever is yet to come of files that still grow."""

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

    def begins_as(self, other: Plan, samples: int) -> bool:
        """Whether the first ``samples`` are the same ones of the same files, at the same rate."""
        sides = ((self.left, other.left), (self.right, other.right))
        same = all(ours.beginning(samples) == theirs.beginning(samples) for ours, theirs in sides)
        return same and self.rate_hz == other.rate_hz

    def _ms(self, samples: int) -> int:
        return round(samples * 1000 / self.rate_hz)


@dataclass(frozen=True)
class _Pair:
    """A segment, numbered from 1 for people, with what is in its files, and what of that is kept."""

    number: int
    segment: Segment
    whole: tuple[Source, Source]
    kept: tuple[Source, Source]

    @property
    def tolerance_s(self) -> float:
        return max(0.1, 0.005 * self.segment.clock_s)

    @property
    def late_matters(self) -> bool:
        """Whether there are two files to be aligned."""
        return all(s.samples for s in self.whole) and abs(self.segment.outward_late_ms) >= ALIGN_FROM_MS

    def silence_s(self) -> tuple[float, float]:
        """Silence due in front of each side: its file began that much after what is kept."""
        if not self.late_matters or not all(source.samples for source in self.kept):
            return 0.0, 0.0
        inward, outward = (
            max(0.0, (began - self.segment.started_at).total_seconds()) for began in beginnings(self.segment)
        )
        return inward, outward


def make_plan(job: StitchJob) -> Plan:
    """Probe the files of a job and lay them out.

    Raises NoAudio if there is not one sample to be kept in any of them, VaultError if one is unreadable.
    """
    pairs = [_pair(number, segment) for number, segment in enumerate(job.segments, 1)]
    problems = list(_problems(pairs))
    rates = [source.rate_hz for pair in pairs for source in pair.kept if source.samples]
    if not rates:
        raise _no_audio(pairs, problems)
    plan = Plan(_common_rate_hz(max(rates), job.format), problems=problems)
    for before, pair in itertools.pairwise((None, *pairs)):
        assert pair is not None
        _lay(plan, pair, begins_run=before is None or not _joined(before.segment, pair.segment))
    plan.certain = min(plan.left.samples, plan.right.samples)
    plan.level()
    return plan


def _pair(number: int, segment: Segment) -> _Pair:
    inward, outward = probe(segment.inward), probe(segment.outward)
    inward_at, outward_at = beginnings(segment)
    parts = kept(inward, inward_at, segment), kept(outward, outward_at, segment)
    return _Pair(number, segment, (inward, outward), parts)


def _no_audio(pairs: list[_Pair], problems: list[str]) -> NoAudio:
    reasons = "; ".join(problems) or ("all of it was cut out" if pairs else "it has no segments")
    cut = [source.path for pair in pairs for source in pair.whole if source.samples]
    return NoAudio(f"{NO_AUDIO}{reasons}", cut)


def _joined(before: Segment, after: Segment) -> bool:
    return after.continues and not before.cut_behind and not after.cut_in_front


def _common_rate_hz(highest_hz: int, audio_format: AudioFormat) -> int:
    if audio_format != "opus":
        return highest_hz
    return next((rate for rate in OPUS_RATES_HZ if rate >= highest_hz), OPUS_RATES_HZ[-1])


def _lay(plan: Plan, pair: _Pair, begins_run: bool) -> None:
    behind_s = abs(plan.left.samples - plan.right.samples) / plan.rate_hz
    if begins_run or behind_s > pair.tolerance_s:
        plan.level()
    plan.starts.append(plan.samples)
    for side, silence_s, source in zip((plan.left, plan.right), pair.silence_s(), pair.kept, strict=True):
        if begins_run:
            side.add(round(silence_s * plan.rate_hz))
        side.add(round(source.duration_s * plan.rate_hz), source)


def _problems(pairs: list[_Pair]) -> Iterator[str]:
    """Of each file once, and nothing of a segment that was cut to nothing: it is as it should be."""
    told: set[Path] = set()
    for pair in pairs:
        segment = pair.segment
        if (segment.cut_in_front or segment.cut_behind) and segment.ended_at <= segment.started_at:
            continue
        yield from (f"segment {pair.number}: {text}" for text in _problems_of(pair, told))
        told.update(source.path for source in pair.whole)


def _problems_of(pair: _Pair, told: set[Path]) -> Iterator[str]:
    whose = ("the recorded user's", "the counterpart's")
    sides = tuple(zip(whose, pair.whole, beginnings(pair.segment), strict=True))
    new = [side for side in sides if side[1].path not in told]
    kept_s = (pair.segment.ended_at - pair.segment.started_at).total_seconds()
    for name, source, _ in new:
        if source.fault:
            lost = f", {kept_s:.1f} s are lost" if not source.samples and kept_s >= LOST_FROM_S else ""
            yield f"{name} audio file {source.fault}{lost}"
    if pair.late_matters and not late_believable(pair.segment) and new:
        late_s = pair.segment.outward_late_ms / 1000
        yield f"its two files cannot have begun {late_s:.1f} s apart; taken as begun together"
    for name, source, began in new:
        due_s = (pair.segment.files_until - began).total_seconds()
        if source.samples and abs(source.duration_s - due_s) > pair.tolerance_s:
            yield f"{source.duration_s:.1f} s of {name} audio for {due_s:.1f} s of call"
