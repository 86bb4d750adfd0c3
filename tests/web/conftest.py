"""A real catalogue and vault with people and recordings in them, and the pages on top."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser as WebBrowser
from playwright.async_api import async_playwright, expect

from ari_recorder.config import Web
from ari_recorder.live import Live
from ari_recorder.store import audit, passwords
from ari_recorder.store.database import Store
from ari_recorder.web import Part, Server, WebContext, audit_fields, create_app, start

from ..store.build import safe_in
from .browsers import ARGUMENTS, QUIET
from .world import QUICK, Browser, Clock, NewBrowser, World

SETTINGS = Web(port=0, requests_per_minute_max=1_000_000, requests_per_minute_per_address_max=1_000_000)
"""No test but those of the limits comes to one."""
expect.set_options(timeout=30_000)  # ms; the tests share the machine with others


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, UUID]]:
    """Acme with an administrator, Anna (101), Bo (102, may not listen); Other with one of each: made once.

    Acme's administrator may give every telephone of PJSIP, Other's those whose names begin with ``other-``.
    """
    folder = tmp_path_factory.mktemp("template")
    store = Store(f"sqlite:///{folder}/catalogue.db")
    made = World(store, safe_in(store, folder), folder)
    acme = made.organisation("Acme", timezone="Europe/Stockholm", endpoints="PJSIP/*")
    other = made.organisation("Other", endpoints="PJSIP/other-*")
    made.user("admin-acme", acme, role="administrator", mode="never")
    made.user("anna", acme, number="101", name="Anna Andersson")
    made.user("bo", acme, number="102", may_listen=False)
    made.user("admin-other", other, role="administrator", mode="never")
    made.user("olle", other, number="101")
    store.close()
    return folder / "catalogue.db", made.ids


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed at no cost, as those of the people in the template are."""
    monkeypatch.setattr(passwords, "_hasher", QUICK)


@pytest.fixture(autouse=True)
def named_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test has written to the audit log can be shown: each member of its detail has a name."""
    write = audit.write

    def checked(*args: Any, detail: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        nameless = members_of(detail or {}) - audit_fields.FIELDS.keys() - audit_fields.HIDDEN
        assert not nameless, f"web/audit_fields.py has no name for {sorted(nameless)}"
        return write(*args, detail=detail, **kwargs)

    monkeypatch.setattr(audit, "write", checked)


def members_of(detail: Mapping[str, Any]) -> set[str]:
    """The members of a line's detail that are to be named."""
    found = set[str]()
    for name, value in detail.items():
        found |= set() if name in ("before", "after", "from_ms", "to_ms") else {name}
        found |= members_of(value) if isinstance(value, Mapping) else set()
    return found


@pytest.fixture
def world(template: tuple[Path, dict[str, UUID]], tmp_path: Path) -> Iterator[World]:
    """A copy of the template, to do with as a test likes."""
    catalogue, ids = template
    shutil.copy(catalogue, tmp_path / "catalogue.db")
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    yield World(store, safe_in(store, tmp_path), tmp_path, ids=dict(ids))
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts() -> dict[str, Part]:
    """What the readiness probe says; tests change it."""
    return {"store": Part(True), "vault": Part(True), "pbx.main": Part(True)}


@pytest.fixture
def live() -> Live:
    """The calls that go on: none; tests put some in."""
    return Live()


@pytest.fixture
def context(world: World, clock: Clock, parts: dict[str, Part], live: Live, tmp_path: Path) -> WebContext:
    async def probe(name: str) -> Part:
        return parts[name]

    probes = {name: partial(probe, name) for name in parts}
    return WebContext(world.store, world.safe, SETTINGS, tmp_path / "session.key", probes, live, clock)


@pytest.fixture
async def open_browser(context: WebContext) -> AsyncIterator[NewBrowser]:
    """Makes browsers: signed in when given a login, and by ``host`` as if bound to another address."""
    clients: list[TestClient[Any, Any]] = []

    async def make(login: str | None = None, host: str | None = None, **more: Any) -> Browser:
        settings = msgspec.structs.replace(context.settings, host=host or "127.0.0.1", **more)
        client = TestClient(TestServer(create_app(replace(context, settings=settings))))
        clients.append(client)
        await client.start_server()
        browser = Browser(client)
        if login:
            assert (await browser.sign_in(login)).status == 303
        return browser

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def server(context: WebContext) -> AsyncIterator[Server]:
    running = await start(context)
    yield running
    await running.close()


@pytest.fixture(scope="session")
def chromium_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Chromium's, for every test with a browser: its start takes longer than many of them.

    Who starts it has a process group, to be ended by, and no session: beside one priorities do not count.
    """
    config = tmp_path_factory.mktemp("chromium") / "config.json"
    config.write_text(json.dumps({"executablePath": str(QUIET), "args": ARGUMENTS}))
    launch = ["-m", "playwright", "launch-server", "--browser", "chromium", "--config", config]
    command = [sys.executable, *launch]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as running:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        os.killpg(running.pid, signal.SIGTERM)  # it has started others, which end with it only so


@pytest.fixture
async def chromium(chromium_address: str) -> AsyncIterator[WebBrowser]:
    """A connection to it; what a test opens ends with it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect(chromium_address)
        yield browser
        await browser.close()
