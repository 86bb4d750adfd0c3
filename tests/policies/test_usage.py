"""What is billed for a month: whose, on which plan, start fees, storage; and the same answer for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies import usage
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.unfit import Unfit
from ari_recorder.policies.usage import MB, Month, Span, Stretch, Terms, Usage

ANNA, BO, CARL = UUID(int=1), UUID(int=2), UUID(int=3)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STOCKHOLM = (Terms(EPOCH, "Europe/Stockholm"),)
NOVEMBER = usage.span(Month(2026, 11), STOCKHOLM)
LATER = datetime(2028, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on(
    user: UUID, began: str, ended: str | None = None, plan: Plan = Plan.BASIC, fee: bool = False
) -> Stretch:
    return Stretch(user, plan, at(began), at(ended) if ended else None, fee)


def of(*stretches: Stretch, during: Span = NOVEMBER, stored: int = 0, now: datetime = LATER) -> Usage:
    return usage.usage(during, stretches, 0, stored, now)


@pytest.mark.parametrize(
    ("month", "begin", "end", "hours"),
    [
        ("2026-11", "2026-10-31 23:00", "2026-11-30 23:00", 30 * 24),
        ("2026-03", "2026-02-28 23:00", "2026-03-31 22:00", 31 * 24 - 1),
        ("2026-10", "2026-09-30 22:00", "2026-10-31 23:00", 31 * 24 + 1),
        ("2026-12", "2026-11-30 23:00", "2026-12-31 23:00", 31 * 24),
    ],
)
def test_a_month_is_of_the_organisations_zone_and_knows_its_clock_changes(
    month: str, begin: str, end: str, hours: int
) -> None:
    found = usage.span(usage.month("month", month), STOCKHOLM)
    assert (found.begin, found.end) == (at(begin), at(end))
    assert found.end - found.begin == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("began", "ended", "counts"),
    [
        ("2026-10-01", None, True),
        ("2026-10-01", "2026-10-31 23:00", False),
        ("2026-10-01", "2026-10-31 23:00:00.001", True),
        ("2026-10-31 23:00", "2026-10-31 23:00", True),
        ("2026-11-30 22:59:59.999", None, True),
        ("2026-11-30 23:00", None, False),
        ("2026-11-10", "2026-11-10 00:01", True),
    ],
)
def test_a_user_counts_who_was_to_be_recorded_at_any_time_of_the_month(
    began: str, ended: str | None, counts: bool
) -> None:
    assert len(of(on(ANNA, began, ended)).users) == counts


def test_twice_in_a_month_is_one_user_on_the_last_plan_and_one_start_fee() -> None:
    found = of(
        on(ANNA, "2026-11-20", plan=Plan.PRO),
        on(ANNA, "2026-11-02", "2026-11-05", fee=True),
        on(ANNA, "2026-11-10", "2026-11-12"),
    )
    (anna,) = found.users
    assert (anna.plan, anna.start_fee, len(anna.stretches)) == (Plan.PRO, at("2026-11-02"), 3)
    assert found.by_plan == {Plan.BASIC: 0, Plan.PRO: 1, Plan.BUSINESS: 0, Plan.ENTERPRISE: 0}
    assert found.start_fees == {Plan.BASIC: 0, Plan.PRO: 1, Plan.BUSINESS: 0, Plan.ENTERPRISE: 0}


def test_another_plan_in_the_moment_of_the_activation_is_the_one_that_counts() -> None:
    moment = "2026-11-02 10:00"
    (anna,) = of(on(ANNA, moment, plan=Plan.BUSINESS), on(ANNA, moment, moment, fee=True)).users
    assert anna.plan is Plan.BUSINESS


def test_the_start_fee_is_due_in_the_first_month_alone() -> None:
    began = on(ANNA, "2026-10-15", fee=True)
    october = usage.span(Month(2026, 10), STOCKHOLM)
    assert [of(began, during=month).start_fees[Plan.BASIC] for month in (october, NOVEMBER)] == [1, 0]
    assert len(of(began).users) == 1


def test_what_ends_or_begins_later_changes_nothing_of_a_month_that_is_over() -> None:
    before = of(on(ANNA, "2026-11-03"), stored=5)
    after = of(on(ANNA, "2026-11-03", "2027-02-01"), on(BO, "2026-12-24", fee=True), stored=5)
    assert after == before
    assert before.over
    assert before.users[0].stretches[0].ended_at is None


def test_a_month_that_goes_on_says_so_and_has_nothing_of_the_future() -> None:
    noon = at("2026-11-15 12:00")
    found = of(on(ANNA, "2026-11-15 11:59"), on(BO, "2026-11-15 12:01"), now=noon)
    assert (found.over, found.storage_at, [user.user for user in found.users]) == (False, noon, [ANNA])
    assert of().storage_at == NOVEMBER.end


def test_storage_is_included_for_each_billed_user_and_pooled() -> None:
    there = on(ANNA, "2026-11-01"), on(BO, "2026-11-02", "2026-11-03"), on(CARL, "2026-09-01", "2026-10-01")
    found = of(*there, stored=61 * MB)
    assert (found.included_bytes, found.overage_bytes, found.is_nearly_full) == (60 * MB, MB, True)
    assert of(*there, stored=60 * MB).overage_bytes == 0
    assert not of(*there, stored=47_999_999).is_nearly_full
    assert of(*there, stored=48 * MB).is_nearly_full


def test_nothing_stored_by_nobody_is_no_warning_and_something_is_all_overage() -> None:
    assert not of().is_nearly_full
    assert (of(stored=7).overage_bytes, of(stored=7).is_nearly_full) == (7, True)


def test_the_terms_are_those_at_the_months_end() -> None:
    history = (
        Terms(EPOCH, "UTC"),
        Terms(at("2026-11-20"), "UTC", storage_mb=100, retention_days=365),
        Terms(at("2026-12-01"), "UTC", storage_mb=1),
    )
    october, november = (usage.span(Month(2026, month), history) for month in (10, 11))
    assert (october.terms.storage_mb, november.terms.storage_mb) == (30, 100)
    assert of(during=november).longer_storage
    assert not of(during=october).longer_storage


def test_terms_of_before_anything_was_known_are_the_first_that_are() -> None:
    history = (Terms(at("2026-11-20"), "Europe/Stockholm", storage_mb=7),)
    assert usage.span(Month(2025, 1), history).terms.storage_mb == 7
    assert usage.terms_at(EPOCH, history) == history[0]


ZONES = st.sampled_from(
    ["UTC", "Europe/Stockholm", "Pacific/Apia", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati",
     "Africa/Cairo", "America/Havana"]
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@given(st.lists(st.tuples(MOMENTS, ZONES), min_size=1, max_size=4), MOMENTS)
def test_no_moment_is_in_two_months_and_none_in_none(
    changes: list[tuple[datetime, str]], moment: datetime
) -> None:
    history = [Terms(since, zone) for since, zone in sorted(changes)]
    month = usage.month_of(moment, history)
    found = usage.span(month, history)
    assert found.begin <= moment < found.end
    assert usage.span(month.before, history).end == found.begin
    assert usage.span(month.next, history).begin == found.end


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "1999-12", "3000-01", "2026-11-01",
     "٢٠٢٦-١١", " 2026-11", "2026-11\n"],
)  # fmt: skip
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(Unfit, match="a month such as 2026-11, from 2000-01 on"):
        usage.month("month", text)


def test_months_are_written_and_counted() -> None:
    assert str(usage.month("month", "2026-01")) == "2026-01"
    assert (Month(2026, 12).next, Month(2026, 1).before) == (Month(2027, 1), Month(2025, 12))
