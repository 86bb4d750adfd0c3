"""A running recorder on the lab's PBX, for the tests in this folder."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ari_recorder.store import models, people
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.database import Store
from ari_recorder.store.vault import MARKER
from lab import Lab
from lab.evidence import Evidence
from lab.recorder import LabRecorder

KEPT = (models.Revision, models.SigningKey, models.VaultPlace, models.RetentionClock)
"""Tables that are not emptied between two tests: the recorder knows its vault."""
FIRST = (
    *(models.Organisation, models.User, models.Activation, models.Endpoint),
    *(models.AuditLine, models.AuditHead),
)
"""Tables that are as they were when it began: people, and what the audit log tells of them."""
CHAINED = """SELECT name, sql FROM sqlite_master WHERE type = 'trigger'
    AND (tbl_name LIKE 'tree_%' OR tbl_name LIKE 'audit_%' OR tbl_name = 'head_stamp')"""


@dataclass
class Station:
    """A running recorder on the lab's PBX, and what it leaves."""

    lab: Lab
    recorder: LabRecorder
    evidence: Evidence

    @property
    def store(self) -> Store:
        return self.evidence.store

    async def only(self) -> RecordingRow:
        """The one recording there is, once everything is settled."""
        await self.evidence.settled()
        (row,) = self.evidence.recordings()
        return row

    def ledger(self) -> list[tuple[str | None, str]]:
        """The lines, oldest first: outcome and reason."""

        def lines() -> list[tuple[str | None, str]]:
            found = models.LedgerLine.select().order_by(models.LedgerLine.opened_at)
            return [(line.outcome, line.reason) for line in found]

        return self.store.read_now(lines)


Begin = Callable[..., Station]
OF_NO_TEST = {"media__format"}
"""Settings that name nothing which goes with its test."""


class Stations:
    """Gives each test a running recorder that knows of nothing yet.

    To start one takes longer than most calls. So it is kept for the next test, its catalogue emptied, unless
    that wants other settings, or the last one has ended it or left it with a call that it thinks is going on.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._count = 0
        self._settings: dict[str, str] = {}
        self._station: Station | None = None
        self._at_first: dict[Any, list[dict[str, Any]]] = {}

    def begin(self, *, fresh: bool = False, **settings: str) -> Station:
        """A recorder with these settings; with ``fresh`` one that has not been used."""
        station = self._station
        if fresh or station is None or settings != self._settings or not self._is_whole(station):
            return self._start(settings)
        station.recorder.log.write_text("")
        station.store.write_now(self._empty)
        for path in station.recorder.vault.rglob("*.*"):
            if path.name != MARKER:
                path.unlink()
        wait_until(lambda: "following endpoints" in station.recorder.log.read_text())
        return station

    def log_end(self) -> str:
        """What the recorder has said last."""
        if self._station is None:
            return ""
        return "\n".join(self._station.recorder.log.read_text().splitlines()[-150:])

    def test_ends(self) -> None:
        """A recorder that is no use to the next test ends with this one, before what it was given goes."""
        if self._station is not None and (
            self._settings.keys() - OF_NO_TEST or not self._is_whole(self._station)
        ):
            self.stop()

    def stop(self) -> None:
        """End the recorder, if there is one."""
        if self._station is not None:
            self._station.recorder.stop()
            self._station.evidence.close()
            self._station = None
        for left in self._lab.pbx.spool.glob("*.wav*"):
            left.unlink()

    def _start(self, settings: dict[str, str]) -> Station:
        self.stop()
        self._count += 1
        environment = {f"ARI_RECORDER_{key.upper()}": value for key, value in settings.items()}
        recorder = LabRecorder(self._lab, self._folder / str(self._count), environment)
        self._add_users(recorder, of_its_own="store__url" in settings)
        self._settings = settings
        self._station = Station(self._lab, recorder, Evidence(recorder))
        self._at_first = self._station.store.read_now(_first)
        recorder.start()
        return self._station

    def _add_users(self, recorder: LabRecorder, *, of_its_own: bool) -> None:
        """To hash their passwords takes a second or two: once is enough for all SQLite catalogues."""
        template = self._folder / "template.db"
        if not of_its_own and template.exists():
            shutil.copy(template, recorder.folder / "catalogue.db")
            return
        recorder.add_users()
        if not of_its_own:
            shutil.copy(recorder.folder / "catalogue.db", template)

    def _is_whole(self, station: Station) -> bool:
        process = station.recorder.process
        if process is None or process.poll() is not None:
            return False
        try:
            wait_until(lambda: not station.evidence.unsettled(), 5)
        except TimeoutError:
            return False
        return True

    def _empty(self) -> None:
        with _without_triggers():
            for table in reversed(models.TABLES):
                if table not in KEPT:
                    table.delete().execute()
            for table, rows in self._at_first.items():
                table.insert_many(rows).execute()
        people.changed()


@contextmanager
def _without_triggers() -> Iterator[None]:
    """What the database itself keeps from being deleted goes: logs and trees begin anew for each test."""
    found = models.database.execute_sql(CHAINED).fetchall()
    for name, _ in found:
        models.database.execute_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in found:
        models.database.execute_sql(sql)


def _first() -> dict[Any, list[dict[str, Any]]]:
    return {table: list(table.select().dicts()) for table in FIRST}


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """As `until`, where nothing else is to be done meanwhile. Raises `TimeoutError`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)  # polling: what is waited for happens in another process


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)  # polling: what is waited for happens in another process
