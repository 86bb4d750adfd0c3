"""The audit log in a real browser: on a desk, on a phone, and without scripts."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.async_api import Browser, expect

from ari_recorder.web import Server

from .test_browser import listened
from .world import PASSWORD, World


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"])


@pytest.mark.parametrize(("width", "scripts"), [(360, True), (1280, False)])
async def test_an_administrator_finds_who_listened(
    chromium: Browser,
    server: Server,
    recording: UUID,
    width: int,
    scripts: bool,
) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=scripts, accept_downloads=True
    )
    page, complaints = await listened(context)
    await page.goto(f"{server.url}audit?lang=en")
    await page.get_by_label("Login").fill("admin-acme")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("cell", name="Signed in")).to_have_count(1)
    await page.get_by_label("What was done").select_option("Listened")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing was done that fits this")).to_be_visible()
    answer = await context.request.get(f"{server.url}api/v1/recordings/{recording}/audio")
    assert answer.status == 200
    await page.goto(f"{server.url}audit")
    await page.get_by_label("What was done").select_option("Listened")
    await page.get_by_label("From day").fill("2026-11-22")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("cell", name="Listened from 0:00 to 0:06")).to_be_visible()
    await expect(page.get_by_role("cell", name="admin-acme")).to_be_visible()
    if scripts:
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        line = await page.get_by_role("row").last.bounding_box()
        assert line is not None
        assert line["height"] < 140, "fifty of them are a long way on a phone"
    async with page.expect_download() as saving:
        await page.get_by_role("link", name="Export as CSV").click()
    assert (await saving.value).suggested_filename == "audit.csv"
    await page.get_by_role("link", name=str(recording)).click()
    await expect(page.get_by_role("heading", name="Details")).to_be_visible()
    assert complaints == []
    await context.close()


@pytest.mark.parametrize("path", ["audit", "ledger", "evidence", "disposals", "holds", "erasures"])
async def test_on_paper_there_are_no_menus_and_who_printed_it_when(
    chromium: Browser, server: Server, recording: UUID, path: str
) -> None:
    context = await chromium.new_context(viewport={"width": 680, "height": 900})  # A4 between its margins
    page, complaints = await listened(context)
    await page.goto(f"{server.url}{path}?lang=en")
    await page.get_by_label("Login").fill("admin-acme")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    printed = page.get_by_text("Printed 22 Nov 2026, 13:00:00 CET by Admin-acme.")
    await expect(printed).to_be_hidden()
    await page.emulate_media(media="print")
    await expect(printed).to_be_visible()
    for role in ("banner", "contentinfo", "button", "textbox"):
        await expect(page.get_by_role(role)).to_have_count(0)  # type: ignore[arg-type]
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    await context.close()
