"""A pause counts from when it was given: what the files hold besides what is kept is not in the recording."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_recorder.errors import NoAudio
from ari_recorder.media.cuts import kept
from ari_recorder.media.jobs import Segment, SegmentReport
from ari_recorder.media.sources import Source, probe
from ari_recorder.media.stitch import stitch

from .conftest import BEGAN_AT, Spool, hear

RATE_HZ = 8000


def at(seconds: float) -> Any:
    return BEGAN_AT + timedelta(seconds=seconds)


def ramp(samples: int, first: int = 1) -> np.ndarray:
    """Every sample tells where it was."""
    return np.arange(first, first + samples, dtype=np.int16)


def cut(
    spool: Spool, name: str, keep: tuple[float, float], files: tuple[float, float], **more: Any
) -> Segment:
    """A segment of the files NAME-in and NAME-out, made before."""
    return Segment(
        spool.folder / f"{name}-in.wav",
        spool.folder / f"{name}-out.wav",
        at(keep[0]),
        at(keep[1]),
        file_started_at=at(files[0]),
        file_ended_at=at(files[1]),
        **more,
    )


def files(spool: Spool, name: str, inward: int, outward: int | None = None) -> None:
    spool.wav(f"{name}-in.wav", ramp(inward))
    spool.wav(f"{name}-out.wav", ramp(inward if outward is None else outward))


def sides(spool: Spool, *segments: Segment) -> tuple[list[int], list[int], Any]:
    """The samples of both sides, and the stitcher's result."""
    job = spool.job(*segments)
    result = stitch(job)
    heard = np.rint(hear(job.target)[0] * 32768).astype(int)
    return heard[:, 0].tolist(), heard[:, 1].tolist(), result


def span(first: int, end: int) -> list[int]:
    """What a ramp's samples from ``first`` on and before ``end`` are."""
    return list(range(first + 1, end + 1))


@pytest.mark.parametrize(("keep", "first", "end"), [
    ((0.0, 1.0), 0, 8000), ((1.0, 2.0), 8000, 16000), ((0.5, 1.5), 4000, 12000),
    ((0.00001, 1.00001), 1, 8000), ((0.0, 2.5), 0, 16000), ((-1.0, 1.0), 0, 8000),
])  # fmt: skip
def test_a_cut_is_exact_to_the_sample_and_never_keeps_more(
    spool: Spool, keep: tuple[float, float], first: int, end: int
) -> None:
    files(spool, "a", 16000)
    left, right, result = sides(spool, cut(spool, "a", keep, (0.0, 2.0)))
    assert left == right == span(first, end)
    assert result.problems == ()


@pytest.mark.parametrize(("samples", "keep", "first", "end"), [
    (14400, (0.0, 1.0), 0, 6400),  # 0.2 s are missing: before the cut, or after it
    (14400, (1.0, 2.0), 8000, 14400),
    (17600, (0.0, 1.0), 0, 8000),  # 0.2 s too many
    (17600, (1.0, 2.0), 9600, 17600),
    (1000, (0.0, 1.0), 0, 0),
    (1000, (1.5, 2.0), 1000, 1000),
])  # fmt: skip
def test_where_a_moment_lies_in_a_file_is_looked_for_from_both_ends(
    spool: Spool, samples: int, keep: tuple[float, float], first: int, end: int
) -> None:
    files(spool, "a", samples)
    segment = cut(spool, "a", keep, (0.0, 2.0))
    source = kept(probe(segment.inward), segment.files_from, segment)
    assert (source.samples, (source.offset_bytes - 44) // 2 if source.samples else first) == (
        end - first,
        first,
    )


def test_two_segments_of_the_same_files_have_nothing_of_the_pause_between(spool: Spool) -> None:
    files(spool, "a", 24000)
    before, after = cut(spool, "a", (0.0, 1.0), (0.0, 3.0)), cut(spool, "a", (2.0, 3.0), (0.0, 3.0))
    left, right, result = sides(spool, before, after)
    assert left == right == span(0, 8000) + span(16000, 24000)
    assert result.segments == (SegmentReport(0, 1000), SegmentReport(1000, 1000))


def test_the_sides_stay_in_step_behind_a_cut_though_one_file_began_later(spool: Spool) -> None:
    files(spool, "a", 24000, 20000)  # the second half a second later
    segments = [cut(spool, "a", keep, (0.0, 3.0), outward_late_ms=500.0) for keep in ((0.0, 1.0), (2.0, 3.0))]
    left, right, result = sides(spool, *segments)
    assert left == span(0, 8000) + span(16000, 24000)
    assert right == [0] * 4000 + span(0, 4000) + span(12000, 20000)
    assert result.problems == ()


def test_a_file_that_began_after_the_cut_in_front_gets_only_the_silence_that_is_left(spool: Spool) -> None:
    files(spool, "a", 12000, 16000)  # the inward file half a second later
    left, right, _ = sides(spool, cut(spool, "a", (0.25, 2.0), (0.0, 2.0), outward_late_ms=-500.0))
    assert left == [0] * 2000 + span(0, 12000)
    assert right == span(2000, 16000)


def test_a_roll_over_is_joined_as_before_and_a_cut_behind_it_ends_there(spool: Spool) -> None:
    files(spool, "a", 8000)
    files(spool, "b", 8000)
    whole = spool.segment("a-in.wav", "a-out.wav", 1.0)
    left, _, result = sides(spool, whole, cut(spool, "b", (1.0, 1.5), (1.0, 2.0), continues=True))
    assert left == span(0, 8000) + span(0, 4000)
    assert result.segments == (SegmentReport(0, 1000), SegmentReport(1000, 500))


def test_what_follows_a_cut_begins_in_step(spool: Spool) -> None:
    """The sides of a cut segment may differ by what one of them has lost."""
    files(spool, "a", 16000, 15600)
    files(spool, "b", 8000)
    cut_behind = cut(spool, "a", (0.0, 1.0), (0.0, 2.0))
    left, right, _ = sides(spool, cut_behind, cut(spool, "b", (2.5, 3.0), (2.0, 3.0), continues=True))
    assert left == span(0, 8000) + span(4000, 8000)
    assert right == span(0, 7600) + [0] * 400 + span(4000, 8000)


def test_a_segment_that_was_cut_to_nothing_has_no_length_and_nothing_is_said_of_it(spool: Spool) -> None:
    files(spool, "a", 8000)
    files(spool, "b", 1600)
    nothing = cut(spool, "b", (1.0, 0.9), (1.0, 1.2), continues=True)
    gone = cut(spool, "gone", (2.0, 2.0), (2.0, 2.5))
    left, right, result = sides(spool, spool.segment("a-in.wav", "a-out.wav", 1.0), nothing, gone)
    assert left == right == span(0, 8000)
    assert result.segments == (SegmentReport(0, 1000), SegmentReport(1000, 0), SegmentReport(1000, 0))
    assert result.problems == ()


def test_what_is_wrong_with_shared_files_is_said_once(spool: Spool) -> None:
    spool.wav("a-in.wav", ramp(22000))
    segments = [cut(spool, "a", keep, (0.0, 3.0)) for keep in ((0.0, 1.0), (2.5, 3.0))]
    assert sides(spool, *segments)[2].problems == (
        "segment 1: the counterpart's audio file is missing, 1.0 s are lost",
        "segment 1: 2.8 s of the recorded user's audio for 3.0 s of call",
    )


def test_where_nothing_at_all_is_left_the_error_names_the_files_that_hold_what_was_cut(spool: Spool) -> None:
    files(spool, "a", 8000)
    segment = cut(spool, "a", (0.0, 0.0), (0.0, 1.0))
    with pytest.raises(NoAudio, match="There is no audio at all: all of it was cut out") as caught:
        stitch(spool.job(segment, cut(spool, "gone", (1.0, 1.0), (1.0, 2.0))))
    assert caught.value.cut == {segment.inward, segment.outward}


def test_files_that_are_not_there_were_not_cut(spool: Spool) -> None:
    with pytest.raises(NoAudio, match="is missing") as caught:
        stitch(spool.job(spool.segment("none.wav", "none.wav", 1.0)))
    assert caught.value.cut == frozenset()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_nothing_that_was_said_outside_is_kept_whatever_was_lost(spool: Spool, data: st.DataObject) -> None:
    """A file of 100 ms at 1 kHz, of which some samples were lost anywhere; each tells when it was said."""
    said = [n for n in range(100) if data.draw(st.integers(0, 3))]
    start, end = sorted(data.draw(st.lists(st.integers(0, 100_000), min_size=2, max_size=2)))
    segment = Segment(
        spool.folder, spool.folder, at(start / 1e6), at(end / 1e6),
        file_started_at=at(0), file_ended_at=at(0.1),
    )  # fmt: skip
    part = kept(Source(spool.folder, 1000, 0, len(said)), at(0), segment)
    first = part.offset_bytes // 2
    heard = said[first : first + part.samples]
    assert [n for n in heard if n * 1000 < start or (n + 1) * 1000 > end] == []
