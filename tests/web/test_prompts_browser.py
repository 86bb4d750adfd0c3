"""Prompts are recorded in a real browser, with a microphone that beeps; and chosen, where there is none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from ari_recorder.store.models import Prompt
from ari_recorder.web import Server

from ..media.test_prompts import made
from .browsers import ARGUMENTS, QUIET
from .test_browser import eventually, listened
from .world import PASSWORD, World

STREAMS = """
window.streams = [];
if (navigator.mediaDevices) {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (what) => {
    const stream = await ask(what);
    window.streams.push(stream);
    return stream;
  };
}
"""
"""Keeps what the microphone was asked for by the page, as ``streams``."""
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """Chromium with a microphone, or as ``request.param`` says; and with what asks whether it may be used."""
    more, whole = getattr(request, "param", MICROPHONE), {**os.environ, "CHROMIUM": "chromium"}
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=QUIET, args=[*ARGUMENTS, *more], env=whole
        )
        yield chromium
        await chromium.close()


async def opened(context: BrowserContext, server: Server) -> tuple[Page, list[str]]:
    page, complaints = await listened(context)
    await page.goto(f"{server.url}prompts?lang=en")
    await page.get_by_label("Login").fill("admin-acme")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("#sv-start summary").click()
    return page, complaints


async def test_a_prompt_is_recorded_heard_used_and_undone(
    browser: Browser,
    server: Server,
    world: World,
) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page, complaints = await opened(context, server)
    row = page.locator("#sv-start")
    await row.get_by_role("button", name="Record it now").click()
    await expect(row.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    await expect(row.get_by_label("What your file says")).to_have_value("Samtalet spelas in.")
    level = row.locator(".level-now")
    await eventually(lambda: level.get_attribute("width"), lambda width: width not in ("0", "0%"))
    await expect(row.locator(".running-for")).to_have_text("0:01")
    await page.keyboard.press("Enter")
    await expect(row.get_by_role("button", name="Listen: Your recording")).to_be_focused()
    assert world.store.read_now(Prompt.select().count) == 0, "heard before it is saved"
    await page.keyboard.press("Enter")
    await expect(row.get_by_role("button", name="Stop: Your recording")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await row.get_by_role("button", name="Use it from now on").click()
    await expect(page.get_by_text("your file is used from now on.")).to_be_in_viewport()
    found = world.store.read_now(lambda: Prompt.select().get())
    assert (found.text, found.file_name) == ("Samtalet spelas in.", "Your recording.webm")
    assert 900 < found.duration_ms < 10_000
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("it is as it was before.")).to_be_visible()
    assert world.store.read_now(Prompt.select().count) == 0
    assert complaints == []


async def test_pressed_twice_no_microphone_listens_on(browser: Browser, server: Server, world: World) -> None:
    context = await browser.new_context()
    await context.add_init_script(STREAMS)
    page, complaints = await opened(context, server)
    row = page.locator("#sv-start")
    await row.get_by_role("button", name="Record it now").dblclick()
    await expect(row.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(row.get_by_role("button", name="Listen: Your recording")).to_be_focused()
    assert await page.evaluate("window.streams.map((one) => one.active)") == [False]
    assert complaints == []


@pytest.mark.parametrize(
    ("browser", "said"),
    [
        (["--use-fake-device-for-media-stream", "--deny-permission-prompts"], "may not use the microphone"),
        ([], "No microphone was found"),
    ],
    indirect=["browser"],
)
async def test_without_a_microphone_it_says_why_and_a_file_is_dropped(
    browser: Browser,
    server: Server,
    world: World,
    said: str,
) -> None:
    page, complaints = await opened(await browser.new_context(), server)
    row = page.locator("#sv-start")
    await row.get_by_role("button", name="Record it now").click()
    await expect(row.get_by_role("alert")).to_contain_text(said)
    sound = made("mp3", "libmp3lame", 44_100, "stereo")
    await row.locator(".drop").evaluate(DROP, list(sound))
    await expect(row.get_by_role("alert")).to_be_hidden()
    await expect(row.get_by_text("Your file: hej.mp3")).to_be_visible()
    await row.get_by_label("What your file says").fill("Hej!")
    await row.get_by_role("button", name="Use it from now on").click()
    await expect(page.get_by_text("your file is used from now on.")).to_be_visible()
    assert world.store.read_now(lambda: Prompt.select().get()).file_name == "hej.mp3"
    assert complaints == []


DROP = """(drop, bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(bytes)], "hej.mp3", { type: "audio/mpeg" }));
    drop.dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true }));
    drop.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""
