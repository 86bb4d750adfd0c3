"""A real browser: sign in, find a recording, hear it, keep it. On a desk and on a phone."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from ari_recorder.web import Server

from .world import AUDIO_S, PASSWORD, World, opus

WITHIN_S = 15.0
DRAWN = """section => {
    const shadow = section.querySelector('.waveform').firstElementChild.shadowRoot;
    return [...shadow.querySelectorAll('canvas')].some(canvas => {
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return data.some(value => value > 0);
    });
}"""


@pytest.fixture
def recording(world: World) -> UUID:
    world.recording(world.ids["anna"], stored=False)
    made = world.recording(world.ids["anna"], counterpart_name="Eva Sandberg", mark="red", note="Call back")
    world.recording(world.ids["olle"], counterpart_name="Of another organisation")
    return made


async def eventually(ask: Callable[[], Awaitable[Any]], condition: Callable[[Any], bool]) -> Any:
    """What ``ask`` answers as soon as ``condition`` holds of it."""
    async with asyncio.timeout(WITHIN_S):
        while not condition(answer := await ask()):
            await asyncio.sleep(0.02)
    return answer


async def sign_in(page: Page, server: Server, login: str = "anna") -> None:
    await page.goto(server.url)
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()
    await page.wait_for_load_state()  # a key pressed before the page's scripts have run is lost


async def listened(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and everything it complains about: scripts that fail, things the policy blocks."""
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def audio(page: Page, what: str) -> Callable[[], Awaitable[Any]]:
    return lambda: page.locator("audio").evaluate(f"audio => audio.{what}")


async def test_find_hear_and_keep_a_recording(
    chromium: Browser, server: Server, recording: UUID, tmp_path: Path
) -> None:
    context = await chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server)
    await expect(page.get_by_role("row")).to_have_count(4)
    await expect(page.locator(".state", has_text="In progress")).to_be_visible()
    await page.get_by_text("Eva Sandberg").click()
    await expect(page.get_by_role("heading", name="Eva Sandberg")).to_be_visible()
    await _play(page)
    await _use_the_keyboard(page)
    await page.get_by_text("Download", exact=True).click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Opus").click()
    kept = await download.value
    await kept.save_as(tmp_path / "kept")
    assert kept.suggested_filename == "2026-11-22_12-58-00_101_0812345678_in.opus"
    assert hashlib.sha256((tmp_path / "kept").read_bytes()).digest() == hashlib.sha256(opus()).digest()
    assert await page.locator("#sha256").inner_text() == hashlib.sha256(opus()).hexdigest()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert complaints == []


async def _play(page: Page) -> None:
    player = page.locator(".player")
    await expect(player).to_have_class("player card enhanced drawn")
    await eventually(lambda: player.evaluate(DRAWN), bool)
    await page.get_by_role("button", name="Play", exact=True).click()
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 0.3)
    assert abs(await audio(page, "duration")() - AUDIO_S) < 0.1
    await expect(page.locator(".times")).to_contain_text("/ 0:06")
    await page.get_by_role("button", name="Pause").click()
    await eventually(audio(page, "paused"), bool)


async def _use_the_keyboard(page: Page) -> None:
    slider = page.get_by_role("slider", name="Position")
    await slider.focus()
    await page.keyboard.press("Home")
    await eventually(audio(page, "currentTime"), lambda seconds: seconds == 0)
    await page.keyboard.press("ArrowRight")
    await eventually(audio(page, "currentTime"), lambda seconds: seconds == 5)
    await expect(slider).to_have_attribute("aria-valuetext", "0:05 / 0:06")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press(" ")
    await eventually(audio(page, "paused"), lambda paused: not paused)
    await page.keyboard.press(" ")
    await eventually(audio(page, "paused"), bool)


async def test_on_a_phone(chromium: Browser, server: Server, recording: UUID) -> None:
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, locale="en-GB"
    )
    page, complaints = await listened(context)
    await sign_in(page, server)
    await _fits(page)
    card = page.get_by_role("row").filter(has_text="Eva Sandberg")
    await card.get_by_text("Eva Sandberg").tap()
    await expect(page.get_by_role("heading", name="Eva Sandberg")).to_be_visible()
    await page.get_by_role("button", name="Play", exact=True).tap()
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 0)
    await _fits(page)
    assert complaints == []


async def test_without_scripts(chromium: Browser, server: Server, recording: UUID) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await sign_in(page, server)
    await page.get_by_role("link", name="12:58:00", exact=True).click()
    await expect(page.locator("audio[controls]")).to_be_visible()
    await page.get_by_text("Download", exact=True).click()
    for form in ("Opus", "WAV", "FLAC"):
        await expect(page.get_by_role("link", name=re.compile(f"^{form}"))).to_be_visible()
    await expect(page.locator(".play")).to_be_hidden()
    await expect(page.get_by_role("button", name="Copy")).to_be_hidden()


async def test_an_administrator_replaces_a_prompt_without_scripts(
    chromium: Browser, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "hello.ogg").write_bytes(opus())
    (tmp_path / "letter.pdf").write_bytes(b"hello")
    context = await chromium.new_context(
        java_script_enabled=False, locale="en-GB", viewport={"width": 390, "height": 844}
    )
    page = await context.new_page()
    await sign_in(page, server, "admin-acme")
    await page.get_by_role("link", name="Administration").click()
    await page.get_by_role("link", name="Prompts", exact=True).click()
    await expect(page.get_by_role("heading", name="Prompts")).to_be_visible()
    prompt = page.locator("#sv-start")
    await prompt.locator("summary", has_text="Replace Recording has started, Swedish").press("Enter")
    await prompt.get_by_label("What your file says").fill("Hello, you are being recorded.")
    await prompt.get_by_label("File", exact=True).set_input_files(tmp_path / "letter.pdf")
    await prompt.get_by_role("button", name="Use it from now on").click()
    await expect(prompt.get_by_role("alert")).to_contain_text("cannot be read as sound")
    await expect(prompt).to_be_focused()
    await expect(prompt).to_be_in_viewport()
    await expect(prompt.get_by_label("What your file says")).to_have_value("Hello, you are being recorded.")
    await prompt.get_by_label("File", exact=True).set_input_files(tmp_path / "hello.ogg")
    await prompt.get_by_role("button", name="Use it from now on").click()
    await expect(page.locator(".told")).to_contain_text("your file is used from now on.")
    await expect(prompt).to_contain_text("hello.ogg")
    await prompt.get_by_role("button", name="Back to the standard one").click()
    await expect(page.locator(".told")).to_contain_text("the standard prompt is used again.")
    await expect(prompt).to_contain_text("Samtalet spelas in.")


@pytest.mark.parametrize("width", [360, 700, 1280])
async def test_prompts_are_heard_and_fit(chromium: Browser, server: Server, width: int) -> None:
    context = await chromium.new_context(viewport={"width": width, "height": 844}, locale="sv-SE")
    page, complaints = await listened(context)
    await page.goto(f"{server.url}prompts?lang=en")
    await page.get_by_label("Login").fill("admin-acme")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Prompts")).to_be_visible()
    await _fits(page)
    await page.locator("#sv-stop summary").click()
    await _fits(page)
    first = page.get_by_role("button", name="Listen: Recording has started, English")
    await first.click()
    await expect(page.get_by_role("button", name="Stop: Recording has started, English")).to_be_visible()
    await page.get_by_role("button", name="Listen: Recording has stopped, Swedish").press("Enter")
    await expect(first).to_be_visible()
    prompt = page.locator("#sv-stop audio")
    await eventually(lambda: prompt.evaluate("audio => audio.currentTime"), lambda seconds: seconds > 0.2)
    assert 1 < await prompt.evaluate("audio => audio.duration") < 3
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Listen: Recording has stopped, Swedish")).to_be_visible()
    assert complaints == []


async def _fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_api_can_be_read(chromium: Browser, server: Server, width: int) -> None:
    context = await chromium.new_context(viewport={"width": width, "height": 844}, locale="en-GB")
    page, complaints = await listened(context)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(server.url)
    await page.get_by_role("link", name="API").click()
    await expect(page.get_by_role("heading", name="API", exact=True)).to_be_visible()
    await page.get_by_role("link", name="PATCH /api/v1/recordings/{id}").click()
    part = page.get_by_role("region", name="PATCH /api/v1/recordings/{id}")
    await expect(part.get_by_text("If-Match").first).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    assert {url for url in asked if not url.startswith(server.url)} == set()
