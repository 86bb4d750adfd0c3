"""The list in a real browser: found while typing, played and marked in place, and kept as calls go on."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from ari_recorder.live import Changed, Live
from ari_recorder.store import models
from ari_recorder.web import Server

from .test_account_browser import clean
from .test_browser import eventually, listened, sign_in
from .test_calls import follow
from .world import NOON, World

NAMES = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven")
HEARD = "document.querySelector('.listen audio').currentTime"


@pytest.fixture
def recordings(world: World) -> None:
    anna, bo = world.ids["anna"], world.ids["bo"]
    for number, name in enumerate(NAMES):
        world.recording(anna if number % 2 else bo, counterpart_name=f"Caller {name}", note="Ring back")
    world.recording(anna, counterpart_name="Eva Ek", mark="red", started_at=NOON - timedelta(days=1))


async def opened(
    browser: Browser, on: Server, login: str = "admin-acme", width: int = 1280, scheme: str = "light"
) -> tuple[Page, list[str]]:
    context = await browser.new_context(
        viewport={"width": width, "height": 844},
        locale="en-GB",
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page, complaints = await listened(context)
    await sign_in(page, on, login)
    return page, complaints


async def test_found_while_typing_with_nothing_but_keys(
    chromium: Browser,
    server: Server,
    recordings: None,
) -> None:
    page, complaints = await opened(chromium, server)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "part=list" in request.url else None)
    await page.keyboard.press("/")
    await page.keyboard.type("caller", delay=20)
    await expect(page.locator("tr[data-id]")).to_have_count(12)
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page).to_have_url(f"{server.url}?q=caller")
    await expect(page.locator("#announcer")).to_have_text("12 recordings")
    assert len(asked) < 4, "not one for each key"
    await page.keyboard.type(" eleven")
    await expect(page.locator("tr[data-id]")).to_have_count(1)
    await page.get_by_label("Order").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page).to_have_url(f"{server.url}?q=caller+eleven&sort=oldest")
    await expect(page.get_by_label("Order")).to_be_focused()
    await page.get_by_text("More", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Minimum length").focus()
    await page.keyboard.type("long")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Minimum length")).to_have_accessible_description(
        "Write minutes (5), or minutes and seconds (1:30). Minutes, or m:ss"
    )
    await clean(page)
    await page.get_by_label("Minimum length").fill("")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Minimum length")).not_to_have_attribute("aria-invalid", "true")
    await page.get_by_text("Save search").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("That one")
    await page.keyboard.press("Enter")
    await page.get_by_text("Saved searches").click()
    await expect(page.get_by_role("link", name="That one")).to_have_attribute("aria-current", "true")
    await page.get_by_role("link", name="12:48").click()
    await page.get_by_role("link", name="Recordings").last.click()
    await expect(page).to_have_url(f"{server.url}?q=caller+eleven&sort=oldest")
    await page.get_by_role("link", name="Show everything").click()
    await expect(page.locator("tr[data-id]")).to_have_count(13)
    assert [one for one in complaints if "400" not in one] == []
    await page.context.close()


async def test_who_has_marked_some_goes_on_from_there(
    chromium: Browser, server: Server, recordings: None
) -> None:
    page, _ = await opened(chromium, server)
    boxes = page.locator("tr[data-id] .pick input")
    await boxes.nth(5).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Shift+ArrowDown")
    await page.locator(".bulk").get_by_role("button", name="Set mark").press("Enter")
    await expect(page.get_by_text("2 recordings marked.").first).to_be_visible()
    await expect(boxes.nth(5)).to_be_focused()
    await page.context.close()


async def test_from_one_to_the_next_and_back_to_where_one_was(
    chromium: Browser, server: Server, recordings: None
) -> None:
    page, complaints = await opened(chromium, server)
    rows = page.locator("tr[data-id]")
    await expect(rows).to_have_count(13)
    ids = [await row.get_attribute("data-id") for row in await rows.all()]
    await rows.nth(0).locator(".when a").focus()
    await page.keyboard.press("Enter")
    steps = page.get_by_role("navigation").get_by_role("link")
    await expect(steps.filter(has_text="Next")).to_be_visible()
    await expect(steps.filter(has_text="Previous")).to_have_count(0)
    for place in (1, 2):
        await page.keyboard.press("Shift+N")
        await expect(page).to_have_url(f"{server.url}recordings/{ids[place]}")
    await steps.filter(has_text="Previous").click()
    await expect(page).to_have_url(f"{server.url}recordings/{ids[1]}")
    await page.locator(".crumbs").get_by_role("link", name="Recordings").click()
    await expect(rows.nth(1).locator(".when a")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{server.url}recordings/{ids[1]}")
    await page.go_back()
    await expect(rows.nth(1).locator(".when a")).to_be_focused()
    other = await page.context.new_page()
    await other.goto(f"{server.url}recordings/{ids[1]}")
    await expect(other.get_by_role("heading", level=1)).to_be_visible()
    await expect(other.locator(".through")).to_have_text(re.compile(r"^\s*Previous\s*Next\s*$"))
    await expect(other.locator(".through").get_by_role("link")).to_have_count(0)
    assert complaints == []
    await page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_played_marked_and_exported_in_place(
    chromium: Browser,
    server: Server,
    recordings: None,
    width: int,
    scheme: str,
    tmp_path: Path,
) -> None:
    page, complaints = await opened(chromium, server, width=width, scheme=scheme)
    play = page.get_by_role("button", name="Play: Caller Zero, ")
    await play.focus()
    await page.keyboard.press("Enter")
    await eventually(lambda: page.evaluate(HEARD), lambda seconds: seconds > 0.2)
    await expect(page.get_by_role("button", name="Pause: Caller Zero, ")).to_be_focused()
    await clean(page)
    await page.get_by_role("slider", name="Position").focus()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="Player")).to_be_hidden()
    await expect(play).to_be_focused()
    boxes = page.get_by_role("checkbox", name="Select: ")
    await boxes.nth(1).check()
    await boxes.nth(4).click(modifiers=["Shift"])
    await expect(page.get_by_text("4 selected")).to_be_visible()
    await page.get_by_label("New mark").select_option("blue")
    await clean(page)
    await page.get_by_role("button", name="Set mark").click()
    await expect(page.locator(".mark", has_text="Blue")).to_have_count(4)
    await expect(page.get_by_text("4 recordings marked.").first).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".mark", has_text="Blue")).to_have_count(0)
    await expect(page.locator(".mark", has_text="Red")).to_have_count(1)
    await boxes.nth(0).check()
    await boxes.nth(2).check()
    async with page.expect_download() as chosen:
        await page.locator(".bulk-export").click()
    await (await chosen.value).save_as(tmp_path / "chosen.csv")
    async with page.expect_download() as everything:
        await page.locator("a.export").click()
    await (await everything.value).save_as(tmp_path / "all.csv")
    assert (len(_rows(tmp_path / "chosen.csv")), len(_rows(tmp_path / "all.csv"))) == (2, 13)
    await expect(page.get_by_text("Exported: 13 rows").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    await page.context.close()


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


async def test_a_user_reads_whom_they_talked_to_on_a_phone(
    chromium: Browser,
    server: Server,
    recordings: None,
) -> None:
    page, _ = await opened(chromium, server, "anna", width=390)
    name = page.locator(".whom .name").first
    await expect(name).to_have_text("Caller One")
    assert await name.evaluate("name => name.scrollWidth <= name.clientWidth")
    await page.get_by_role("searchbox").fill("caller")
    await page.get_by_text("Save search").click()
    for field in (page.get_by_label("Name", exact=True), page.get_by_role("button", name="Save", exact=True)):
        await expect(field).to_be_in_viewport(ratio=1)
    await page.context.close()


async def test_it_changes_as_calls_go_on(
    chromium: Browser,
    server: Server,
    recordings: None,
    world: World,
    live: Live,
) -> None:
    page, complaints = await opened(chromium, server)
    rows = page.locator("tr[data-id]")
    await expect(rows).to_have_count(13)
    await page.mouse.move(5, 5)
    followed: Any = follow(world, live, "anna")
    made = followed.row.recording
    world.change(models.Recording, made, counterpart_name="Ida Berg", started_at=NOON + timedelta(seconds=1))
    live.publish(Changed(followed.row))
    await expect(rows).to_have_count(14)
    await expect(rows.first).to_contain_text("In progress")
    await expect(page.locator("#count")).to_have_text("14 recordings")
    await rows.nth(3).locator(".when a").focus()
    world.recording(world.ids["bo"], started_at=NOON + timedelta(seconds=2), counterpart_name="Olga Ny")
    world.change(models.Recording, made, state="closing")
    live.publish(Changed(replace(followed.row, annotations={**followed.row.annotations, "note": "x"})))
    await expect(page.get_by_role("button", name="1 new recording")).to_be_visible()
    await expect(rows).to_have_count(14)
    await expect(rows.first).to_contain_text("Being prepared")
    await expect(rows.nth(3).locator(".when a")).to_be_focused()
    world.change(models.Recording, made, state="stored", duration_ms=6000)
    await expect(rows.first.get_by_role("button", name="Play: Ida Berg")).to_be_visible()
    await page.get_by_role("button", name="1 new recording").click()
    await expect(rows.first).to_contain_text("Olga Ny")
    await expect(rows).to_have_count(15)
    await expect(page.locator("#count")).to_have_text("15 recordings")
    assert complaints == []
    await page.context.close()


async def test_a_call_that_ended_before_the_page_listened_does_not_stay_in_progress(
    chromium: Browser,
    server: Server,
    recordings: None,
    world: World,
) -> None:
    made = world.recording(world.ids["anna"], stored=False, counterpart_name="Ida Berg")
    page, complaints = await opened(chromium, server)
    row = page.locator(f'tr[data-id="{made}"]')
    await expect(row).to_contain_text("In progress")
    world.change(models.Recording, made, state="closing")
    await expect(row).to_contain_text("Being prepared")
    assert complaints == []
    await page.context.close()


async def test_a_catalogue_that_is_away_leaves_what_is_there(
    chromium: Browser,
    server: Server,
    recordings: None,
) -> None:
    page, _ = await opened(chromium, server, "anna")
    away = True

    async def answer(route: Any) -> None:
        await (route.fulfill(status=503, body="away") if away else route.continue_())

    await page.route("**/?*part=list*", answer)
    await page.get_by_role("searchbox").fill("eva")
    await expect(page.get_by_role("alert")).to_contain_text("The list cannot be read just now.")
    await expect(page.locator("tr[data-id]")).to_have_count(7)
    away = False
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("tr[data-id]")).to_have_count(1)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await page.context.close()


async def test_a_browser_that_does_not_know_the_format_gets_another(
    chromium: Browser,
    server: Server,
    recordings: None,
) -> None:
    page, _ = await opened(chromium, server, "anna")
    await page.route("**/audio", lambda route: route.fulfill(body="x", content_type="audio/ogg"))
    await page.get_by_role("button", name="Play: Caller One, ").click()
    await eventually(lambda: page.evaluate(HEARD), lambda seconds: seconds > 0.2)
    await page.route("**/audio?format=wav", lambda route: route.fulfill(body="x", content_type="audio/wav"))
    await page.get_by_role("button", name="Play: Caller Three, ").click()
    await expect(page.get_by_role("alert")).to_contain_text("It cannot be played here.")
    await page.unroute("**/audio")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Play: Caller Five, ").click()
    await expect(page.locator("#signed-out")).to_be_visible()
    await expect(page.get_by_role("region", name="Player")).to_be_hidden()
    await page.context.close()


@pytest.mark.parametrize("language", ["en", "sv"])
async def test_saved_searches_without_a_mouse(
    chromium: Browser,
    server: Server,
    recordings: None,
    language: str,
) -> None:
    page, complaints = await opened(chromium, server, width=390, scheme="dark")
    await page.goto(f"{server.url}?mark=red&lang={language}")
    await clean(page)
    await page.locator(".keep summary").press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Röda <b>")
    await clean(page)
    await page.keyboard.press("Enter")
    await page.locator(".kept summary").press("Enter")
    await clean(page)
    await page.locator(".kept-edit").press("Enter")
    await page.locator(".kept-do summary").press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Blå")
    await clean(page)
    await page.keyboard.press("Enter")
    await page.locator(".kept-list form[action$=remove] button").press("Enter")
    await clean(page)
    await page.locator(".removed button").press("Enter")
    await expect(page.locator(".kept-list li")).to_have_count(1)
    assert complaints == []
    await page.context.close()
