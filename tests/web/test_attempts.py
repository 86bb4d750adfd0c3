"""Wrong passwords slow down who gives them, and nobody else; and many at once keep nobody from the pages."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from argon2 import PasswordHasher

from ari_recorder.policies.slowdown import Slowdown
from ari_recorder.store import audit, passwords
from ari_recorder.store.models import AuditLine
from ari_recorder.web import WebContext, signin, start
from ari_recorder.web.attempts import WAITING_MAX, Attempts, Hashing
from ari_recorder.web.problems import Refused

from .world import NOON, PASSWORD, QUICK, Clock, NewBrowser, World, token_in

WITHIN_S = 120.0
"""How long anything may take on a machine with other work."""
THERE = "192.0.2.1"
HERE = "198.51.100.7"


def tried(
    attempts: Attempts, times: int, login: str, address: str, device: str = "", *, every_s: float = 0
) -> None:
    for at in range(times):
        attempts.failed(login, address, device, NOON + timedelta(seconds=at * every_s))


def test_each_failure_makes_the_wait_longer_up_to_a_limit() -> None:
    slow = Slowdown(free=2, first_s=1, most_s=5)
    waits = []
    for _ in range(7):
        waits.append(slow.wait_s("k", NOON))
        slow.failed("k", NOON)
    assert waits == [0, 0, 1, 2, 4, 5, 5]
    assert slow.wait_s("k", NOON + timedelta(seconds=3.5)) == 2, "whole seconds, rounded up"
    assert slow.wait_s("k", NOON + timedelta(seconds=5)) == 0
    assert slow.wait_s("k", NOON + slow.memory) == 0
    slow.failed("k", NOON + slow.memory)
    assert slow.wait_s("k", NOON + slow.memory) == 0, "forgotten after its time"


def test_the_memory_of_failures_is_bounded() -> None:
    slow = Slowdown(1, 1, 1, keys_max=100)
    for key in range(1000):
        slow.failed(key, NOON)
    assert len(slow._failures) == 100


def test_a_stranger_slows_down_himself_alone() -> None:
    attempts = Attempts()
    tried(attempts, 15, "admin", THERE)
    assert attempts.wait_s("admin", THERE, "", NOON) == 300
    assert attempts.wait_s("admin", HERE, "", NOON) == 0
    assert attempts.wait_s("bo", THERE, "", NOON) == 0


def test_many_strangers_together_are_slow_and_a_known_device_is_not() -> None:
    attempts = Attempts()
    for stranger in range(200):
        tried(attempts, 1, "admin", f"203.0.113.{stranger}")
    assert attempts.wait_s("admin", HERE, "", NOON) == 2
    assert attempts.wait_s("admin", HERE, "", NOON + timedelta(seconds=2)) == 0, "slow, and never locked"
    assert attempts.wait_s("admin", THERE, "device", NOON) == 0


def test_an_address_that_tries_many_logins_is_slow_unless_it_may_be_a_proxy() -> None:
    attempts = Attempts()
    for login in range(40):
        tried(attempts, 1, f"user{login}", THERE)
        tried(attempts, 1, f"user{login}", "127.0.0.1")
    assert attempts.wait_s("anna", THERE, "", NOON) == 10
    assert attempts.wait_s("anna", "127.0.0.1", "", NOON) == 0


def test_a_known_device_is_slowed_down_for_itself() -> None:
    attempts = Attempts()
    tried(attempts, 8, "admin", THERE, "stolen")
    assert attempts.wait_s("admin", HERE, "stolen", NOON) == 8
    assert attempts.wait_s("admin", HERE, "another", NOON) == 0


def test_a_success_forgets_the_failures_of_who_had_it() -> None:
    attempts = Attempts()
    tried(attempts, 6, "anna", THERE)
    attempts.succeeded("anna", THERE, "")
    assert attempts.wait_s("anna", THERE, "", NOON) == 0


async def test_too_many_wrong_ones_have_to_wait(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser()
    for _ in range(4):
        assert (await browser.sign_in("anna", "wrong")).status == 401
    refused = await browser.sign_in("anna", PASSWORD)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert "Wait 1 s" in refused.text
    assert (await browser.sign_in("olle", PASSWORD)).status == 303, "others may go on"
    clock.at += timedelta(seconds=1)
    again = await open_browser()
    assert (await again.sign_in("anna", PASSWORD)).status == 303


async def test_other_letters_are_no_further_tries(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    for login in ("anna", "Anna", "ANNA", " anna "):
        assert (await browser.sign_in(login, "wrong")).status == 401
    assert (await browser.sign_in("aNNa", PASSWORD)).status == 429


async def test_behind_a_proxy_nobody_is_locked_out_of_a_browser_they_have_used(
    open_browser: NewBrowser,
) -> None:
    own = await open_browser("admin-acme")
    await own.post("/sign-out", {"form_token": await own.form_token("/")})
    stranger = own.another()
    for _ in range(30):
        await stranger.sign_in("admin-acme", "wrong")
    assert (await stranger.sign_in("admin-acme", PASSWORD)).status == 429
    assert (await own.sign_in("Admin-Acme ", PASSWORD)).status == 303


@pytest.mark.parametrize("forge", ["other login", "forged", "too old"])
async def test_a_device_cookie_that_is_not_right_is_none(
    open_browser: NewBrowser, clock: Clock, forge: str
) -> None:
    own = await open_browser("bo" if forge == "other login" else "admin-acme")
    cookie = own.cookie(signin.DEVICE_COOKIE)
    if forge == "forged":
        cookie = cookie[:-4] + "AAAA"
    if forge == "too old":
        clock.at += signin.DEVICE + timedelta(days=1)
    own.client.session.cookie_jar.clear()
    device = {"Cookie": f"{signin.DEVICE_COOKIE}={cookie}"}

    async def tried() -> int:
        form = await own.get("/sign-in")
        kept = f"{device['Cookie']}; ari_recorder_form={own.cookie('ari_recorder_form')}"
        fields = {"login": "admin-acme", "password": "wrong", "form_token": token_in(form.text)}
        return (await own.post("/sign-in", fields, headers={"Cookie": kept})).status

    assert [await tried() for _ in range(5)] == [401] * 4 + [429], "five are free for a known device"


async def test_both_refusals_take_the_same_way(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = list[str]()

    class Watched:
        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored)
            return QUICK.verify(stored, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(QUICK, name)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    passwords._no_such_user.cache_clear()
    browser = await open_browser()
    known, unknown = await browser.sign_in("anna", "wrong"), await browser.sign_in("correct horse", "wrong")
    assert [stored[:7] for stored in verified] == ["$argon2"] * 2
    assert known.status == unknown.status == 401
    assert without_values(known.text) == without_values(unknown.text)
    lines = world.store.read_now(lambda: list(AuditLine.select().order_by(AuditLine.id)))
    assert [(line.action, line.subject) for line in lines] == [
        ("sign_in_failed", "anna"),
        ("sign_in_failed", "cor…"),
    ]
    assert lines[1].organisation == audit.PROVIDER


def without_values(text: str) -> str:
    return re.sub(r'value="[^"]*"', "", text)


async def test_an_old_hash_is_made_anew_at_a_sign_in(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", stronger)
    before = world.store.read_now(passwords.stored_of, "anna")
    await open_browser("anna")
    after = world.store.read_now(passwords.stored_of, "anna")
    assert before is not None
    assert after is not None
    assert stronger.check_needs_rehash(before.hash)
    assert not stronger.check_needs_rehash(after.hash)
    await open_browser("anna")


async def test_one_is_checked_at_a_time_and_few_wait_known_devices_first() -> None:
    hashing, order = Hashing(), list[str]()
    going_on = 0

    def work(name: str) -> Callable[[], Any]:
        async def one() -> None:
            nonlocal going_on
            going_on += 1
            assert going_on == 1
            await asyncio.sleep(0)
            order.append(name)
            going_on -= 1

        return one

    async def ask(name: str, address: str, known: bool = False) -> None:
        await hashing.check(address, known, work(name))

    strangers = [ask(f"stranger {at}", f"203.0.113.{at}") for at in range(8)]
    asked = [asyncio.create_task(one) for one in (*strangers, ask("known", HERE, True))]
    await asyncio.sleep(0)
    with pytest.raises(Refused) as refused:
        await ask("one too many", HERE)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    await asyncio.gather(*asked)
    assert order.index("known") <= 2
    assert len(order) == 9
    assert not hashing._waiting


async def test_one_address_does_not_take_every_place() -> None:
    hashing, gate = Hashing(), asyncio.Event()
    waiting = [asyncio.create_task(hashing.check(THERE, False, gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Refused):
        await hashing.check(THERE, False, gate.wait)
    other = asyncio.create_task(hashing.check(HERE, False, gate.wait))
    gate.set()
    assert all(await asyncio.gather(*waiting, other))


async def test_a_thousand_sign_ins_at_once_do_not_stall_the_pages(
    context: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def never_ends(stored: str | None, password: str) -> bool:
        assert may_end.wait(WITHIN_S)
        return False

    monkeypatch.setattr(passwords, "matches", never_ends)
    server = await start(context)
    connector = aiohttp.TCPConnector(limit=50)
    async with (
        asyncio.timeout(WITHIN_S),
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
    ):
        async with client.get(f"{server.url}sign-in") as form:
            token = token_in(await form.text())

        async def sign_in(at: int) -> int:
            fields = {"login": f"user{at}", "password": "wrong", "form_token": token}
            async with client.post(f"{server.url}sign-in", data=fields) as answer:
                return answer.status

        flood = [asyncio.create_task(sign_in(at)) for at in range(1000)]
        while sum(one.done() for one in flood) < 1000 - WAITING_MAX:
            async with client.get(f"{server.url}healthz") as answer:
                assert answer.status == 200
        assert not all(one.done() for one in flood), "passwords are still being checked"
        may_end.set()
        statuses = Counter(await asyncio.gather(*flood))
    await server.close()
    assert set(statuses) == {401, 503}
    assert statuses[401] <= WAITING_MAX


async def test_sign_in_pages_of_strangers_take_few_places(open_browser: NewBrowser) -> None:
    own = await open_browser("anna")
    await own.post("/sign-out", {"form_token": await own.form_token("/")})
    places = own.client.server.app[signin.FORMS]
    for _ in range(signin.FORMS_MAX):
        await places.acquire()
    refused = await own.another().get("/sign-in")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert (await own.get("/sign-in")).status == 200, "who has signed in here before"
    places.release()
    assert (await own.another().get("/sign-in")).status == 200
