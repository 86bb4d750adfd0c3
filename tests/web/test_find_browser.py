"""The search of the list in a real browser: by keys on a desk, on a phone without scripts, clean for axe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from ari_recorder.web import Server

from .test_account_browser import clean
from .test_browser import listened, sign_in
from .world import NOON, World


@pytest.fixture
def recordings(world: World) -> None:
    anna, bo = world.ids["anna"], world.ids["bo"]
    world.recording(anna, counterpart_name="Eva Ek", mark="red", note="Call back", duration_ms=90_000)
    world.recording(anna, counterpart_name="Eva Berg", started_at=NOON - timedelta(days=2))
    world.recording(bo, counterpart_name="Ida Ek", mark="red")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (390, True), (390, False)])
@pytest.mark.usefixtures("recordings")
async def test_find_that_call(
    chromium: Browser,
    server: Server,
    width: int,
    scripts: bool,
    scheme: str,
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 844},
        java_script_enabled=scripts,
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="en-GB",
    )
    page, complaints = await listened(context)
    await sign_in(page, server, "admin-acme")
    await _search_by_keyboard(page)
    await expect(page.get_by_role("link", name="Remove: Mark Red")).to_be_visible()
    await expect(page).to_have_url(f"{server.url}?q=ek&min_duration=1:30&mark=red")
    await expect(page.get_by_text("Eva Ek")).to_be_visible()
    await expect(page.locator("tr[data-id]")).to_have_count(1)
    await _look(page, scripts)
    await page.get_by_role("link", name="Remove: Minimum length 1:30").click()
    await expect(page.locator("tr[data-id]")).to_have_count(2)
    await _open(page)
    await expect(page.get_by_label("Mark", exact=True)).to_have_value("red")
    await _look(page, scripts)
    await page.get_by_label("Maximum length").fill("long")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_label("Maximum length")).to_have_accessible_description(
        "Write minutes (5), or minutes and seconds (1:30). Minutes, or m:ss"
    )
    await expect(page.get_by_label("Maximum length")).to_have_value("long")
    await _look(page, scripts)
    await page.get_by_role("alert").get_by_role("link", name="Maximum length").click()
    await expect(page.get_by_label("Maximum length")).to_be_focused()
    await page.get_by_label("Maximum length").fill("0:01")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="No recording fits this")).to_be_visible()
    await _look(page, scripts)
    await page.get_by_role("link", name="Show everything").click()
    await expect(page.locator("tr[data-id]")).to_have_count(3)
    assert [one for one in complaints if "400" not in one] == []
    await context.close()


async def _search_by_keyboard(page: Page) -> None:
    """From the box through the fields and back, with nothing but keys."""
    await page.get_by_role("searchbox", name="Search").press_sequentially("ek")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Search", exact=True)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_label("Minimum length").focus()
    await page.keyboard.type("1:30")
    await page.get_by_label("Mark", exact=True).focus()
    await page.keyboard.type("Red")
    await page.get_by_role("button", name="Show", exact=True).focus()
    await page.keyboard.press("Enter")


async def _open(page: Page) -> None:
    """The fields; with scripts they stay open, as the page stays."""
    if await page.locator("details.more[open]").count() == 0:
        await page.get_by_text("More", exact=True).click()


async def _look(page: Page, scripts: bool) -> None:
    if scripts:
        await clean(page)
