"""A running recorder on the lab's PBX, for the tests in this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ari_recorder.store import models
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.database import Store
from lab import Lab
from lab.evidence import Evidence
from lab.recorder import LabRecorder


@dataclass
class Station:
    """A running recorder on the lab's PBX, and what it leaves.

    A recorder that several tests share has recordings and lines of the ledger from ``before`` this one.
    """

    lab: Lab
    recorder: LabRecorder
    evidence: Evidence
    before: tuple[int, int] = (0, 0)

    @property
    def store(self) -> Store:
        return self.evidence.store

    async def only(self) -> RecordingRow:
        """The one recording there is, once everything is settled."""
        await self.evidence.settled()
        (row,) = self.evidence.recordings()
        return row

    def recordings(self) -> list[RecordingRow]:
        """Those of this test, oldest first."""
        return self.evidence.recordings()[self.before[0] :]

    def ledger(self) -> list[tuple[str | None, str]]:
        """The lines of this test, oldest first: outcome and reason."""

        def lines() -> list[tuple[str | None, str]]:
            found = models.LedgerLine.select().order_by(models.LedgerLine.opened_at)
            return [(line.outcome, line.reason) for line in found]

        return self.store.read_now(lines)[self.before[1] :]

    def begin(self) -> None:
        """A test begins."""
        self.before = (0, 0)
        self.before = len(self.recordings()), len(self.ledger())


Begin = Callable[..., Station]


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)  # polling: what is waited for happens in another process
