"""Where things are in a recording whose pauses are not in its audio."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.timeline import Part, gaps, position_ms, stretch_ms

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def part(began_s: float, ended_s: float, offset_s: float) -> Part:
    return Part(at(began_s), at(ended_s), round(offset_s * 1000), round((ended_s - began_s) * 1000))


PAUSED = [part(0, 10, 0), part(42, 50, 10)]
"""Ten seconds, a pause of 32, and eight more."""


def test_a_pause_is_a_place_with_a_length() -> None:
    (gap,) = gaps(PAUSED, at(50), "on_demand", [])
    assert (gap.position_ms, gap.length_ms, gap.missing) == (10_000, 32_000, False)


def test_one_that_is_paused_to_the_end() -> None:
    assert [gap.position_ms for gap in gaps(PAUSED, at(60), "on_demand", [])] == [10_000, 18_000]


def test_what_is_missing_is_no_pause() -> None:
    told = ["32.0 s are missing from 12:00:10 UTC on: Asterisk ended the file early."]
    assert [gap.missing for gap in gaps(PAUSED, at(50), "on_demand", told)] == [True]
    assert [gap.missing for gap in gaps(PAUSED, at(60), "on_demand", told)] == [True, False]
    assert [gap.missing for gap in gaps(PAUSED, at(50), "always", [])] == [True], "which nobody can pause"


def test_what_was_taken_for_paused_is_a_pause() -> None:
    told = ["Taken for paused from 12:00:10 UTC on: it ended then while the recorder was away."]
    assert [gap.missing for gap in gaps(PAUSED, at(50), "on_demand", told)] == [False]


def test_parts_that_follow_on_one_another_have_nothing_between() -> None:
    assert gaps([part(0, 10, 0), part(10.2, 20, 10)], at(20.1), "always", []) == []
    assert gaps([], at(20), "always", []) == []


def test_moments_in_the_audio() -> None:
    asked = [-1, 0, 4, 10, 30, 42, 45, 50, 90]
    assert [position_ms(PAUSED, at(s)) for s in asked] == [
        None, 0, 4000, 10_000, 10_000, 10_000, 13_000, 18_000, 18_000,
    ]  # fmt: skip


def test_who_was_there_when() -> None:
    assert stretch_ms(PAUSED, at(-5), at(45), 18_000) == (0, 13_000)
    assert stretch_ms(PAUSED, at(45), None, 18_000) == (13_000, 18_000)
    assert stretch_ms(PAUSED, at(20), at(30), 18_000) is None, "during the pause alone"
    assert stretch_ms(PAUSED, at(-5), at(-1), 18_000) is None


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 9000)), max_size=8), st.data())
def test_time_never_runs_backwards_in_the_audio(lengths: list[tuple[int, int]], data: st.DataObject) -> None:
    parts, clock, offset = [], 0, 0
    for gap, length in lengths:
        clock += gap
        parts.append(part(clock / 1000, (clock + length) / 1000, offset / 1000))
        clock, offset = clock + length, offset + length
    moments = sorted(data.draw(st.lists(st.integers(-1000, 200_000), max_size=20)))
    places = [place for ms in moments if (place := position_ms(parts, at(ms / 1000))) is not None]
    assert places == sorted(places)
    assert all(0 <= place <= offset for place in places)
