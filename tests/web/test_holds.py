"""Legal holds by API and by page: placed, seen where it matters, changed and released; by whom, and by whom
not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.store import holds, models

from .settings import Client
from .world import ABSENT, NOON, Answer, Browser, Clock, NewBrowser, World

HOLDS = "/holds"
WHY = {"reason": "Case T 4711-26"}


async def post(browser: Browser, path: str, **fields: str) -> Answer:
    return await browser.post(path, {**fields, "form_token": await browser.form_token(HOLDS)})


async def test_placed_changed_and_released_by_the_api(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"], counterpart_number="+46701234567")
    admin = await Client.of(await open_browser("admin-acme"))
    await admin("PATCH", "/organisation", {"country": "SE"})
    made = await admin.made(HOLDS, {"number": "070-123 45 67", "people": "Eva Ek", **WHY})
    assert (made["kind"], made["number"], made["begun_by"], made["over_at"]) == (
        "number", "070-123 45 67", "admin-acme", None,
    )  # fmt: skip
    assert (await admin.get(f"{HOLDS}?recording={recording}"))["holds"] == [made]
    assert (await admin.get(f"{HOLDS}?recording={uuid4()}"))["holds"] == []
    ends = (NOON + timedelta(days=5)).isoformat()
    changed = (await admin("PATCH", f"{HOLDS}/{made['id']}", {"ends_at": ends})).json()
    assert changed["ends_at"] == "2026-11-27T12:00:00.000Z"
    released = await admin("POST", f"{HOLDS}/{made['id']}/release", {"why": "The case is closed"})
    assert (released.json()["over_by"], released.json()["over_why"]) == ("admin-acme", "The case is closed")
    assert (await admin("POST", f"{HOLDS}/{made['id']}/release", {"why": "again"})).status == 409
    assert (await admin("PATCH", f"{HOLDS}/{made['id']}", {"ends_at": None})).status == 409
    assert (await admin.get(HOLDS))["holds"] == []
    assert [one["id"] for one in (await admin.get(f"{HOLDS}?over=1"))["holds"]] == [made["id"]]


async def test_a_hold_that_was_changed_meanwhile_is_not_released(open_browser: NewBrowser) -> None:
    admin = await Client.of(await open_browser("admin-acme"))
    made = await admin.made(HOLDS, {"number": "0701", **WHY})
    read = await admin("GET", f"{HOLDS}/{made['id']}")
    await admin("PATCH", f"{HOLDS}/{made['id']}", {"ends_at": "2030-01-01T00:00:00Z"})
    stale = await admin(
        "POST", f"{HOLDS}/{made['id']}/release", {"why": "x"}, {"If-Match": read.headers["ETag"]}
    )
    assert stale.status == 412


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({}, 422),
    ({"number": "0701", "query": "q=x"}, 422),
    ({"number": "12"}, 422),
    ({"number": "1" * 129}, 400),
    ({"number": "0701\u202e"}, 422),
    ({"query": "mark=mauve"}, 422),
    ({"query": "q="}, 422),
    ({"query": "//evil.example"}, 422),
    ({"query": "sort=oldest"}, 422),
    ({"recording": str(ABSENT)}, 404),
    ({"user": str(ABSENT)}, 404),
    ({"user": "101"}, 400),
    ({"number": "0701", "reason": ""}, 400),
    ({"number": "0701", "reason": " "}, 422),
    ({"number": "0701", "reason": "x" * 2001}, 400),
    ({"number": "0701", "reason": "a\u202eb"}, 422),
    ({"number": "0701", "people": "x" * 501}, 400),
    ({"number": "0701", "ends_at": "2026-11-22T11:59:59Z"}, 422),
    ({"number": "0701", "ends_at": "2026-11-30"}, 400),
    ({"number": "0701", "ends_at": "9999-12-31T23:59:59-14:00"}, 422),
    ({"number": "0701", "kind": "number"}, 400),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED, ids=[str(sent)[:60] for sent, _ in REFUSED])
async def test_what_cannot_be_held(
    open_browser: NewBrowser, world: World, sent: dict[str, Any], status: int
) -> None:
    admin = await Client.of(await open_browser("admin-acme"))
    assert (await admin("POST", HOLDS, {**WHY, **sent})).status == status
    assert world.store.read_now(models.Hold.select().count) == 0


async def test_what_is_anothers_is_not_there(open_browser: NewBrowser, world: World) -> None:
    theirs = world.recording(world.ids["olle"])
    admin = await Client.of(await open_browser("admin-acme"))
    other = await Client.of(await open_browser("admin-other"))
    assert (await admin("POST", HOLDS, {"recording": str(theirs), **WHY})).status == 404
    assert (await admin("POST", HOLDS, {"user": str(world.ids["olle"]), **WHY})).status == 404
    made = await admin.made(HOLDS, {"number": "0812345678", **WHY})
    for method, more, body in (
        ("GET", "", None),
        ("PATCH", "", {"ends_at": None}),
        ("POST", "/release", {"why": "x"}),
    ):
        assert (await other(method, f"{HOLDS}/{made['id']}{more}", body)).status == 404
    assert world.store.read_now(holds.holding, [theirs]) == {}


async def test_a_period_becomes_the_days_that_it_is(
    open_browser: NewBrowser, world: World, clock: Clock
) -> None:
    recording = world.recording(world.ids["anna"], mark="red")
    admin = await Client.of(await open_browser("admin-acme"))
    made = await admin.made(HOLDS, {"query": "when=week&mark=red&sort=oldest", **WHY})
    assert made["query"] == "from=2026-11-16&to=2026-11-22&mark=red"
    clock.at = NOON + timedelta(days=60)
    assert world.store.read_now(holds.holding, [recording])


async def test_a_number_that_is_found_in_one_writing_only_is_said_to_be(
    open_browser: NewBrowser, world: World
) -> None:
    browser = await open_browser("admin-acme")
    assert "country is not set" in (await browser.get("/holds/new")).text
    assert "country is not set" not in (await browser.get("/holds/new?query=mark%3Dred")).text
    placed = await post(browser, "/holds/new", number="070-123 45 67", reason="Case")
    assert "country is not set" in (await browser.get(placed.headers["Location"])).text
    world.store.write_now(models.Organisation.update(country="SE").execute)
    assert "country is not set" not in (await browser.get(placed.headers["Location"])).text


async def test_the_pages_without_scripts(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"], note="About <b>the fire</b>", mark="red")
    browser = await open_browser("admin-acme")
    found = await browser.get("/?mark=red")
    offered = re.search(r'href="(/holds/new\?query=[^"]+)"', found.text)
    assert offered
    form = await browser.get(offered[1])
    assert "<b>1 recording</b>" in form.text
    assert '<input type="hidden" name="query" value="mark=red">' in form.text
    placed = await post(browser, "/holds/new", query="mark=red", reason="<i>Case</i>", ends="2026-12-31")
    address = re.fullmatch(r"(/holds/[0-9a-f-]{36})\?told=.*", placed.headers["Location"])
    assert address
    shown = await browser.get(placed.headers["Location"])
    assert "The legal hold is placed." in shown.text
    assert "&lt;i&gt;Case&lt;/i&gt;" in shown.text
    assert address[1] in (await browser.get("/holds")).text
    assert "Legal hold" in (await browser.get("/?mark=red")).text
    assert address[1] in (await browser.get(f"/recordings/{recording}")).text
    one = await browser.get(address[1])
    assert "Dec 2026" in one.text
    asked = await browser.get(f"{address[1]}/release")
    assert "1 recording that no other hold keeps" in asked.text
    version = re.search(r'name="version" value="([^"]+)"', asked.text)
    assert version
    empty = await post(browser, f"{address[1]}/release", version=html(version[1]), why=" ")
    assert (empty.status, "it is empty" in empty.text.lower()) == (422, True)
    done = await post(browser, f"{address[1]}/release", version=html(version[1]), why="Closed")
    assert done.headers["Location"].startswith(address[1])
    assert "Closed" in (await browser.get(address[1])).text
    assert (await browser.get(f"{address[1]}/release")).status == 303
    assert "Legal hold" not in rows((await browser.get("/?mark=red")).text)


def html(text: str) -> str:
    from html import unescape

    return unescape(text)


def rows(page: str) -> str:
    return page.partition("<tbody")[2]


async def test_the_end_is_a_day_of_the_organisation(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("admin-acme")
    await post(browser, "/holds/new", number="0701234567", reason="x", ends="2026-12-31")
    (row,) = world.store.read_now(lambda: list(models.Hold.select()))
    assert row.ends_at.isoformat() == "2026-12-31T23:00:00+00:00"
    page = await browser.get(f"/holds/{row.id}")
    assert 'name="ends" type="date" value="2026-12-31"' in page.text
    for ends in ("yesterday", "2026-13-01", "9999-12-31"):
        wrong = await post(browser, f"/holds/{row.id}/end", version="*", ends=ends)
        assert (wrong.status, "Write a day as" in wrong.text) == (422, True)
    gone = await post(browser, f"/holds/{row.id}/end", version="*", ends="2026-11-01")
    assert (gone.status, "later than now" in gone.text) == (422, True)
    stale = await post(browser, f"/holds/{row.id}/end", version='"x"', ends="2027-01-01")
    assert stale.status == 412
    assert (await post(browser, f"/holds/{row.id}/end", version="*", ends="")).status == 303
    assert world.store.read_now(models.Hold.get_by_id, row.id).ends_at is None


async def test_a_form_that_is_wrong_is_shown_as_it_was_typed(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("admin-acme")
    wrong = await post(browser, "/holds/new", number="12", reason="<b>why</b>", people="Eva", ends="x")
    assert wrong.status == 422
    assert "&lt;b&gt;why&lt;/b&gt;</textarea>" in wrong.text
    assert (await browser.get(f"/holds/new?recording={uuid4()}")).status == 404
    assert (await browser.get("/holds/new?recording=x")).status == 404
    assert (await browser.get(f"/holds/new?user={world.ids['olle']}")).status == 404
    assert (await browser.get("/holds/new?query=mark%3Dmauve")).status == 422
    assert (await browser.get("/holds/new?query=q%3Dx&number=1")).status == 400
    assert (await browser.get("/holds?cursor=x")).status == 400
    assert (await browser.get(f"/holds/{uuid4()}")).status == 404


async def test_an_auditor_sees_holds_and_not_what_is_in_them(open_browser: NewBrowser, world: World) -> None:
    acme = world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id
    world.user("xaver", acme, role="auditor", mode="never")
    recording = world.recording(world.ids["anna"], counterpart_name="Secret Caller")
    admin = await Client.of(await open_browser("admin-acme"))
    made = await admin.made(HOLDS, {"recording": str(recording), **WHY})
    auditor = await open_browser("xaver")
    page = await auditor.get(f"/holds/{made['id']}")
    assert WHY["reason"] in page.text
    assert str(recording) in page.text
    assert "Secret Caller" not in page.text
    assert "/release" not in page.text
    for path in ("/holds/new", f"/holds/{made['id']}/release"):
        assert (await auditor.get(path)).status == 403


async def test_a_user_does_not_learn_that_they_are_held(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    admin = await Client.of(await open_browser("admin-acme"))
    await admin.made(HOLDS, {"user": str(world.ids["anna"]), **WHY})
    anna = await open_browser("anna")
    for path in ("/", f"/recordings/{recording}"):
        page = (await anna.get(path)).text
        assert "Legal hold" not in page
        assert "/holds" not in page
    assert (await anna.get("/holds")).status == 403
