"""The demo's phone in the browser: WebRTC by a real Chromium through the real PBX, recorded as any is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile as sf
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute, async_playwright, expect

from ari_recorder.policies.table import Mode
from lab import Lab, softphone, tones
from lab.directory import add_user
from lab.recorder import PBX
from tests.asterisk.station import Station
from tests.web.browsers import ARGUMENTS, CHROMIUM
from tests.web.test_browser import listened

pytestmark = pytest.mark.asterisk

SAID_HZ = tones.frequency_hz("101")
"""What the browser's microphone hears: the tone by which 101 is known."""
WITHIN_MS = 15_000
PRESS = """async ([keys, every_ms]) => {
  for (const key of keys) {
    [...document.querySelectorAll("#keypad button")].find((one) => one.textContent.trim() === key).click();
    await new Promise((done) => setTimeout(done, every_ms));
  }
}"""
"""Keys of the keypad, one every so many milliseconds."""


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
    async with softphone.serving(lab, station.recorder.url, station.store) as url:
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


@pytest.mark.parametrize("every_ms", [0, 115])
async def test_keys_that_are_pressed_fast_all_arrive(
    lab: Lab, context: BrowserContext, address: str, every_ms: int
) -> None:
    page, complaints = await registered(context, address, "101")
    await page.get_by_role("button", name="Call 106").click()
    called = await lab.phones["106"].incoming()
    await called.answer(play="tone")
    await expect(page.locator("#call-state")).to_contain_text("In a call with 106")
    await page.evaluate(PRESS, ["1223334567890", every_ms])
    await called.heard_digits("1223334567890")
    await page.get_by_role("button", name="Hang up").click()
    await called.ended()
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


async def test_a_spare_phone_is_the_users_who_was_given_it(
    station: Station, context: BrowserContext, address: str
) -> None:
    page, complaints = await registered(context, address, "107")
    await expect(page.locator("#mode")).to_contain_text("This phone is nobody's yet.")
    await expect(page.locator("#mode")).to_contain_text("as their telephone write PJSIP/107")
    await expect(page.get_by_label("Phone of")).to_contain_text("107: a spare phone")
    await clean(page)
    station.store.write_now(
        add_user, name="Maja", number="107", mode=Mode.ALWAYS_PAUSE_RESUME, login="maja",
        endpoints=[(PBX, "PJSIP/107")],
    )  # fmt: skip
    await page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(page.locator("#mode")).to_contain_text("What is said while you have paused is not kept.")
    await expect(page.locator("#sign-in")).to_have_text("In My Pages Maja signs in as maja.")
    await expect(page.get_by_label("Phone of")).to_contain_text("107 Maja: always recorded, with pauses")
    await expect(page.locator("#registered")).to_contain_text("Registered: calls to 107 ring here")
    assert complaints == []


async def test_it_speaks_swedish(lab: Lab, chromium: Browser, address: str) -> None:
    context = await chromium.new_context(
        permissions=["microphone"], locale="sv-SE", viewport={"width": 390, "height": 844}
    )
    page, complaints = await listened(context)
    await page.goto(f"{address}?as=102")
    await expect(page.locator("html")).to_have_attribute("lang", "sv")
    await expect(page.locator("#registered")).to_contain_text("Registrerad", timeout=WITHIN_MS)
    await expect(page.get_by_label("Telefon för")).to_contain_text("102 Bo: spelas alltid in, kan pausas")
    await page.get_by_role("button", name="Ring 106").click()
    called = await lab.phones["106"].incoming()
    await expect(page.locator("#call-state")).to_contain_text("Det ringer hos 106")
    await called.answer(play="tone")
    await expect(page.locator("#call-state")).to_contain_text("I samtal med 106")
    await expect(page.get_by_role("button", name="Pausa (*48)")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await clean(page)
    await page.get_by_role("button", name="Lägg på").click()
    await called.ended()
    await expect(page.locator("#afterwards")).to_contain_text("finns om ett ögonblick på Mina sidor")
    await page.get_by_label("Nummer").fill("999")
    await page.get_by_label("Nummer").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Numret finns inte.")
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
