"""The sender with a real catalogue and real receivers: order, retries, outages, and being killed."""

from __future__ import annotations

import asyncio
import base64
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from cryptography.fernet import Fernet

from ari_recorder.config import Webhooks
from ari_recorder.delivery import webhooks as sender
from ari_recorder.delivery.signing import new_secret
from ari_recorder.delivery.webhooks import Sender
from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Event, Mode
from ari_recorder.policies.webhooks.events import CHOSEN
from ari_recorder.policies.webhooks.sending import Stopped
from ari_recorder.seals import Purpose, Seals
from ari_recorder.store import (
    audit_key,
    evidence,
    finishing,
    tree_heads,
    webhook_log,
    webhook_sending,
    webhooks,
)
from ari_recorder.store.database import Store

from ..authority import Authority, stamp
from ..store.build import BEGIN, BY, Call, add_user, recorded_call, sealed, the_due
from .receiver import Receiver, receiver

KEY = Fernet.generate_key()
SETTINGS = Webhooks(
    allow_inside=Networks.of(["127.0.0.0/8"]), allow_http=True, pages_url="https://recorder.example"
)
WITHIN_S = 20.0


@dataclass
class Clock:
    """The time that is passed in: a test moves it on."""

    at: datetime = BEGIN + timedelta(minutes=5)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LOOKED_S", 0.02)
    monkeypatch.setattr(sender, "AWAY_S", (0.05,))


@asynccontextmanager
async def sending(store: Store, clock: Callable[[], datetime], name: str = "one") -> AsyncIterator[None]:
    task = asyncio.create_task(Sender(name, store, Seals(KEY), SETTINGS, clock).run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Any], what: str) -> None:
    """Poll; nothing else says when it is so."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


def add_hook(store: Store, organisation: UUID, there: Receiver, **more: Any) -> UUID:
    secret = there.secrets[0]
    values = {
        "name": "hook", "url": there.url, "events": [str(one) for one in CHOSEN], "personal": False, **more,
    }  # fmt: skip
    box = Seals(KEY).seal(Purpose.WEBHOOK, secret, datetime.now(UTC))
    return store.write_now(webhooks.add, organisation, values, box, actor=BY, now=BEGIN).id


def paused_call(store: Store, number: str = "101") -> Call:
    user = add_user(store, number, mode=Mode.ALWAYS_PAUSE_RESUME)
    return _paused_call(store, user)


def _paused_call(store: Store, user: Any) -> Call:
    call = Call.rings(store, user).happens(Event.ANSWERED, Event.PAUSE, Event.RESUME).hangs_up()
    due = the_due(store)
    store.write_now(finishing.seal, due, sealed(due), call.now)
    return call


WHOLE = ["started", "paused", "resumed", "ready"]


async def test_a_call_is_told_in_order_and_signed(store: Store) -> None:
    async with receiver(new_secret()) as there:
        user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
        hook = add_hook(store, user.organisation, there)
        call = _paused_call(store, user)
        async with sending(store, Clock()):
            await until(lambda: len(there.events) == 4, "four events")
            await until(lambda: not store.read_now(webhooks.find, COMMAND_LINE, hook).waiting, "none waits")
    assert (there.types, there.unsigned) == (WHOLE, 0)
    assert there.ids == [one["id"] for one in there.events]
    assert [one["sequence"] for one in there.events] == sorted(one["sequence"] for one in there.events)
    ready = there.events[-1]
    assert ready["data"]["links"]["page"] == f"https://recorder.example/recordings/{call.recording}"
    assert "counterpart" not in ready["data"]


async def test_a_time_stamp_is_told_whole(store: Store, authority: Authority, tmp_path: Path) -> None:
    """So that it can be kept elsewhere: the head, and what the authority answered."""
    key = audit_key.made(tmp_path / "audit.key")
    async with receiver(new_secret()) as there:
        user = add_user(store)
        add_hook(store, user.organisation, there, events=["evidence.stamp"])
        recorded_call(store, user)
        due = the_due(store)
        store.write_now(finishing.seal, due, sealed(due), BEGIN)
        trees = store.read_now(tree_heads.grown)
        (head,) = store.write_now(tree_heads.sign, key, trees, evidence.node_of, BEGIN)
        kept = stamp(store, authority, head, BEGIN)
        async with sending(store, Clock()):
            await until(lambda: there.events, "an event")
    (told,) = there.events
    assert (told["type"], told["subject"], "links" in told["data"]) == ("evidence.stamp", "evidence", False)
    assert base64.b64decode(told["data"]["response"]) == kept.response
    assert (told["data"]["authority"], told["data"]["size"]) == (authority.name, 1)
    assert told["data"]["signature"] == head.signature
    assert datetime.fromisoformat(told["data"]["stamped_at"]) == kept.at


async def test_with_names_if_it_is_told_names(store: Store) -> None:
    async with receiver(new_secret()) as there:
        user = add_user(store)
        add_hook(store, user.organisation, there, personal=True)
        recorded_call(store, user)
        async with sending(store, Clock()):
            await until(lambda: there.events, "an event")
    assert there.events[0]["data"]["counterpart"] == {"number": "0701234567", "name": "Somebody"}


async def test_what_is_refused_is_sent_again_later_and_in_order(store: Store) -> None:
    clock = Clock()

    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="later")

    async with receiver(new_secret()) as there:
        user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
        hook = add_hook(store, user.organisation, there)
        there.answers = [refuses]
        _paused_call(store, user)

        def tried() -> bool:
            rows = store.read_now(webhook_log.deliveries, COMMAND_LINE, hook).rows
            return any(row.attempts for row in rows)

        async with sending(store, clock):
            await until(tried, "tried once")
            assert there.types == ["started"]
            clock.at += timedelta(seconds=5)
            await until(lambda: len(there.events) == 5, "all of them")
    assert there.types == ["started", *WHOLE]
    assert there.ids[0] == there.ids[1]


async def test_one_that_hangs_is_in_nobodys_way(store: Store) -> None:
    released = asyncio.Event()

    async def hangs(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with receiver(new_secret()) as slow, receiver(new_secret()) as quick:
        slow.always = hangs
        user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
        add_hook(store, user.organisation, slow, name="slow")
        add_hook(store, user.organisation, quick, name="quick")
        async with sending(store, Clock()):
            for _ in range(6):
                _paused_call(store, user)
            await until(lambda: len(quick.events) == 24, "everything")
            assert len(slow.events) == 4, "four recordings at a time"
        released.set()


async def test_two_recorders_on_one_catalogue_do_not_send_twice(store: Store) -> None:
    clock = Clock()
    async with receiver(new_secret()) as there:
        user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
        hook = add_hook(store, user.organisation, there)
        async with sending(store, clock, "two"):
            async with sending(store, clock, "one"):
                for _ in range(5):
                    _paused_call(store, user)
                await until(lambda: len(there.events) == 20, "everything, once")
                await until(lambda: not store.read_now(webhooks.find, COMMAND_LINE, hook).waiting, "told so")
            assert len(set(there.ids)) == 20
            clock.at += webhook_sending.CLAIMED_FOR
            _paused_call(store, user)
            await until(lambda: len(there.events) == 24, "by the other, or the same")
    assert len(set(there.ids)) == len(there.ids)


async def test_who_is_gone_is_followed_by_another(store: Store) -> None:
    clock = Clock()
    async with receiver(new_secret()) as there:
        user = add_user(store)
        hook = add_hook(store, user.organisation, there)
        store.write_now(webhook_sending.claim, "dead", [hook], clock.at)
        recorded_call(store, user)
        async with sending(store, clock):
            await until(lambda: store.read_now(webhooks.find, COMMAND_LINE, hook).waiting, "it waits")
            assert there.events == []
            clock.at += webhook_sending.CLAIMED_FOR
            await until(lambda: there.types == ["started"], "told")


async def test_gone_stops_it(store: Store) -> None:
    async def gone(_: web.Request) -> web.StreamResponse:
        return web.Response(status=410)

    async with receiver(new_secret()) as there:
        there.always = gone
        user = add_user(store)
        hook = add_hook(store, user.organisation, there)
        recorded_call(store, user)
        async with sending(store, Clock()):
            await until(lambda: store.read_now(webhooks.find, COMMAND_LINE, hook).stopped, "stopped")
            recorded_call(store, user)
            await until(lambda: store.read_now(webhooks.find, COMMAND_LINE, hook).waiting == 1, "it waits")
    assert store.read_now(webhooks.find, COMMAND_LINE, hook).stopped is Stopped.GONE
    assert len(there.events) == 1


async def test_a_ping_is_answered_for(store: Store) -> None:
    async with receiver(new_secret()) as there:
        user = add_user(store)
        hook = add_hook(store, user.organisation, there)
        ping = store.write_now(webhooks.ping, COMMAND_LINE, hook, actor=BY, now=BEGIN)
        async with sending(store, Clock()):
            await until(
                lambda: store.read_now(webhook_log.delivery, COMMAND_LINE, hook, ping).attempts, "tried"
            )
    assert there.types == ["ping"]
    assert store.read_now(webhook_log.delivery, COMMAND_LINE, hook, ping).state == "delivered"


async def test_a_secret_sealed_by_another_key_is_told_and_nothing_is_sent(store: Store) -> None:
    async with receiver(new_secret()) as there:
        user = add_user(store)
        hook = add_hook(store, user.organisation, there)
        box = Seals(Fernet.generate_key()).seal(Purpose.WEBHOOK, new_secret(), BEGIN)
        store.write_now(webhooks.rotate, COMMAND_LINE, hook, box, actor=BY, now=BEGIN - timedelta(days=2))
        recorded_call(store, user)

        def error() -> str:
            rows = store.read_now(webhook_log.deliveries, COMMAND_LINE, hook).rows
            return next((row.attempts[0].error for row in rows if row.attempts), "")

        async with sending(store, Clock()):
            await until(error, "a word of it")
    assert "Renew the secret" in error()
    assert (there.events, there.unsigned) == ([], 0)


async def test_while_the_catalogue_is_locked_nothing_is_sent_twice(
    tmp_path: Path, empty_sqlite: Path
) -> None:
    """It is locked from the moment in which the first event has come until well after."""
    path = tmp_path / "catalogue.db"
    shutil.copy(empty_sqlite, path)
    store = Store(f"sqlite:///{path}")
    locking = sqlite3.connect(path, isolation_level=None, timeout=30)
    locked = asyncio.Event()

    async def locks(_: web.Request) -> web.StreamResponse:
        locking.execute("BEGIN IMMEDIATE")
        locked.set()
        return web.Response(status=204)

    try:
        async with receiver(new_secret()) as there:
            user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
            hook = add_hook(store, user.organisation, there)
            there.answers = [locks]
            _paused_call(store, user)
            async with sending(store, Clock()):
                await asyncio.wait_for(locked.wait(), WITHIN_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(until(lambda: len(there.events) > 1, "never"), 0.5)
                assert there.types == ["started"]
                locking.execute("ROLLBACK")
                await until(lambda: len(there.events) == 4, "the others")
                await until(
                    lambda: not store.read_now(webhooks.find, COMMAND_LINE, hook).waiting, "none waits"
                )
        assert there.types == WHOLE
    finally:
        locking.close()
        store.close()


def _send_in_a_process(url: str) -> None:
    async def run() -> None:
        store = Store(url, make=False)
        await Sender("one", store, Seals(KEY), SETTINGS, Clock()).run()

    asyncio.run(run())


async def test_killed_between_sending_and_writing_down_it_is_sent_again_under_its_id(
    tmp_path: Path, empty_sqlite: Path
) -> None:
    """kill -9 while the receiver has the event and the sender has no answer yet."""
    path = tmp_path / "catalogue.db"
    shutil.copy(empty_sqlite, path)
    url = f"sqlite:///{path}"
    store = Store(url)
    context = multiprocessing.get_context("fork")
    started: list[Any] = []

    async def kills(_: web.Request) -> web.StreamResponse:
        os.kill(started[0].pid, signal.SIGKILL)
        return web.Response(status=204)

    async with receiver(new_secret()) as there:
        user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
        add_hook(store, user.organisation, there)
        there.answers = [kills]
        _paused_call(store, user)
        store.close()
        started.append(context.Process(target=_send_in_a_process, args=(url,)))
        started[0].start()
        await until(lambda: not started[0].is_alive(), "killed")
        assert started[0].exitcode == -signal.SIGKILL
        assert there.types == ["started"]
        store = Store(url)
        try:
            async with sending(store, Clock()):
                await until(lambda: len(there.events) == 5, "again, and the others")
        finally:
            store.close()
    assert there.types == ["started", *WHOLE]
    assert there.ids[0] == there.ids[1]
    assert len(set(there.ids)) == 4
