"""The player in a real browser: by keys alone, what it says when something is wrong, and clean for axe."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect

from ari_recorder.store import models
from ari_recorder.web import Server

from .rich import rich
from .test_account_browser import clean
from .test_browser import audio, eventually, listened, sign_in
from .world import World

SPREAD = """section => {
    const canvas = section.querySelector('.waveform').firstElementChild.shadowRoot.querySelector('canvas');
    const [width, row] = [canvas.width, Math.round(canvas.height / 4)];
    const data = canvas.getContext('2d').getImageData(0, row, width, 1).data;
    let bars = 0;
    for (let x = 1; x < width; x += 1) bars += data[4 * x + 3] > 90 && data[4 * x - 1] <= 90;
    return bars / width;
}"""
"""How many bars there are in a pixel of the left side's middle line."""


@pytest.fixture
def recording(world: World) -> UUID:
    return rich(world)


async def opened(
    chromium: Browser,
    server: Server,
    path: str,
    login: str = "anna",
) -> tuple[Page, list[str]]:
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server, login)
    await page.goto(f"{server.url}{path}")
    await expect(page.locator(".player")).to_have_class(re.compile("drawn"))
    return page, complaints


async def test_by_keys_alone(chromium: Browser, server: Server, recording: UUID) -> None:
    page, complaints = await opened(chromium, server, f"recordings/{recording}?t=0:21")
    times, press = page.locator(".times"), page.keyboard.press
    await expect(times).to_have_text("0:21 / 1:0012:31:00")
    for key, shown in (
        ("l", "0:31"), ("j", "0:21"), ("ArrowLeft", "0:16"), ("5", "0:30"), ("End", "1:00"), ("Home", "0:00"),
        ("2", "0:12"),
    ):  # fmt: skip
        await press(key)
        await expect(times).to_contain_text(f"{shown} /")
    await press(".")
    await expect(page.get_by_label("Speed")).to_have_value("1.25")
    assert await audio(page, "preservesPitch")()
    await press("a")
    await press("l")
    await press("b")
    await expect(page.locator(".looping-from-to")).to_have_text("from 0:12 to 0:22")
    await page.evaluate("document.querySelector('audio').currentTime = 21.7")
    await press("k")
    await eventually(audio(page, "currentTime"), lambda seconds: 12 <= seconds < 20)
    await press(" ")
    await eventually(audio(page, "paused"), bool)
    await press("Escape")
    await expect(page.locator(".looping")).to_be_hidden()
    await press("s")
    await expect(page.locator(".said")).to_contain_text("Skips 0:0")
    await page.evaluate("document.querySelector('audio').currentTime = 32")
    await press("k")
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 35)
    await press("k")
    await _write_a_note(page)
    await _ask_for_the_keys(page)
    assert complaints == []


async def _write_a_note(page: Page) -> None:
    await page.keyboard.press("n")
    note = page.get_by_label("Note", exact=True)
    await expect(note).to_be_focused()
    before = await audio(page, "currentTime")()
    await note.fill("")
    await page.keyboard.type("jj 99 s?")
    assert await audio(page, "currentTime")() == before
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("Saved")).to_be_visible()
    await expect(page.locator(".note-full")).to_have_text("jj 99 s?")
    await page.keyboard.press("m")
    await expect(page.get_by_role("radio", name="Green")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="Blue")).to_be_focused()
    await expect(page.get_by_text("History: 7 changes")).to_be_visible()


async def _ask_for_the_keys(page: Page) -> None:
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Keys work on this page").uncheck()
    await page.keyboard.press("Escape")
    before = await audio(page, "currentTime")()
    await page.keyboard.press("9")
    assert await audio(page, "currentTime")() == before, "they do not work any more"
    await page.get_by_role("slider", name="Position").press("Home")
    assert await audio(page, "currentTime")() == 0


async def test_links_dragging_and_bars(
    chromium: Browser,
    server: Server,
    recording: UUID,
    world: World,
) -> None:
    page, complaints = await opened(chromium, server, f"recordings/{recording}#t=0:08")
    await expect(page.locator(".times")).to_contain_text("0:08 /")
    await page.evaluate("location.hash = '#t=nonsense'")
    await page.evaluate("location.hash = '#t=90'")
    await expect(page.locator(".said")).to_have_text("The address names a moment behind the end.")
    await page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text; }")
    await page.get_by_role("button", name="Copy link").click()
    assert await page.evaluate("window.copied") == f"{server.url}recordings/{recording}?t=8"
    await page.locator(".moments .seek").filter(has_text="0:38").click()
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 38)
    await page.get_by_role("button", name="Pause").click()
    ruler = await page.locator(".ruler").bounding_box()
    assert ruler
    y = ruler["y"] + 8
    await page.mouse.move(ruler["x"] + ruler["width"] / 6, y)
    await page.mouse.down()
    await page.mouse.move(ruler["x"] + ruler["width"] / 2, y, steps=4)
    await page.mouse.up()
    await expect(page.locator(".looping-from-to")).to_have_text("from 0:10 to 0:30")
    await expect(page.locator(".times")).to_contain_text("0:10 /")
    long = await page.locator(".player").evaluate(SPREAD)
    short = world.recording(world.ids["anna"], duration_ms=1000, peaks=bytes([90, 90]) * 50)
    await page.goto(f"{server.url}recordings/{short}")
    await expect(page.locator(".player")).to_have_class(re.compile("drawn"))
    found = await page.locator(".player").evaluate(SPREAD)
    assert found == pytest.approx(1 / 3, rel=0.1), f"a bar each three pixels; the long one has {long}"
    assert complaints == []


async def test_it_says_what_is_wrong_and_what_to_do(
    chromium: Browser,
    server: Server,
    recording: UUID,
    world: World,
) -> None:
    page, _ = await opened(chromium, server, f"recordings/{recording}?t=5")
    failure, play = page.locator(".failure"), page.get_by_role("button", name="Play", exact=True)
    key = world.store.read_now(lambda: models.Recording.get_by_id(recording).vault_key)
    path = world.safe.vault.root / key
    kept = path.rename(path.with_suffix(".away"))
    await play.click()
    await expect(failure).to_contain_text("The audio file is missing or damaged in the archive.")
    kept.rename(path)
    await failure.get_by_role("button", name="Try again").click()
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 5)
    await expect(failure).to_be_hidden()


async def test_who_may_not_listen_any_more_is_told(
    chromium: Browser,
    server: Server,
    recording: UUID,
    world: World,
) -> None:
    """First signed out with the page open, then without the right to it."""
    page, _ = await opened(chromium, server, f"recordings/{recording}?t=5")
    failure = page.locator(".failure")
    cookies = await page.context.cookies()
    await page.context.clear_cookies()
    await page.keyboard.press("k")
    await expect(failure).to_contain_text("You have been signed out.")
    link = await failure.get_by_role("link", name="Sign in again").get_attribute("href")
    assert link == f"/sign-in?next=%2Frecordings%2F{recording}%3Ft%3D5"
    await page.context.add_cookies([{**one} for one in cookies])  # type: ignore[typeddict-item]
    world.change(models.User, world.ids["anna"], may_listen=False)
    await page.keyboard.press("k")
    await expect(failure).to_contain_text("You may not listen to this recording any more")
    await expect(failure.get_by_role("button")).to_have_count(0)


async def test_a_browser_that_cannot_play_what_is_kept_gets_wav(
    chromium: Browser,
    server: Server,
    recording: UUID,
) -> None:
    context = await chromium.new_context(locale="en-GB")
    await context.add_init_script(
        "HTMLMediaElement.prototype.canPlayType = type => type === 'audio/wav' ? 'maybe' : '';"
    )
    page, complaints = await listened(context)
    await sign_in(page, server)
    await page.goto(f"{server.url}recordings/{recording}?t=40")
    await page.get_by_role("button", name="Play", exact=True).click()
    await eventually(audio(page, "currentTime"), lambda seconds: seconds > 40)
    assert (await audio(page, "currentSrc")()).endswith("/audio?format=wav")
    assert complaints == []


async def test_it_is_there_when_it_is_ready(
    chromium: Browser,
    server: Server,
    world: World,
) -> None:
    made = world.recording(world.ids["anna"])
    world.change(models.Recording, made, state="closing")
    context = await chromium.new_context(locale="en-GB")
    page, complaints = await listened(context)
    await sign_in(page, server)
    await page.goto(f"{server.url}recordings/{made}")
    await expect(page.get_by_text("This page shows it by itself when it is ready.")).to_be_visible()
    world.change(models.Recording, made, state="stored")
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert complaints == []


async def test_what_is_typed_at_once_is_in_the_note(
    chromium: Browser,
    server: Server,
    recording: UUID,
) -> None:
    page, _ = await opened(chromium, server, f"recordings/{recording}")
    await page.get_by_text("Change the note").click()
    await page.keyboard.type(" on Monday, Karl")
    note = page.get_by_label("Note", exact=True)
    await expect(note).to_have_value(re.compile("on Monday, Karl$"))
    assert await page.evaluate("document.querySelector('audio').paused")
    await page.context.close()


async def test_two_write_at_once(
    chromium: Browser,
    server: Server,
    recording: UUID,
) -> None:
    """What somebody else has written meanwhile is shown, in place; what was typed is not lost."""
    page, complaints = await opened(chromium, server, f"recordings/{recording}")
    other, _ = await opened(chromium, server, f"recordings/{recording}", "admin-acme")
    await page.keyboard.press("n")
    await page.get_by_label("Note", exact=True).fill("Mine")
    await other.get_by_role("radio", name="Red").check()
    await expect(other.get_by_text("Saved")).to_be_visible()
    await other.keyboard.press("n")
    await other.get_by_label("Note", exact=True).fill("Theirs")
    await other.keyboard.press("Control+Enter")
    await expect(other.locator(".note-full")).to_have_text("Theirs")
    await page.get_by_role("button", name="Save").click()
    alert = page.get_by_role("alert").filter(has_text="admin-acme has changed this meanwhile")
    await expect(alert).to_contain_text("Note: Theirs")
    await expect(page.get_by_label("Note", exact=True)).to_have_value("Mine")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".note-full")).to_have_text("Mine")
    await expect(page.get_by_role("radio", name="Red")).to_be_checked()
    assert [text for text in complaints if "412" not in text] == []


async def test_who_was_signed_out_while_writing_loses_nothing(
    chromium: Browser,
    server: Server,
    recording: UUID,
) -> None:
    page, _ = await opened(chromium, server, f"recordings/{recording}")
    await page.keyboard.press("n")
    await page.get_by_label("Note", exact=True).fill("Long thoughts")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("What you wrote is still here")
    await sign_in(await page.context.new_page(), server)
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".note-full")).to_have_text("Long thoughts")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "sv"])
async def test_axe(
    chromium: Browser,
    server: Server,
    recording: UUID,
    scheme: str,
    language: str,
) -> None:
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
    )
    page = await context.new_page()
    await sign_in(page, server, "admin-acme")
    await page.goto(f"{server.url}recordings/{recording}?lang={language}&t=banana")
    await expect(page.locator(".player")).to_have_class(re.compile("drawn"))
    await page.keyboard.press("r")
    await page.keyboard.press("s")
    for summary in (".history > summary", ".downloads > summary"):
        await page.locator(summary).click()
    await page.keyboard.press("n")
    await clean(page)
    await page.locator("[data-does=keys]").click()
    await clean(page)
