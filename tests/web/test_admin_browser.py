"""Administration in a real browser: by keys on a desk and without scripts on a phone, and clean for axe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Browser, Error, Page, Route, expect

from ari_recorder.store.models import Membership, User, Webhook
from ari_recorder.web import Server

from .test_account_browser import clean
from .test_browser import eventually, listened, sign_in
from .world import World, only


async def test_an_administrator_sets_up_a_colleague_by_keys(
    chromium: Browser,
    server: Server,
    world: World,
) -> None:
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server, "admin-acme")
    await _go(page, "Administration")
    await _go(page, "Users")
    await _go(page, "Add a user")
    await page.get_by_label("Name", exact=True).focus()
    await page.keyboard.type("Åke Öberg")
    await page.keyboard.press("Tab")
    await page.keyboard.type("301")
    await page.keyboard.press("Tab")
    await page.keyboard.type("PJSIP/301")
    await page.keyboard.press("Tab")
    told = page.get_by_label("What they were told, and agreed to")
    await expect(told).to_be_hidden()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Always Every call")).to_be_checked()
    await expect(told).to_be_visible()
    await expect(page.get_by_text("The start fee is billed once")).to_be_visible()
    await clean(page)
    await page.keyboard.press("Enter")
    problem = page.get_by_role("link", name="Recording is switched on only for who has been told")
    await expect(problem).to_be_visible()
    await clean(page)
    await problem.press("Enter")
    await page.keyboard.press("Tab")
    await page.get_by_role("checkbox", name="The user knows").press("Space")
    await page.get_by_role("button", name="Add the user").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Åke Öberg was added, and is recorded")
    await _go(page, "Groups")
    await page.get_by_label("New group").fill("Sales")
    await page.keyboard.press("Enter")
    await page.get_by_role("checkbox", name="Åke Öberg").press("Space")
    await page.get_by_role("button", name="Put in who is ticked").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("In Sales now: Åke Öberg.")
    await clean(page)
    row = world.store.read_now(lambda: only(Membership).user)
    assert (row.name, row.mode) == ("Åke Öberg", "always")
    assert [one for one in complaints if "422" not in one] == []
    await context.close()


async def _go(page: Page, name: str) -> None:
    await page.get_by_role("link", name=name, exact=True).press("Enter")
    await page.wait_for_load_state()


async def test_an_auditor_comes_to_every_section_on_a_phone(
    chromium: Browser,
    server: Server,
    world: World,
) -> None:
    context = await chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page, _ = await listened(context)
    await sign_in(page, server)
    world.change(User, world.ids["anna"], role="auditor")
    await page.goto(f"{server.url}audit")
    for name in ("Ledger", "Evidence", "Legal holds", "Disposal log", "Erasures", "Audit log"):
        await _go(page, name)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await page.get_by_text("Not allowed").count() == 0
    await context.close()


async def test_a_file_on_a_phone(
    chromium: Browser,
    server: Server,
    world: World,
    tmp_path: Path,
) -> None:
    (tmp_path / "kollegor.csv").write_text("number,name\n301,Åke Öberg\n3/2,Eva\n", encoding="utf-8")
    for scripts in (True, False):
        context = await chromium.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=scripts, locale="en-GB"
        )
        page, complaints = await listened(context)
        await sign_in(page, server, "admin-acme")
        for link in ("Administration", "Users", "Import and export"):
            await _go(page, link)
        await page.get_by_label("File", exact=True).set_input_files(tmp_path / "kollegor.csv")
        await page.get_by_role("button", name="Look at what it would do").click()
        again = page.get_by_role("link", name="Look again")
        while not scripts and await again.is_visible():
            await again.click()
        await expect(page.get_by_role("heading", name="What the file would do")).to_be_visible()
        await expect(page.get_by_text("is no number")).to_be_visible()
        if scripts:
            await clean(page)
            await page.get_by_role("button", name="Import 1 row").click()
            await expect(page.get_by_role("heading", name="Imported")).to_be_visible()
            await clean(page)
        else:
            await expect(page.get_by_text("There is nothing to import")).to_be_visible()
        assert complaints == []
        await context.close()
    assert world.store.read_now(lambda: User.get(User.number == "301").name) == "Åke Öberg"


async def test_who_presses_twice_adds_one(chromium: Browser, server: Server, world: World) -> None:
    context = await chromium.new_context(locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server, "admin-acme")
    await page.goto(f"{server.url}users/add")
    posts: list[Route] = []
    answered = asyncio.Event()

    async def slow(route: Route) -> None:
        if route.request.method == "POST":
            posts.append(route)
            await answered.wait()
        with suppress(Error):  # what another press has put an end to
            await route.continue_()

    await page.route("**/users/add", slow)
    await page.get_by_label("Name", exact=True).fill("Without a number")
    add = page.get_by_role("button", name="Add the user")
    await add.scroll_into_view_if_needed()
    box = await add.bounding_box()
    assert box is not None
    at = (box["x"] + 9, box["y"] + 9)
    await page.mouse.click(*at)
    await eventually(_number_of(posts), bool)
    await page.mouse.click(*at, click_count=2)
    answered.set()
    await expect(page.get_by_role("status")).to_contain_text("Without a number was added")
    assert len(posts) == 1
    await page.go_back()
    await page.get_by_label("Name", exact=True).fill("Another")
    await add.click()
    await expect(page.get_by_role("status")).to_contain_text("Another was added")
    rows = world.store.read_now(
        lambda: list(User.select().where(User.name.in_(["Without a number", "Another"])))
    )
    assert len(rows) == 2
    assert complaints == []
    await context.close()


def _number_of(posts: list[Route]) -> Callable[[], Awaitable[int]]:
    async def number() -> int:
        return len(posts)

    return number


async def test_a_secret_that_was_shown_is_not_made_again_by_loading_the_page_anew(
    chromium: Browser, server: Server, world: World
) -> None:
    context = await chromium.new_context(locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server, "admin-acme")
    await page.goto(f"{server.url}webhooks/new")
    await page.get_by_label("What it is for").fill("CRM")
    await page.get_by_label("Address").fill("https://crm.example/recordings")
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Make the webhook").click()
    await expect(page.get_by_role("heading", name="The secret of CRM")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="CRM", exact=True)).to_be_visible()
    assert world.store.read_now(lambda: Webhook.select().count()) == 1
    assert complaints == []
    await context.close()
