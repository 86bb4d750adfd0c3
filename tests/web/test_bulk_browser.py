"""A selection of the list is held, and another removed, in a real browser and with nothing but keys."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from ari_recorder.web import Server

from .test_account_browser import clean
from .test_list_browser import opened, recordings  # noqa: F401 - fixtures

WORDS = {
    "en": ("Select: ", "Hold", "Remove", "2 selected", "Why"),
    "sv": ("Välj: ", "Bevara", "Ta bort", "2 valda", "Varför"),
}


async def choose(page: Page, language: str, *which: int) -> None:
    boxes = page.get_by_role("checkbox", name=WORDS[language][0])
    for one in which:
        await boxes.nth(one).focus()
        await page.keyboard.press("Space")
    await expect(page.locator(".bulk .selected")).to_have_text(WORDS[language][3])


async def press(page: Page, name: str) -> None:
    """A button of the bar, which has to be in sight, wide enough, and called by its name."""
    button = page.get_by_role("group").get_by_role("button", name=name, exact=True)
    await expect(button).to_be_in_viewport(ratio=1)
    size = await button.bounding_box()
    assert size
    assert min(size["width"], size["height"]) >= 40
    await button.focus()
    await page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1280, "light", "en"), (390, "dark", "sv"), (800, "light", "en")]
)
async def test_held_and_removed_with_keys(
    chromium: Browser,
    server: Server,
    recordings: None,  # noqa: F811
    width: int,
    scheme: str,
    language: str,
) -> None:
    _, hold, remove, _, why = WORDS[language]
    page, complaints = await opened(chromium, server, width=width, scheme=scheme)
    await page.goto(f"{server.url}?q=caller&lang={language}")
    await choose(page, language, 0, 1)
    await clean(page)
    await press(page, hold)
    await expect(page).to_have_url(re.compile("/holds/new"))
    await expect(page.locator(".each a")).to_have_count(2)
    await clean(page)
    await page.get_by_label(why, exact=True).focus()
    await page.keyboard.type("Case T 4711-26")
    await page.keyboard.press("Tab")
    await page.locator("main form.form button").press("Enter")
    await expect(page).to_have_url(re.compile("/holds/[0-9a-f-]{36}"))
    await expect(page.get_by_role("status").first).to_contain_text("2 ")
    await clean(page)
    await page.goto(f"{server.url}?q=caller")
    await expect(page.locator("tr[data-id] .held")).to_have_count(2)
    await choose(page, language, 1, 2)
    await press(page, remove)
    await expect(page.locator("details.each")).to_have_count(2)
    await clean(page)
    await page.locator(".button.danger").press("Enter")
    await expect(page).to_have_url(re.compile("/disposals"))
    await clean(page)
    await page.goto(f"{server.url}?q=caller")
    await expect(page.locator("tr[data-id]")).to_have_count(11)
    await expect(page.locator("tr[data-id] .held")).to_have_count(2)
    assert complaints == []
    await page.context.close()
