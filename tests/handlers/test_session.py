"""What a start finds in the recording folder and the journal, with an Asterisk that has nothing."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ari_recorder.ari import (
    Channel,
    ChannelCreated,
    ChannelDestroyed,
    Disconnected,
    StasisEnd,
    StasisStart,
)
from ari_recorder.ari.resources import CallerID, DialplanCEP
from ari_recorder.ari.socket import Item
from ari_recorder.errors import AriNotFound, StoreError
from ari_recorder.handlers import session as session_module
from ari_recorder.handlers.books import Books
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import Directory
from ari_recorder.handlers.prompts import Prompts
from ari_recorder.handlers.session import Session
from ari_recorder.handlers.spool import Spool
from ari_recorder.live import Live
from ari_recorder.policies.leg import Leg, begin, inputs, receive
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from ari_recorder.store.people import UserRow
from lab.directory import add_user

T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


class Asterisk:
    """One that knows nothing any more of what was going on."""

    app = "ari_recorder"

    async def channels(self) -> list[Any]:
        return []

    async def bridges(self) -> list[Any]:
        return []

    async def set_event_filter(self, _: object) -> None:
        pass

    async def application(self) -> Any:
        return SimpleNamespace(endpoint_ids=[], channel_ids=[])

    async def subscribe(self, _: object) -> None:
        pass

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def gone(*given: object, **_: object) -> None:
            self.asked.append((name, *given[:1]))
            raise AriNotFound(name, str(given), 404, "gone")

        return gone


class World:
    """A recorder's parts, on a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.asterisk = Asterisk()
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.store = Store(f"sqlite:///{folder}/catalogue.db")
        self.journal = Journal(self.spool / "ari_recorder-journal")
        self.user: UserRow = self.store.write_now(
            add_user, name="Anna", number="101", mode=Mode.ON_DEMAND, endpoints=[("main", "PJSIP/101")]
        )

    def start(self, events: object = None) -> tuple[Session, Books]:
        def now() -> datetime:
            return datetime.now(UTC)

        ari: Any = self.asterisk
        spool = Spool(self.spool)
        books = Books(self.store, self.journal, now, lambda: None)
        context = Context(
            pbx="main",
            ari=ari,
            store=self.store,
            books=books,
            spool=spool,
            prompts=Prompts(self.store, spool, now),
            directory=Directory("main", ari, self.store, now),
            segment_max_s=3600.0,
            now=now,
            live=Live(),
        )
        socket: Any = events
        nothing: Any = SimpleNamespace()
        return Session(context, socket, nothing), books

    def ringing(self) -> Leg:
        return begin(
            app="ari_recorder",
            pbx="main",
            channel="1.1",
            channel_name="PJSIP/101-1",
            created_at=T0,
            user=self.user.id,
            organisation=self.user.organisation,
            user_number="101",
            user_name="Anna",
            mode=Mode.ON_DEMAND,
            preferences=combine({"announce_external": "none"}),
            direction="inbound",
            counterpart=Counterpart("0812345678", "Eva"),
            segment_max_s=3600.0,
        )

    def write_files(self, leg: Leg) -> None:
        """Fifty-nine seconds, until a minute after the beginning."""
        for name in file_names(leg.prefix, 1):
            path = self.spool / f"{name}.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(b"\1\0" * 8000 * 59)
            os.utime(path, (at(60).timestamp(),) * 2)

    def recordings(self) -> list[tuple[str, bool]]:
        return self.store.read_now(lambda: [(one.state, one.kept) for one in models.Recording.select()])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


async def test_files_of_a_call_that_was_never_written_down_are_its(world: World) -> None:
    """The recorder died in the moment of the answer, and the call ended before it was back."""
    leg = world.ringing()
    world.write_files(leg)
    session, books = world.start()
    writing = asyncio.create_task(books.run())
    await session._resume()
    await until(lambda: world.recordings() == [("discarding", False)])
    (row,) = world.store.read_now(lambda: list(models.Leg.select()))
    assert (row.id, row.state) == (leg.id, "ended")
    assert world.store.read_now(models.LedgerLine.select().count) == 1
    writing.cancel()
    await asyncio.wait([writing])


async def test_what_only_the_journal_has_is_not_begun_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started while the catalogue can be read and not be written: a start that was given stays given."""
    leg = world.ringing()
    world.write_files(leg)
    told: list[tuple[inputs.Input, float]] = [(inputs.Begun("1.1"), 0.0)]
    told += [(inputs.SnoopEntered(f"{leg.prefix}s1-{side}"), 0.1) for side in ("in", "out")]
    told += [(inputs.Answered(at(1)), 1.0)]
    told += [(inputs.FileBegan(name, at(1)), 1.0) for name in file_names(leg.prefix, 1)]
    told += [(inputs.Asked(Event.START, at(5), 1), 5.0), (inputs.HungUp(at(60)), 60.0)]
    told += [(inputs.FileClosed(name, at(60)), 60.0) for name in file_names(leg.prefix, 1)]
    for one, second in told:
        leg, _ = receive(leg, one, at(second))
        leg, _ = receive(leg, inputs.Saved(leg.version, catalogue=False), at(second))
    world.journal.write([leg])

    async def refuses(*_: object, **__: object) -> None:
        raise StoreError("its disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "write", refuses)
        session, books = world.start()
        writing = asyncio.create_task(books.run())
        await session._resume()
        assert [one.version for one in world.journal.read()] == [leg.version]
    await until(lambda: world.recordings() == [("closing", True)])
    await until(lambda: world.journal.read() == [])
    writing.cancel()
    await asyncio.wait([writing])


async def test_what_an_event_asks_for_is_asked_for_before_the_next_that_waits(world: World) -> None:
    asked: list[list[tuple[str, object]]] = []

    async def events() -> AsyncIterator[ChannelCreated]:
        """As the event socket has them when many have come at once: none of them has to be waited for."""
        for channel in ("1.1", "1.2"):
            asked.append([one for one in world.asterisk.asked if one[0] == "snoop"])
            yield created(channel)

    session, _ = world.start(events())
    await session.directory.subscribe(set())
    await session._receive()
    assert asked == [[], [("snoop", "1.1")] * 2]


class Came:
    """As the event socket has what has come already."""

    def __init__(self, *items: Item) -> None:
        self.items = list(items)

    @property
    def waiting(self) -> bool:
        return bool(self.items)

    def __aiter__(self) -> Came:
        return self

    async def __anext__(self) -> Item:
        if not self.items:
            raise StopAsyncIteration
        return self.items.pop(0)


async def test_calls_that_end_do_not_stand_in_the_way_of_one_that_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Disconnected("gone")
    ends = [destroyed(f"1.{number}") for number in range(session_module.ENDS_WAIT_MAX + 3)]
    begins = [created("2.1"), created("2.2")]
    received: list[Item] = []
    for kind in (ChannelCreated, ChannelDestroyed, Disconnected):
        monkeypatch.setitem(session_module.DOOR, kind, lambda _, item: received.append(item))
    session, _ = world.start(Came(*ends[:2], begins[0], ends[2], lost, begins[1]))
    await session._receive()
    assert received == [begins[0], *ends[:3], lost, begins[1]], "a loss comes after what came before it"
    received.clear()
    session, _ = world.start(Came(*ends, *begins))
    await session._receive()
    assert received[:5] == [*ends[:3], *begins], "not more wait than that"
    assert received[5:] == ends[3:]


async def test_who_leaves_and_comes_again_is_not_taken_to_have_left_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialplan that sends a channel here twice: the end of the first time must not end the second."""
    channel = created("1.1").channel
    left = StasisEnd(application="ari_recorder", timestamp=T0, channel=channel)
    again = StasisStart(application="ari_recorder", timestamp=T0, channel=channel, args=[])
    other = StasisStart(application="ari_recorder", timestamp=T0, channel=created("2.1").channel, args=[])
    received: list[Item] = []
    for kind in (ChannelDestroyed, StasisEnd, StasisStart):
        monkeypatch.setitem(session_module.DOOR, kind, lambda _, item: received.append(item))
    session, _ = world.start(Came(left, gone := destroyed("3.1"), other, again))
    await session._receive()
    assert received == [other, left, again, gone]


def destroyed(channel: str) -> ChannelDestroyed:
    there = created(channel)
    return ChannelDestroyed(
        application="ari_recorder", timestamp=T0, channel=there.channel, cause=16, cause_txt="Normal Clearing"
    )


def created(channel: str) -> ChannelCreated:
    nobody = CallerID()
    return ChannelCreated(
        application="ari_recorder",
        timestamp=T0,
        channel=Channel(
            id=channel,
            name=f"PJSIP/101-{channel}",
            state="Ring",
            caller=nobody,
            connected=nobody,
            dialplan=DialplanCEP(context="users", exten="102", priority=1),
            creationtime=T0,
        ),
    )
