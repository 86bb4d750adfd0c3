"""So many requests a minute, of a person, a token, an address; and the counts do not grow without end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.web import WebContext, create_app
from ari_recorder.web.limiting import Counts, Limits
from ari_recorder.web.problems import Refused

from .conftest import SETTINGS
from .world import NOON, Browser, Clock

ME = "/api/v1/me"
FEW = msgspec.structs.replace(SETTINGS, requests_per_minute_max=8, requests_per_minute_per_address_max=6)


@pytest.fixture
async def server(context: WebContext) -> AsyncIterator[TestServer]:
    server = TestServer(create_app(replace(context, settings=FEW)))
    await server.start_server()
    yield server
    await server.close()


async def test_one_too_many_of_a_person(server: TestServer, clock: Clock) -> None:
    async with TestClient(server) as client:
        browser = Browser(client)
        assert (await browser.sign_in("anna")).status == 303
        statuses = [(await browser.get(ME)).status for _ in range(9)]
        assert statuses == [200] * 8 + [429]
        refused = await browser.get(ME, headers={"Accept-Language": "en"})
        assert refused.headers["Retry-After"] == "60"
        assert refused.json()["detail"] == "Too many requests: at most 8 a minute. Go on in 60 s."
        clock.at = NOON + timedelta(seconds=45)
        assert (await browser.get(ME)).headers["Retry-After"] == "15"
        assert (await browser.get("/healthz")).status == 200
        clock.at = NOON + timedelta(seconds=60)
        assert (await browser.get(ME)).status == 200


async def test_one_too_many_of_an_address_keeps_nobody_out_who_is_signed_in(server: TestServer) -> None:
    async with TestClient(server) as client:
        browser = Browser(client)
        assert (await browser.sign_in("anna")).status == 303  # two requests of nobody yet
        async with TestClient(server) as other:
            stranger = Browser(other)
            assert [(await stranger.get(ME)).status for _ in range(6)] == [401] * 4 + [429] * 2
            assert (await stranger.get("/")).status == 429
            assert (await browser.get(ME)).status == 200


def test_each_token_and_each_network_has_a_count_of_its_own() -> None:
    limits = Limits(FEW, lambda: 0.0)

    def asks(kind: ActorKind, id: str, address: str) -> None:
        limits.count(Actor(kind, id, "", address=address))

    for _ in range(6):
        asks(ActorKind.NOBODY, "", "2001:db8::1")
    with pytest.raises(Refused):
        asks(ActorKind.NOBODY, "", "2001:db8::ffff")
    asks(ActorKind.NOBODY, "", "2001:db8:0:1::1")
    for _ in range(8):
        asks(ActorKind.TOKEN, "a", "192.0.2.1")
    with pytest.raises(Refused):
        asks(ActorKind.TOKEN, "a", "192.0.2.2")
    asks(ActorKind.TOKEN, "b", "192.0.2.1")
    asks(ActorKind.USER, "a", "192.0.2.1")


def test_counts_are_bounded_and_end() -> None:
    now_s = 0.0
    counts = Counts(lambda: now_s, keys_max=3)
    for key in "abcd":
        counts.incr(key, 60)
    assert [counts.get(key) for key in "abcd"] == [0, 1, 1, 1]
    counts.incr("b", 60)
    counts.incr("e", 60)
    assert [counts.get(key) for key in "bcde"] == [2, 0, 1, 1]
    now_s = 60.0
    assert counts.get("b") == 0
    assert counts.incr("b", 60) == 1
