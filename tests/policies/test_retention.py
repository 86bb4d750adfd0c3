"""How long recordings are kept: which setting holds, from when on, until when, and by which clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies import retention
from ari_recorder.policies.retention import (
    HOLD,
    RESTART,
    WARNING_DAYS,
    Clock,
    Days,
    Kept,
    due_at,
    settle,
    tick,
)

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
WARNING = timedelta(days=WARNING_DAYS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Which setting


@pytest.mark.parametrize(
    ("organisation", "groups", "days"),
    [
        (180, [], Days(180)),
        (180, [("a", None)], Days(180)),
        (180, [("a", 30)], Days(30, "a")),
        (180, [("a", 365)], Days(365, "a")),
        (180, [("a", 30), ("b", None)], Days(30, "a")),
        (180, [("a", 30), ("b", 60), ("c", None)], Days(60, "b")),
        (180, [("a", 30), ("b", 30)], Days(30, "b")),
        (180, [("a", 180)], Days(180, "a")),
    ],
)
def test_the_longest_of_the_groups_that_say_something_holds(
    organisation: int, groups: list[tuple[str, int | None]], days: Days
) -> None:
    assert retention.wanted(organisation, groups) == days
    assert retention.wanted(organisation, reversed(groups)) == days


# From when on


def test_more_days_hold_at_once() -> None:
    assert settle(Kept(30), 180, has_older=True, now=NOW) == Kept(180)


def test_a_new_user_has_what_is_set() -> None:
    assert settle(None, 180, has_older=False, now=NOW) == Kept(180)


def test_fewer_days_hold_after_a_warning_and_not_a_moment_before() -> None:
    warned = settle(Kept(180), 30, has_older=True, now=NOW)
    assert warned == Kept(180, 30, NOW + WARNING)
    early = NOW + WARNING - timedelta(microseconds=1)
    assert settle(warned, 30, has_older=True, now=early) == warned
    assert settle(warned, 30, has_older=True, now=NOW + WARNING) == Kept(30)


def test_what_was_there_before_there_was_retention_is_warned_about() -> None:
    warned = settle(None, 180, has_older=True, now=NOW)
    assert warned == Kept(None, 180, NOW + WARNING)
    assert settle(warned, 180, has_older=True, now=NOW + WARNING) == Kept(180)


@pytest.mark.parametrize("days", [180, 181, 36_500])
def test_it_can_be_taken_back_until_then(days: int) -> None:
    warned = settle(Kept(180), 30, has_older=True, now=NOW)
    assert settle(warned, days, has_older=True, now=NOW + WARNING - MINUTE) == Kept(days)
    assert settle(Kept(None, 30, NOW + WARNING), days, has_older=True, now=NOW) == Kept(
        None, days, NOW + WARNING
    )


def test_still_fewer_begin_another_warning_and_a_few_more_do_not() -> None:
    warned = settle(Kept(180), 60, has_older=True, now=NOW)
    later = NOW + 5 * DAY
    assert settle(warned, 30, has_older=True, now=later) == Kept(180, 30, later + WARNING)
    assert settle(warned, 90, has_older=True, now=later) == Kept(180, 90, NOW + WARNING)


def test_what_was_set_meanwhile_counts_from_when_it_is_seen() -> None:
    """Nobody has looked for weeks: the warning is over, and another setting was made since."""
    warned = settle(Kept(180), 60, has_older=True, now=NOW)
    late = NOW + 40 * DAY
    assert settle(warned, 30, has_older=True, now=late) == Kept(60, 30, late + WARNING)
    assert settle(warned, 90, has_older=True, now=late) == Kept(90)
    assert settle(warned, 180, has_older=True, now=late) == Kept(180)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 30 * 24)), max_size=12), st.integers(1, 400))
def test_no_change_of_settings_makes_anything_go_without_a_warning(
    changes: list[tuple[int, int]], first: int
) -> None:
    """Whenever fewer days hold than did, a warning of them has stood for its whole length."""
    kept, now = Kept(first), NOW
    for days, hours in changes:
        now += timedelta(hours=hours)
        before = kept
        kept = settle(before, days, has_older=True, now=now)
        assert kept.days is not None
        assert before.days is not None
        if kept.days < before.days:
            assert before.next_from is not None
            assert before.next_from <= now
            assert before.next_days is not None
            assert kept.days >= before.next_days


# Until when


@pytest.mark.parametrize(
    ("ended", "days", "zone", "due"),
    [
        ("2026-11-27 10:00", 1, "UTC", "2026-11-29 00:00"),
        ("2026-11-27 23:59", 1, "UTC", "2026-11-29 00:00"),
        ("2026-11-27 10:00", 180, "UTC", "2027-05-27 00:00"),
        ("2026-11-27 23:30", 1, "Europe/Stockholm", "2026-11-29 23:00"),  # the 28th there
        ("2026-11-27 22:30", 1, "Europe/Stockholm", "2026-11-28 23:00"),
        # The night in which clocks go forward has 23 hours: no fewer than 24 are kept.
        ("2026-03-28 22:59", 1, "Europe/Stockholm", "2026-03-29 22:59"),
        ("2026-03-28 12:00", 1, "Europe/Stockholm", "2026-03-29 22:00"),
        # … and back: 25.
        ("2026-10-24 21:59", 1, "Europe/Stockholm", "2026-10-25 23:00"),
        # Apia left out 2011-12-30: the day after the 29th is the 31st.
        ("2011-12-30 09:00", 1, "Pacific/Apia", "2011-12-31 09:00"),
        ("2011-12-30 09:59", 1, "Pacific/Apia", "2011-12-31 09:59"),
        ("2011-12-29 10:30", 2, "Pacific/Apia", "2011-12-31 10:30"),
        # There is no midnight on the day on which clocks go forward.
        ("2026-09-05 12:00", 1, "America/Santiago", "2026-09-07 03:00"),
        ("2026-09-04 12:00", 1, "America/Santiago", "2026-09-06 04:00"),
    ],
)
def test_when_a_recording_is_due(ended: str, days: int, zone: str, due: str) -> None:
    assert due_at(at(ended), days, zone) == at(due)


ZONES = sorted(available_timezones())


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),
    st.integers(1, 400),
    st.sampled_from(ZONES),
)
def test_none_is_due_before_as_many_times_24_hours_nor_two_days_after(
    ended: datetime, days: int, zone: str
) -> None:
    ended_at = ended.replace(tzinfo=UTC)
    due = due_at(ended_at, days, zone)
    assert ended_at + days * DAY <= due <= ended_at + (days + 2) * DAY + 2 * HOUR
    assert retention.none_after(due, days) >= ended_at
    local = due.astimezone(ZoneInfo(zone)).date()
    assert local > ended_at.astimezone(ZoneInfo(zone)).date() + timedelta(days=days - 1)


def test_a_setting_without_an_end_has_none() -> None:
    assert due_at(datetime(9999, 12, 30, tzinfo=UTC), 36_500, "UTC") > NOW
    assert retention.none_after(datetime(50, 1, 1, tzinfo=UTC), 36_500) < NOW


# Which clock


def ticks(clock: Clock | None, *steps: tuple[timedelta, timedelta | None]) -> Clock:
    """Each step: how far the clock went on, and how much time passed; None at the start of a process."""
    wall = clock.wall if clock else NOW
    for forward, passed in steps:
        wall += forward
        clock = tick(clock, wall, passed)
    assert clock is not None
    return clock


STARTED = tick(None, NOW, None)
TICK = 5 * MINUTE


def test_a_clock_that_goes_is_believed() -> None:
    clock = ticks(STARTED, *[(TICK, TICK)] * 1000)
    assert clock.now == clock.wall == NOW + 1000 * TICK
    assert not clock.ahead


def test_a_clock_that_is_corrected_a_little_is_believed() -> None:
    clock = ticks(STARTED, (TICK + 30 * timedelta(seconds=1), TICK), (TICK - 40 * timedelta(seconds=1), TICK))
    assert clock.now == clock.wall
    assert not clock.ahead


@pytest.mark.parametrize(
    ("jump", "restarts"),
    [(2 * MINUTE, False), *((days * DAY, restarts) for days in (1, 180, 3650) for restarts in (False, True))],
)
def test_a_clock_put_forward_makes_nothing_go_earlier(jump: timedelta, restarts: bool) -> None:
    clock = ticks(STARTED, (TICK + jump, None if restarts else TICK))
    for _ in range(100):
        clock = ticks(clock, (TICK, TICK))
    assert clock.now <= NOW + 101 * TICK
    assert clock.ahead >= jump
    back = ticks(clock, (TICK - jump, TICK))  # and put right
    assert back.now <= NOW + 102 * TICK
    assert not back.ahead or restarts


def test_a_clock_put_forward_is_believed_after_a_week_in_which_it_went_on() -> None:
    jumped = ticks(STARTED, (DAY + TICK, TICK))
    assert jumped.believed_in == HOLD
    week = int(HOLD / HOUR)
    before = ticks(jumped, *[(HOUR, HOUR)] * (week - 1))
    assert before.ahead == DAY
    assert before.believed_in == HOUR
    after = ticks(before, (HOUR, HOUR))
    assert after.now == after.wall
    assert not after.ahead


def test_a_week_with_restarts_counts_what_was_seen_of_it() -> None:
    clock = ticks(STARTED, (DAY + TICK, TICK))
    for _ in range(20):  # each day the machine is off for half of it: each is another jump
        clock = ticks(clock, *[(HOUR, HOUR)] * 12, (12 * HOUR, None))
    assert clock.ahead == DAY + 20 * 12 * HOUR
    assert clock.believed_in == HOLD
    clock = ticks(clock, *[(HOUR, HOUR), (10 * MINUTE, None)] * 200)
    assert not clock.ahead


def test_one_put_forward_by_months_is_believed_only_if_somebody_says_so() -> None:
    clock = ticks(STARTED, (400 * DAY, TICK), *[(HOUR, HOUR)] * 24 * 60)
    assert clock.ahead > 390 * DAY
    assert clock.believed_in is None
    assert retention.believed(clock.wall).now == clock.wall


def test_a_clock_put_back_is_what_counts_and_putting_it_right_is_no_jump() -> None:
    back = ticks(STARTED, (TICK - DAY, TICK), (TICK, TICK))
    assert back.now == back.wall == NOW - DAY + 2 * TICK
    right = ticks(back, (DAY + TICK, TICK))
    assert right.now == right.wall == NOW + 3 * TICK
    assert not right.ahead


def test_what_was_missed_while_nobody_looked_is_made_up_for() -> None:
    weekend = ticks(STARTED, (60 * HOUR, None))
    assert weekend.now == NOW
    later = ticks(weekend, *[(HOUR, HOUR)] * int(HOLD / HOUR))
    assert later.now == later.wall


@given(
    st.lists(
        st.tuples(st.integers(-3 * 24 * 60, 3 * 24 * 60), st.integers(1, 60), st.booleans()),
        max_size=60,
    )
)
def test_the_trusted_time_is_never_ahead_of_the_time_that_has_passed(
    steps: list[tuple[int, int, bool]],
) -> None:
    """Whatever the clock does, within a week: no further than the true time, and what a restart may hide."""
    clock, true, wall = STARTED, NOW, NOW
    hidden = timedelta()
    for jump, passed, restart in steps:
        length, by = passed * MINUTE, jump * MINUTE if abs(jump) > 24 * 60 else timedelta()
        true += length
        wall += length + by
        if restart:
            hidden += RESTART
        clock = tick(clock, wall, None if restart else length)
        assert clock.now <= clock.wall
        assert clock.now <= true + hidden + MINUTE * len(steps)
