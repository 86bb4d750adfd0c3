"""Every page there is, by one table (`lab.pages`): clean for axe, light as the eye and as the line want it.

In a real browser, on the demo's recordings, signed in as whoever the page is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Tab

from ari_recorder.store import passwords
from ari_recorder.web.routes import ROUTES
from lab import pages
from lab.screenshots import LOOKS, NOW, Look, open_page, signed_in
from lab.show import Show, showing
from lab.weight import Weight

from .browsers import ARGUMENTS, QUIET
from .world import QUICK

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

LATEST = 10
"""Of the calls: among them some with each of what is looked for."""
WEIGHT_MIN, WEIGHT_MAX = 1_000, 100_000
"""Bytes over the line, without anything kept from before; with less nothing was weighed."""
PHONE = 390
NARROW = 320
"""Wide as what 400 % of a screen of 1280 is, which WCAG (1.4.10) asks for."""
ENGLISH, SWEDISH = Look("english", 1280, 800), Look("swedish", PHONE, 844, scheme="dark", language="sv")
Tabs = dict[tuple[str, str], tuple[Tab, Weight]]
ALIKE = ".api-operation ~ .api-operation ~ .api-operation, tbody tr:nth-of-type(n + 9)"
"""What a long page has many of: the first of them are enough."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", QUICK)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def show(tmp_path_factory: pytest.TempPathFactory, quick: None) -> AsyncIterator[Show]:
    async with showing(tmp_path_factory.mktemp("show"), NOW, LATEST) as shown:
        yield shown


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=QUIET, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture(scope="module")
def tabs() -> Tabs:
    """One of each who has signed in, by login and language: to open more takes longer than most pages."""
    return {}


async def opened(
    browser: Browser, show: Show, tabs: Tabs, page: pages.Page, look: Look
) -> tuple[Tab, Weight]:
    key = (page.who, look.name)
    if key not in tabs:
        tab = await (await signed_in(browser, show, page.who, look)).new_page()
        tabs[key] = tab, await Weight.of(tab)
    tab, weight = tabs[key]
    await tab.goto("about:blank")  # what the page before still loads is not this one's
    weight.bytes = 0
    await open_page(tab, show, page, drawn="load")
    return tab, weight


async def violations(tab: Tab) -> list[object]:
    """What axe finds (WCAG 2.2 A and AA, and good practice), with all that can be opened open."""
    await tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    await tab.evaluate("alike => document.querySelectorAll(alike).forEach(one => one.remove())", ALIKE)
    await tab.evaluate(AXE_SCRIPT)
    found = await tab.evaluate("axe.run({resultTypes: ['violations']})")
    return [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found["violations"]]


async def fits(tab: Tab) -> bool:
    """Nothing is wider than the page, and no button's words than the button."""
    return bool(
        await tab.evaluate(
            "document.documentElement.scrollWidth <= window.innerWidth"
            " && [...document.querySelectorAll('.button')].every((one) => one.scrollWidth <= one.offsetWidth)"
        )
    )


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
async def test_a_page(browser: Browser, show: Show, tabs: Tabs, page: pages.Page) -> None:
    english, weight = await opened(browser, show, tabs, page, ENGLISH)
    assert await english.evaluate("document.documentElement.lang") == "en"
    assert WEIGHT_MIN < weight.bytes < WEIGHT_MAX
    for width in (PHONE, NARROW):
        await english.set_viewport_size({"width": width, "height": 844})
        assert await fits(english)
    await english.set_viewport_size({"width": 1280, "height": 800})
    assert await violations(english) == []
    swedish, _ = await opened(browser, show, tabs, page, SWEDISH)
    assert await swedish.evaluate("document.documentElement.lang") == "sv"
    for width in (PHONE, NARROW):
        await swedish.set_viewport_size({"width": width, "height": 844})
        assert await fits(swedish)
    assert await violations(swedish) == []


async def test_every_page_is_in_the_table_once() -> None:
    asked_for = {route.path for route in ROUTES if route.method == "GET" and not route.described}
    shown = {page.route for page in pages.PAGES}
    assert shown & pages.NOT_SHOWN.keys() == set()
    assert shown | pages.NOT_SHOWN.keys() == asked_for
    names = [page.name for page in pages.PAGES]
    assert len(names) == len(set(names))
    assert all(page.title for page in pages.PAGES)


async def test_the_documents_have_a_picture_of_every_page_and_of_nothing_else() -> None:
    pictures = list((Path(__file__).parents[2] / "docs/screenshots").glob("*.png"))
    known = {f"{page.name}-{look.name}.png" for page in pages.PAGES for look in LOOKS}
    assert {one.name for one in pictures} <= known
    assert {f"{page.name}-desktop.png" for page in pages.PAGES} <= {one.name for one in pictures}
    assert sum(one.stat().st_size for one in pictures) < 4_000_000
