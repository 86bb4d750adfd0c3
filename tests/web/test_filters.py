"""Every filter of a search, by what it finds and by what it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.store import models

from .world import ABSENT, NOON, NewBrowser, World

API = "/api/v1/recordings"


@pytest.fixture
def made(world: World) -> dict[str, str]:
    """Three of Anna's and one of Bo's; and one of another organisation's 101."""
    anna, bo = world.ids["anna"], world.ids["bo"]
    rows = {
        "early": world.recording(
            anna, started_at=NOON - timedelta(days=1), duration_ms=59_999, note="Ring 100% _back_",
            mark="red", tag1="case 1", tag3="x", counterpart_number="0701", counterpart_name="Eva Ek",
        ),
        "late": world.recording(
            anna, started_at=NOON, duration_ms=60_000, note="Back", tag1="case 10", tag2="y",
            direction="outbound", counterpart_number="0812345678",
        ),
        "open": world.recording(
            anna, stored=False, started_at=NOON + timedelta(seconds=1), counterpart_number="0999"
        ),
        "bo": world.recording(bo, started_at=NOON + timedelta(hours=1), duration_ms=3_600_000, mark="blue"),
        "foreign": world.recording(world.ids["olle"], started_at=NOON, mark="red"),
    }  # fmt: skip
    world.counterpart(rows["late"], "0733", "Ida Berg", 0, None)
    return {name: str(row) for name, row in rows.items()}


@pytest.fixture
def group(world: World) -> UUID:
    def make() -> UUID:
        acme = models.User.get_by_id(world.ids["anna"]).organisation_id
        found = models.Group.create(organisation=acme, name="Sales")
        models.Membership.create(group=found, user=world.ids["bo"])
        return UUID(str(found.id))

    return world.store.write_now(make)


FINDS: list[tuple[dict[str, str], set[str]]] = [
    ({}, {"early", "late", "open", "bo"}),
    ({"from": "2026-11-22T12:00:00Z"}, {"late", "open", "bo"}),
    ({"from": "2026-11-22T13:00:00+01:00"}, {"late", "open", "bo"}),
    ({"to": "2026-11-22T12:00:00Z"}, {"early"}),
    ({"from": "2026-11-22T12:00:00Z", "to": "2026-11-22T12:00:00.001Z"}, {"late"}),
    ({"min_duration": "60"}, {"late", "bo"}),
    ({"max_duration": "60"}, {"early", "late"}),
    ({"max_duration": "59.999"}, {"early"}),
    ({"min_duration": "60", "max_duration": "60"}, {"late"}),
    ({"user": "101"}, {"early", "late", "open"}),
    ({"user": "10"}, set()),
    ({"user": "{bo}"}, {"bo"}),
    ({"user": "{olle}"}, set()),
    ({"number": "0701"}, {"early"}),
    ({"number": "733"}, {"late"}),
    ({"mark": "red"}, {"early"}),
    ({"mark": ""}, {"late", "open"}),
    ({"note": "back"}, {"early", "late"}),
    ({"note": "100% _"}, {"early"}),
    ({"note": "%"}, set()),
    ({"note": "_B"}, {"early"}),
    ({"note": "bÄck"}, {"early", "late"}),
    ({"tag1": "case 1"}, {"early"}),
    ({"tag2": "y"}, {"late"}),
    ({"tag3": "x"}, {"early"}),
    ({"direction": "outbound"}, {"late"}),
    ({"mode": "always"}, {"early", "late", "open", "bo"}),
    ({"mode": "on_demand"}, set()),
    ({"state": "recording"}, {"open"}),
    ({"state": "ready"}, {"early", "late", "bo"}),
    ({"state": "preparing"}, set()),
    ({"state": "problems"}, set()),
    ({"q": "eva"}, {"early"}),
    ({"q": "Ida"}, {"late"}),
    ({"q": "CASE"}, {"early", "late"}),
    ({"q": "anna"}, {"early", "late", "open"}),
    ({"q": "102"}, {"bo"}),
    ({"group": "{group}"}, {"bo"}),
    ({"group": str(ABSENT)}, set()),
    ({"mark": "red", "direction": "outbound"}, set()),
    ({"user": "101", "note": "back", "tag2": "y", "min_duration": "1"}, {"late"}),
]


@pytest.mark.parametrize(("query", "found"), FINDS, ids=[str(query) for query, _ in FINDS])
async def test_a_filter_finds(
    open_browser: NewBrowser,
    world: World,
    made: dict[str, str],
    group: UUID,
    query: dict[str, str],
    found: set[str],
) -> None:
    ids = {name: str(user) for name, user in world.ids.items()} | {"group": str(group)}
    asked = {name: value.format(**ids) for name, value in query.items()}
    browser = await open_browser("admin-acme")
    answer = await browser.get(API, params=asked)
    assert answer.status == 200, answer.text
    assert {row["id"] for row in answer.json()["recordings"]} == {made[name] for name in found}


async def test_who_may_not_see_a_group_does_not_learn_who_is_in_it(
    open_browser: NewBrowser, world: World, made: dict[str, str], group: UUID
) -> None:
    world.change(models.User, world.ids["bo"], may_listen=True)
    bo = await open_browser("bo")
    own = (await bo.get(API)).json()["recordings"]
    assert [row["id"] for row in own] == [made["bo"]]
    assert (await bo.get(API, params={"group": str(group)})).json()["recordings"] == []


async def test_no_filter_finds_what_may_not_be_seen(
    open_browser: NewBrowser, world: World, made: dict[str, str], group: UUID
) -> None:
    browser = await open_browser("olle")
    for query, _ in FINDS:
        ids = {name: str(user) for name, user in world.ids.items()} | {"group": str(group)}
        asked = {name: value.format(**ids) for name, value in query.items()}
        rows = (await browser.get(API, params=asked)).json()["recordings"]
        assert {row["id"] for row in rows} <= {made["foreign"]}, query


async def test_pages_of_a_filter(open_browser: NewBrowser, made: dict[str, str]) -> None:
    browser = await open_browser("admin-acme")
    query = {"user": "101", "limit": "1"}
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await browser.get(API, params={**query, **({"cursor": cursor} if cursor else {})})).json()
        found += [row["id"] for row in page["recordings"]]
        cursor = page["next_cursor"]
    assert found == [made["open"], made["late"], made["early"]]


async def test_an_order_holds_over_pages(open_browser: NewBrowser, made: dict[str, str]) -> None:
    browser = await open_browser("admin-acme")
    for sort, order in {
        "newest": ("bo", "open", "late", "early"),
        "oldest": ("early", "late", "open", "bo"),
        "longest": ("bo", "late", "early", "open"),
        "shortest": ("open", "early", "late", "bo"),
    }.items():
        query = {"sort": sort, "limit": "3"}
        first = (await browser.get(API, params=query)).json()
        query["cursor"] = first["next_cursor"]
        second = (await browser.get(API, params=query)).json()
        assert [row["id"] for row in first["recordings"] + second["recordings"]] == [made[n] for n in order]
        other = await browser.get(API, params={**query, "sort": "oldest" if sort != "oldest" else "newest"})
        assert other.status == 400, other.text


async def test_a_count_is_told_to_who_asks_for_it(open_browser: NewBrowser, made: dict[str, str]) -> None:
    browser = await open_browser("admin-acme")
    counted = (await browser.get(API, params={"mark": "red", "limit": "1", "count": "1"})).json()
    assert counted["count"] == {"number": 1, "more": False}
    assert "count" not in (await browser.get(API, params={"count": "0"})).json()


REFUSED = [
    "mode=sometimes", "mode=", "state=open", "state=", "sort=biggest", "sort=", "count=yes", "count=",
    "from=yesterday", "from=12", "from=2026-11-22", "from=2026-11-22T12:00:00", "from=", "to=x",
    "from=0001-01-01T00:00:00%2B23:00", "to=9999-12-31T23:59:59-23:00",
    "from=2026-11-22T12:00:00Z&to=2026-11-22T12:00:00Z", "min_duration=-1", "min_duration=nan",
    "min_duration=1e3", "max_duration=inf", "max_duration=", "min_duration=2&max_duration=1",
    "max_duration=10000001", "user=", f"user={'1' * 65}", "user=%00", "mark=mauve", "note=", "note=%00",
    f"note={'x' * 201}", f"tag1={'x' * 129}", "tag2=", "tag3=%0a", "group=1", "group=", "direction=up", "q=",
    f"q={'x' * 201}", "limit=1.0", "limit=+1", "limit=1e2", "q=a&q=b", "tag4=x", "From=2026-11-22T12:00:00Z",
]  # fmt: skip


@pytest.mark.parametrize("query", REFUSED)
async def test_a_filter_refuses(open_browser: NewBrowser, made: dict[str, Any], query: str) -> None:
    answer = await (await open_browser("anna")).get(f"{API}?{query}")
    assert answer.status == 400, answer.text
    name = query.rpartition("&")[2].partition("=")[0]
    assert name in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/?x=1", "/?cursor=a&cursor=b", "/calls?x=1", "/sign-in?x=1", "/prompts?x=1", "/api?x=1", "/healthz?x=1",
     "/static/style.css?w=1", "/?form_token=1"],
)  # fmt: skip
async def test_a_page_refuses_what_it_does_not_know(open_browser: NewBrowser, path: str) -> None:
    browser = await open_browser(None if path.startswith("/sign-in") else "admin-acme")
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


async def test_notes_afterwards_are_on_all_recordings_of_the_leg_with_their_history(
    open_browser: NewBrowser, world: World
) -> None:
    first = world.recording(world.ids["anna"])
    leg = world.store.read_now(lambda: models.Recording.get_by_id(first).leg_id)
    second = world.recording(world.ids["anna"])
    world.change(models.Recording, second, leg=leg, ordinal=2)
    browser = await open_browser("anna")
    headers = {"X-Form-Token": await browser.form_token("/")}
    for body in ('{"note": "One", "tag1": "t"}', '{"note": "Two"}', '{"note": "Two"}'):
        answer = await browser.request("PATCH", f"{API}/{first}", data=body, headers=headers)
        assert answer.status == 200
    assert answer.json() == (await browser.get(f"{API}/{first}")).json()
    assert (await browser.get(f"{API}/{second}")).json()["note"] == "Two"
    for recording in (first, second):
        changes = (await browser.get(f"{API}/{recording}/history")).json()["changes"]
        assert [(one["field"], one["before"], one["after"], one["by"]) for one in changes] == [
            ("note", "", "One", "anna"),
            ("tag1", "", "t", "anna"),
            ("note", "One", "Two", "anna"),
        ]
    lines = world.store.read_now(
        lambda: models.AuditLine.select().where(models.AuditLine.action == "annotate")
    )
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("body", "told"),
    [('{"tag1": "%s"}' % ("x" * 129), "tag1: 129 characters; at most 128"), ("{}", "Nothing to change"),
     ('{"mark": "mauve"}', "mark: one of red"), ('{"note": null}', "note: text"), ("[]", "JSON object"),
     ('{"state": "open"}', "Unknown field 'state'"), ('{"note": "a\\u0000"}', "cannot be shown")],
)  # fmt: skip
async def test_a_note_that_is_refused(open_browser: NewBrowser, world: World, body: str, told: str) -> None:
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    headers = {"X-Form-Token": await browser.form_token("/")}
    answer = await browser.request("PATCH", f"{API}/{recording}", data=body, headers=headers)
    assert (answer.status, told in answer.json()["detail"]) == (400, True), answer.text
    assert (await browser.get(f"{API}/{recording}/history")).json() == {"changes": []}


@pytest.mark.parametrize("login", ["olle", "bo"])
async def test_a_note_on_what_may_not_be_seen(open_browser: NewBrowser, world: World, login: str) -> None:
    owner = "bo" if login == "bo" else "anna"  # Bo may annotate his calls, and not see his recordings
    recording = world.recording(world.ids[owner])
    browser = await open_browser(login)
    headers = {"X-Form-Token": await browser.form_token("/")}
    answer = await browser.request("PATCH", f"{API}/{recording}", data='{"note": "x"}', headers=headers)
    assert answer.status == 404
    assert (await browser.get(f"{API}/{recording}/history")).status == 404
    assert world.store.read_now(lambda: models.Leg.select().first().note) == ""


async def test_a_plus_that_was_not_written_as_an_address_has_it_is_explained(
    open_browser: NewBrowser,
) -> None:
    browser = await open_browser("anna")
    answer = await browser.get(f"{API}?from=2026-11-22T00:00:00+01:00")
    assert (answer.status, "%2B01:00" in answer.json()["detail"]) == (400, True)
