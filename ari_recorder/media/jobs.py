"""What is asked of the stitcher and what it answers: plain, frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

AudioFormat = Literal["opus", "flac", "wav"]


@dataclass(frozen=True)
class Segment:
    """One unbroken stretch of a recording: two mono WAV files written side by side.

    ``inward`` is what the recorded user says, ``outward`` what they hear; either may be missing.
    ``started_at`` and ``ended_at`` (aware, UTC) are when our clock saw the inward recording begin
    and end. ``outward_late_ms`` is how much later the outward file began than the inward one
    (negative: earlier). ``continues``: the segment follows the one before without a pause, as
    when a long file is rolled over; its samples are joined to those before, side by side.
    """

    inward: Path
    outward: Path
    started_at: datetime
    ended_at: datetime
    outward_late_ms: float = 0.0
    continues: bool = False

    @property
    def clock_s(self) -> float:
        """Seconds from start to end by our clock."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class StitchJob:
    """Make ``segments``, in their order, into the file ``target``, whose folder exists."""

    recording_id: str
    segments: tuple[Segment, ...]
    target: Path
    format: AudioFormat


@dataclass(frozen=True)
class SegmentReport:
    """Where a segment lies in the finished file, for a timeline; the pauses between are cut out."""

    offset_ms: int
    duration_ms: int


@dataclass(frozen=True)
class StitchResult:
    """A finished file: on disk, flushed, read back and under its final name.

    ``sha256`` is the hexadecimal digest of the whole file. ``peaks`` is the waveform: at most
    2000 buckets of equal length (20 ms each in a recording of up to 40 s), two bytes a bucket,
    left then right, each the greatest amplitude in the bucket from 0 (digital silence) to 255
    (full scale), linear, so ``numpy.frombuffer(peaks, "u1").reshape(-1, 2)``. ``left_dbfs`` and
    ``right_dbfs`` are RMS levels over the whole file before encoding, 0 dB being a full-scale
    square wave; None is digital silence. ``problems`` are sentences for people; none means that
    nothing was amiss. ``segments`` has one report for each segment of the job.
    """

    duration_ms: int
    sample_rate_hz: int
    size_bytes: int
    sha256: str
    peaks: bytes
    left_dbfs: float | None
    right_dbfs: float | None
    problems: tuple[str, ...]
    segments: tuple[SegmentReport, ...]
