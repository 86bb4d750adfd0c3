"""Usage and billing by API and page: an administrator's own, in full; an operator's of all, in numbers."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ari_recorder.store import models
from ari_recorder.store.models import Activation, AuditLine

from .settings import Client
from .world import NOON, Browser, Clock, NewBrowser, World

MB = 1_000_000


@pytest.fixture
def billed(world: World) -> World:
    """Anna on Basic since October, Bo on Pro for two days of November, Olle of Other; 70 MB of Anna's."""
    activation(world, "anna", NOON - timedelta(days=40), fee=True)
    activation(world, "bo", NOON - timedelta(days=9), NOON - timedelta(days=7), plan="pro", fee=True)
    activation(world, "olle", NOON - timedelta(days=3), plan="business", fee=True)
    world.recording(world.ids["anna"], size_bytes=70 * MB)
    return world


def activation(
    world: World, who: str, began: datetime, ended: datetime | None = None, *, plan: str = "basic", fee: bool
) -> None:
    def make() -> None:
        row = models.User.get_by_id(world.ids[who])
        Activation.create(
            organisation=row.organisation_id, user=row.id, plan=plan, began_at=began, began_by="admin",
            start_fee=fee, ended_at=ended,
        )  # fmt: skip

    world.store.write_now(make)


@pytest.fixture
async def admin(open_browser: NewBrowser, billed: World) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
async def operator(open_browser: NewBrowser, billed: World) -> Browser:
    billed.user("op", billed.organisation("Provider"), role="operator", mode="never")
    return await open_browser("op")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


async def test_a_month_of_one_s_own(admin: Browser) -> None:
    found = (await admin.get("/api/v1/usage?month=2026-11")).json()
    assert (found["users_billed"], found["start_fees"], found["over"]) == (2, 1, False)
    assert found["plans"]["pro"] == {"users": 1, "start_fees": 1}
    storage = found["storage"]
    assert (storage["stored_bytes"], storage["included_bytes"]) == (70 * MB, 60 * MB)
    assert (storage["overage_bytes"], storage["recordings"]) == (10 * MB, 1)
    assert [(one["name"], one["plan"]) for one in found["users"]] == [
        ("Anna Andersson", "basic"),
        ("Bo", "pro"),
    ]
    october = (await admin.get("/api/v1/usage?month=2026-10")).json()
    assert (october["users_billed"], october["start_fees"], october["over"]) == (1, 1, True)
    assert october["storage"]["stored_bytes"] == 0
    assert found["began_at"] == october["ended_at"] == "2026-10-31T23:00:00.000Z"


async def test_the_same_answer_next_year(admin: Browser, clock: Clock, billed: World) -> None:
    before = (await admin.get("/api/v1/usage?month=2026-10")).json()
    clock.at = datetime(2027, 12, 1, tzinfo=UTC)
    billed.change(models.User, billed.ids["anna"], mode="never", plan="enterprise")
    billed.store.write_now(
        lambda: Activation.update(ended_at=clock.at).where(Activation.ended_at.is_null()).execute()
    )
    browser = admin.another()
    await browser.sign_in("admin-acme")
    assert (await browser.get("/api/v1/usage?month=2026-10")).json() == before


async def test_as_a_file_that_no_name_turns_into_a_formula(admin: Browser, billed: World) -> None:
    billed.change(models.User, billed.ids["anna"], name="=cmd|' /C calc'!A0")
    answer = await admin.get("/api/v1/usage.csv?month=2026-11")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="usage-2026-11.csv"'
    found = rows(answer.text)
    assert [(row["item"], row["plan"], row["quantity"]) for row in found] == [
        ("user", "basic", "1"), ("user", "pro", "1"), ("start_fee", "pro", "1"), ("recordings", "", "1"),
        ("storage_stored", "", "70000000"), ("storage_included", "", "60000000"),
        ("storage_overage", "", "10000000"), ("retention", "", "180"),
    ]  # fmt: skip
    assert found[0]["user"] == "'=cmd|' /C calc'!A0"
    assert found[1]["from"] == "2026-11-13T13:00:00+01:00"
    written = billed.store.read_now(lambda: AuditLine.select().where(AuditLine.action == "export").get())
    assert (written.subject_kind, written.subject) == ("usage", "2026-11")


async def test_an_operator_has_numbers_and_no_names(operator: Browser, billed: World) -> None:
    acme = organisation(billed, "anna")
    billed.user("inside", acme, role="operator", mode="never")
    inside = operator.another()
    await inside.sign_in("inside")
    assert (await inside.get("/api/v1/usage")).json()["users"] is None
    assert "Anna" not in (await inside.get("/usage")).text + (await inside.get("/api/v1/usage.csv")).text
    found = (await operator.get(f"/api/v1/organisations/{acme}/usage?month=2026-11")).json()
    assert (found["name"], found["users_billed"], found["users"]) == ("Acme", 2, None)
    text = (await operator.get("/api/v1/usage/organisations.csv?month=2026-11")).text
    users = [
        (row["organisation"], row["plan"], row["quantity"]) for row in rows(text) if row["item"] == "user"
    ]
    assert users == [("Acme", "basic", "1"), ("Acme", "pro", "1"), ("Other", "business", "1")]
    shown = "".join(
        [
            text,
            *[
                (await operator.get(path)).text
                for path in ("/organisations", f"/organisations/{acme}", "/usage")
            ],
        ]
    )
    assert "Nordisk" not in shown
    assert "Anna" not in shown
    assert re.search(r"Users billed</span> 2<", shown)


@pytest.mark.parametrize("month", ["2026-12", "2026-13", "1999-01", "november", "2026-11-01", "9999-12"])
async def test_what_is_no_month_is_said(admin: Browser, month: str) -> None:
    answer = await admin.get(f"/api/v1/usage?month={month}")
    assert answer.status in (400, 422)
    assert "month" in answer.json()["detail"]
    shown = await admin.get(f"/usage?month={month}")
    assert shown.status == 422
    assert "Go to Usage, and choose one there" in shown.text


async def test_the_page_says_who_is_billed_and_when(admin: Browser, billed: World) -> None:
    billed.change(models.User, billed.ids["bo"], name="<b>Bo</b>\u202e", removed_at=NOON)
    text = (await admin.get("/usage")).text
    assert "November 2026" in text
    assert "So far" in text
    assert "&lt;b&gt;Bo&lt;/b&gt;\ufffd" in text
    assert "No user any more" in text
    assert "13 Nov – 15 Nov" in text
    assert "all month" in text
    assert "10 MB are billed as overage" in text
    october = (await admin.get("/usage?month=2026-10")).text
    assert "Final" in october
    assert "from 13 Oct" in october
    assert "Nobody is billed for this month" in (await admin.get("/usage?month=2026-09")).text
    assert (await admin.get("/usage?page=2")).status == 404
    assert (await admin.get("/usage?page=x")).status == 404


@pytest.mark.parametrize(
    ("size", "said"),
    [(47, ""), (48, "More than 80 % of the included storage"), (60, "All of the included storage is used")],
)
async def test_storage_is_warned_about_on_the_first_page(
    admin: Browser, billed: World, size: int, said: str
) -> None:
    billed.store.write_now(lambda: models.Recording.update(size_bytes=size * MB).execute())
    text = (await admin.get("/administration")).text
    assert ("included storage" in text) == bool(said)
    assert said in text


async def test_a_large_organisation_is_shown_in_pages(admin: Browser, billed: World) -> None:
    def many() -> None:
        acme = models.User.get_by_id(billed.ids["anna"]).organisation_id
        for number in range(150):
            user = models.User.create(organisation=acme, name=f"User {number:03}", number=str(1000 + number))
            Activation.create(
                organisation=acme, user=user, plan="basic", began_at=NOON, began_by="admin", start_fee=True
            )

    billed.store.write_now(many)
    first, second = [await admin.get(f"/usage?page={number}") for number in (1, 2)]
    assert "Page 2 of 2" in second.text
    assert (first.text.count("User 0"), first.text.count("User 1")) == (98, 0)
    assert max(len(first.body), len(second.body)) < 100_000


async def test_storage_and_retention_are_the_operators_to_set(
    operator: Browser, admin: Browser, billed: World
) -> None:
    acme = organisation(billed, "anna")
    client = await Client.of(operator)
    changed = await client("PATCH", f"/organisations/{acme}", {"storage_mb": 100, "retention_days": 365})
    assert (changed.json()["storage_mb"], changed.json()["retention_days"]) == (100, 365)
    for bad in ({"storage_mb": -1}, {"retention_days": 0}, {"storage_mb": 10**7}):
        assert (await client("PATCH", f"/organisations/{acme}", bad)).status == 400
    found = (await admin.get("/api/v1/usage")).json()
    assert (found["storage"]["included_bytes"], found["longer_storage"]) == (200 * MB, True)
    october = (await admin.get("/api/v1/usage?month=2026-10")).json()
    assert (october["storage"]["mb_per_user"], october["longer_storage"]) == (30, False)
    own = await Client.of(admin)
    assert (await own("PATCH", "/organisation", {"storage_mb": 1000})).status == 400


def organisation(world: World, who: str) -> UUID:
    return UUID(str(world.store.read_now(lambda: models.User.get_by_id(world.ids[who]).organisation_id)))
