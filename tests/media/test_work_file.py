"""What is in the work folder when writing is cut off, and how much memory a long call takes."""

from __future__ import annotations

import hashlib
import json
import pickle
import resource
import subprocess
import sys
from typing import Any

import pytest

from ari_recorder.errors import VaultError
from ari_recorder.media.encoders import wav_container
from ari_recorder.media.stitch import stitch

from .conftest import Spool, header


@pytest.mark.parametrize("audio_format", ["opus", "flac", "wav"])
def test_a_full_disk_is_an_error_and_gives_its_room_back(spool: Spool, audio_format: str) -> None:
    """A limit on file size refuses the write as a full disk does."""
    job = spool.job(spool.tones("a", 20.0), audio_format=audio_format)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(VaultError, match="r1"):
            stitch(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert list(spool.target_folder.iterdir()) == []


def test_what_a_crash_left_is_dropped(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 1.0))
    job.target.write_bytes(b"x" * 1_000_000)
    result = stitch(job)
    assert job.target.stat().st_size == result.size_bytes == 44 + 32000


def test_a_process_that_comes_back_late_does_not_write_into_the_file(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 1.0))
    job.target.write_bytes(b"begun")
    with job.target.open("r+b") as late:
        result = stitch(job)
        late.write(b"garbage")
    assert hashlib.sha256(job.target.read_bytes()).hexdigest() == result.sha256


def test_a_fresh_recording_is_its_owners_alone(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 1.0))
    stitch(job)
    assert job.target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("samples", "container"), [
    (8000, "WAV"), (2**30 - 2048, "WAV"), (2**30, "RF64"), (2**33, "RF64"),
])  # fmt: skip
def test_a_wav_over_four_gigabytes_is_rf64(samples: int, container: str) -> None:
    assert wav_container(samples) == container


MEASURE = """
import json, pickle, resource, sys
from ari_recorder.media.stitch import stitch
short, long = pickle.load(sys.stdin.buffer)
stitch(short)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = stitch(long)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"growth_kib": after - before, "duration_ms": result.duration_ms}))
"""


@pytest.mark.parametrize(("audio_format", "hours"), [("wav", 1), ("flac", 0.5), ("opus", 0.05)])
def test_memory_does_not_grow_with_the_call(spool: Spool, audio_format: str, hours: float) -> None:
    paths = []
    for side in ("in", "out"):
        paths.append(spool.raw(f"long-{side}.wav", header(8000, 0)))
        with paths[-1].open("r+b") as file:
            file.truncate(44 + round(hours * 3600) * 16000)  # a sparse file: silence
    long = spool.job(spool.segment(*paths, hours * 3600.0), audio_format=audio_format)
    short = spool.job(spool.tones("a", 60.0), audio_format=audio_format)
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, input=pickle.dumps((short, long)), capture_output=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    assert measured["duration_ms"] == hours * 3_600_000
    assert measured["growth_kib"] < 24_000
