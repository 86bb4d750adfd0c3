"""Whose turn it is to make or upgrade a catalogue: one program at a time; others wait, and not for ever."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import structlog
from peewee import Database, OperationalError, SqliteDatabase

from ari_recorder.errors import StoreError
from ari_recorder.store.address import shown

WITHIN_S = 120.0
AGAIN_S = 0.05
_KEY = 0x41524952
"""Of PostgreSQL's advisory lock."""
_PRIMARY = 0xFF
"""What of SQLite's result codes says what it is; the rest says why."""

_log = structlog.get_logger(__name__)


class Turn:
    """At one catalogue, not connected yet. What waits too long raises `StoreError`."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = shown(url)
        self._late_at_s = time.monotonic() + WITHIN_S
        self._told = False

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Where two open a new file at once, SQLite lets neither wait for the other: it fails at once."""
        self._wait(self._connects)
        try:
            yield
        finally:
            self._database.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other program makes or upgrades it meanwhile."""
        with ExitStack() as held:
            self._wait(lambda: self._locks(held))
            yield

    def _wait(self, attempt: Callable[[], bool]) -> None:
        while not attempt():
            if time.monotonic() > self._late_at_s:
                raise StoreError(
                    f"The catalogue at {self._url} has been locked by another program for {WITHIN_S:g} s: end"
                    " that, if it does not make or upgrade the catalogue."
                )
            if not self._told:
                _log.warning("another program makes or upgrades the catalogue: waiting", catalogue=self._url)
            self._told = True
            time.sleep(AGAIN_S)

    def _connects(self) -> bool:
        try:
            self._database.connect()
        except OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        return True

    def _locks(self, held: ExitStack) -> bool:
        if not isinstance(self._database, SqliteDatabase):
            (ours,) = self._database.execute_sql("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
            if ours:
                held.callback(self._database.execute_sql, "SELECT pg_advisory_unlock(%s)", (_KEY,))
            return bool(ours)
        try:
            held.enter_context(self._database.atomic("EXCLUSIVE"))
        except OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        return True


def _is_busy(error: OperationalError) -> bool:
    return getattr(error.__context__, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY
