"""Segments in, one two-channel file out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import soundfile
from av.error import FFmpegError

from ari_recorder.errors import ARIRecorderError, MediaError, VaultError
from ari_recorder.media.blocks import two_channel_blocks
from ari_recorder.media.encoders import length_s, open_encoder
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.levels import Levels
from ari_recorder.media.plan import Plan, make_plan
from ari_recorder.media.sources import Samples
from ari_recorder.policies.manifest import SourceFile

_LENGTH_TOLERANCE_S = 0.01


def stitch(job: StitchJob) -> StitchResult:
    """Make a recording's file: left the recorded user, right the counterpart.

    The source files are only read. ``job.target`` is replaced if it is there; after an error it is not
    there. Memory does not grow with the length. Raises NoAudio if no segment holds any audio to be kept,
    MediaError if it cannot be coded, VaultError if a file cannot be read or written, or does not hold
    afterwards what was put into it.
    """
    plan = make_plan(job)
    with told(job):
        making = Making(job, plan)
        try:
            for block in two_channel_blocks(plan):
                making.add(block)
            return making.finish(job, plan)
        except BaseException:
            making.drop()
            raise


class Making:
    """A recording's file, being made; readable by its owner alone."""

    def __init__(self, job: StitchJob, plan: Plan) -> None:
        self.target = job.target
        self.plan = plan
        """What it is made by."""
        self.samples = 0
        """How many are in it."""
        self.target.unlink(missing_ok=True)  # what still has it open writes into nothing
        self._file = os.fdopen(os.open(self.target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        try:
            self._levels = Levels(plan.rate_hz)
            self._encoder = open_encoder(job.format, self._file, plan.rate_hz, plan.samples)
        except BaseException:
            self._remove()
            raise

    def add(self, block: Samples) -> None:
        """Append an array of shape (samples, 2): a second each, the last one shorter."""
        self._levels.add(block)
        self._encoder.write(block)
        self.samples += len(block)

    def finish(self, job: StitchJob, plan: Plan) -> StitchResult:
        """All of the plan is in it: close it, and read it back."""
        self._encoder.close()
        file = self._file
        file.flush()
        _verify(job, plan)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
        file.close()
        return _result(plan, self._levels, sha256, size_bytes, _sources(job))

    def drop(self) -> None:
        """Take it away; whatever comes of that, nothing is raised."""
        with suppress(Exception):
            self._encoder.close()
        self._remove()

    def _remove(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.target.unlink()


def _verify(job: StitchJob, plan: Plan) -> None:
    due_s = plan.samples / plan.rate_hz
    found_s = length_s(job.format, job.target)
    if abs(found_s - due_s) > _LENGTH_TOLERANCE_S:
        raise VaultError(
            f"recording {job.recording_id}: {found_s:.2f} s reached the disk of {due_s:.2f} s;"
            f" check the disk of {job.target.parent}"
        )


def _result(
    plan: Plan, levels: Levels, sha256: str, size_bytes: int, sources: tuple[SourceFile, ...]
) -> StitchResult:
    left_dbfs, right_dbfs = levels.dbfs()
    return StitchResult(
        duration_ms=plan.duration_ms,
        sample_rate_hz=plan.rate_hz,
        size_bytes=size_bytes,
        sha256=sha256,
        peaks=levels.peaks(),
        left_dbfs=left_dbfs,
        right_dbfs=right_dbfs,
        problems=tuple(plan.problems),
        segments=plan.reports(),
        sources=sources,
    )


def _sources(job: StitchJob) -> tuple[SourceFile, ...]:
    """As they lie in the recording folder; one that is missing, or no file at all, is not among them."""
    paths = dict.fromkeys(path for segment in job.segments for path in (segment.inward, segment.outward))
    return tuple(_source(path) for path in paths if path.is_file())


def _source(path: Path) -> SourceFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return SourceFile(path.name, sha256, file.tell())


@contextmanager
def told(job: StitchJob) -> Iterator[None]:
    """Turn what the libraries raise into the package's own errors; FFmpeg's may be an OSError too."""
    try:
        yield
    except ARIRecorderError:
        raise
    except (OSError, soundfile.LibsndfileError, AssertionError) as error:
        raise VaultError(f"recording {job.recording_id}: cannot write {job.target}: {error}") from error
    except FFmpegError as error:
        raise MediaError(f"recording {job.recording_id}: cannot encode {job.format}: {error}") from error
