"""How soon each page shows something, and what it weighs: by a real browser, on a furnished catalogue.

Of every page of `lab.pages`: the browser's own *first contentful paint* after the address is opened (ms, the
median of several times), with nothing kept from before (``first_ms``) and as for somebody who has been there
(``again_ms``), and the kilobytes that come over the line the first time (``kb``). The first line is the peer,
a page of one word from a bare server: less than that no page takes in this browser on this machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, async_playwright

from bench.results import Result, Row, percentile
from lab.pages import PAGES
from lab.screenshots import CHROMIUM_ARGUMENTS, LOOKS, NOW, open_page, signed_in
from lab.show import showing
from lab.tree import find_program
from lab.weight import Weight

TIMES = 5
PAINT = """() => new Promise(resolve => new PerformanceObserver(list => {
    const [paint] = list.getEntriesByName('first-contentful-paint')
    if (paint) resolve(paint.startTime)
}).observe({type: 'paint', buffered: true}))"""


async def run() -> Result:
    """Measure every page."""
    rows: list[Row] = []
    async with async_playwright() as playwright:
        program = find_program("chromium")
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        with tempfile.TemporaryDirectory(prefix="ari-recorder-bench-") as folder:
            rows.append(await _bare(browser))
            rows += await _pages(browser, Path(folder))
        await browser.close()
    return Result(f"First contentful paint of each page, median of {TIMES}", rows)


async def _pages(browser: Browser, folder: Path) -> list[Row]:
    rows: list[Row] = []
    people: dict[str, BrowserContext] = {}
    async with showing(folder, NOW) as show:
        for page in PAGES:
            if page.who not in people:
                people[page.who] = await signed_in(browser, show, page.who, LOOKS[0])
            first, again, kb = [], [], 0.0
            for _ in range(TIMES):
                tab = await people[page.who].new_page()
                weight = await Weight.of(tab)
                await open_page(tab, show, page, drawn="load")
                first.append(await tab.evaluate(PAINT))
                kb = weight.bytes / 1000
                await tab.close()
            for _ in range(TIMES):
                tab = await people[page.who].new_page()
                await open_page(tab, show, page, drawn="load")
                again.append(await tab.evaluate(PAINT))
                await tab.close()
            rows.append(_row(page.name, first, again, kb))
    return rows


async def _bare(browser: Browser) -> Row:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Word</h1>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/", answer)
    taken, kb = [], 0.0
    async with TestServer(application) as server:
        for _ in range(2 * TIMES):
            tab = await browser.new_page()
            weight = await Weight.of(tab)
            await tab.goto(str(server.make_url("/")))
            taken.append(await tab.evaluate(PAINT))
            kb = weight.bytes / 1000
            await tab.close()
    return _row("(one word)", taken[:TIMES], taken[TIMES:], kb)


def _row(name: str, first: list[float], again: list[float], kb: float) -> Row:
    return {
        "page": name,
        "first_ms": round(percentile(first, 50)),
        "again_ms": round(percentile(again, 50)),
        "kb": round(kb, 1),
    }
