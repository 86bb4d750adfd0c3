"""The connection to the catalogue: one writer thread, a few readers, migrations.

SQLite (write-ahead log, every commit synced to disk) by default, PostgreSQL by setting. What writes is a
plain function that runs in the writer's thread; writes waiting at the same time share one commit, each
behind a savepoint of its own, so that one that fails takes no other with it. A write has returned only
when it is on disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import peewee
from peewee import SqliteDatabase
from playhouse.migrations import MigrationError, Runner

from ari_recorder.errors import NoCatalogue, StoreError
from ari_recorder.store import models, search_index
from ari_recorder.store.address import database_at, file_of, none_at, says_no_such_database, shown
from ari_recorder.store.cutting import Cutting
from ari_recorder.store.search_keeping import Keeping
from ari_recorder.store.turn import Turn

P = ParamSpec("P")
T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
READERS = 2
"""Threads that read, each with a connection of its own that it keeps."""
READ_WITHIN_S = 10.0
"""How long a reader may take; a database that has gone without a word must keep nobody waiting."""
CLOSED_WITHIN_S = 5.0
"""How long closing waits for a database that does not answer."""
BATCH = 64
"""Most writes that share a commit."""

_Job = tuple[Callable[[], Any], Future[Any]]
_Result = tuple[Future[Any], Any, Exception | None]


class Store:
    """The open catalogue.

    ``url`` as in the setting ``store.url``. Raises `StoreError` when it cannot be opened or is newer than
    this program. One that is not there is made, one of an older version upgraded; with ``make=False``
    neither, and nothing is written by opening it: raises `NoCatalogue` instead.
    """

    def __init__(self, url: str, *, make: bool = True) -> None:
        self.url = url
        self.written = 0
        """Writes that were committed."""
        self.connected = 0
        """How often what writes has connected: each time to a server that may lack the latest rows."""
        self._database = database_at(url, make)
        models.database.initialize(self._database)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._search = Keeping()
        self._cutting = Cutting()
        self._late = threading.Timer(CLOSED_WITHIN_S, self._cutting.cut)
        self._late.daemon = True
        self._closed = False
        self._closing = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        try:
            self._migrate() if make else self._check()
        except (peewee.PeeweeException, OSError) as error:
            if says_no_such_database(error):
                raise none_at(url) from error
            raise StoreError(
                f"The catalogue at {shown(url)} cannot be opened: {_in_a_line(error)}"
            ) from error
        self._file = file_of(url)
        self._writer = threading.Thread(target=self._write_forever, name="store-writer", daemon=True)
        self._writer.start()

    async def write(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in the writer's thread; returns when it is committed, raises what it raises.

        Raises `StoreError` while the database cannot be written (full disk, lost connection).
        """
        with self._explained("written"):
            return await asyncio.wrap_future(self._submit(lambda: work(*args, **kwargs)))

    def write_now(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, for programs without an event loop: waits for it."""
        with self._explained("written"):
            return self._submit(lambda: work(*args, **kwargs)).result()

    async def read(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in a reader's thread. Raises `StoreError` while the database cannot be read."""
        loop = asyncio.get_running_loop()
        try:
            with self._explained("read"):
                async with asyncio.timeout(READ_WITHIN_S):
                    return await loop.run_in_executor(
                        self._readers, lambda: self._read(work, *args, **kwargs)
                    )
        except TimeoutError as error:
            raise StoreError(
                f"The catalogue at {shown(self.url)} does not answer within {READ_WITHIN_S:g} s."
            ) from error

    def read_now(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for programs without an event loop."""
        with self._explained("read"):
            return self._readers.submit(lambda: self._read(work, *args, **kwargs)).result()

    def catch_up(self) -> None:
        """From now on, while nothing is to be written, what was there before a search comes into it."""
        self._search.behind = True
        self._submit(lambda: None)

    def hurry(self) -> None:
        """The program stops: a PostgreSQL that does not answer is waited for `CLOSED_WITHIN_S` in all."""
        with suppress(RuntimeError):  # it is known already
            self._late.start()

    def close(self) -> None:
        """Finish what is waiting to be written and close every connection; once is enough.

        A PostgreSQL that does not answer is waited for as `hurry` says.
        """
        with self._closing:
            self._closed = True
            self._jobs.put(None)
        self.hurry()
        self._writer.join()
        self._close_readers()
        self._readers.shutdown()
        self._database.close()
        self._late.cancel()

    def _close_readers(self) -> None:
        """Each reader closes its own connection; the barrier gives each of them one turn."""
        turn = threading.Barrier(READERS)

        def close() -> None:
            turn.wait()
            self._drop_connection()

        with suppress(RuntimeError):  # closed before
            for waiting in [self._readers.submit(close) for _ in range(READERS)]:
                waiting.result()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise StoreError(f"The catalogue at {shown(self.url)} is closed: the program is stopping.")
            self._jobs.put((work, future))
        return future

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except peewee.PeeweeException as error:
            if not _is_away(error):
                raise
            raise StoreError(
                f"The catalogue at {shown(self.url)} cannot be {done}: {_in_a_line(error)}"
            ) from error

    def _read(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        kept = not self._connect()
        try:
            return work(*args, **kwargs)
        except peewee.PeeweeException as error:
            if not _is_away(error):
                raise
            self._drop_connection()
            if not kept:
                raise
        return self._read(work, *args, **kwargs)  # a connection kept from before may have been lost meanwhile

    def _connect(self) -> bool:
        """Have a connection in this thread; whether it is a new one. Raises `StoreError` for another file.

        One that was kept knows nothing of a file that stands in the old one's place; and a new one would read
        the old one's log into it.
        """
        if file_of(self.url) != self._file:
            raise StoreError(
                f"The catalogue at {shown(self.url)} was moved or replaced while this program has it open."
                " Put it back as it was; to use another, stop the recorder first."
            )
        self._cutting.check()
        new = bool(self._database.connect(reuse_if_open=True))
        self._cutting.opened(self._database.connection())
        return new

    def _write_forever(self) -> None:
        while batch := self._next_batch():
            wanted = [job for job in batch if job[1].set_running_or_notify_cancel()]
            results = self._tried(wanted)
            for job, (future, value, failure) in zip(wanted, results, strict=True):
                if _is_deadlock(failure):  # alone it holds nothing that another process may wait for
                    ((_, value, failure),) = self._tried([job])
                future.set_exception(failure) if failure else future.set_result(value)
            if any(_is_read_only(failure) for _, _, failure in results):
                self._drop_connection()  # the address may lead to another server by now
        self._drop_connection()

    def _tried(self, wanted: list[_Job]) -> list[_Result]:
        """What became of each, in the same order."""
        try:
            results = self._commit(wanted)
        except Exception as error:  # the commit itself failed: nothing of the batch is on disk
            self._drop_connection()
            return [(future, None, _first(error)) for _, future in wanted]
        self.written += sum(failure is None for _, _, failure in results)
        return results

    def _drop_connection(self) -> None:
        with suppress(peewee.PeeweeException):  # a connection that is lost can fail to close, too
            self._database.close()

    def _next_batch(self) -> list[_Job]:
        batch: list[_Job] = []
        while len(batch) < BATCH:
            try:
                job = self._jobs.get_nowait() if batch else self._first_job()
            except queue.Empty:
                break
            if job is None:
                if batch:
                    self._jobs.put(None)
                break
            batch.append(job)
        return batch

    def _first_job(self) -> _Job | None:
        """The next that is to be written; until there is one, what else there is to do is done."""
        while self._search.behind:
            with suppress(queue.Empty):
                wait_s = self._search.rests_s()
                return self._jobs.get(timeout=wait_s) if wait_s else self._jobs.get_nowait()
            self._catch_up()
        return self._jobs.get()

    def _catch_up(self) -> None:
        """A step of it, in a transaction of its own."""
        with self._search.step():
            try:
                self.connected += self._connect()
                with self._begun():
                    self._search.behind = search_index.take_in()
            except Exception:
                self._drop_connection()
                raise

    def _begun(self) -> Any:
        begin = ("IMMEDIATE",) if isinstance(self._database, SqliteDatabase) else ()
        return self._database.atomic(*begin)

    def _commit(self, batch: list[_Job]) -> list[_Result]:
        results: list[_Result] = []
        self.connected += self._connect()
        with self._begun():
            for work, future in batch:
                try:
                    with self._database.savepoint():
                        value = work()
                except Exception as error:
                    self._check_transaction(error)
                    results.append((future, None, error))
                else:
                    results.append((future, value, None))
            if any(failure is None for _, _, failure in results):
                self._search.settle(self._database.savepoint, self._check_transaction)
        return results

    def _check_transaction(self, error: Exception) -> None:
        """SQLite gives up the whole transaction when, say, the disk is full: then all of it has failed."""
        if isinstance(self._database, SqliteDatabase) and not self._database.connection().in_transaction:
            raise error

    def _check(self) -> None:
        """That it is a catalogue of this version; only looks. Raises `NoCatalogue`, `StoreError`."""
        runner = Runner(self._database, str(MIGRATIONS))
        with self._database.connection_context():
            self._refuse_newer(runner)
            applied = [m.applied for m in runner.status()]
        if not any(applied):
            raise none_at(self.url)
        if not all(applied):
            raise NoCatalogue(
                f"The catalogue at {shown(self.url)} is of an older version.",
                "The next start of the recorder (ari-recorder run) upgrades it. Before, stop the older one"
                " and back the catalogue up.",
            )

    def _refuse_newer(self, runner: Runner) -> None:
        newer = [m.name for m in runner.status() if m.path is None]
        if newer:
            raise StoreError(
                f"The catalogue at {shown(self.url)} was made by a newer version"
                f" (it has {newer[-1]}): upgrade ari_recorder, or restore the backup made before."
            )

    def _migrate(self) -> None:
        runner, turn = Runner(self._database, str(MIGRATIONS)), Turn(self._database, self.url)
        with turn.connected():
            self._refuse_newer(runner)
            if all(m.applied for m in runner.status()):
                return
            with turn.alone():
                self._refuse_newer(runner)
                try:
                    runner.up()
                except MigrationError as error:
                    raise StoreError(f"The catalogue at {shown(self.url)}: {error}") from error


def _in_a_line(error: Exception) -> str:
    """What PostgreSQL says in several."""
    return " ".join(str(error).split())


def _first(error: Exception) -> Exception:
    """What failed first: SQLite gives a transaction up by itself, and then has none to roll back."""
    first, before = error, error.__context__
    while before is not None:
        first = before if isinstance(before, peewee.PeeweeException) else first
        before = before.__context__
    return first


def _is_away(error: Exception) -> bool:
    """Whether it is not there, or no longer, or not to be written: nothing is wrong with what was asked."""
    return isinstance(error, peewee.OperationalError | peewee.InterfaceError) or _is_read_only(error)


def _is_read_only(failure: Exception | None) -> bool:
    """Whether PostgreSQL takes no writes, as a replica does; it ends no connection by that."""
    return getattr(failure and failure.__context__, "sqlstate", None) == "25006"


def _is_deadlock(failure: Exception | None) -> bool:
    """Whether PostgreSQL has ended a write because another process and it waited for each other."""
    return getattr(failure and failure.__context__, "sqlstate", None) == "40P01"
