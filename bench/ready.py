"""From the hang-up to a recording that can be played, of ten minutes and of an hour.

    python -m bench ready

The finisher at work on a catalogue, as in a running recorder. A call goes on whose two files grow: what is
there is coded ahead, until nothing more is certain; then the last `TAIL_S` are written and the call is over.
Measured is from the commit of its end until the catalogue has it as stored, when pages show it. So an hour's
call need not take an hour: what differs is that a real call's files grow while others are coded.
The peer is the same without coding ahead: the call is over before the finisher looks at it.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from ari_recorder import config
from ari_recorder.ari import Ari
from ari_recorder.clock import utc_now
from ari_recorder.handlers import finisher as finishing_
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.media.sources import Samples
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg, inputs, receive
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.table import Mode
from ari_recorder.safes import safe
from ari_recorder.store import calls, models
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from bench.one_call import PBX, new_leg
from bench.results import Result, Row, percentile
from bench.talk import RATE_HZ, talk, write_wav
from lab.directory import add_user

LENGTHS_S = {600: 20, 3600: 8}
"""Of calls, and how many are measured, one after the other."""
POLL_S = 0.01
TAIL_S = finishing_.AHEAD_S
"""What has not been coded when the call is over: on the average it is half of this."""


async def run() -> Result:
    """Measure."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        place = await asyncio.to_thread(_Place, Path(name))
        working = asyncio.create_task(place.finisher.run())
        for length_s, count in LENGTHS_S.items():
            sides = await asyncio.to_thread(talk, place.folder, length_s)
            ahead, peer = [
                [await place.ready_ms(sides, ahead=ahead) for _ in range(count)] for ahead in (True, False)
            ]
            rows.append(_row(length_s, ahead, peer))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        place.store.close()
    return Result("From the hang-up to a recording that can be played", rows)


def _row(length_s: int, ahead_ms: list[float], peer_ms: list[float]) -> Row:
    return {
        "call_s": length_s,
        "calls": len(ahead_ms),
        "median_ms": round(percentile(ahead_ms, 50)),
        "p99_ms": round(percentile(ahead_ms, 99)),
        "not_ahead_median_ms": round(percentile(peer_ms, 50)),
        "not_ahead_p99_ms": round(percentile(peer_ms, 99)),
    }


class _Place:
    """A catalogue, a vault, a recording folder, and who finishes what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spool = folder, folder / "spool"
        self.spool.mkdir()
        self.legs: list[Leg] = []
        self.store = Store(f"sqlite:///{folder}/catalogue.db")
        vault = config.Vault(path=folder / "vault", key_file=folder / "master.key")
        self.user: UserRow = self.store.write_now(add_user, name="Anna", number="101", mode=Mode.ALWAYS)
        self.finisher = Finisher(
            store=self.store,
            safe=safe(vault, self.store, utc_now),
            spools={PBX: self.spool},
            aris={PBX: Ari(url="http://127.0.0.1:1", username="", password="", app="app")},  # never asked
            work=folder / "work",
            audio_format="opus",
            workers=1,
            now=utc_now,
            going_on=lambda: self.legs,
        )

    async def ready_ms(self, sides: tuple[Samples, Samples], ahead: bool) -> float:
        """Of one call."""
        ends_at = datetime.now(UTC)
        began_at = ends_at - timedelta(seconds=sides[0].size / RATE_HZ)
        leg = await self._goes_on(new_leg(self.user, began_at), began_at)
        tail = round(TAIL_S * RATE_HZ) if ahead else 0
        await asyncio.to_thread(self._write, leg, sides, tail)
        self.legs = [leg] if ahead else []
        while ahead and await self.finisher.advance():
            pass
        if tail:
            await asyncio.to_thread(self._write_rest, leg, sides, tail)
        since_s, self.legs = time.perf_counter(), []
        await self._is_over(leg, ends_at)
        self.finisher.wake()
        while not await self.store.read(_stored, leg.recording_id(1)):  # noqa: ASYNC110 -- another task
            await asyncio.sleep(POLL_S)
        return (time.perf_counter() - since_s) * 1000

    def _write(self, leg: Leg, sides: tuple[Samples, Samples], less: int) -> None:
        for name, samples in zip(file_names(leg.prefix, 1), sides, strict=True):
            write_wav(self.spool / f"{name}.wav", samples[: samples.size - less])

    def _write_rest(self, leg: Leg, sides: tuple[Samples, Samples], tail: int) -> None:
        """As Asterisk does: appended, then the header's lengths corrected; others are reading meanwhile."""
        for name, samples in zip(file_names(leg.prefix, 1), sides, strict=True):
            with (self.spool / f"{name}.wav").open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(samples[-tail:].astype("<i2").tobytes())
                size = file.tell()
                for at, length in ((4, size - 8), (40, size - 44)):
                    file.seek(at)
                    file.write(struct.pack("<I", length))

    async def _goes_on(self, leg: Leg, now: datetime) -> Leg:
        told: list[Input] = [inputs.Begun(leg.channel)]
        told += [inputs.SnoopEntered(f"{leg.prefix}s1-{side}") for side in ("in", "out")]
        told += [inputs.Answered(now, "(alaw)")]
        told += [inputs.FileBegan(name, now) for name in file_names(leg.prefix, 1)]
        return await self._take(leg, told, now, None)

    async def _is_over(self, leg: Leg, now: datetime) -> None:
        closed = [inputs.FileClosed(name, now) for name in file_names(leg.prefix, 1)]
        await self._take(leg, [inputs.HungUp(now), *closed], now, leg)

    async def _take(self, leg: Leg, told: Sequence[Input], now: datetime, before: Leg | None) -> Leg:
        for one in told:
            leg, _ = receive(leg, one, now)
        await self.store.write(calls.save, leg, before, now)
        return leg


def _stored(recording: UUID) -> bool:
    return bool(models.Recording.get_by_id(recording).state == RecordingState.STORED)
