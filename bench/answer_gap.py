"""From the answer to the first recorded audio, at ten calls a second, beside a bare client of ARI.

Both times are Asterisk's own: the channel is up (`ChannelStateChange`), and the file begins to be written
(`RecordingStarted`; the later of the two directions). The recorder and its peer (`bench.bare`) run all the
time, each on an endpoint of its own, and blocks of calls to the one and to the other take turns, so that both
have the same machine.

Measured three times, as it makes a great difference: after a second of ringing, in which a recorder gets
ready (`median_ms`, `p99_ms`); answered at once, when it does not have that time (`at_once_…`); and that with
Asterisk's own priority for what follows calls, as ``docs/guide/service.md`` has it (`real_time_…`).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.store import models
from bench.bare import bare_on
from bench.load import RING_S, bench_lab, dial, hang_up, in_real_time, recorder_on
from bench.results import Result, Row, percentile
from lab.call import PhoneCall
from lab.lab import Lab

BLOCKS = 2
CALLS = 100
"""In a block."""
WAVE = 20
PER_SECOND = 10.0
TALK_S = 3.0
SETTLE_S = 300.0
OURS, BARE = "101", "105"
"""Who calls: a user whose calls are recorded, and one whom the recorder does not follow."""


async def run() -> Result:
    """Measure each way."""
    values: Row = {}
    for prefix, ring_s in (("", RING_S), ("at_once_", 0.0), ("real_time_", 0.0)):
        ours_ms, bare_ms = await _measure(ring_s, real_time=prefix == "real_time_")
        values |= {f"{prefix}calls": len(ours_ms), f"{prefix}bare_calls": len(bare_ms)}
        ours, bare = _spread(ours_ms), _spread(bare_ms)
        values |= {f"{prefix}{name}": value for name, value in ours.items()}
        values |= {f"{prefix}bare_{name}": value for name, value in bare.items()}
        values |= {f"{prefix}more_{name}": round(ours[name] - bare[name], 1) for name in ours}
    return Result(f"Answer to first recorded audio, {PER_SECOND:g} calls a second", values)


def _spread(gaps_ms: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(percentile(gaps_ms, 50), 1),
        "p99_ms": round(percentile(gaps_ms, 99), 1),
        "max_ms": round(max(gaps_ms), 1),
    }


async def _measure(ring_s: float, *, real_time: bool) -> tuple[list[float], list[float]]:
    """The gaps of ours and of the bare client (ms)."""
    async with (
        bench_lab(ring_s) as lab,
        recorder_on(lab) as (recorder, evidence),
        bare_on(lab, f"PJSIP/{BARE}") as bare_ms,
    ):
        if real_time:
            in_real_time(recorder)
        for _ in range(BLOCKS):
            await _block(lab, OURS)
            await evidence.settled(SETTLE_S)
            await _block(lab, BARE)
        return list(evidence.store.read_now(gaps_ms).values()), bare_ms


async def _block(lab: Lab, caller: str) -> None:
    waves = []
    for _ in range(CALLS // WAVE):
        calls = await dial(lab, "106", WAVE, PER_SECOND, caller)
        waves.append(asyncio.create_task(_later(calls)))
    await asyncio.gather(*waves)
    await lab.idle()


async def _later(calls: list[PhoneCall]) -> None:
    await asyncio.sleep(TALK_S)
    await hang_up(calls)


def gaps_ms(since: datetime = datetime(2000, 1, 1, tzinfo=UTC)) -> dict[UUID, float]:
    """Of each recording in the catalogue that began ``since`` then."""
    rows = (
        models.Segment.select(models.Segment, models.Recording, models.Leg)
        .join(models.Recording)
        .join(models.Leg)
        .where((models.Segment.ordinal == 1) & (models.Segment.began_at >= since))
    )
    return {row.recording_id: _gap(row) / timedelta(milliseconds=1) for row in rows}


def _gap(row: models.Segment) -> timedelta:
    late = timedelta(milliseconds=abs(row.outward_late_ms))
    gap: timedelta = row.began_at + late - row.recording.leg.answered_at
    return gap
