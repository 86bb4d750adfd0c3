"""A real catalogue and vault with people and recordings in them, and the pages on top."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_recorder.config import Web
from ari_recorder.store.database import Store
from ari_recorder.store.vault import LocalVault
from ari_recorder.web import Part, WebContext, create_app

from .world import Browser, Clock, NewBrowser, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Acme with an administrator, Anna (101), Bo (102, may not listen); Other with one of each."""
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    made = World(store, LocalVault(tmp_path / "vault"), tmp_path)
    acme = made.organisation("Acme", timezone="Europe/Stockholm")
    other = made.organisation("Other")
    made.user("admin-acme", acme, role="administrator", mode="never")
    made.user("anna", acme, number="101", name="Anna Andersson")
    made.user("bo", acme, number="102", may_listen=False)
    made.user("admin-other", other, role="administrator", mode="never")
    made.user("olle", other, number="101")
    yield made
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts() -> dict[str, Part]:
    """What the readiness probe says; tests change it."""
    return {"store": Part(True), "vault": Part(True), "pbx main": Part(True)}


@pytest.fixture
def context(world: World, clock: Clock, parts: dict[str, Part], tmp_path: Path) -> WebContext:
    async def readiness() -> Mapping[str, Part]:
        return parts

    return WebContext(world.store, world.vault, Web(port=0), tmp_path / "session.key", readiness, clock)


@pytest.fixture
async def open_browser(context: WebContext) -> AsyncIterator[NewBrowser]:
    """Makes browsers: signed in when given a login, and by ``host`` as if bound to another address."""
    clients: list[TestClient[Any, Any]] = []

    async def make(login: str | None = None, host: str | None = None) -> Browser:
        settings = Web(port=0, host=host or "127.0.0.1")
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
