"""Browsers that Playwright does not drive, by the standard's own ways: Debian's Firefox and WebKitGTK.

Firefox speaks WebDriver BiDi by itself (https://w3c.github.io/webdriver-bidi/), WebKitGTK has a WebDriver
(https://www.w3.org/TR/webdriver/) and needs a screen, which Xvfb is.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from glob import glob
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import websockets

FIREFOX, WEBKIT_DRIVER, XVFB = "firefox-esr", "WebKitWebDriver", "Xvfb"
MINI_BROWSER = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
STARTED_WITHIN_S = 60.0
PREFERENCES = {
    "media.autoplay.default": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Driven(Protocol):
    """A browser with one page."""

    async def goto(self, url: str) -> None:
        """Go there; returns when it is loaded."""

    async def run(self, script: str) -> Any:
        """What the body of an async function returns in the page."""


class _Firefox:
    def __init__(self, line: websockets.ClientConnection) -> None:
        self._line = line
        self._numbers = count(1)
        self._page = ""

    async def open(self) -> None:
        await self._ask("session.new", capabilities={})
        tree = await self._ask("browsingContext.getTree")
        self._page = tree["contexts"][0]["context"]

    async def goto(self, url: str) -> None:
        await self._ask("browsingContext.navigate", context=self._page, url=url, wait="complete")

    async def run(self, script: str) -> Any:
        told = await self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await (async () => {{{script}}})()) ?? null))()",
            target={"context": self._page},
            awaitPromise=True,
            userActivation=True,
        )
        assert told["type"] == "success", told
        return json.loads(told["result"]["value"])

    async def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        await self._line.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(await self._line.recv())).get("id") != number:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]


class _WebKit:
    def __init__(self, session: aiohttp.ClientSession, path: str) -> None:
        self._session, self._path = session, path

    async def goto(self, url: str) -> None:
        await self._ask("/url", {"url": url})

    async def run(self, script: str) -> Any:
        body = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{{script}}})()"
            ".then(told => done(told ?? null), error => done({error: `${error}`}))"
        )
        return await self._ask("/execute/async", {"script": body, "args": []})

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self._path}{path}", json=body) as answer:
            told = await answer.json(content_type=None)
            assert answer.status == 200, told
            return told["value"]


def missing(*programs: str) -> str:
    """Which of the programs are not here; empty if all are."""
    return ", ".join(one for one in programs if not shutil.which(one))


@asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[Driven]:
    """Firefox with a profile of its own, without a screen."""
    profile = folder / "profile"
    profile.mkdir()
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    port = free_port()
    command = (
        FIREFOX,
        "--headless",
        "--no-remote",
        f"--remote-debugging-port={port}",
        "--profile",
        str(profile),
    )
    async with _running(*command, env={"HOME": str(folder)}), await _connected(port) as line:
        page = _Firefox(line)
        await page.open()
        yield page


@asynccontextmanager
async def webkit(folder: Path) -> AsyncIterator[Driven]:
    """WebKitGTK's own small browser, on a screen of its own."""
    binary = next(iter(glob(MINI_BROWSER)))  # noqa: PTH207 - an absolute pattern
    port, screen = free_port(), f":{free_port()}"
    options = {"binary": binary, "args": ["--automation", "--autoplay-policy=allow"]}
    wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
    environment = {"DISPLAY": screen, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    async with (
        _running(XVFB, screen, "-screen", "0", "1280x800x24", "-nolisten", "tcp", env={}),
        _running(WEBKIT_DRIVER, f"--port={port}", env=environment),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        made = await _session(session, {"capabilities": wanted})
        path = f"/session/{made['sessionId']}"
        try:
            yield _WebKit(session, path)
        finally:
            await (await session.delete(path)).read()


def free_port() -> int:
    """One that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _running(*command: str, env: dict[str, str]) -> AsyncIterator[None]:

    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _connected(port: int) -> websockets.ClientConnection:
    async with asyncio.timeout(STARTED_WITHIN_S):
        while True:
            try:
                return await websockets.connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None)
            except OSError:
                await asyncio.sleep(0.1)


async def _session(session: aiohttp.ClientSession, wanted: dict[str, Any]) -> Any:
    async with asyncio.timeout(STARTED_WITHIN_S):
        while True:
            try:
                async with session.post("/session", json=wanted) as answer:
                    told = await answer.json(content_type=None)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
                continue
            assert answer.status == 200, told
            return told["value"]
