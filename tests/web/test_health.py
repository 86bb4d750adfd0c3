"""For monitoring: alive, ready part by part, counters. No sign-in."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import BaseRequest

from ari_recorder.store.database import READERS
from ari_recorder.web import Part, WebContext, create_app, health

from .world import NewBrowser, World


async def test_alive(open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/healthz")
    assert (answer.status, answer.json()) == (200, {"alive": True})


async def test_ready_when_every_part_is(
    open_browser: NewBrowser, parts: dict[str, Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    browser = await open_browser()
    ready = await browser.get("/readyz")
    assert (ready.status, ready.json()["ready"]) == (200, True)
    assert list(ready.json()["parts"]) == ["pbx main", "store", "vault"]
    parts["pbx main"] = Part(False, "connection refused")
    not_ready = await browser.get("/readyz")
    assert (not_ready.status, not_ready.json()["ready"]) == (503, False)
    assert not_ready.json()["parts"]["pbx main"] == {"ok": False, "detail": "connection refused"}


async def test_nothing_known_is_not_ready(context: WebContext) -> None:
    app = create_app(replace(context, probes={}))
    async with TestClient(TestServer(app)) as client, client.get("/readyz") as answer:
        assert answer.status == 503


async def test_the_part_that_fails_or_does_not_answer_is_named(
    context: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def fails() -> Part:
        raise RuntimeError("a secret of ours")

    async def hangs() -> Part:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return Part(True)

    monkeypatch.setattr(health, "PROBE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    app = create_app(replace(context, probes={**context.probes, "store": fails, "spool.main": hangs}))
    async with TestClient(TestServer(app)) as client:
        for _ in range(3):
            async with client.get("/readyz") as answer:
                assert answer.status == 503
                found = (await answer.json())["parts"]
        assert "secret" not in await answer.text()
    assert {name for name, part in found.items() if not part["ok"]} == {"store", "spool.main"}
    assert found["spool.main"]["detail"] == "no answer within 0.05 s"
    assert asked == 1, "one that hangs is not asked again: each could hold a thread"


LOCAL: dict[str, str] = {}


@pytest.mark.parametrize(
    ("login", "headers", "told"),
    [
        (None, LOCAL, True),
        (None, {"Host": "localhost"}, True),
        (None, {"Host": "[::1]:8090"}, True),
        (None, {"Host": "recorder.example"}, False),
        (None, {"X-Forwarded-For": "127.0.0.1"}, False),
        (None, {"Forwarded": "for=127.0.0.1"}, False),
        (None, {"Via": "1.1 proxy"}, False),
        ("anna", {"Via": "1.1 proxy"}, False),
        ("admin-acme", {"Via": "1.1 proxy"}, True),
    ],
)
async def test_details_are_for_operators(
    open_browser: NewBrowser, parts: dict[str, Part], login: str | None, headers: dict[str, str], told: bool
) -> None:
    parts["vault"] = Part(False, "/srv/vault cannot be written")
    answer = await (await open_browser(login)).get("/readyz", headers=headers)
    assert (answer.status, answer.json()["parts"]["vault"]["ok"]) == (503, False)
    assert ("/srv/vault" in answer.text) == told


async def test_details_are_not_for_who_comes_from_elsewhere(
    open_browser: NewBrowser, parts: dict[str, Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts["vault"] = Part(False, "/srv/vault cannot be written")
    browser = await open_browser()
    monkeypatch.setattr(BaseRequest, "remote", "192.0.2.1")
    assert "/srv/vault" not in (await browser.get("/readyz")).text


async def test_a_catalogue_that_hangs_does_not_hold_up_the_answer(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await open_browser("admin-acme")
    monkeypatch.setattr(health, "PROBE_TIMEOUT_S", 0.05)
    held = threading.Event()
    blocked = [asyncio.create_task(world.store.read(held.wait)) for _ in range(READERS)]
    try:
        answer = await browser.get("/readyz", headers={"Via": "1.1 proxy"})
        assert (answer.status, answer.json()["parts"]["vault"]["detail"]) == (200, "")
    finally:
        held.set()
        await asyncio.gather(*blocked)


async def test_metrics(open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "process_cpu_seconds_total" in answer.text
