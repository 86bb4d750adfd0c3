"""From the answer to the first recorded audio, at ten calls a second.

Both times are Asterisk's own: the channel is up (`ChannelStateChange`), and the file begins to be written
(`RecordingStarted`; the later of the two directions).

Measured twice, as it makes a great difference: after a second of ringing, in which the recorder gets ready
(`median_ms`, `p99_ms`), and answered at once, when it does not have that time (`at_once_…`).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ari_recorder.store import models
from bench.load import RING_S, bench_lab, dial, hang_up, recorder_on
from bench.results import Result, percentile
from lab.call import PhoneCall

CALLS = 200
PER_SECOND = 10.0
TALK_S = 3.0


async def run() -> Result:
    """Measure both ways."""
    rung_ms, at_once_ms = await _measure(RING_S), await _measure(0.0)
    values = {
        "calls": len(rung_ms),
        "median_ms": round(percentile(rung_ms, 50), 1),
        "p99_ms": round(percentile(rung_ms, 99), 1),
        "max_ms": round(max(rung_ms), 1),
        "at_once_calls": len(at_once_ms),
        "at_once_median_ms": round(percentile(at_once_ms, 50), 1),
        "at_once_p99_ms": round(percentile(at_once_ms, 99), 1),
    }
    return Result(f"Answer to first recorded audio, {PER_SECOND:g} calls a second", values)


async def _measure(ring_s: float) -> list[float]:
    async with bench_lab(ring_s) as lab, recorder_on(lab) as (_, evidence):
        waves = []
        for _ in range(CALLS // 20):
            calls = await dial(lab, "106", 20, PER_SECOND)
            waves.append(asyncio.create_task(_later(calls)))
        await asyncio.gather(*waves)
        await evidence.settled(timeout_s=300)
        return evidence.store.read_now(_gaps_ms)


async def _later(calls: list[PhoneCall]) -> None:
    await asyncio.sleep(TALK_S)
    await hang_up(calls)


def _gaps_ms() -> list[float]:
    rows = (
        models.Segment.select(models.Segment, models.Recording, models.Leg)
        .join(models.Recording)
        .join(models.Leg)
        .where(models.Segment.ordinal == 1)
    )
    return [_gap(row) / timedelta(milliseconds=1) for row in rows]


def _gap(row: models.Segment) -> timedelta:
    late = timedelta(milliseconds=abs(row.outward_late_ms))
    gap: timedelta = row.began_at + late - row.recording.leg.answered_at
    return gap
