"""The books: the catalogue when it takes a leg, the journal until then, and a recorder that dies between."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from ari_recorder.handlers import books as module
from ari_recorder.handlers.books import Books
from ari_recorder.policies.leg import Leg, inputs, receive
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Untold
from ari_recorder.policies.table import Event, Mode, decide
from ari_recorder.store import address, calls, documents, models
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from ari_recorder.store.people import UserRow

from ..conftest import PostgreSQL
from ..store.build import BEGIN, PBX, Call, add_user, recorded_call, reopened, ringing
from ..store.test_writer import TERMINATE

SAVED, JOURNALED = True, False


@dataclass
class Desk:
    """Books at work on a catalogue and a journal, and what each leg was told."""

    store: Store
    folder: Path
    user: UserRow
    books: Books = field(init=False)
    told: list[Input] = field(default_factory=list)
    due: int = 0
    busy: bool = False

    def __post_init__(self) -> None:
        self.books = Books(self.store, Journal(self.folder), lambda: BEGIN, self._due, lambda: self.busy)

    def _due(self) -> None:
        self.due += 1

    def leg(self, **more: object) -> Leg:
        return version(ringing(self.user, **more), 1)

    def put(self, leg: Leg) -> Leg:
        self.books.put(leg, self.told.append)
        return leg

    def saved(self) -> list[tuple[int, bool]]:
        return [(one.version, one.catalogue) for one in self.told if isinstance(one, inputs.Saved)]

    def written(self, leg: UUID) -> Leg | None:
        """As the catalogue has it."""
        return next((one for one in self.store.read_now(calls.open_legs, PBX) if one.id == leg), None)

    def journaled(self) -> list[str]:
        with suppress(OSError):
            return sorted(path.name for path in self.folder.iterdir())
        return []

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Another connection holds the catalogue; gives what lets go of it."""
        scheme, _, path = self.store.url.partition(":///")
        if scheme == "sqlite":
            holder = sqlite3.connect(f"/{path.lstrip('/')}", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
        else:
            holder = psycopg.connect(self.store.url)  # type: ignore[assignment]
            holder.execute("LOCK TABLE leg, call IN EXCLUSIVE MODE")
        try:
            yield holder.rollback
        finally:
            holder.rollback()
            holder.close()


def version(leg: Leg, number: int, **changes: object) -> Leg:
    return replace(leg, version=number, **changes)  # type: ignore[arg-type]


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    """Books that are running."""
    made = Desk(store, tmp_path / "journal", add_user(store))
    task = asyncio.create_task(made.books.run())
    yield made
    await end(task)


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch, store: Store) -> Iterator[Store]:
    """A store that does not wait long for a locked SQLite."""
    with monkeypatch.context() as patch:
        patch.setitem(address.SQLITE_PRAGMAS, "busy_timeout", 50)
        opened = Store(store.url)
        try:
            yield opened
        finally:
            opened.close()


async def test_what_the_catalogue_takes_in_time_is_not_in_the_journal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_TIME_S", 60.0)  # however busy the machine is
    leg = desk.put(desk.leg())
    await until(lambda: desk.saved() == [(1, SAVED)])
    assert desk.written(leg.id) is not None
    assert not desk.folder.exists()


async def test_of_what_comes_at_once_only_the_last_is_written(desk: Desk) -> None:
    leg = desk.leg()
    for number in range(1, 100):
        desk.put(version(leg, number, trouble=f"{number}"))
    await until(lambda: (99, SAVED) in desk.saved())
    assert len(desk.saved()) <= 2
    written = desk.written(leg.id)
    assert written is not None
    assert (written.version, written.trouble) == (99, "99")


async def test_what_nothing_waits_for_is_held_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a call's beginning is one commit, and has its files begun before."""
    monkeypatch.setattr(module, "HELD_BACK_S", 60.0)
    calm, leg = desk.put(desk.leg()), desk.leg()
    told = Untold(leg.standing, Event.START, decide(leg.standing, Event.ANSWERED, BEGIN), BEGIN, version=1)
    desk.put(version(leg, 1, untold=(told,)))
    await until(lambda: desk.saved())
    assert desk.written(leg.id) is not None
    assert desk.written(calm.id) is None
    monkeypatch.setattr(module, "HELD_BACK_S", 0.01)
    desk.put(version(calm, 2))
    await until(lambda: (2, SAVED) in desk.saved())


async def test_while_events_wait_only_what_somebody_waits_for_is_written_and_the_rest_a_while_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_S", 60.0)
    desk.busy = True
    calm, leg = desk.put(desk.leg()), desk.leg()
    told = Untold(leg.standing, Event.START, decide(leg.standing, Event.ANSWERED, BEGIN), BEGIN, version=1)
    desk.put(version(leg, 1, untold=(told,)))
    await until(lambda: desk.saved())
    assert desk.written(leg.id) is not None
    await asyncio.sleep(2 * module.IN_TIME_S)
    assert desk.written(calm.id) is None
    assert not desk.journaled()
    monkeypatch.setattr(module, "BUSY_S", 0.0)
    await until(lambda: desk.written(calm.id) is not None)


async def test_a_catalogue_that_is_slow_is_no_reason_to_wait(desk: Desk) -> None:
    leg = desk.leg()
    with desk.locked():
        began_s = time.monotonic()
        desk.put(leg)
        await until(lambda: desk.saved() == [(1, JOURNALED)])
        assert time.monotonic() - began_s >= module.IN_TIME_S
        desk.put(version(leg, 2, trouble="2"))
        await until(lambda: (2, JOURNALED) in desk.saved())
        assert desk.journaled() == [f"{leg.id}.json"]
        assert [one.trouble for one in Journal(desk.folder).read()] == ["2"]
        assert desk.written(leg.id) is None
    await until(lambda: (2, SAVED) in desk.saved())
    await until(lambda: not desk.journaled())
    assert desk.saved()[:2] == [(1, JOURNALED), (2, JOURNALED)]
    written = desk.written(leg.id)
    assert written is not None
    assert written.trouble == "2"


async def test_during_an_outage_every_leg_is_in_the_journal_and_after_it_in_the_catalogue(
    desk: Desk,
) -> None:
    legs = [desk.leg() for _ in range(100)]
    with desk.locked():
        for leg in legs:
            desk.put(leg)
        await until(lambda: len(desk.saved()) == len(legs))
        assert len(desk.journaled()) == len(legs)
    await until(lambda: desk.saved().count((1, SAVED)) == len(legs))
    await until(lambda: not desk.journaled())
    assert len(desk.store.read_now(calls.open_legs, PBX)) == len(legs)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)  # PostgreSQL waits for ever, see above
async def test_a_catalogue_that_fails_is_tried_again_until_it_takes_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with impatient(monkeypatch, store) as opened, capture_logs() as logs:
        desk = Desk(opened, tmp_path / "journal", add_user(opened))
        task = asyncio.create_task(desk.books.run())
        with desk.locked():
            desk.put(desk.leg())
            await until(lambda: desk.saved() == [(1, JOURNALED)])
            await until(lambda: told(logs))
        await until(lambda: (1, SAVED) in desk.saved(), 20.0)
        await until(lambda: len(told(logs)) == 2)
        await end(task)
    assert told(logs) == [
        "the catalogue cannot be written; the journal keeps it",
        "the catalogue can be written again",
    ]


def told(logs: list[Any]) -> list[str]:
    """What the log says of the catalogue."""
    return [log["event"] for log in logs if log["event"].startswith("the catalogue")]


async def test_where_nothing_can_be_written_that_is_told_once_and_it_is_tried_on(
    desk: Desk, tmp_path: Path
) -> None:
    desk.folder.write_text("in place of the folder")
    leg = desk.leg()
    with desk.locked():
        began_s = time.monotonic()
        desk.put(leg)
        await until(lambda: any(isinstance(one, inputs.NotSaved) for one in desk.told), 5.0)
        assert module.NOWHERE_S <= time.monotonic() - began_s < 5.0
        desk.put(version(leg, 2))
        await asyncio.sleep(0.7)  # longer than until the next try
        assert len(desk.told) == 1
        desk.folder.unlink()
        await until(lambda: desk.saved() == [(2, JOURNALED)])
    await until(lambda: (2, SAVED) in desk.saved())


async def test_a_disk_that_hangs_keeps_nothing_from_the_catalogue(desk: Desk) -> None:
    first, second = desk.leg(), desk.leg()
    hangs = asyncio.Event()
    loop = asyncio.get_running_loop()
    write = desk.books._journal.write

    def hang(legs: object) -> None:
        asyncio.run_coroutine_threadsafe(hangs.wait(), loop).result()
        write(legs)  # type: ignore[arg-type]

    desk.books._journal.write = hang  # type: ignore[method-assign]
    with desk.locked():
        desk.put(first)
        await until(lambda: any(isinstance(one, inputs.NotSaved) for one in desk.told), 6.0)
    await until(lambda: (1, SAVED) in desk.saved())
    desk.put(second)
    await until(lambda: desk.saved().count((1, SAVED)) == 2)
    hangs.set()


async def test_a_call_that_the_catalogue_does_not_take_keeps_no_other_from_it(desk: Desk) -> None:
    """Its user was removed in the same moment."""
    refused = desk.leg(user=models.new_id())
    others = [desk.leg() for _ in range(3)]
    with capture_logs() as logs:
        for leg in (others[0], refused, *others[1:]):
            desk.put(leg)
        await until(lambda: desk.saved().count((1, SAVED)) == 3)
        await until(lambda: desk.journaled() == [f"{refused.id}.json"])
        for number in (2, 3):
            desk.put(version(refused, number))
            desk.put(version(others[0], number))
            await until(lambda: {(number, SAVED), (number, JOURNALED)} <= set(desk.saved()))  # noqa: B023
    assert [log["event"] for log in logs].count("the catalogue does not take a call") == 1
    healed = version(refused, 4, user=desk.user.id)
    desk.put(healed)
    await until(lambda: (4, SAVED) in desk.saved())
    await until(lambda: not desk.journaled())


async def test_a_call_that_changes_while_the_catalogue_refuses_it_is_tried_at_once(desk: Desk) -> None:
    """Not a minute later, as one that stays as it was refused."""
    refused = desk.leg(user=models.new_id())
    with capture_logs() as logs:
        with desk.locked():
            desk.put(refused)
            await until(lambda: desk.saved() == [(1, JOURNALED)])  # so it is being written
            desk.put(version(refused, 2, user=desk.user.id))
        await until(lambda: (2, SAVED) in desk.saved())
    assert told(logs) == ["the catalogue does not take a call"]


PIECES = (models.Segment, models.LedgerLine)
ALL = (*PIECES, models.Announcement, models.Recording, models.Counterpart, models.Leg)


@pytest.mark.parametrize("tables", [PIECES, ALL], ids=["a pause and the ledger's line", "the whole call"])
async def test_what_a_failover_has_lost_of_a_call_is_written_again(
    postgresql: PostgreSQL, tmp_path: Path, tables: tuple[Any, ...]
) -> None:
    """A replica that is promoted may lack the latest commits; what they had of a call is known here."""
    url = postgresql.new_database()
    with reopened(url) as store:
        desk = Desk(store, tmp_path / "journal", add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME))
        task = asyncio.create_task(desk.books.run())
        call = Call.rings(store, desk.user).happens(Event.ANSWERED, Event.PAUSE)
        first = desk.put(version(call.leg, call.leg.version + 1))
        await until(lambda: (first.version, SAVED) in desk.saved())
        assert len(call.segments) == 1
        for table in tables:
            store.write_now(table.delete().execute)
        postgresql.execute(TERMINATE.format(url.rpartition("/")[2]))
        second = desk.put(version(first, first.version + 1, trouble="goes on"))
        await until(lambda: (second.version, SAVED) in desk.saved())
        await end(task)
        written = desk.written(second.id)
        assert written is not None
        assert written.trouble == "goes on"
        assert len(call.segments) == 1
        assert store.read_now(models.LedgerLine.select().count) == 1
    postgresql.drop(url)


async def test_a_call_that_the_catalogue_has_lost_is_written_anew(desk: Desk) -> None:
    """Behind a pooler no connection is lost by a failover."""
    leg = desk.put(desk.leg())
    await until(lambda: (1, SAVED) in desk.saved())
    desk.store.write_now(models.Leg.delete().execute)
    with capture_logs() as logs:
        desk.put(version(leg, 2, trouble="goes on"))
        await until(lambda: (2, SAVED) in desk.saved())
    assert told(logs) == ["the catalogue lacks what it had of a call: it is written anew"]
    assert desk.written(leg.id) is not None


async def test_the_finisher_is_told_of_what_is_due(desk: Desk) -> None:
    desk.put(desk.leg())
    await until(lambda: (1, SAVED) in desk.saved())
    assert desk.due == 0
    desk.put(recorded_call(desk.store, desk.user).leg)
    await until(lambda: desk.due == 1)
    assert desk.books._entries.keys() == {desk.put(desk.leg(channel="1.1")).id} | {
        leg.id for leg in desk.store.read_now(calls.open_legs, PBX)
    }, "what is over need not be remembered"


# At the end, and after a death


async def test_what_waits_at_the_end_is_in_the_catalogue(store: Store, tmp_path: Path) -> None:
    desk = Desk(store, tmp_path / "journal", add_user(store))
    task = asyncio.create_task(desk.books.run())
    await asyncio.sleep(0)
    leg = desk.put(desk.leg())
    await end(task)
    assert desk.written(leg.id) is not None
    assert desk.journaled() == []


async def test_what_the_catalogue_does_not_take_at_the_end_is_in_the_journal(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WORDS_S", 0.2)
    desk = Desk(store, tmp_path / "journal", add_user(store))
    task = asyncio.create_task(desk.books.run())
    await asyncio.sleep(0)
    with desk.locked():
        leg, refused = desk.put(desk.leg()), desk.put(desk.leg(user=models.new_id()))
        await end(task)
        assert desk.journaled() == sorted(f"{one.id}.json" for one in (leg, refused))


JOURNAL_AND_DIE = """
import asyncio, os, sys
from datetime import datetime, UTC
from pathlib import Path
from ari_recorder.handlers.books import Books
from ari_recorder.policies.leg import inputs
from ari_recorder.store import documents
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal

url, folder, *legs = sys.argv[1:]

async def main():
    store = Store(url)
    print("ready", flush=True)
    sys.stdin.readline()
    books = Books(store, Journal(Path(folder)), lambda: datetime.now(UTC), lambda: None)
    running = asyncio.create_task(books.run())
    waiting = len(legs)
    def tell(told):
        nonlocal waiting
        assert told.catalogue is False, told
        waiting -= 1
        if not waiting:
            os._exit(9)
    for leg in legs:
        books.put(documents.decode(leg), tell)
    await running

asyncio.run(main())
"""


def die_in_the_outage(desk: Desk, *legs: Leg) -> None:
    """A recorder that has these in its journal, and dies."""
    arguments = [documents.encode(leg).decode() for leg in legs]
    command = [sys.executable, "-c", JOURNAL_AND_DIE, desk.store.url, str(desk.folder), *arguments]
    pipe = subprocess.PIPE
    recorder = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert recorder.stdout is not None
    assert recorder.stdout.readline() == "ready\n"
    with desk.locked():
        _, errors = recorder.communicate("\n", timeout=60)
    assert recorder.returncode == 9, errors


async def test_what_a_dead_recorder_had_in_its_journal_is_found_and_written(
    store: Store, tmp_path: Path
) -> None:
    desk = Desk(store, tmp_path / "journal", add_user(store))
    known, unknown, over = desk.leg(), desk.leg(), desk.leg()
    store.write_now(calls.save, known, None, BEGIN)
    over, _ = receive(over, inputs.HungUp(BEGIN), BEGIN)
    die_in_the_outage(desk, version(known, 5, trouble="newer"), unknown, over)
    assert len(desk.journaled()) == 3

    found = {leg.id: leg for leg in await desk.books.recover(PBX)}
    assert found.keys() == {known.id, unknown.id}, "what is over is not followed, only written"
    assert (found[known.id].version, found[known.id].trouble) == (5, "newer")
    task = asyncio.create_task(desk.books.run())
    await until(lambda: not desk.journaled())
    await end(task)
    assert {leg.id: leg.trouble for leg in store.read_now(calls.open_legs, PBX)} == {
        known.id: "newer",
        unknown.id: "",
    }
    assert store.read_now(lambda: models.Leg.get_by_id(over.id).ended_at) == BEGIN


async def test_what_is_older_in_the_journal_changes_nothing_in_the_catalogue(
    store: Store, tmp_path: Path
) -> None:
    """Its file could not be removed before the recorder died."""
    desk = Desk(store, tmp_path / "journal", add_user(store))
    leg = desk.leg()
    done = recorded_call(store, desk.user)
    store.write_now(calls.save, version(leg, 5, trouble="newer"), None, BEGIN)
    Journal(desk.folder).write([version(leg, 4, trouble="older"), version(done.leg, 1, ended_at=None)])
    found = await desk.books.recover(PBX)
    assert [(one.id, one.version, one.trouble) for one in found] == [(leg.id, 5, "newer")]
    task = asyncio.create_task(desk.books.run())
    await until(lambda: not desk.journaled())
    desk.put(version(found[0], 6))
    await until(lambda: (6, SAVED) in desk.saved())
    await end(task)
    written = desk.written(leg.id)
    assert written is not None
    assert (written.version, written.trouble) == (6, "newer")
    assert store.read_now(lambda: models.Leg.get_by_id(done.leg.id).ended_at) == done.leg.ended_at


async def test_what_cannot_be_read_in_the_journal_stays_for_people_to_look_at(
    store: Store, tmp_path: Path
) -> None:
    desk = Desk(store, tmp_path / "journal", add_user(store))
    leg = desk.leg()
    Journal(desk.folder).write([leg])
    for name, content in (("broken.json", b"\xff{"), (f"{leg.id}.part", b"{"), ("empty.json", b"")):
        (desk.folder / name).write_bytes(content)
    (desk.folder / "folder.json").mkdir()
    with capture_logs() as logs:
        assert [one.id for one in await desk.books.recover(PBX)] == [leg.id]
    assert {Path(log["file"]).name for log in logs} == {"broken.json", "empty.json", "folder.json"}
    task = asyncio.create_task(desk.books.run())
    await until(lambda: f"{leg.id}.json" not in desk.journaled())
    await end(task)
    assert {"broken.json", "empty.json", "folder.json"} < set(desk.journaled())


async def test_without_a_journal_the_catalogue_alone_is_recovered(store: Store, tmp_path: Path) -> None:
    desk = Desk(store, tmp_path / "journal", add_user(store))
    leg = desk.leg()
    store.write_now(calls.save, leg, None, BEGIN)
    assert [one.id for one in await desk.books.recover(PBX)] == [leg.id]
    desk.folder.write_text("in place of the folder")
    assert [one.id for one in await desk.books.recover(PBX)] == [leg.id]
