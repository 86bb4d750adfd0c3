"""Behind a proxy: who has come, from where and how is what the proxy named says, and nobody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog

from ari_recorder import web as package
from ari_recorder.policies.proxies import Networks
from ari_recorder.store.models import AuditLine, Session, User
from ari_recorder.web import Server, WebContext, start

from .proxy import proxy
from .world import PASSWORD, World, token_in, until

HERE = Networks.of(["127.0.0.1"])
CLIENT = "203.0.113.7"
Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(context: WebContext) -> AsyncIterator[Serve]:
    """Serves the pages as they are really served, with further settings."""
    async with AsyncExitStack() as ending:

        async def make(**settings: Any) -> Server:
            changed = msgspec.structs.replace(context.settings, **settings)
            server = await start(replace(context, settings=changed))
            ending.push_async_callback(server.close)
            return server

        yield make


async def sign_in(client: aiohttp.ClientSession, url: str, **headers: str) -> aiohttp.ClientResponse:
    async with client.get(f"{url}/sign-in", headers=headers) as form:
        fields = {"login": "anna", "password": PASSWORD, "form_token": token_in(await form.text())}
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in form.cookies.items())
    sent = {"Cookie": cookies, **headers}
    async with client.post(f"{url}/sign-in", data=fields, headers=sent, allow_redirects=False) as answer:
        return answer


def own_session(world: World) -> Any:
    return world.store.read_now(lambda: Session.select().get())


def browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


async def test_the_clients_own_address_is_in_session_and_audit(serve: Serve, world: World) -> None:
    server = await serve(trusted_proxies=HERE)
    async with proxy(server.url) as url, browser() as client:
        answer = await sign_in(client, url, **{"X-Forwarded-For": "198.51.100.66"})
        assert answer.status == 303
        assert "__Host-ari_recorder_session" in answer.cookies, "they came by HTTPS"
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert own_session(world).address == CLIENT
    addresses = {line.address for line in world.store.read_now(lambda: list(AuditLine.select()))}
    assert addresses == {CLIENT}


async def test_who_is_not_named_is_not_believed(serve: Serve, world: World) -> None:
    server = await serve(trusted_proxies=Networks.of(["192.0.2.0/24"]))
    with structlog.testing.capture_logs() as log:
        async with proxy(server.url) as url, browser() as client:
            answer = await sign_in(client, url)
    assert answer.status == 303
    assert "Strict-Transport-Security" not in answer.headers
    assert not answer.cookies["ari_recorder_session"]["secure"]
    assert own_session(world).address == "127.0.0.1"
    told = [line for line in log if "does not name" in line["event"]]
    assert len(told) == 1, "told, and once"


@pytest.mark.parametrize("named", [HERE, Networks()])
async def test_a_default_password_is_not_taken_through_a_proxy(
    serve: Serve, world: World, named: Networks
) -> None:
    server = await serve(trusted_proxies=named)
    world.change(User, world.ids["anna"], password_is_default=True)
    async with proxy(server.url) as url, browser() as client:
        assert (await sign_in(client, url)).status == 403
    if not named:
        async with browser() as client:
            assert (await sign_in(client, server.url.rstrip("/"))).status == 303, "on this machine alone"


async def test_the_limit_of_requests_is_each_clients_own(serve: Serve) -> None:
    server = await serve(trusted_proxies=HERE, requests_per_minute_per_address_max=3)
    async with (
        proxy(server.url) as one,
        proxy(server.url, appends="203.0.113.8") as other,
        browser() as client,
    ):
        found = [(await client.get(f"{one}/sign-in")).status for _ in range(4)]
        assert found == [200, 200, 200, 429]
        forged = {"X-Forwarded-For": "198.51.100.66"}
        assert (await client.get(f"{one}/sign-in", headers=forged)).status == 429
        assert (await client.get(f"{other}/sign-in")).status == 200


async def test_requests_at_once_are_limited_for_each_client(serve: Serve, world: World) -> None:
    server = await serve(trusted_proxies=HERE, connections_per_address_max=2)
    whose = {"X-Forwarded-For": CLIENT}
    body = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"
    head = f"POST /sign-in HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {CLIENT}\r\n{body}"
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    async with browser() as client:
        for _, writer in held:
            writer.write(head.encode())

        async def status(headers: dict[str, str]) -> int:
            async with client.get(f"{server.url}sign-in", headers=headers) as answer:
                return answer.status

        async with asyncio.timeout(10):
            while await status(whose) != 429:
                await asyncio.sleep(0.02)
        assert await status({"X-Forwarded-For": "203.0.113.8"}) == 200
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(10):
            while await status(whose) != 200:
                await asyncio.sleep(0.02)


async def test_a_proxys_connections_are_not_counted(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_recorder.web.entrance.is_loopback", lambda address: False)
    held = []
    for named, places in ((HERE, 5), (Networks(), 2)):
        server = await serve(trusted_proxies=named, connections_per_address_max=2)
        held += [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(5)]
        connections = server.pages.runner.server.connections  # type: ignore[union-attr]
        await until(lambda: len(server.pages.runner.server.connections) == places)  # noqa: B023
        assert len(connections) <= places
    for _, writer in held:
        writer.close()


async def test_who_goes_around_the_proxy_is_sent_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it listens to the network for its proxy, others would be heard unencrypted."""
    monkeypatch.setattr("ari_recorder.web.client.is_loopback", lambda address: False)
    server = await serve(trusted_proxies=Networks.of(["127.0.0.2"]))
    through = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with browser() as around, aiohttp.ClientSession(connector=through) as client:
        assert (await around.get(f"{server.url}sign-in")).status == 403
        assert (await around.get(f"{server.url}healthz")).status == 200
        assert (await client.get(f"{server.url}sign-in")).status == 200


async def test_the_live_feed_goes_by_the_name_that_the_browser_knows(serve: Serve, world: World) -> None:
    server = await serve(trusted_proxies=HERE)
    said = {"X-Forwarded-Host": "recorder.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
    async with browser() as client:
        answer = await sign_in(client, server.url.rstrip("/"), **said)
        name = "__Host-ari_recorder_session"
        cookie = {"Cookie": f"{name}={answer.cookies[name].value}"}
        own = {**said, **cookie, "Origin": "https://recorder.example"}
        async with client.ws_connect(f"{server.url}api/v1/live", headers=own) as feed:
            assert (await feed.receive_json())["type"] == "snapshot"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect(
                f"{server.url}api/v1/live", headers={**own, "Origin": "https://elsewhere.example"}
            )


async def test_names_that_are_not_ours_are_refused(serve: Serve) -> None:
    server = await serve(hosts=("recorder.example", "127.0.0.1"), trusted_proxies=HERE)
    async with browser() as client:

        async def status(path: str, **headers: str) -> int:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.get(server.url + path, headers=sent) as answer:
                return answer.status

        assert await status("sign-in") == 200
        assert await status("sign-in", Host="Recorder.Example:8443") == 200
        assert await status("sign-in", Host="evil.example") == 421
        assert await status("sign-in", X_Forwarded_Host="evil.example") == 421
        assert await status("sign-in", X_Forwarded_Host="recorder.example") == 200
        assert await status("healthz", Host="10.0.0.5") == 200, "load balancers ask by address"


def test_nothing_else_looks_at_the_connection() -> None:
    own = re.compile(r"\.remote\b|\brequest\.(host|secure|scheme|url)\b|X-Forwarded|X_FORWARDED")
    folder = Path(package.__file__).parent
    found = {path.name for path in folder.glob("*.py") if own.search(path.read_text(encoding="utf-8"))}
    assert found == {"client.py"}
