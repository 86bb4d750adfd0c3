"""Who opens connections and keeps them: what follows calls keeps its descriptors, and others get answers."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
import structlog

from ari_recorder import descriptors
from ari_recorder.config import Web
from ari_recorder.live import Changed, Live
from ari_recorder.web import Server, WebContext, start
from ari_recorder.web.entrance import REFUSED, Entrance, origin
from ari_recorder.web.places import DOWNLOADS, FEEDS
from ari_recorder.web.server import ACCEPTED_AT_ONCE, bounded

from .test_calls import follow
from .world import PASSWORD, World

IDLE_S = 0.5
MOST = 60
WITHIN_S = 10.0


@dataclass
class Attacked:
    """The pages as they really listen, and connections that somebody holds open to them."""

    server: Server
    held: list[socket.socket] = field(default_factory=list)

    async def connect(self, count: int = 1, sent: bytes = b"", address: str = "") -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            self.held.append(made := socket.socket())
            made.setblocking(False)
            await loop.sock_connect(made, (address or "127.0.0.1", self.server.port))
            if sent:
                with suppress(OSError):
                    made.send(sent)

    def ended(self) -> int:
        """How many of them have been closed on us."""
        return sum(_is_closed(one) for one in self.held)

    def descriptors(self) -> int:
        """Of this process, but for the attacker's own."""
        return len(os.listdir("/proc/self/fd")) - len(self.held)  # noqa: PTH208


def _is_closed(connection: socket.socket) -> bool:
    try:
        while received := connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return not received


async def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def settings() -> Web:
    return Web(port=0, idle_s=IDLE_S, connections_max=MOST)


@pytest.fixture
async def attacked(context: WebContext, settings: Web) -> AsyncIterator[Attacked]:
    found = Attacked(await start(replace(context, settings=settings)))
    yield found
    for connection in found.held:
        connection.close()
    await found.server.close()


async def answers(attacked: Attacked, path: str = "healthz") -> None:
    """Somebody new gets an answer within a second."""
    timeout = aiohttp.ClientTimeout(total=1)
    async with (
        aiohttp.ClientSession(timeout=timeout) as client,
        client.get(attacked.server.url + path) as found,
    ):
        assert found.status == 200


async def test_connections_that_say_nothing(attacked: Attacked) -> None:
    await attacked.connect(5)
    await until(lambda: attacked.ended() == 5)


async def test_headers_byte_by_byte(attacked: Attacked) -> None:
    await attacked.connect(5, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")

    def all_ended_meanwhile() -> bool:
        for connection in attacked.held:
            with suppress(OSError):
                connection.send(b"x")
        return attacked.ended() == 5

    await until(all_ended_meanwhile)
    await answers(attacked)


async def test_a_connection_kept_after_its_answer(attacked: Attacked) -> None:
    await attacked.connect(1, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: attacked.ended() == 1)


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/healthz"])
async def test_bodies_in_part(attacked: Attacked, path: str) -> None:
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nlogin="
    await attacked.connect(20, f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + form)
    await answers(attacked)
    await until(lambda: attacked.ended() == 20)


async def test_headers_too_large(attacked: Attacked, caplog: pytest.LogCaptureFixture) -> None:
    await attacked.connect(20, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 60_000 + b"\r\n\r\n")
    await attacked.connect(20, b"\x16\x03\x01 no HTTP\r\n\r\n")
    await answers(attacked)
    await until(lambda: attacked.ended() == 40)
    assert not caplog.records, "anybody could fill the log"


@pytest.mark.parametrize("settings", [Web(port=0, connections_max=MOST, idle_s=60)])
async def test_two_thousand_connections_are_no_more_than_there_may_be(attacked: Attacked) -> None:
    before = attacked.descriptors()
    most = 0
    for _ in range(20):
        await attacked.connect(100)
        most = max(most, attacked.descriptors() - before)
        await answers(attacked)
    assert most <= MOST + ACCEPTED_AT_ONCE * 3, (
        "those accepted and not looked at yet are kept apart (descriptors.RESERVE)"
    )
    await until(lambda: attacked.ended() >= 2000 - MOST)
    assert len(attacked.server.pages.runner.server.connections) <= MOST


@pytest.mark.parametrize("settings", [Web(port=0, connections_max=MOST, idle_s=60)])
async def test_who_is_being_answered_is_not_put_out(attacked: Attacked) -> None:
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nlogin="
    await attacked.connect(1, b"POST /sign-in HTTP/1.1\r\nHost: x\r\n" + form)
    await attacked.connect(MOST * 3)
    attacked.held[0].send(b"a=b")
    first = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(attacked.held[0], 12), 5)
    assert first == b"HTTP/1.1 403"


@pytest.mark.parametrize("settings", [Web(port=0, connections_per_address_max=10)])
async def test_one_address_cannot_take_every_place(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.entrance.is_loopback", lambda address: False)
    refused = REFUSED.labels("connections_per_address_max")._value.get()
    await attacked.connect(15)
    await until(lambda: attacked.ended() == 5)
    assert REFUSED.labels("connections_per_address_max")._value.get() == refused + 5
    from_elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with aiohttp.ClientSession(connector=from_elsewhere) as client:
        assert (await client.get(f"{attacked.server.url}healthz")).status == 200


@pytest.mark.parametrize("settings", [Web(port=0, connections_max=8)])
async def test_addresses_of_those_who_have_gone_are_forgotten(attacked: Attacked) -> None:
    entrance = attacked.server.pages.listening[0]._protocol_factory  # type: ignore[attr-defined]
    assert isinstance(entrance, Entrance)
    await attacked.connect(100)
    await until(lambda: attacked.ended() >= 92)
    assert 8 <= len(entrance._origins) <= 16


def test_what_counts_as_one_address() -> None:
    assert origin("2001:db8::1") == origin("2001:db8::2:1") != origin("2001:db8:0:1::1")
    assert origin("::ffff:192.0.2.1") == origin("192.0.2.1") != origin("192.0.2.2")


@pytest.mark.parametrize("path", ["/static/vendor/wavesurfer/wavesurfer.min.js", "/sign-in"])
@pytest.mark.parametrize("settings", [Web(port=0, idle_s=IDLE_S)])
async def test_answers_that_are_not_read(
    attacked: Attacked, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.entrance.UNREAD_S", 1.0)
    await attacked.connect(3, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 1000)
    await until(lambda: attacked.server.pages.runner.server.connections)
    await answers(attacked)
    await until(lambda: not attacked.server.pages.runner.server.connections, 30)


async def cookie_of(url: str, login: str) -> str:
    """The cookie header of somebody who has signed in."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(f"{url}sign-in") as form:
            token = re.search(r'name="form_token" value="([^"]+)"', await form.text())
        assert token
        fields = {"login": login, "password": PASSWORD, "next": "/", "form_token": token[1]}
        async with client.post(f"{url}sign-in", data=fields, allow_redirects=False) as answer:
            assert answer.status == 303
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in client.cookie_jar)


@pytest.mark.parametrize("settings", [Web(port=0)])
async def test_a_follower_that_never_reads_is_let_go(
    attacked: Attacked, world: World, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.calls.READ_WITHIN_S", 0.3)
    monkeypatch.setattr("ari_recorder.web.calls.CLOSING_S", 0.3)
    leg, cookie = follow(world, live, "anna"), await cookie_of(attacked.server.url, "anna")
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    asked = f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n{upgrade}{key}\r\n"
    await attacked.connect(3, asked.encode())
    feeds = attacked.server.pages.runner.app[FEEDS]
    await until(lambda: len(feeds.of(world.ids["anna"])) == 3)
    leg.row = replace(leg.row, annotations={"note": "x" * 4000})

    def let_go() -> bool:
        for _ in range(50):
            live.publish(Changed(leg.row))
        return not feeds.of(world.ids["anna"])

    await until(let_go, 30)
    await answers(attacked)
    await until(lambda: not attacked.server.pages.runner.server.connections)


@pytest.mark.parametrize("settings", [Web(port=0)])
async def test_a_download_that_is_not_read_ends(
    attacked: Attacked, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.entrance.UNREAD_S", 0.5)
    recording = world.recording(world.ids["anna"], audio=bytes(16 * 1024 * 1024))
    cookie = await cookie_of(attacked.server.url, "anna")
    asked = f"GET /api/v1/recordings/{recording}/audio HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
    await attacked.connect(3, asked.encode())
    downloads = attacked.server.pages.runner.app[DOWNLOADS]
    await until(lambda: len(downloads.of(world.ids["anna"])) == 3)
    await until(lambda: not downloads.of(world.ids["anna"]))
    await until(lambda: not attacked.server.pages.runner.server.connections)


@pytest.mark.parametrize("settings", [Web(port=0)])
async def test_downloads_are_so_many_for_each_and_in_total(
    attacked: Attacked, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attacked.server.pages.runner.app[DOWNLOADS], "_most_each", 2)
    monkeypatch.setattr(attacked.server.pages.runner.app[DOWNLOADS], "_most", 3)
    path = f"api/v1/recordings/{world.recording(world.ids['anna'], audio=bytes(16 * 1024 * 1024))}/audio"
    async with aiohttp.ClientSession() as client:

        async def asked(login: str) -> aiohttp.ClientResponse:
            cookie = await cookie_of(attacked.server.url, login)
            return await client.get(attacked.server.url + path, headers={"Cookie": cookie})

        held = [await asked("anna") for _ in range(3)]
        assert [answer.status for answer in held] == [200, 200, 429]
        held += [await asked("admin-acme") for _ in range(2)]
        assert [answer.status for answer in held] == [200, 200, 429, 200, 429]
        held[0].close()
        await until(lambda: len(attacked.server.pages.runner.app[DOWNLOADS].of(world.ids["anna"])) == 1)
        assert (await asked("anna")).status == 200


def test_fewer_connections_where_there_are_few_descriptors() -> None:
    assert bounded(Web(), 20_000) == Web()
    assert bounded(Web(), 1024).connections_max == (1024 - descriptors.RESERVE) // 2
    with structlog.testing.capture_logs() as lines:
        assert bounded(Web(), 256).connections_max == descriptors.LEAST
    assert [(line["limit"], line["connections"]) for line in lines] == [(256, descriptors.LEAST)]


async def test_two_hundred_ask_at_once_whether_all_is_well(context: WebContext) -> None:
    asked, began_s = 0, time.monotonic()

    async def slow() -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.2)
        return await context.probes["store"]()

    server = await start(replace(context, settings=Web(port=0), probes={"store": slow}))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def one() -> int:
            async with client.get(f"{server.url}readyz") as answer:
                return answer.status

        assert set(await asyncio.gather(*(one() for _ in range(200)))) == {200}
    await server.close()
    assert 1 <= asked <= time.monotonic() - began_s + 1, "once a second, however many ask"
