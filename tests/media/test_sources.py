"""Files as crashes, full disks and missing media leave them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ari_recorder.errors import MediaError, VaultError
from ari_recorder.media.sources import probe, read
from ari_recorder.media.stitch import stitch

from .conftest import Spool, header, hear, tone

WHOLE = tone(660, 1.0)
NOT_PCM = "is not 16-bit mono PCM "


@pytest.mark.parametrize(("claimed", "fault"), [
    (0, "was never closed; its length is taken from its size"),
    (0xFFFFFFFF, "was never closed; its length is taken from its size"),
    (8000, "is not as long as its header says; its length is taken from its size"),
    (999_999, "is not as long as its header says; its length is taken from its size"),
    (16000, ""),
])  # fmt: skip
def test_the_size_counts_and_not_the_header(spool: Spool, claimed: int, fault: str) -> None:
    source = probe(spool.wav("a", WHOLE, claimed=claimed))
    assert (source.samples, source.rate_hz, source.fault) == (8000, 8000, fault)
    assert np.array_equal(np.concatenate(list(read(source, 3000))), WHOLE)


@pytest.mark.parametrize(("content", "fault"), [
    (b"", "is empty"),
    (header(8000, 0), "holds no audio"),
    (header(8000, 0) + b"\x01", "holds no audio"),
    (header(8000, 0)[:43], "is cut off inside its header"),
    (header(8000, 0)[:20], "is cut off inside its header"),
    (header(8000, 0)[:9], "is cut off inside its header"),
    (b"RI", "is cut off inside its header"),
    (b"ID3\x04" * 50, "is not a WAV file"),
    (bytes(5000), "is not a WAV file"),
    (header(8000, 0).replace(b"fmt ", b"junk") + b"\0" * 100, "does not say how its audio is coded"),
    (header(8000, 0, channels=2) + b"\0" * 100, NOT_PCM + "(codec 1, 2 channels, 16 bits, 8000 Hz)"),
    (header(8000, 0, codec=49) + b"\0" * 100, NOT_PCM + "(codec 49, 1 channels, 16 bits, 8000 Hz)"),
    (header(0, 0) + b"\0" * 100, NOT_PCM + "(codec 1, 1 channels, 16 bits, 0 Hz)"),
])  # fmt: skip
def test_a_file_without_usable_audio_is_silence_and_said(spool: Spool, content: bytes, fault: str) -> None:
    job = spool.job(spool.segment(spool.wav("in.wav", WHOLE), spool.raw("out.wav", content), 1.0))
    result = stitch(job)
    heard, _ = hear(job.target)
    assert (len(heard), result.right_dbfs) == (8000, None)
    assert np.array_equal(np.rint(heard[:, 0] * 32768), WHOLE)
    assert result.problems[0] == f"segment 1: the counterpart's audio file {fault}, 1.0 s are lost"


def test_what_the_disk_did_not_take_is_told(spool: Spool) -> None:
    """In the middle of a file, and at its end, as a file system has it: a hole."""
    path = spool.raw("out.wav", header(8000, 0) + bytes(range(1, 251)) * 64)
    with path.open("r+b") as file:
        for at in (28_672, 45_056):
            file.truncate(at)
            file.seek(at)
            file.write(b"\1" * 4096)
        file.truncate(57_344)
    result = stitch(spool.job(spool.segment(spool.wav("i", WHOLE), path, 3.5)))
    assert "segment 1: the counterpart's audio file has 2.0 s of nothing in it: was the disk full?" in (
        result.problems
    )


def test_an_odd_byte_at_the_end_is_left_out(spool: Spool) -> None:
    path = spool.raw("out.wav", header(8000, 0) + WHOLE.tobytes() + b"\x7f")
    job = spool.job(spool.segment("missing.wav", path, 1.0))
    result = stitch(job)
    assert np.array_equal(np.rint(hear(job.target)[0][:, 1] * 32768), WHOLE)
    assert result.problems == (
        "segment 1: the recorded user's audio file is missing, 1.0 s are lost",
        "segment 1: the counterpart's audio file ends in the middle of a sample, which is left out",
    )


def test_chunks_before_the_audio_are_stepped_over(spool: Spool) -> None:
    plain = header(8000, 16000)
    content = plain[:36] + b"LIST\x03\0\0\0abc\0" + plain[36:] + WHOLE.tobytes()
    source = probe(spool.raw("a", content))
    assert (source.samples, source.fault) == (8000, "")
    assert np.array_equal(next(read(source, 8000)), WHOLE)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120), st.integers(0, 60))
@example(header(8000, 0), 0)
def test_whatever_lies_there_it_is_told_and_never_a_crash(spool: Spool, noise: bytes, keep: int) -> None:
    source = probe(spool.raw("a", header(8000, 50)[:keep] + noise))
    assert source.samples or source.fault
    assert sum(len(block) for block in read(source, 7)) == source.samples


@pytest.mark.parametrize(("recorded_s", "clock_s", "problem"), [
    (9.91, 10.0, None), (10.09, 10.0, None), (59.75, 60.0, None),
    (3.2, 10.0, "3.2 s of the counterpart's audio for 10.0 s of call"),
    (10.2, 10.0, "10.2 s of the counterpart's audio for 10.0 s of call"),
    (59.6, 60.0, "59.6 s of the counterpart's audio for 60.0 s of call"),
])  # fmt: skip
def test_the_length_is_held_against_the_clock(
    spool: Spool, recorded_s: float, clock_s: float, problem: str | None
) -> None:
    inward, outward = spool.wav("i", tone(440, clock_s)), spool.wav("o", tone(660, recorded_s))
    result = stitch(spool.job(spool.tones("a", 1.0), spool.segment(inward, outward, clock_s)))
    assert result.problems == ((f"segment 2: {problem}",) if problem else ())


def test_a_file_that_began_late_is_not_called_short(spool: Spool) -> None:
    inward, outward = spool.wav("i", tone(440, 5)), spool.wav("o", tone(660, 3))
    result = stitch(spool.job(spool.segment(inward, outward, 5.0, outward_late_ms=2000.0)))
    assert (result.problems, result.duration_ms) == ((), 5000)


def test_no_audio_anywhere_is_an_error_that_tells_of_each_file(spool: Spool) -> None:
    job = spool.job(spool.segment("none.wav", spool.raw("o", b""), 1.0), spool.segment("a", "b", 1.0))
    with pytest.raises(MediaError) as caught:
        stitch(job)
    assert "segment 1: the recorded user's audio file is missing" in str(caught.value)
    assert "segment 1: the counterpart's audio file is empty" in str(caught.value)
    assert "segment 2" in str(caught.value)
    assert list(spool.target_folder.iterdir()) == []


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [_folder, os.mkfifo])
def test_what_is_not_a_file_is_not_waited_for(spool: Spool, make: Callable[[Path], None]) -> None:
    make(spool.folder / "out.wav")
    result = stitch(spool.job(spool.segment(spool.wav("i", WHOLE), "out.wav", 1.0)))
    assert result.problems == ("segment 1: the counterpart's audio file is not a file, 1.0 s are lost",)


def test_an_unreadable_file_stops_the_work(spool: Spool) -> None:
    """It is there: to make a recording without it, and let the spool be cleared, would lose it."""
    (spool.folder / "loop.wav").symlink_to("loop.wav")
    with pytest.raises(VaultError, match=r"cannot read .*loop\.wav"):
        stitch(spool.job(spool.segment(spool.wav("i", WHOLE), "loop.wav", 1.0)))


def test_a_file_that_shrinks_while_read_stops_the_work(spool: Spool) -> None:
    source = probe(spool.wav("a", WHOLE))
    os.truncate(source.path, 1000)
    with pytest.raises(VaultError, match="became shorter"):
        list(read(source, 8000))
