"""A month's usage as the store adds it up: of one organisation, before a moment, with what held then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder.errors import Invalid, NotFound
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.table import Mode
from ari_recorder.store import models, people, usage
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from ari_recorder.store.usage import Report

from .build import BY, add_user, change_user

OCTOBER = datetime(2026, 10, 15, tzinfo=UTC)
LATER = datetime(2027, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def of(store: Store, organisation: UUID, month: str | None = "2026-10", now: datetime = LATER) -> Report:
    return store.read_now(usage.report, organisation, month, now)


def recorded(store: Store, number: str, at: datetime, organisation: UUID | None = None) -> UserRow:
    user = add_user(store, number, Mode.NEVER, organisation=organisation)
    return change_user(store, user, at, mode="always")


def kept(store: Store, user: UserRow, at: datetime, size_bytes: int, state: str = "stored") -> None:
    def make() -> None:
        call = models.Call.create(organisation=user.organisation, pbx="main", linkedid=str(at), started_at=at)
        leg = models.Leg.create(
            call=call, organisation=user.organisation, user=user.id, pbx="main", channel=str(at),
            channel_name="PJSIP/1-1", direction="inbound", created_at=at, mode="always", state="ended",
            since=at,
        )  # fmt: skip
        models.Recording.create(
            organisation=user.organisation, user=user.id, leg=leg, ordinal=1, state=state, mode="always",
            kept=True, direction="inbound", answered_at=at, started_at=at - DAY,
            stored_at=at if state == "stored" else None, size_bytes=size_bytes,
        )  # fmt: skip

    store.write_now(make)


def change(store: Store, organisation: UUID, at: datetime, **values: object) -> None:
    store.write_now(people.change_organisation, organisation, values, actor=BY, now=at)


def test_users_plans_and_fees_stay_what_they_were(store: Store) -> None:
    anna = recorded(store, "101", OCTOBER)
    change_user(store, anna, OCTOBER + DAY, plan="pro")
    removed = recorded(store, "102", OCTOBER)
    before = of(store, anna.organisation)
    store.write_now(people.remove_user, anna.organisation, removed.id, actor=BY, now=OCTOBER + 60 * DAY)
    change_user(store, anna, OCTOBER + 61 * DAY, mode="never")
    after = of(store, anna.organisation)
    assert after.usage == before.usage
    assert (after.usage.by_plan[Plan.PRO], after.usage.by_plan[Plan.BASIC]) == (1, 1)
    assert sum(after.usage.start_fees.values()) == 2
    assert [after.people[one.user].removed for one in after.usage.users] == [False, True]
    december = of(store, anna.organisation, "2026-12").usage
    assert (len(december.users), sum(december.start_fees.values())) == (2, 0)
    assert of(store, anna.organisation, "2027-01").usage.users == ()


def test_storage_is_what_was_there_at_the_months_end_in_the_organisations_zone(store: Store) -> None:
    anna = recorded(store, "101", OCTOBER)
    other = store.write_now(people.add_organisation, {"name": "Other"}, actor=BY, now=OCTOBER)
    change(store, anna.organisation, OCTOBER, timezone="Europe/Stockholm")
    end = datetime(2026, 10, 31, 23, tzinfo=UTC)
    kept(store, anna, end - timedelta(milliseconds=1), 40_000_000)
    kept(store, anna, end, 100_000_000)
    kept(store, anna, end - DAY, 7, state="discarded")
    kept(store, recorded(store, "201", OCTOBER, other.id), end - 2 * DAY, 5_000)
    found = of(store, anna.organisation).usage
    assert (found.recordings, found.stored_bytes, found.overage_bytes) == (1, 40_000_000, 10_000_000)
    assert of(store, other.id).usage.stored_bytes == 5_000
    assert of(store, anna.organisation, "2026-11").usage.stored_bytes == 140_000_000


def test_terms_that_are_changed_later_change_nothing_of_before(store: Store) -> None:
    anna = recorded(store, "101", OCTOBER)
    before = of(store, anna.organisation).usage
    change(store, anna.organisation, OCTOBER + 30 * DAY, storage_mb=100)
    change(store, anna.organisation, OCTOBER + 31 * DAY, retention_days=365, timezone="Asia/Tokyo")
    assert of(store, anna.organisation).usage == before
    november = of(store, anna.organisation, "2026-11").usage
    assert (november.included_bytes, november.longer_storage) == (100_000_000, True)
    assert november.span.begin == before.span.end


def test_the_month_that_goes_on_and_one_that_has_not_begun(store: Store) -> None:
    anna = recorded(store, "101", OCTOBER)
    found = of(store, anna.organisation, None, OCTOBER + DAY)
    assert (str(found.usage.span.month), found.usage.over) == ("2026-10", False)
    assert (str(found.first), str(found.latest)) == ("2026-10", "2026-10")
    with pytest.raises(Invalid, match=r"month: it has not begun yet: the latest is 2026-10"):
        of(store, anna.organisation, "2026-11", OCTOBER + DAY)
    with pytest.raises(Invalid, match=r"month: a month such as 2026-11"):
        of(store, anna.organisation, "november")
    with pytest.raises(NotFound):
        of(store, UUID(int=1))


def test_every_organisation_where_a_month_has_begun_in_some(store: Store) -> None:
    for name, zone in (("East", "Pacific/Kiritimati"), ("West", "Pacific/Pago_Pago")):
        made = store.write_now(
            people.add_organisation, {"name": name, "timezone": zone}, actor=BY, now=OCTOBER
        )
        add_user(store, "101" if name == "East" else "102", organisation=made.id)
        kept(
            store, recorded(store, "103" if name == "East" else "104", OCTOBER, made.id), OCTOBER, 70_000_000
        )
    moment = datetime(2026, 10, 31, 12, tzinfo=UTC)
    found = store.read_now(usage.reports, "2026-11", moment)
    assert [(one.organisation.name, len(one.usage.users)) for one in found.rows] == [("East", 2), ("West", 0)]
    assert [one.usage.overage_bytes for one in found.rows] == [10_000_000, 0]
    for before in (timedelta(hours=2, seconds=1), timedelta(days=20)):
        with pytest.raises(Invalid, match="it has not begun yet: the latest is 2026-10"):
            store.read_now(usage.reports, "2026-11", moment - before)
    first = store.read_now(usage.reports, "2026-10", moment, limit=1)
    rest = store.read_now(usage.reports, "2026-10", moment, limit=1, cursor=first.next_cursor)
    assert [one.organisation.name for one in (*first.rows, *rest.rows)] == ["East", "West"]


def test_storage_is_added_up_from_the_index_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    sql, values = usage.stored_before(UUID(int=1), OCTOBER).sql()
    plan = store.read_now(lambda: models.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())
    store.close()
    assert "USING COVERING INDEX recording_organisation_id_state_stored_at_size_bytes" in str(plan)
