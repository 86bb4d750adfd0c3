"""What comes out of ordinary segments: the right voice on the right side at the right time."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_recorder.errors import MediaError, VaultError
from ari_recorder.media.jobs import SegmentReport
from ari_recorder.media.stitch import stitch

from .conftest import Spool, hear, loudness_db, tone

FORMATS = ["opus", "flac", "wav"]


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_each_voice_is_on_its_own_side_only(spool: Spool, audio_format: str, rate_hz: int) -> None:
    job = spool.job(spool.tones("a", 5.0, rate_hz), audio_format=audio_format)
    result = stitch(job)
    heard, heard_hz = hear(job.target)
    left, right = heard[heard_hz : -heard_hz // 2].T
    assert loudness_db(left, 440, heard_hz) == pytest.approx(-8, abs=1)
    assert loudness_db(right, 660, heard_hz) == pytest.approx(-8, abs=1)
    assert loudness_db(left, 660, heard_hz) < -8 - 50
    assert loudness_db(right, 440, heard_hz) < -8 - 50
    assert (result.duration_ms, result.sample_rate_hz, result.problems) == (5000, rate_hz, ())


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_a_silent_party_stays_silent_while_the_other_speaks(spool: Spool, rate_hz: int) -> None:
    """Speech-like noise that comes and goes on the left; the worst 20 ms on the right counts."""
    random = np.random.default_rng(1)
    noise = np.convolve(random.standard_normal(8 * rate_hz), np.hanning(9) / 4, "same")
    turns = np.sin(2 * np.pi * 2.1 * np.arange(noise.size) / rate_hz).clip(0)
    said = (noise * turns * 6000).clip(-32000, 32000).astype(np.int16)
    heard_by_user = np.where(np.arange(noise.size) < 4 * rate_hz, tone(660, 8, rate_hz), 0)
    segment = spool.segment(
        spool.wav("in.wav", said, rate_hz), spool.wav("out.wav", heard_by_user, rate_hz), 8
    )
    job = spool.job(segment, audio_format="opus")
    stitch(job)
    second_half = hear(job.target)[0][round(4.2 * 48000) :]
    windows = second_half[: len(second_half) // 960 * 960].reshape(-1, 960, 2)
    left, right = np.sqrt(np.square(windows).mean(axis=1)).T
    speaking = left > 0.02
    assert speaking.sum() > 50
    assert (20 * np.log10(right[speaking] / left[speaking] + 1e-9)).max() < -40


@pytest.mark.parametrize("samples", [50, 160, 161, 8000, 24077, 79999])
def test_opus_is_as_long_as_its_source(spool: Spool, samples: int) -> None:
    audio = tone(440, 10)[:samples]
    segment = spool.segment(spool.wav("i", audio), spool.wav("o", audio), samples / 8000)
    job = spool.job(segment, audio_format="opus")
    assert stitch(job).duration_ms == round(samples / 8)
    assert abs(len(hear(job.target)[0]) / 48 - samples / 8) <= 4


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_opus_is_not_shifted(spool: Spool, rate_hz: int) -> None:
    """The pre-skip is declared: what was at 2.0 s is there, to within 1 ms."""
    audio = np.where(np.arange(4 * rate_hz) < 2 * rate_hz, 0, tone(440, 4, rate_hz))
    job = spool.job(
        spool.segment(spool.wav("i", audio, rate_hz), spool.wav("o", audio, rate_hz), 4), audio_format="opus"
    )
    stitch(job)
    heard, heard_hz = hear(job.target)
    sine = np.sin(2 * np.pi * 440 * np.arange(heard_hz) / heard_hz)
    part = heard[2 * heard_hz - 480 : 3 * heard_hz + 480, 0]
    # half a period of 440 Hz is 1.1 ms: the greatest agreement within it is the shift
    shift = int(np.argmax(np.correlate(part, sine, "valid")[480 - 52 : 480 + 53])) - 52
    assert abs(shift) <= 48
    assert np.abs(heard[: round(1.98 * heard_hz)]).max() < 0.01


def test_the_same_audio_gives_the_same_bytes_and_sources_stay(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 2.0), audio_format="opus")
    before = {path: path.read_bytes() for path in spool.folder.glob("*.wav")}
    first = stitch(job)
    job.target.write_bytes(b"left by an earlier try")
    assert stitch(job) == first
    content = job.target.read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (first.sha256, first.size_bytes)
    assert {path: path.read_bytes() for path in spool.folder.glob("*.wav")} == before
    assert [path.name for path in spool.target_folder.iterdir()] == ["recording.opus"]
    assert pickle.loads(pickle.dumps((job, first))) == (job, first)  # noqa: S301


def test_opus_names_its_channels_left_and_right(spool: Spool) -> None:
    """RFC 7845, 5.1.1.2: family 1, two streams, none coupled."""
    job = spool.job(spool.tones("a", 1.0), audio_format="opus")
    stitch(job)
    content = job.target.read_bytes()
    head = content[content.index(b"OpusHead") :]
    assert head[9] == 2
    assert tuple(head[18:23]) == (1, 2, 0, 0, 1)


def test_opus_has_a_page_each_second_for_seeking(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 10.0), audio_format="opus")
    stitch(job)
    pages = job.target.read_bytes().split(b"OggS")[3:]
    positions_s = [int.from_bytes(page[2:10], "little") / 48000 for page in pages]
    assert positions_s == sorted(positions_s)
    assert max(b - a for a, b in zip([0.0, *positions_s], positions_s, strict=False)) <= 1.1
    assert positions_s[-1] == pytest.approx(10.0065, abs=0.0001)  # with the pre-skip


@pytest.mark.parametrize(("late_ms", "left_due", "right_due"), [
    (0, 0, 0), (9.9, 0, 0), (-9.9, 0, 0), (10, 0, 80), (250, 0, 2000), (-250, 2000, 0),
    (float("nan"), 0, 0),
])  # fmt: skip
def test_the_side_that_began_later_gets_silence_in_front(
    spool: Spool, late_ms: float, left_due: int, right_due: int
) -> None:
    audio = np.full(16000, 1000, dtype=np.int16)
    segment = spool.segment(spool.wav("i", audio), spool.wav("o", audio), 2.0, outward_late_ms=late_ms)
    job = spool.job(segment)
    stitch(job)
    heard, _ = hear(job.target)
    assert [int(np.argmax(heard[:, side] != 0)) for side in (0, 1)] == [left_due, right_due]
    assert len(heard) == 16000 + max(left_due, right_due)
    assert [int((heard[:, side] != 0).sum()) for side in (0, 1)] == [16000, 16000]


def test_an_impossible_distance_between_the_files_is_not_believed(spool: Spool) -> None:
    audio = tone(440, 2)
    for late_ms in (1e12, -1e12, float("inf")):
        segment = spool.segment(spool.wav("i", audio), spool.wav("o", audio), 2.0, outward_late_ms=late_ms)
        result = stitch(spool.job(segment))
        assert result.duration_ms == 2000
        assert len(result.problems) == 1
        assert "cannot have begun" in result.problems[0]


def test_pauses_are_cut_out_and_the_timeline_tells_where(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 2.0), spool.tones("b", 0.5), spool.tones("c", 1.25))
    result = stitch(job)
    assert result.segments == (SegmentReport(0, 2000), SegmentReport(2000, 500), SegmentReport(2500, 1250))
    assert result.duration_ms == 3750


RUNS = st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=RUNS, audio_format=st.sampled_from(["wav", "flac"]), rate_hz=st.sampled_from([8000, 16000]))
def test_a_run_is_joined_sample_by_sample(
    spool: Spool, lengths: Any, audio_format: str, rate_hz: int
) -> None:
    """Differences below the tolerance are never padded inside the run, only at its end."""
    counter = np.arange(1, 9000, dtype=np.int16)
    sides: list[list[np.ndarray]] = [[], []]
    segments = []
    for number, pair in enumerate(lengths):
        for side, samples in enumerate(pair):
            used = sum(len(part) for part in sides[side])
            sides[side].append(counter[used : used + samples])
        paths = [spool.wav(f"{number}-{side}.wav", sides[side][-1], rate_hz) for side in (0, 1)]
        segments.append(spool.segment(*paths, max(pair) / rate_hz, continues=number > 0))
    behind = np.abs(np.cumsum([a - b for a, b in lengths]))
    job = spool.job(*segments, audio_format=audio_format)
    result = stitch(job)
    heard = np.rint(hear(job.target)[0] * 32768).astype(int)
    if behind[:-1].max(initial=0) <= 0.1 * rate_hz:
        due = [np.concatenate(side) for side in sides]
        longest = max(len(side) for side in due)
        assert np.array_equal(heard, np.stack([np.pad(side, (0, longest - len(side))) for side in due], 1))
    assert sum(report.duration_ms for report in result.segments) == result.duration_ms
    assert [int((heard[:, side] != 0).sum()) for side in (0, 1)] == [
        sum(c) for c in zip(*lengths, strict=True)
    ]


def test_inside_a_run_a_missing_file_does_not_move_what_follows(spool: Spool) -> None:
    first, last = spool.tones("a", 2.0), spool.tones("c", 2.0, continues=True)
    middle = spool.segment(spool.wav("b", tone(440, 3)), "none.wav", 3.0, continues=True)
    job = spool.job(first, middle, last)
    result = stitch(job)
    right = hear(job.target)[0][:, 1]
    assert [bool(right[at * 8000 : (at + 1) * 8000].any()) for at in range(7)] == [1, 1, 0, 0, 0, 1, 1]
    assert result.problems == ("segment 2: the counterpart's audio file is missing, 3.0 s are lost",)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_mixed_rates_are_brought_to_the_highest(spool: Spool, audio_format: str) -> None:
    narrow = spool.wav("in.wav", tone(440, 3, 8000), 8000)
    wide = spool.wav("out.wav", tone(660, 3, 16000), 16000)
    job = spool.job(spool.segment(narrow, wide, 3), spool.tones("b", 2.0), audio_format=audio_format)
    result = stitch(job)
    heard, heard_hz = hear(job.target)
    assert (result.duration_ms, result.sample_rate_hz, result.problems) == (5000, 16000, ())
    for start_s in (0.1, 3.1):
        part = heard[round(start_s * heard_hz) : round((start_s + 1.8) * heard_hz)]
        assert loudness_db(part[:, 0], 440, heard_hz) == pytest.approx(-8, abs=1)
        assert loudness_db(part[:, 1], 660, heard_hz) == pytest.approx(-8, abs=1)
        assert loudness_db(part[:, 0], 660, heard_hz) < -58


def test_resampling_does_not_shift(spool: Spool) -> None:
    click = np.zeros(16000, dtype=np.int16)
    click[8000] = 30000
    segment = spool.segment(spool.wav("i", click, 8000), spool.wav("o", np.ones(32000), 16000), 2.0)
    job = spool.job(segment)
    stitch(job)
    heard, heard_hz = hear(job.target)
    assert (len(heard), heard_hz) == (32000, 16000)
    assert abs(int(np.argmax(np.abs(heard[:, 0]))) - 16000) <= 1


def test_the_waveform_and_the_levels(spool: Spool) -> None:
    square = np.where(np.arange(8000) % 2, 32767, -32768).astype(np.int16)
    quiet = np.zeros(8000, dtype=np.int16)
    quiet[4000] = -1
    result = stitch(spool.job(spool.segment(spool.wav("i", square), spool.wav("o", quiet), 1.0)))
    peaks = np.frombuffer(result.peaks, "u1").reshape(-1, 2)
    assert peaks.shape == (50, 2)
    assert set(peaks[:, 0]) == {255}
    assert peaks[:, 1].tolist() == [0] * 25 + [1] + [0] * 24
    assert result.left_dbfs == pytest.approx(0, abs=0.05)
    assert result.right_dbfs == pytest.approx(10 * np.log10(1 / 8000 / 32768**2), abs=0.1)


def test_the_waveform_of_a_long_recording_has_2000_buckets(spool: Spool) -> None:
    audio = np.zeros(8000 * 60, dtype=np.int16)
    audio[8000 * 30 :] = 16384
    result = stitch(spool.job(spool.segment(spool.wav("i", audio), "none.wav", 60)))
    peaks = np.frombuffer(result.peaks, "u1").reshape(-1, 2)
    assert peaks[:, 0].tolist() == [0] * 1000 + [128] * 1000
    assert result.right_dbfs is None


def test_no_segments_is_an_error(spool: Spool) -> None:
    with pytest.raises(MediaError, match="There is no audio at all"):
        stitch(spool.job())


def test_a_missing_folder_is_an_error_and_leaves_nothing(spool: Spool) -> None:
    job = spool.job(spool.tones("a", 1.0))
    spool.target_folder.rmdir()
    with pytest.raises(VaultError, match=r"r1: cannot write .*recording\.wav"):
        stitch(job)


@pytest.mark.parametrize(("rate_hz", "samples"), [(11025, 11026), (11025, 5), (8000, 777), (22050, 30001)])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_odd_rates_come_out_exactly_as_long_as_planned(
    spool: Spool, audio_format: str, rate_hz: int, samples: int
) -> None:
    odd = spool.wav("in.wav", tone(440, 2, rate_hz)[:samples], rate_hz)
    other = spool.wav("out.wav", tone(660, 0.5, 44100), 44100)
    job = spool.job(spool.segment(odd, other, samples / rate_hz), audio_format=audio_format)
    result = stitch(job)
    heard, heard_hz = hear(job.target)
    due = max(round(samples * heard_hz / rate_hz), heard_hz // 2)
    assert (result.sample_rate_hz, abs(len(heard) - due) <= 8) == (heard_hz, True)
