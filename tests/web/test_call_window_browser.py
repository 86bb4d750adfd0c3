"""The window of one's own call in a real browser: by keys alone, on a phone, beside a softphone; axe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, expect

from ari_recorder.live import Live
from ari_recorder.policies.table import Mode
from ari_recorder.store import models
from ari_recorder.web import Server

from .test_browser import listened
from .test_call_window import supervise
from .test_calls import follow
from .test_calls_browser import become, card, connected, end, opened, settled
from .world import PASSWORD, World

SIDE: dict[str, Any] = {"viewport": {"width": 320, "height": 480}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 700}, "has_touch": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
ICON = "document.getElementById('tab-icon').getAttribute('href').replace(/.*static.|[?].*/g, '')"


@asynccontextmanager
async def window(
    chromium: Browser,
    server: Server,
    *,
    language: str = "en",
    complaints: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[Page]:
    """The window of Anna's call, with a clock to wind on."""
    context = await chromium.new_context(**{**SIDE, **options})
    await context.clock.install()
    page, heard = await listened(context)
    await page.goto(f"{server.url}sign-in?next=/call&lang={language}")
    await page.locator("#login").fill("anna")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("main button[type=submit]").click()
    await expect(page.locator("#calls")).to_be_attached()
    yield page
    assert [text for text in heard if not any(known in text for known in complaints)] == []
    await context.close()


async def is_fine(page: Page, folder: Path, name: str) -> None:
    """Nothing that axe finds, nothing wider than the window; and a picture for who looks at it."""
    await page.screenshot(path=folder / f"{name}.png")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]] == []


async def test_a_call_by_keys_alone_from_waiting_to_the_recording(
    chromium: Browser, server: Server, world: World, live: Live, tmp_path: Path
) -> None:
    recording = world.recording(world.ids["anna"], stored=False, state="closing")
    async with window(chromium, server) as page:
        await connected(page, live)
        await expect(page.get_by_role("heading", name="Your next call appears here")).to_be_visible()
        await is_fine(page, tmp_path, "waits")
        other, call = follow(world, live, "bo"), follow(world, live, "anna", Mode.ON_DEMAND_USER_START)
        become(other)
        become(call)
        await expect(page.get_by_role("article")).to_have_count(1)
        await expect(page).to_have_title("Your call · My Pages")
        await page.keyboard.press("p")  # there is nothing to pause
        await page.keyboard.press("s")
        await expect(page).to_have_title("● Recording · Your call · My Pages")
        await expect(page.locator("#announcer")).to_have_text("Eva: Recording")
        assert await page.evaluate(ICON) == "tab-recording.svg"
        await is_fine(page, tmp_path, "records")
        await settled(page)
        await page.keyboard.press("p")
        await expect(page).to_have_title("‖ Paused · Your call · My Pages")
        assert await page.evaluate(ICON) == "tab-paused.svg"
        await page.keyboard.press("n")
        await expect(card(page, call).get_by_label("Note")).to_be_focused()
        await page.keyboard.type("sp")
        await page.keyboard.press("Control+Enter")
        await expect(card(page, call).locator(".saved")).to_have_text("Saved")
        assert world.store.read_now(lambda: models.Leg.get_by_id(call.row.id)).note == "sp"
        await expect(page).to_have_title("‖ Paused · Your call · My Pages")
        end(call, recording)
        await expect(page).to_have_title("Your call · My Pages")
        assert await page.evaluate(ICON) == "mark.svg"
        link = page.get_by_role("link", name="To the recording")
        await expect(page.get_by_text("The recording is being prepared")).to_be_visible()
        await expect(link).to_have_count(0)
        world.change(models.Recording, recording, state="stored")
        await page.clock.run_for(20_000)
        await expect(link).to_have_attribute("href", f"/recordings/{recording}")
        await page.screenshot(path=tmp_path / "over.png")
        await page.get_by_role("heading", name="Eva").focus()
        following = follow(world, live, "anna")
        become(following)
        await expect(card(page, following)).to_be_visible()
        await page.evaluate("document.activeElement.blur()")
        await page.clock.run_for(2_000)
        await expect(card(page, call)).to_have_count(0)


async def test_keys_can_be_switched_off_and_stay_off(
    chromium: Browser, server: Server, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with window(chromium, server, **DESK) as page:
        await connected(page, live)
        await expect(card(page, call).locator(".orders kbd:visible")).to_have_text("P")
        await page.get_by_text("Keys", exact=True).click()
        await page.get_by_role("checkbox").uncheck()
        await expect(card(page, call).locator("kbd:visible")).to_have_count(0)
        await page.reload()
        await connected(page, live)
        await page.keyboard.press("p")
        await expect(card(page, call).get_by_role("button", name="Pause")).to_be_visible()
        assert call.row.policy.state == "recording"


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("sv", "dark")])
async def test_on_a_phone(
    chromium: Browser, server: Server, world: World, live: Live, tmp_path: Path, language: str, scheme: str
) -> None:
    call = follow(world, live, "anna", Mode.ON_DEMAND)
    async with window(chromium, server, language=language, **PHONE, color_scheme=scheme) as page:
        await connected(page, live)
        signal = card(page, call).locator(".signal")
        await is_fine(page, tmp_path, f"phone-{language}")
        bottom = (
            await card(page, call)
            .get_by_role("button")
            .last.evaluate("b => b.getBoundingClientRect().bottom")
        )
        assert bottom <= 700, "note and commands are on one screen"
        await page.clock.run_for(3_500)
        await expect(signal).to_have_css("opacity", "0")
        await page.touchscreen.tap(10, 690)
        await expect(signal).to_have_css("opacity", "1")


async def test_calls_now_opens_it_and_a_supervisor_loses_sight_of_who_is_taken_from_them(
    chromium: Browser,
    server: Server,
    world: World,
    live: Live,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ari_recorder.web.watch.ASKED_AGAIN_S", 0.05)
    supervise(world, "bo", "anna")
    theirs, mine = follow(world, live, "anna"), follow(world, live, "bo")
    async with opened(chromium, server, "bo", complaints=("404",)) as page:
        await connected(page, live)
        await is_fine(page, tmp_path, "supervisor")
        async with page.expect_popup() as opening:
            await page.get_by_role("link", name="Open in a window of its own").click()
        own = await opening.value
        await expect(own.get_by_role("article")).to_have_count(1)
        await expect(card(own, mine)).to_be_visible()
        await expect(card(page, theirs)).to_contain_text("Anna Andersson")
        world.store.write_now(lambda: _taken_away(world))
        await expect(page.locator("#disconnected")).to_be_visible()
        await page.clock.run_for(3_000)
        await expect(card(page, theirs)).to_have_count(0)
        await expect(card(page, mine)).to_be_visible()


def _taken_away(world: World) -> None:
    models.Supervision.delete().execute()
    models.Revision.update(access=models.Revision.access + 1).execute()
