"""Firefox and WebKit, as Debian has them: sign in, find a recording, hear it, keep it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.web import Server

from .driven import FIREFOX, WEBKIT_DRIVER, XVFB, Driven, firefox, missing, webkit
from .test_browser import recording  # noqa: F401 - fixture
from .world import PASSWORD, opus

WITHIN_S = 60.0
SIGN_IN = f"""
    document.querySelector('[name=login]').value = 'anna';
    document.querySelector('[name=password]').value = {PASSWORD!r};
    document.querySelector('main form').requestSubmit();
"""
PLAY = """
    const audio = document.querySelector('audio');
    audio.muted = true;
    await audio.play();
"""
DOWNLOAD = """
    const link = document.querySelector('a[download], a[href*="download"]');
    const answer = await fetch(link.href);
    const digest = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
    const hex = Array.from(new Uint8Array(digest), one => one.toString(16).padStart(2, '0'));
    return [answer.status, hex.join('')];
"""
BROWSERS = {"firefox": (firefox, (FIREFOX,)), "webkit": (webkit, (WEBKIT_DRIVER, XVFB))}


@pytest.fixture(params=BROWSERS)
async def browser(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Driven]:
    begin: Callable[[Path], AbstractAsyncContextManager[Driven]]
    begin, programs = BROWSERS[request.param]
    if lacking := missing(*programs):
        pytest.skip(f"{lacking} is not installed: make test installs it where there is a package of it")
    async with begin(tmp_path) as page:
        yield page


async def until(page: Driven, script: str, condition: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not condition(told := await page.run(f"return {script}")):
            await asyncio.sleep(0.1)
    return told


async def test_find_hear_and_keep_a_recording(
    browser: Driven,
    server: Server,
    recording: UUID,  # noqa: F811
) -> None:
    await browser.goto(f"{server.url}sign-in?lang=en")
    await browser.run(SIGN_IN)
    await until(browser, "location.pathname + document.readyState", lambda told: told == "/complete")
    await browser.goto(f"{server.url}?q=sandberg")
    assert str(recording) in await browser.run("return document.querySelector('main').innerHTML")
    await browser.goto(f"{server.url}recordings/{recording}")
    await until(browser, "document.querySelector('audio') !== null", bool)
    await browser.run(PLAY)
    await until(browser, "document.querySelector('audio').currentTime", lambda seconds: seconds > 0.3)
    status, digest = await browser.run(DOWNLOAD)
    assert (status, digest) == (200, hashlib.sha256(opus()).hexdigest())
