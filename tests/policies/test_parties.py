"""Who talked to whom, one after the other: who joins, who only was on the way, and when all have left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.parties import (
    A_MOMENT,
    NAME_MAX,
    NUMBER_MAX,
    STRETCHES_MAX,
    Counterpart,
    OnHold,
    Stretch,
    follow,
    hold,
    leave,
    party,
    take_off,
)
from ari_recorder.store import models

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVA, BO = Counterpart("0701", "Eva"), Counterpart("0702", "Bo")
SECOND = timedelta(seconds=1)


def test_the_next_joins_where_the_one_before_leaves() -> None:
    assert follow((Stretch(EVA, T0),), BO, T0 + SECOND) == (
        Stretch(EVA, T0, T0 + SECOND),
        Stretch(BO, T0 + SECOND),
    )


def test_a_name_that_comes_later_is_no_one_else() -> None:
    (one,) = follow((Stretch(Counterpart("0701"), T0),), EVA, T0 + SECOND)
    assert one == Stretch(EVA, T0)


def test_a_number_of_a_moment_was_on_the_way_to_somebody() -> None:
    started = (Stretch(Counterpart("751"), T0),)
    just_before = A_MOMENT - timedelta(microseconds=1)
    assert follow(started, EVA, T0 + just_before) == (Stretch(EVA, T0),)
    assert len(follow(started, EVA, T0 + A_MOMENT)) == 2


def test_who_comes_back_is_there_twice() -> None:
    stretches = (Stretch(EVA, T0),)
    for number, whom in enumerate((BO, EVA), 1):
        stretches = follow(stretches, whom, T0 + number * SECOND)
    assert [one.counterpart for one in stretches] == [EVA, BO, EVA]


def test_whoever_comes_after_a_thousand_is_kept_together_without_a_name() -> None:
    stretches = (Stretch(EVA, T0),)
    for number in range(1, STRETCHES_MAX + 10):
        stretches = follow(stretches, Counterpart(str(number)), T0 + number * SECOND)
    assert len(stretches) == STRETCHES_MAX
    assert stretches[-2] == Stretch(Counterpart("998"), T0 + 998 * SECOND, T0 + 999 * SECOND)
    assert stretches[-1] == Stretch(Counterpart(), T0 + 999 * SECOND)


def test_times_on_hold_have_an_end() -> None:
    holds: tuple[OnHold, ...] = ()
    for number in range(STRETCHES_MAX + 10):
        holds = take_off(hold(holds, T0 + number * SECOND), T0 + number * SECOND)
    assert len(holds) == STRETCHES_MAX


def test_all_have_left_at_the_end_and_each_only_once() -> None:
    stretches = follow((Stretch(EVA, T0),), BO, T0 + SECOND)
    assert [one.left_at for one in leave(stretches, T0 + 3 * SECOND)] == [T0 + SECOND, T0 + 3 * SECOND]
    assert leave((), T0) == ()


NUMBERS = st.sampled_from(["1", "2", "3"])
WAITS_S = st.floats(0, 2)


@given(st.lists(st.tuples(NUMBERS, WAITS_S), max_size=12))
def test_stretches_follow_on_one_another_without_gap_or_overlap(met: list[tuple[str, float]]) -> None:
    stretches: tuple[Stretch, ...] = (Stretch(EVA, T0),)
    at = T0
    for number, wait_s in met:
        at += timedelta(seconds=wait_s)
        stretches = follow(stretches, Counterpart(number), at)
    stretches = leave(stretches, at + SECOND)
    assert stretches[0].joined_at == T0
    assert stretches[-1].left_at == at + SECOND
    assert [one.left_at for one in stretches[:-1]] == [one.joined_at for one in stretches[1:]]
    numbers = [one.counterpart.number for one in stretches]
    assert numbers[-1] == (met[-1][0] if met else EVA.number)


def test_what_a_caller_calls_themselves_acts_on_nobody_and_is_not_longer_than_is_kept() -> None:
    named = party("070\x1b[2J", "\u202eAnna\n" + "x" * 5000)
    assert named.number == "070\ufffd[2J"
    assert named.name.startswith("\ufffdAnna x")
    assert len(named.name) == NAME_MAX
    assert party("1" * 500, "").number == "1" * NUMBER_MAX
    assert party("070-123 45 67", "Åsa אבג") == Counterpart("070-123 45 67", "Åsa אבג")


def test_as_much_is_kept_as_the_catalogue_has_room_for() -> None:
    for row in (models.Leg, models.Recording):
        assert row.counterpart_number.max_length == NUMBER_MAX
        assert row.counterpart_name.max_length == NAME_MAX
    assert models.Counterpart.number.max_length == NUMBER_MAX
    assert models.Counterpart.name.max_length == NAME_MAX
