"""The demo's phone in the browser: WebRTC by a real Chromium through the real PBX, recorded as any is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile as sf
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute, async_playwright, expect

from lab import Lab, softphone, tones
from tests.asterisk.station import Station
from tests.web.test_browser import ARGUMENTS, CHROMIUM, listened

pytestmark = pytest.mark.asterisk

SAID_HZ = tones.frequency_hz("101")
"""What the browser's microphone hears: the tone by which 101 is known."""
WITHIN_MS = 15_000


@pytest.fixture
async def chromium(tmp_path: Path) -> AsyncIterator[Browser]:
    microphone = tmp_path / "microphone.wav"
    sf.write(microphone, tones.sine(SAID_HZ, 10, 48_000), 48_000, subtype="PCM_16")
    speaking = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--autoplay-policy=no-user-gesture-required",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *speaking])
        yield browser
        await browser.close()


@pytest.fixture
async def address(lab: Lab, station: Station) -> AsyncIterator[str]:
    async with softphone.serving(lab, station.recorder.url) as url:
        yield url


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    made = await chromium.new_context(permissions=["microphone"], locale="en-GB")
    made.set_default_timeout(WITHIN_MS)
    yield made
    await made.close()


async def registered(context: BrowserContext, address: str, number: str) -> tuple[Page, list[str]]:
    page, complaints = await listened(context)
    await page.goto(f"{address}?as={number}")
    await expect(page.locator("#registered")).to_contain_text("Registered", timeout=WITHIN_MS)
    return page, complaints


async def test_who_calls_from_the_browser_is_recorded_on_their_side(
    lab: Lab, station: Station, context: BrowserContext, address: str
) -> None:
    page, complaints = await registered(context, address, "101")
    await page.get_by_role("button", name="Call 106").click()
    called = await lab.phones["106"].incoming()
    await called.answer(play="tone")
    await called.keep()
    await expect(page.locator("#call-state")).to_contain_text("In a call with 106")
    await called.hears(SAID_HZ, 10)
    await page.get_by_role("group", name="Keypad").get_by_role("button", name="7").click()
    await called.heard_digits("7")
    await page.get_by_role("button", name="Mute").click()
    await called.hears_nothing(10)
    await page.get_by_role("button", name="Mute").click()
    await called.hears(SAID_HZ, 10)
    await page.get_by_role("button", name="Hang up").click()
    await called.ended()
    await expect(page.locator("#afterwards")).to_contain_text("Your recording is being made")
    row = await station.only()
    assert (row.user_number, row.counterpart_number, row.direction) == ("101", "106", "outbound")
    samples, rate_hz = station.evidence.audio(row)
    left, right = samples[:, 0], samples[:, 1]
    assert tones.tone_s(left, rate_hz, SAID_HZ) > 0.5
    assert tones.tone_s(right, rate_hz, tones.frequency_hz("106")) > 0.5
    assert tones.tone_dbfs(right, rate_hz, SAID_HZ) < -45
    assert tones.tone_dbfs(left, rate_hz, tones.frequency_hz("106")) < -45
    assert complaints == []


async def test_every_phone_of_a_number_rings_and_the_browser_answers(
    lab: Lab, station: Station, context: BrowserContext, address: str
) -> None:
    page, complaints = await registered(context, address, "101")
    calling = await lab.phones["106"].call("101", play="tone")
    on_the_desk = await lab.phones["101"].incoming()
    await expect(page.get_by_role("heading", name="Fredrik, 106 is calling")).to_be_visible()
    await clean(page)
    await page.get_by_role("button", name="Answer").click()
    await calling.answered()
    await on_the_desk.ended()
    await calling.keep()
    await calling.hears(SAID_HZ, 10)
    await calling.hangup()
    await expect(page.locator("#call-state")).to_have_text("Not in a call")
    row = await station.only()
    assert (row.user_number, row.counterpart_number, row.direction) == ("101", "106", "inbound")
    assert complaints == []


async def test_a_call_is_declined_and_one_that_cannot_be_reached_says_so(
    lab: Lab, context: BrowserContext, address: str
) -> None:
    page, complaints = await registered(context, address, "102")
    calling = await lab.phones["106"].call("102")
    on_the_desk = await lab.phones["102"].incoming()
    await page.get_by_role("button", name="Decline").click()
    await expect(page.locator("#call-state")).to_have_text("Not in a call")
    await calling.hangup()
    await on_the_desk.ended()
    await page.get_by_label("Number").fill("nobody")
    await page.get_by_label("Number").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("“nobody” is no number")
    await page.get_by_label("Number").fill("999")
    await page.get_by_label("Number").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("There is no such number.")
    await clean(page)
    assert complaints == []


async def test_without_a_microphone_a_tone_calls(lab: Lab, chromium: Browser, address: str) -> None:
    context = await chromium.new_context(locale="en-GB", viewport={"width": 390, "height": 844})
    page, complaints = await registered(context, address, "105")
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('', 'NotAllowedError')) }"
    )
    await page.get_by_role("button", name="Call 106").click()
    await expect(page.get_by_role("alert")).to_contain_text("may not use the microphone")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.get_by_role("button", name="Call with a test tone instead").click()
    called = await lab.phones["106"].incoming()
    await called.answer()
    await called.keep()
    await called.hears(440, 10, seconds=0.2)
    await page.close()  # with a goodbye
    await called.ended()
    assert complaints == []
    await context.close()


async def test_asterisk_goes_and_comes_back(context: BrowserContext, address: str) -> None:
    sockets: list[WebSocketRoute] = []
    refused: list[str] = []

    async def between(socket: WebSocketRoute) -> None:
        if len(sockets) == 1 and not refused:
            refused.append(socket.url)
            await socket.close()
            return
        sockets.append(socket)
        socket.connect_to_server()

    await context.route_web_socket("**/ws", between)
    page, _ = await registered(context, address, "101")
    await sockets[0].close()
    await expect(page.locator("#registered")).to_contain_text("Asterisk does not answer. Trying again in 1 s")
    await expect(page.get_by_role("button", name="Call 106")).to_be_disabled()
    await expect(page.locator("#registered")).to_contain_text("Trying again in 2 s", timeout=WITHIN_MS)
    await expect(page.locator("#registered")).to_contain_text("Registered", timeout=WITHIN_MS)
    assert len(refused) == 1


async def clean(page: Page) -> None:
    """axe finds nothing, light and dark."""
    await page.evaluate(AXE_SCRIPT)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = await page.evaluate("axe.run({resultTypes: ['violations']})")
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
