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
        def lines() -> list[tuple[str | None, str]]:
            return [(line.outcome, line.reason) for line in models.LedgerLine.select()]

        return self.store.read_now(lines)


Begin = Callable[..., Station]


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)  # polling: what is waited for happens in another process
