"""For monitoring: alive, ready part by part; and why, and the counters, for those who may know."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_recorder.errors import SettingsError
from ari_recorder.policies.rights import Right
from ari_recorder.store.database import READERS
from ari_recorder.web import Part, WebContext, create_app, health, start
from ari_recorder.web.health import HEALTH, create_health_app

from .test_tokens import put
from .world import NewBrowser, World


async def test_alive(open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/healthz")
    assert (answer.status, answer.json()) == (200, {"alive": True})


async def test_ready_when_every_part_is(
    open_browser: NewBrowser, world: World, parts: dict[str, Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH_S", 0.0)
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    browser = await open_browser("op")
    ready = await browser.get("/readyz")
    assert (ready.status, ready.json()["ready"]) == (200, True)
    assert list(ready.json()["parts"]) == ["pbx.main", "store", "vault"]
    parts["pbx.main"] = Part(False, "connection refused")
    not_ready = await browser.get("/readyz")
    assert (not_ready.status, not_ready.json()["ready"]) == (503, False)
    assert not_ready.json()["parts"]["pbx.main"] == {"ok": False, "detail": "connection refused"}


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
    app = create_health_app(app[HEALTH], "127.0.0.1")
    async with TestClient(TestServer(app)) as client:
        for _ in range(3):
            async with client.get("/readyz") as answer:
                assert answer.status == 503
                found = (await answer.json())["parts"]
        assert "secret" not in await answer.text()
    assert {name for name, part in found.items() if not part["ok"]} == {"store", "spool.main"}
    assert found["spool.main"]["detail"] == "no answer within 0.05 s"
    assert asked == 1, "one that hangs is not asked again: each could hold a thread"


@pytest.fixture
def secrets(world: World) -> dict[str, str]:
    """Tokens, by what they are for: two of Acme, and one of the provider's operator."""
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    return {
        "recordings": put(world, None, Right.RECORDINGS_READ),
        "Acme's health": put(world, None, Right.HEALTH_READ),
        "its administrator's": put(world, "admin-acme", Right.HEALTH_READ),
        "health": put(world, "op", Right.HEALTH_READ, organisation="op"),
        "operator's other": put(world, "op", Right.USAGE_READ, organisation="op"),
    }


@pytest.mark.parametrize(
    ("login", "token", "told", "status"),
    [
        (None, None, False, 401),
        (None, "wrong", False, 401),
        (None, "recordings", False, 403),
        (None, "Acme's health", False, 403),
        (None, "its administrator's", False, 403),
        (None, "operator's other", False, 403),
        (None, "health", True, 200),
        ("anna", None, False, 403),
        ("admin-acme", None, False, 403),
        ("op", None, True, 200),
    ],
)
async def test_details_and_counters_are_for_who_may_know(
    open_browser: NewBrowser,
    parts: dict[str, Part],
    secrets: dict[str, str],
    login: str | None,
    token: str | None,
    told: bool,
    status: int,
) -> None:
    parts["vault"] = Part(False, "/srv/vault cannot be written")
    browser = await open_browser(login)
    headers = {"Authorization": f"Bearer {secrets.get(token, token)}"} if token else {}
    ready = await browser.get("/readyz", headers=headers)
    assert (ready.status, ready.json()["parts"]["vault"]["ok"]) == (503, False)
    assert ("/srv/vault" in ready.text) == told
    assert all(("detail" in part) == told for part in ready.json()["parts"].values())
    counters = await browser.get("/metrics", headers=headers)
    assert counters.status == status
    assert ("process_cpu_seconds_total" in counters.text) == told
    assert ("WWW-Authenticate" in counters.headers) == (status == 401)
    if told:
        assert counters.headers["Content-Type"].startswith("text/plain; version=")


async def test_the_port_for_health_tells_all_and_nothing_else(
    context: WebContext, parts: dict[str, Part]
) -> None:
    parts["vault"] = Part(False, "/srv/vault cannot be written")
    server = await start(replace(context, settings=msgspec.structs.replace(context.settings, health_port=0)))
    assert server.health is not None
    url = server.health.url
    async with aiohttp.ClientSession() as client:

        async def get(path: str, **headers: str) -> tuple[int, str]:
            async with client.get(url + path, headers=headers) as answer:
                assert "Server" not in answer.headers
                return answer.status, await answer.text()

        assert await get("healthz") == (200, '{"alive": true}')
        status, text = await get("readyz")
        assert (status, json.loads(text)["parts"]["vault"]["detail"]) == (503, "/srv/vault cannot be written")
        assert "process_cpu_seconds_total" in (await get("metrics"))[1]
        assert (await get("metrics", Host="rebound.example"))[0] == 421, "a page whose name was made ours"
        assert (await get("metrics", Host="localhost"))[0] == 200
        for path in ("", "sign-in", "api/v1/me", "static/style.css"):
            status, text = await get(path)
            assert (status, json.loads(text)["status"]) == (404, 404)
        async with client.get(f"{server.url}metrics") as answer:
            assert answer.status == 401
    await server.close()
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"{url}healthz")


async def test_a_port_for_health_that_is_taken_is_named(context: WebContext) -> None:
    first = await start(replace(context, settings=msgspec.structs.replace(context.settings, health_port=0)))
    assert first.health is not None
    taken = msgspec.structs.replace(context.settings, health_port=first.health.port)
    with pytest.raises(SettingsError, match=r"web\.health_port \d+: cannot be bound: .*set web\.health_port"):
        await start(replace(context, settings=taken))
    await first.close()


async def test_a_catalogue_that_hangs_does_not_hold_up_the_answer(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    browser = await open_browser("op")
    monkeypatch.setattr(health, "PROBE_TIMEOUT_S", 0.05)
    held = threading.Event()
    blocked = [asyncio.create_task(world.store.read(held.wait)) for _ in range(READERS)]
    try:
        answer = await browser.get("/readyz")
        assert (answer.status, answer.json()["parts"]["vault"]) == (200, {"ok": True})
    finally:
        held.set()
        await asyncio.gather(*blocked)
