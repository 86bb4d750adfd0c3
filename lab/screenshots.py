"""``python -m lab.screenshots [NAME …]``: pictures of every page, into ``docs/screenshots/``.

Each page of `pages.PAGES`, or those named, on a desk, on a phone, and dark and in Swedish, on a furnished
catalogue as of one fixed moment, so that only what has changed differs. Debian's chromium draws them, and
pngquant makes them small.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, FilePayload, async_playwright
from playwright.async_api import Page as Tab

from lab.errors import LabError
from lab.pages import PAGES, Page
from lab.people import USERS
from lab.show import Show, showing
from lab.tree import find_program

FOLDER = Path("docs/screenshots")
NOW = datetime(2026, 11, 26, 14, 20, tzinfo=UTC)
CHROMIUM_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
COLOURS = "64"
HEIGHT_MAX = 1000
"""Longer pages are cut: what is below looks like what is above."""


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str = "light"
    language: str = "en"


LOOKS = (
    Look("desktop", 1280, 800),
    Look("phone", 390, 844),
    Look("dark-swedish", 390, 844, scheme="dark", language="sv"),
)


async def picture(wanted: list[Page]) -> None:
    """Make the pictures of these pages."""
    with tempfile.TemporaryDirectory(prefix="ari-recorder-show-") as folder:
        async with showing(Path(folder), NOW) as show, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_program("chromium"), args=CHROMIUM_ARGUMENTS
            )
            for look in LOOKS:
                await _picture_all(browser, show, look, wanted)
            await browser.close()


async def _picture_all(browser: Browser, show: Show, look: Look, wanted: list[Page]) -> None:
    contexts: dict[str, BrowserContext] = {}
    for page in wanted:
        if page.who not in contexts:
            contexts[page.who] = await signed_in(browser, show, page.who, look)
        tab = await contexts[page.who].new_page()
        await open_page(tab, show, page)
        path = FOLDER / f"{page.name}-{look.name}.png"
        height = min(await tab.evaluate("document.documentElement.scrollHeight"), HEIGHT_MAX)
        await tab.screenshot(
            path=path, full_page=True, animations="disabled",
            clip={"x": 0, "y": 0, "width": look.width, "height": max(height, look.height)},
        )  # fmt: skip
        await tab.close()
        await asyncio.to_thread(_make_small, path)
    for context in contexts.values():
        await context.close()


async def signed_in(browser: Browser, show: Show, who: str, look: Look) -> BrowserContext:
    """A browser of somebody's own, signed in (nobody: not), with the show's time."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.scheme == "dark" else "light",
        locale={"en": "en-GB", "sv": "sv-SE"}[look.language],
        reduced_motion="reduce",
    )
    await context.clock.set_fixed_time(NOW)
    tab = await context.new_page()
    await tab.goto(f"{show.url}sign-in?lang={look.language}")
    if who:
        await tab.locator("input[name=login]").fill(who)
        await tab.locator("input[name=password]").fill(password_of(who))
        await tab.locator("main form button").first.click()
        await tab.wait_for_url(lambda url: "/sign-in" not in url)
    await tab.close()
    return context


async def open_page(
    tab: Tab, show: Show, page: Page, drawn: Literal["load", "networkidle"] = "networkidle"
) -> None:
    """Go there, give the form its file, if any, and wait until it is ``drawn``."""
    answer = await tab.goto(show.address(page))
    if answer is None or answer.status != 200:
        raise LabError(
            f"{page.name}: {page.who or 'nobody'} gets {answer and answer.status} for {page.address}."
        )
    if page.file:
        given = FilePayload(name="users.csv", mimeType="text/csv", buffer=page.file.encode())
        await tab.locator("main input[type=file]").set_input_files(given)
        await tab.locator("main form:has(input[type=file]) button[type=submit]").click()
        await tab.wait_for_url(lambda url: not url.endswith(page.address))
        await tab.locator(".report").first.wait_for()  # the page shows by itself what was read
    await tab.wait_for_load_state(drawn)


def password_of(login: str) -> str:
    """The password of My Pages."""
    return next((user.password for user in USERS if user.number == login), f"demo-{login}")


def _make_small(path: Path) -> None:
    command = ("pngquant", "--force", "--strip", "--speed", "3", "--ext", ".png", COLOURS, str(path))
    subprocess.run(command, check=True)


def write_list() -> None:
    """The list of the pictures, as a page of the documents."""
    lines = [
        "# What My Pages look like",
        "",
        "Made by `make screenshots`, of the demo's recordings: on a desk, on a phone, and dark in Swedish.",
        "",
    ]
    for page in PAGES:
        there = [look for look in LOOKS if (FOLDER / f"{page.name}-{look.name}.png").exists()]
        pictures = " · ".join(f"[{look.name}]({page.name}-{look.name}.png)" for look in there)
        lines.append(f"- **{page.title}** (`{page.route}`, {page.who or 'anybody'}): {pictures}")
    (FOLDER / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    """The command."""
    unknown = set(names) - {page.name for page in PAGES}
    if unknown:
        sys.exit(
            f"No page is called {', '.join(sorted(unknown))}; there are: {', '.join(p.name for p in PAGES)}."
        )
    if not shutil.which("pngquant"):
        sys.exit("pngquant makes the pictures small and is not installed: apt-get install pngquant")
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(picture([page for page in PAGES if not names or page.name in names]))
    write_list()


if __name__ == "__main__":
    main(sys.argv[1:])
