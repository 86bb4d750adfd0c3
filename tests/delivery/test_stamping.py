"""Heads are stamped by a real authority; one that fails is named, asked again, and in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from ari_recorder.config import Evidence, Settings, Vault, Web
from ari_recorder.config import Store as StoreSettings
from ari_recorder.delivery import apart, process, stamping
from ari_recorder.delivery import authority as requests
from ari_recorder.delivery.stamping import AGAIN_AFTER_S, LOOKED_S, Stamper
from ari_recorder.errors import SettingsError
from ari_recorder.store import evidence, finishing, tree_heads
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.database import Store
from ari_recorder.store.models import HeadStamp
from ari_recorder.store.timestamps import response
from ari_recorder.store.timestamps.check import check

from ..authority import Authority, made
from ..store.build import add_organisation, add_user, recorded_call, sealed, the_due

Answer = Callable[[bytes], Awaitable[web.StreamResponse]]
REPLY = "application/timestamp-reply"
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """The time that is passed in: a test moves it on."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Served:
    """An authority on the loopback: what it was asked, and how it answers."""

    authority: Authority
    queries: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    answer: Answer | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        query = await request.read()
        self.queries.append(query)
        self.kinds.append(request.content_type)
        self.asked.set()
        return await (self.answer or self.right)(query)

    async def right(self, query: bytes) -> web.Response:
        return web.Response(body=await asyncio.to_thread(self.authority.reply, query), content_type=REPLY)


@dataclass
class World:
    """Recordings of organisations, signed; an authority; and what has its stamps."""

    store: Store
    key: SigningKey
    served: Served
    settings: Evidence
    clock: Clock = field(default_factory=Clock)
    people: dict[str, Any] = field(default_factory=dict)

    def signed(self, name: str = "Acme") -> None:
        """One recording more there, and its head."""
        if name not in self.people:
            organisation = self.store.write_now(add_organisation, name)
            number = f"{len(self.people) + 101}"
            self.people[name] = add_user(self.store, number, organisation=organisation)
        recorded_call(self.store, self.people[name], at=self.clock.at)
        due = the_due(self.store)
        self.store.write_now(finishing.seal, due, sealed(due), self.clock.at)
        self.store.write_now(finishing.cleared, due.segments)
        trees = self.store.read_now(tree_heads.grown)
        self.store.write_now(tree_heads.sign, self.key, trees, evidence.node_of, self.clock.at)

    def stamper(self, **settings: Any) -> Stamper:
        return Stamper(self.store, msgspec.structs.replace(self.settings, **settings), self.clock)

    def sizes(self, name: str = "Acme") -> list[int]:
        where = HeadStamp.organisation == self.people[name].organisation
        return [row.size for row in self.store.read_now(lambda: list(HeadStamp.select().where(where)))]


@asynccontextmanager
async def serving(authority: Authority) -> AsyncIterator[Served]:
    there = Served(authority)
    app = web.Application()
    app.router.add_post("/tsa", there.receive)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    there.url = f"http://127.0.0.1:{server.port}/tsa"
    try:
        yield there
    finally:
        await server.close()


@pytest.fixture
async def world(store: Store, authority: Authority, tmp_path: Path) -> AsyncIterator[World]:
    key = made_key(tmp_path / "audit.key")
    async with serving(authority) as there:
        settings = Evidence(timestamp_url=there.url, timestamp_ca_file=authority.ca)
        yield World(store, key, there, settings)


async def test_a_head_is_stamped_and_told(world: World) -> None:
    world.signed()
    with capture_logs() as log:
        assert await world.stamper().step() == LOOKED_S
    assert world.served.kinds == ["application/timestamp-query"]
    (row,) = world.store.read_now(lambda: list(HeadStamp.select()))
    assert (row.number, row.size, row.authority) == (1, 1, world.served.authority.name)
    assert abs(row.at - world.clock.at) < timedelta(minutes=1)
    (line,) = log
    assert (line["log_level"], line["event"]) == ("info", "the evidence is time-stamped")
    assert line["stamp"] == f"stamp:{row.organisation}:1:{row.sha256}"
    assert line["by"] == row.authority
    checked = check(world.store.read_now, lambda: world.served.authority.authorities)
    assert (checked.stamps, checked.findings) == (1, [])


async def test_only_a_hash_leaves(world: World) -> None:
    world.signed()
    await world.stamper().step()
    organisation = world.people["Acme"].organisation
    (query,) = world.served.queries
    assert len(query) < 100
    assert str(organisation).encode() not in query
    assert UUID(str(organisation)).bytes not in query


async def test_at_most_once_an_hour_and_only_what_is_new(world: World) -> None:
    stamper = world.stamper()
    await stamper.step()
    assert world.served.queries == []  # nothing is signed
    world.signed()
    await stamper.step()
    await stamper.step()
    world.clock.at += 2 * HOUR
    await stamper.step()
    assert world.sizes() == [1]  # nothing is new
    world.signed()
    await stamper.step()
    assert world.sizes() == [1, 2]
    world.signed()
    world.signed()
    world.clock.at += HOUR - timedelta(seconds=1)
    await stamper.step()
    assert world.sizes() == [1, 2]
    world.clock.at += timedelta(seconds=1)
    await stamper.step()
    assert world.sizes() == [1, 2, 4]  # the newest alone
    assert len(world.served.queries) == 3


async def test_as_often_as_is_set_and_for_each_organisation(world: World) -> None:
    stamper = world.stamper(timestamp_every_s=60)
    for _ in range(2):
        world.signed("Acme")
        world.signed("Other")
        await stamper.step()
        world.clock.at += timedelta(seconds=60)
    assert (world.sizes("Acme"), world.sizes("Other")) == ([1, 2], [1, 2])


# What can go wrong


async def refuses(_: bytes) -> web.StreamResponse:
    return web.Response(status=503, text="no")


async def points_elsewhere(_: bytes) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "http://elsewhere.example/"})


async def talks(_: bytes) -> web.StreamResponse:
    return web.Response(text="<html>Welcome</html>", content_type="text/html")


async def says_nothing(_: bytes) -> web.StreamResponse:
    return web.Response(body=b"", content_type=REPLY)


async def nonsense(_: bytes) -> web.StreamResponse:
    return web.Response(body=b"\x30\x82\x05\x00 not DER", content_type=REPLY)


async def a_lot(_: bytes) -> web.StreamResponse:
    return web.Response(body=b"\x30" * 100_000, content_type=REPLY)


def broken(world: World) -> Answer:
    async def answer(query: bytes) -> web.StreamResponse:
        right = await world.served.right(query)
        assert isinstance(right.body, bytes)
        return web.Response(body=right.body[:-7], content_type=REPLY)

    return answer


def replays(world: World) -> Answer:
    """A stamp of the same head, of another question."""
    heads = world.store.read_now(stamping.rows.due, world.clock.at, HOUR)
    old = world.served.authority.reply(response.request(response.stamped(heads[0])).content)

    async def answer(_: bytes) -> web.StreamResponse:
        return web.Response(body=old, content_type=REPLY)

    return answer


def stamps_something_else(world: World) -> Answer:
    async def answer(_: bytes) -> web.StreamResponse:
        return await world.served.right(response.request(b"another head").content)

    return answer


def declines(world: World) -> Answer:
    async def answer(query: bytes) -> web.StreamResponse:
        said = await asyncio.to_thread(world.served.authority.reply, query, digests="sha512")
        return web.Response(body=said, content_type=REPLY)

    return answer


def is_somebody_else(world: World) -> Answer:
    folder = world.settings.timestamp_ca_file
    assert folder is not None
    other = made(folder.parent / "other", "Forger")

    async def answer(query: bytes) -> web.StreamResponse:
        return web.Response(body=await asyncio.to_thread(other.reply, query), content_type=REPLY)

    return answer


BAD: list[tuple[Callable[[World], Answer], str]] = [
    (lambda _: refuses, "status 503"),
    (
        lambda _: points_elsewhere,
        "status 307, and points to http://elsewhere.example/, which is not followed",
    ),
    (lambda _: talks, "no time stamp but text/html"),
    (lambda _: says_nothing, "no time stamp"),
    (lambda _: nonsense, "no time stamp"),
    (lambda _: a_lot, "longer than 65536 bytes"),
    (broken, "no time stamp"),
    (replays, "nonce is not that of ours"),
    (stamps_something_else, "a stamp of something else"),
    (declines, "refused, with the status 2 (rejection)"),
    (is_somebody_else, "not signed by an authority that is trusted (CN=Forger,O=Stamps of Forger)"),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
async def test_a_bad_answer_is_named_kept_nowhere_and_asked_again(
    world: World, bad: Callable[[World], Answer], why: str
) -> None:
    world.signed()
    world.served.answer = bad(world)
    stamper = world.stamper()
    with capture_logs() as log:
        assert await stamper.step() == AGAIN_AFTER_S[0]
    (line,) = log
    assert (line["log_level"], why in line["why"]) == ("error", True), line
    assert line["authority"] == world.served.url.split("/")[2]
    assert world.sizes() == []
    world.served.answer = None
    assert await stamper.step() == LOOKED_S
    assert world.sizes() == [1]


async def test_an_answer_without_an_end_is_left(world: World) -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(headers={"Content-Type": REPLY})
        await answer.prepare(request)
        while True:
            await answer.write(b"\x30" * 4096)
            sent += 4096

    async with serving_as(flood) as url:
        world.signed()
        with capture_logs() as log:
            assert await world.stamper(timestamp_url=url).step() == AGAIN_AFTER_S[0]
    assert "longer than 65536 bytes" in log[0]["why"]
    assert sent >= 65536
    assert world.sizes() == []


@asynccontextmanager
async def serving_as(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/tsa", handler)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield f"http://127.0.0.1:{server.port}/tsa"
    finally:
        await server.close()


@pytest.mark.parametrize("begins", [False, True])
async def test_one_that_hangs_is_given_up_and_is_in_nobodys_way(
    world: World, monkeypatch: pytest.MonkeyPatch, begins: bool
) -> None:
    """Before its answer or in the middle of it; meanwhile the catalogue is written as ever."""
    monkeypatch.setattr(requests, "WITHIN_S", 1.0)
    hangs, released = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": REPLY})
        if begins:
            await answer.prepare(request)
            await answer.write(b"\x30\x82")
        hangs.set()
        await released.wait()
        return answer

    async with serving_as(hang) as url:
        world.signed()
        with capture_logs() as log:
            stamping_now = asyncio.create_task(world.stamper(timestamp_url=url).step())
            await asyncio.wait_for(hangs.wait(), 10)
            await world.store.write(lambda: None)
            assert not stamping_now.done()
            assert await stamping_now == AGAIN_AFTER_S[0]
        released.set()
    assert "did not answer within 1 s" in log[0]["why"]


async def test_nobody_there_is_named_and_a_password_is_not(world: World) -> None:
    async def nobody(_: web.Request) -> web.StreamResponse:
        return await refuses(b"")

    async with serving_as(nobody) as url:
        pass  # and is gone again
    world.signed()
    with capture_logs() as log:
        address = url.replace("//", "//anna:secret@")
        await world.stamper(timestamp_url=address).step()
    assert "cannot be asked" in log[0]["why"]
    assert "secret" not in str(log)


async def test_it_is_asked_again_later_and_later(world: World) -> None:
    world.signed()
    world.served.answer = refuses
    stamper = world.stamper()
    waits = [await stamper.step() for _ in range(6)]
    assert waits == [*AGAIN_AFTER_S, AGAIN_AFTER_S[-1], AGAIN_AFTER_S[-1]]
    world.served.answer = None
    assert await stamper.step() == LOOKED_S
    world.clock.at += HOUR
    world.signed()
    world.served.answer = refuses
    assert await stamper.step() == AGAIN_AFTER_S[0]  # it was well in between


async def test_the_head_of_one_that_is_refused_is_not_in_the_others_way(world: World) -> None:
    world.signed("Acme")
    world.signed("Other")
    stamper = world.stamper()
    first = world.store.read_now(stamping.rows.due, world.clock.at, HOUR)[0]
    refused = response.request(response.stamped(first)).content[20:40]  # of its hash

    async def picky(query: bytes) -> web.StreamResponse:
        return await refuses(query) if refused in query else await world.served.right(query)

    world.served.answer = picky
    await stamper.step()
    await stamper.step()
    stamped = {name: world.sizes(name) for name in world.people}
    name = next(name for name, one in world.people.items() if str(one.organisation) == first.organisation)
    assert stamped.pop(name) == []
    assert list(stamped.values()) == [[1]]


async def test_while_it_is_not_known_whom_to_trust_nobody_is_asked(world: World, tmp_path: Path) -> None:
    world.signed()
    with pytest.raises(SettingsError, match=r"nowhere\.pem cannot be read"):
        await world.stamper(timestamp_ca_file=tmp_path / "nowhere.pem").step()
    assert world.served.queries == []


async def test_whom_the_machine_trusts_is_trusted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.signed()
    monkeypatch.setenv("SSL_CERT_FILE", str(world.served.authority.ca))
    await world.stamper(timestamp_ca_file=None).step()
    assert world.sizes() == [1]


async def test_clocks_that_differ_are_told(world: World) -> None:
    world.clock.at += timedelta(minutes=3)
    world.signed()
    with capture_logs() as log:
        await world.stamper().step()
    assert world.sizes() == [1]
    assert [one["log_level"] for one in log] == ["info", "warning"]
    assert "differ" in log[1]["event"]


async def test_two_recorders_on_one_catalogue_keep_one(world: World) -> None:
    world.signed()
    both = asyncio.Barrier(2)

    async def together(query: bytes) -> web.StreamResponse:
        await both.wait()
        return await world.served.right(query)

    world.served.answer = together
    await asyncio.gather(world.stamper().step(), world.stamper().step())
    assert len(world.served.queries) == 2
    assert world.sizes() == [1]


# The task


@dataclass(frozen=True)
class Context:
    """What a task is given."""

    store: Store
    settings: Settings
    now: Callable[[], datetime]


async def test_it_is_a_task_of_the_process_and_goes_on_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert process.TASKS["time stamps"] is stamping.run
    monkeypatch.setattr(stamping, "LOOKED_S", 0.02)
    context = Context(world.store, Settings(evidence=world.settings), world.clock)
    task = asyncio.create_task(stamping.run(context))
    world.signed()
    async with asyncio.timeout(20):
        while not world.sizes():
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_process_itself_has_heads_stamped(world: World, tmp_path: Path) -> None:
    """Nothing of it is in this one: it reads its settings, asks, verifies and writes down by itself."""
    world.signed()
    vault = Vault(path=tmp_path / "vault", key_file=tmp_path / "master.key")
    web_settings = Web(key_file=tmp_path / "session.key")
    settings = Settings(
        store=StoreSettings(url=world.store.url), vault=vault, web=web_settings, evidence=world.settings
    )
    running = asyncio.create_task(apart.delivery(settings).run())
    try:
        async with asyncio.timeout(60):
            while not world.sizes():
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(world.served.queries) == 1


async def test_without_an_authority_there_is_nothing_to_do(world: World) -> None:
    settings = Settings(evidence=msgspec.structs.replace(world.settings, timestamp_url=""))
    await stamping.run(Context(world.store, settings, world.clock))
    assert world.served.queries == []
