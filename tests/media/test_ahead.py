"""What is made of a recording while its call goes on: the same file, byte for byte, or nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ari_recorder.media import ahead, pool
from ari_recorder.media.ahead import Desk
from ari_recorder.media.jobs import Segment, StitchJob
from ari_recorder.media.pool import Ahead
from ari_recorder.media.stitch import stitch

from .conftest import BEGAN_AT, Spool, header, tone

LENGTH_S = 30


class Growing:
    """A segment of two files to which Asterisk is writing."""

    def __init__(self, spool: Spool, name: str = "a", rate_hz: int = 8000) -> None:
        self.spool, self.rate_hz = spool, rate_hz
        self.paths = [spool.raw(f"{name}-{side}.wav", header(rate_hz, 0)) for side in ("in", "out")]
        self.length_s = 0.0

    def grow(self, more_s: float) -> Segment:
        """Each side by a tone of its own; the segment as far as it has come."""
        for path, hz in zip(self.paths, (440, 660), strict=True):
            with path.open("ab") as file:
                file.write(tone(hz, more_s, self.rate_hz).tobytes())
        self.length_s += more_s
        return self.segment()

    def segment(self, **more: object) -> Segment:
        return self.spool.segment(*self.paths, self.length_s, **more)


@pytest.fixture
def growing(spool: Spool) -> Growing:
    return Growing(spool)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def job(spool: Spool, *segments: Segment) -> StitchJob:
    return spool.job(*segments, audio_format="opus")


def whole(of: StitchJob) -> tuple[bytes, object]:
    """The file as it is made when all is over, and what is told of it."""
    other = replace(of, target=of.target.with_name("whole.opus"))
    result = stitch(other)
    return other.target.read_bytes(), result


def same(desk: Desk, of: StitchJob) -> bool:
    result = desk.finish(of)
    return result is not None and (of.target.read_bytes(), result) == whole(of)


def test_the_file_is_the_same_however_it_came_about(spool: Spool, growing: Growing, desk: Desk) -> None:
    sizes = []
    for more_s in (3.3, 7.85, 0.4, 12.0):
        assert not desk.advance(job(spool, growing.grow(more_s)))
        sizes.append(desk._making["r1"].samples)
    assert sizes == [3 * 8000, 11 * 8000, 11 * 8000, 23 * 8000]
    assert same(desk, job(spool, growing.grow(0.73)))
    assert desk._making == {}


def test_pauses_and_roll_overs(spool: Spool, desk: Desk) -> None:
    first, rolled, resumed = (Growing(spool, name) for name in "abc")
    done = first.grow(5.5)
    desk.advance(job(spool, done))
    after = rolled.grow(4.02)
    desk.advance(job(spool, done, replace(after, continues=True)))
    late = resumed.grow(6.0)
    of = job(spool, done, replace(after, continues=True), replace(late, outward_late_ms=200.0))
    desk.advance(of)
    assert desk._making["r1"].samples >= 15 * 8000
    assert same(desk, of)


def test_a_cut_that_reaches_back_begins_anew(spool: Spool, growing: Growing, desk: Desk) -> None:
    desk.advance(job(spool, growing.grow(20.0)))
    cut = replace(
        growing.segment(),
        ended_at=BEGAN_AT + timedelta(seconds=12),
        file_ended_at=BEGAN_AT + timedelta(seconds=20),
    )
    of = job(spool, cut)
    assert desk.finish(of) is None
    assert not of.target.exists()
    assert desk._making == {}
    desk.advance(of)
    assert same(desk, of)


def test_a_cut_behind_what_was_made_changes_nothing_of_it(spool: Spool, growing: Growing, desk: Desk) -> None:
    desk.advance(job(spool, growing.grow(10.0)))
    growing.grow(5.0)
    ends = BEGAN_AT + timedelta(seconds=12.4)
    assert same(
        desk,
        job(spool, replace(growing.segment(), ended_at=ends, file_ended_at=BEGAN_AT + timedelta(seconds=15))),
    )


def test_another_rate_begins_anew(spool: Spool, growing: Growing, desk: Desk) -> None:
    narrow = growing.grow(5.0)
    desk.advance(job(spool, narrow))
    wide = Growing(spool, "wide", 16000)
    of = job(spool, narrow, wide.grow(5.0))
    assert not desk.advance(of)
    assert desk._making == {}
    assert desk.finish(of) is None
    assert not of.target.exists()


def test_no_more_than_so_much_at_a_time(
    spool: Spool, growing: Growing, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "AT_A_TIME_S", 4)
    of = job(spool, growing.grow(10.0))
    assert [desk.advance(of) for _ in range(3)] == [True, True, False]
    assert desk._making["r1"].samples == 10 * 8000


def test_one_file_alone_waits_for_the_other(spool: Spool, growing: Growing, desk: Desk) -> None:
    growing.grow(3.0)
    growing.paths[1].unlink()
    of = job(spool, growing.segment())
    assert not desk.advance(of)
    assert desk.finish(of) is None
    assert not of.target.exists()


def test_a_work_folder_that_is_away_leaves_it_for_later(spool: Spool, growing: Growing, desk: Desk) -> None:
    of = job(spool, growing.grow(3.0))
    away = replace(of, target=of.target.parent / "away" / "r1.opus")
    with pytest.raises(Exception, match="cannot write"):
        desk.advance(away)
    assert desk._making == {}
    desk.advance(of)
    assert same(desk, of)


def test_silence_is_read_as_such(spool: Spool, desk: Desk) -> None:
    quiet = spool.wav("q.wav", np.zeros(8000 * 3, dtype=np.int16))
    of = job(spool, spool.segment(quiet, spool.wav("t.wav", tone(660, 3.0)), 3.0))
    desk.advance(of)
    assert same(desk, of)


@pytest.fixture
async def beside() -> AsyncIterator[Ahead]:
    beside = Ahead()
    yield beside
    await beside.close()


async def test_in_a_process_of_its_own(spool: Spool, growing: Growing, beside: Ahead) -> None:
    assert not await beside.advance(job(spool, growing.grow(5.0)))
    of = job(spool, growing.grow(2.5))
    result = await beside.finish(of)
    assert (of.target.read_bytes(), result) == whole(of)
    assert await beside.finish(of) is None


async def test_one_that_is_killed_has_made_nothing(spool: Spool, growing: Growing, beside: Ahead) -> None:
    of = job(spool, growing.grow(5.0))
    await beside.advance(of)
    assert beside._worker is not None
    pid = beside._worker._process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await beside.finish(of) is None
    await beside.advance(of)
    assert await beside.finish(of) is not None


async def test_what_is_not_wanted_any_more_is_taken_away(
    spool: Spool, growing: Growing, beside: Ahead
) -> None:
    of = job(spool, growing.grow(5.0))
    await beside.advance(of)
    await beside.keep(())
    assert of.ahead.exists(), "the catalogue may not know yet that the call is over"
    beside._known[of.recording_id] -= pool.FORGOTTEN_AFTER_S
    await beside.keep({of.recording_id})
    assert of.ahead.exists()
    beside._known[of.recording_id] -= pool.FORGOTTEN_AFTER_S
    await beside.keep(())
    assert not of.ahead.exists()


async def test_what_is_made_ahead_once_more_touches_nothing_of_what_is_finished(
    spool: Spool, growing: Growing, beside: Ahead
) -> None:
    """As where a call ends while it is its turn, and the finished file is on its way to the vault."""
    of = job(spool, growing.grow(5.0))
    await beside.advance(of)
    assert await beside.finish(of) is not None
    finished = of.target.read_bytes()
    await beside.advance(of)
    assert of.target.read_bytes() == finished
