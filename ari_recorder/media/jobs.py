"""What is asked of the stitcher and what it answers: plain, frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ari_recorder.policies.manifest import SourceFile

AudioFormat = Literal["opus", "flac", "wav"]

NO_AUDIO = "There is no audio at all: "
"""How it is said that a recording is empty, before what is wrong with each file, parted by semicolons."""


@dataclass(frozen=True)
class Segment:
    """One unbroken stretch of a recording: two mono WAV files written side by side.

    ``inward`` is what the recorded user says, ``outward`` what they hear; either may be missing.
    From ``started_at`` to ``ended_at`` (aware, UTC) is what is kept. ``file_started_at`` and
    ``file_ended_at`` are when Asterisk began the first of the two files and closed the last; None
    is the same as what is kept. Several segments may be cut from the same files.
    ``outward_late_ms`` is how much later the outward file began than the inward one (negative:
    earlier). ``continues``: the segment follows the one before without a pause, as when a long file
    is rolled over; its samples are joined to those before, side by side.
    """

    inward: Path
    outward: Path
    started_at: datetime
    ended_at: datetime
    outward_late_ms: float = 0.0
    continues: bool = False
    file_started_at: datetime | None = None
    file_ended_at: datetime | None = None

    @property
    def files_from(self) -> datetime:
        """When the first of the two files began."""
        return self.file_started_at or self.started_at

    @property
    def files_until(self) -> datetime:
        """When the last of the two files was closed."""
        return self.file_ended_at or self.ended_at

    @property
    def cut_in_front(self) -> bool:
        """Whether the files began before what is kept."""
        return self.started_at > self.files_from

    @property
    def cut_behind(self) -> bool:
        """Whether the files went on after what is kept."""
        return self.ended_at < self.files_until

    @property
    def clock_s(self) -> float:
        """Seconds that the two files cover by the clock."""
        return (self.files_until - self.files_from).total_seconds()


@dataclass(frozen=True)
class StitchJob:
    """Make ``segments``, in their order, into the file ``target``, whose folder exists."""

    recording_id: str
    segments: tuple[Segment, ...]
    target: Path
    format: AudioFormat

    @property
    def ahead(self) -> Path:
        """The file's name while it is made ahead: whatever becomes of it, ``target`` is not touched."""
        return self.target.with_suffix(f".ahead{self.target.suffix}")


@dataclass(frozen=True)
class SegmentReport:
    """Where a segment lies in the finished file, for a timeline; the pauses between are cut out."""

    offset_ms: int
    duration_ms: int


@dataclass(frozen=True)
class StitchResult:
    """A finished file.

    ``sha256`` is the hexadecimal digest of the whole file, as it has to be wherever it is put.
    ``peaks`` is the waveform: at most 2000 buckets of equal length (20 ms each in a recording of up to
    40 s), two bytes a bucket, left then right, each the greatest amplitude in the bucket from 0
    (digital silence) to 255 (full scale), linear, so ``numpy.frombuffer(peaks, "u1").reshape(-1, 2)``.
    ``left_dbfs`` and ``right_dbfs`` are RMS levels over the whole file before encoding, 0 dB being a
    full-scale square wave; None is digital silence. ``problems`` are sentences for people; none means
    that nothing was amiss. ``segments`` has one report for each segment of the job.
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
    sources: tuple[SourceFile, ...] = ()
    """Every file that it was made of, as it was, each once."""
