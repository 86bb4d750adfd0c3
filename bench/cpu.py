"""The CPU that recording costs: 40 calls of two G.711 legs, four ways, in turn, three rounds; medians.

Per cent of one core, of the PBX's Asterisk and, for ours, of the recorder's own process during the calls.
What it takes to stitch and encode after the calls is given apart.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench.load import add_mixmonitor, bench_lab, dial, hang_up, recorder_on
from bench.results import Result, Row
from lab.lab import Lab
from lab.recorder import LabRecorder

CALLS = 40
PER_SECOND = 10.0
ROUNDS = 3
MEASURED_S = 15.0

PEERS = {"none": "106", "mixmonitor": "5106", "mixmonitor_d": "6106"}


async def run() -> Result:
    """Measure."""
    asterisk: dict[str, list[float]] = {name: [] for name in (*PEERS, "ours")}
    recorder: list[float] = []
    finishing_s: list[float] = []
    async with bench_lab() as lab:
        add_mixmonitor(lab)
        for _ in range(ROUNDS):
            for name, number in PEERS.items():
                asterisk[name].append((await _measure(lab, number, None))[0])
            async with recorder_on(lab) as (process, evidence):
                ours, own = await _measure(lab, "106", process)
                since_s = process.cpu_s(children=True)
                await evidence.settled(timeout_s=300)
                asterisk["ours"].append(ours)
                recorder.append(own)
                finishing_s.append(process.cpu_s(children=True) - since_s)
    values: Row = {"calls": CALLS}
    values |= {f"asterisk_{name}_pct": round(median(pct), 1) for name, pct in asterisk.items()}
    values["recorder_pct"] = round(median(recorder), 2)
    notes = [
        f"Asterisk, each round: { {name: [round(p, 1) for p in pct] for name, pct in asterisk.items()} }"
    ]
    notes.append(f"Stitching and encoding afterwards: {median(finishing_s):.1f} s of CPU for {CALLS} calls")
    return Result(f"CPU of {CALLS} calls of two legs, per cent of a core", values, notes)


async def _measure(lab: Lab, number: str, recorder: LabRecorder | None) -> tuple[float, float]:
    calls = await dial(lab, number, CALLS, PER_SECOND)
    since_s, asterisk_s = time.monotonic(), lab.pbx.cpu_s()
    recorder_s = recorder.cpu_s() if recorder else 0.0
    await asyncio.sleep(MEASURED_S)
    wall_s = time.monotonic() - since_s
    asterisk_pct = (lab.pbx.cpu_s() - asterisk_s) / wall_s * 100
    recorder_pct = (recorder.cpu_s() - recorder_s) / wall_s * 100 if recorder else 0.0
    await hang_up(calls)
    return asterisk_pct, recorder_pct
