"""What a recorder has left behind, looked at as an auditor would: rows, ledger, and the audio itself."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import BinaryIO

import av
import numpy as np

from ari_recorder import config
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg.missing import TOLD_FROM
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.safes import safe
from ari_recorder.store import audit_key, calls, catalogue, verify
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.database import Store
from lab.errors import LabTimeout
from lab.recorder import PBX, LabRecorder
from lab.tones import STANDS_OUT_DB, Samples, frequency_hz, tone_dbfs, tone_found, tone_spans

LENGTH_TOLERANCE_S = 0.1
"""Beside what it began late by Asterisk's own times, of which more would be told (`TOLD_FROM`)."""
ABSENT_DBFS = -50.0
"""A party's tone at or below this is not on that side."""
BESIDE_HZ = (-30, 30)
"""A tone stands out from there. The edges of a hole in another tone do not."""
HOLE_S = 0.4
"""A tone may be away so long at a time: phones begin to play after they answer, and stall at times."""
POLL_S = 0.05


@dataclass(frozen=True)
class Expected:
    """A recording that must be there, once: whose, with whom, how long, and who is heard on which side.

    ``absent_hz`` are tones that must be nowhere in it: what was played in a pause.
    """

    user: str
    counterpart: str
    length_s: float
    direction: str
    right: str = ""
    """Whose tone is on the right, if not the counterpart's own."""
    absent_hz: tuple[int, ...] = ()
    tolerance_s: float = LENGTH_TOLERANCE_S


class Evidence:
    """The catalogue and vault of a lab's recorder, opened beside it."""

    def __init__(self, recorder: LabRecorder) -> None:
        self.store = Store(recorder.store_url)
        settings = config.Vault(path=recorder.vault, key_file=recorder.key_file)
        self._audit_key = recorder.folder / "audit.key"
        self._safe = safe(settings, self.store, lambda: datetime.now(UTC))

    def close(self) -> None:
        """Close the catalogue."""
        self.store.close()

    async def settled(self, timeout_s: float = 30.0) -> None:
        """Return when no call goes on, all is finished, and the check finds nothing. Raises `LabTimeout`."""
        deadline = time.monotonic() + timeout_s
        while unsettled := await asyncio.to_thread(self.unsettled):
            if time.monotonic() > deadline:
                raise LabTimeout("Not settled: " + "; ".join(unsettled))
            await asyncio.sleep(POLL_S)

    def recordings(self) -> list[RecordingRow]:
        """Every recording that lists show, oldest first."""
        page = self.store.read_now(catalogue.recordings, COMMAND_LINE, limit=catalogue.LIMIT_MAX)
        return list(reversed(page.recordings))

    def audio(self, row: RecordingRow) -> tuple[Samples, int]:
        """The decoded file: an array of (samples, 2), and its rate in Hz."""
        assert row.place is not None
        return decode(io.BytesIO(b"".join(self._safe.read(row.place))))

    def faults(self, row: RecordingRow, expected: Expected) -> list[str]:
        """What is wrong with a recording, as sentences; none if it is as expected."""
        if row.state is not RecordingState.STORED:
            return [f"it is {row.state}, not stored"]
        faults = list(row.problems)
        if row.counterpart_number != expected.counterpart:
            faults.append(f"counterpart {row.counterpart_number!r}, not {expected.counterpart!r}")
        if row.direction != expected.direction:
            faults.append(f"{row.direction}, not {expected.direction}")
        samples, rate_hz = self.audio(row)
        if samples.shape[1] != 2:
            return [*faults, f"{samples.shape[1]} channels, not 2"]
        length_s, late_s = len(samples) / rate_hz, _late_s(row)
        if abs(length_s + late_s - expected.length_s) > expected.tolerance_s:
            faults.append(f"{length_s:.3f} s long and {late_s:.3f} s late, not {expected.length_s:.3f} s")
        for hz in expected.absent_hz:
            found_s = sorted(at for side in samples.T for at in tone_found(side, rate_hz, hz))
            faults += [f"the {hz} Hz of the pause are in it, at {found_s[0]} s"] if found_s else []
        right = expected.right or expected.counterpart
        faults += _side("left", samples[:, 0], rate_hz, expected.user, right, expected.length_s)
        faults += _side("right", samples[:, 1], rate_hz, right, expected.user, expected.length_s)
        return faults

    def unsettled(self) -> list[str]:
        """What is going on, not finished or not in order, as sentences."""
        legs = self.store.read_now(calls.open_legs, PBX)
        going_on = [f"{leg.channel_name} is {leg.standing.state}" for leg in legs]
        report = verify.verify(self.store, self._safe, now=datetime.now(UTC), settled=True)
        key = audit_key.existing(self._audit_key)
        verify.verify_evidence(self.store, report, [key.public] if key else [])
        return going_on or [finding.text for finding in report.damage]


def decode(file: BinaryIO) -> tuple[Samples, int]:
    """The samples (-1 to 1, one column per channel) and rate in Hz of any audio file."""
    with av.open(file, "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        frames = [out for frame in container.decode(stream) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T
    return samples.astype(np.float64), int(stream.rate)


def _late_s(row: RecordingRow) -> float:
    """How much later than the answer it began, where that need not be told."""
    late = row.started_at - row.answered_at
    return late.total_seconds() if timedelta(0) < late <= TOLD_FROM else 0.0


def _side(side: str, samples: Samples, rate_hz: int, own: str, other: str, length_s: float) -> list[str]:
    faults = []
    spans = tone_spans(samples, rate_hz, frequency_hz(own))
    holes_s = [end - start for start, end in pairwise((0.0, *chain(*spans), len(samples) / rate_hz))][::2]
    if max(holes_s) > HOLE_S or sum(holes_s) > length_s / 2:
        faults.append(f"{own}'s tone is not heard for {max(holes_s):.2f} s at a time on the {side}")
    leaked_dbfs, *beside_dbfs = (
        tone_dbfs(samples, rate_hz, frequency_hz(other) + by_hz) for by_hz in (0, *BESIDE_HZ)
    )
    if leaked_dbfs > ABSENT_DBFS and leaked_dbfs > max(beside_dbfs) + STANDS_OUT_DB:
        faults.append(f"{other}'s tone on the {side}, at {leaked_dbfs:.0f} dBFS")
    return faults
