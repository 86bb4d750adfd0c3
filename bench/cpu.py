"""The CPU that recording costs: 40 calls of two G.711 legs, five ways, in turn, three rounds; medians.

Not recorded; MixMonitor, mixed, and with each party on a side of its own (option D); ours; and our snoops
standing by, which is what a user costs who may start recording but has not.

Per cent of one core, of the PBX's Asterisk and, for ours, of the recorder's own process during the calls.
``threads`` is what Asterisk spends it on, by the function its threads run. What it takes to stitch and encode
after the calls is given apart.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median

from bench.load import add_mixmonitor, bench_lab, dial, hang_up, recorder_on
from bench.results import Result, Row
from bench.threads import Reading
from lab.lab import Lab
from lab.recorder import LabRecorder

CALLS = 40
PER_SECOND = 10.0
ROUNDS = 3
MEASURED_S = 12.0
SHOWN_PCT = 0.2
"""Threads that use less are not told of."""
UNRECORDED = {"none": ("101", "106"), "mixmonitor": ("101", "5106"), "mixmonitor_d": ("101", "6106")}
RECORDED = {"standing_by": ("104", "106"), "ours": ("101", "106")}
"""Who calls whom. 104 may start recording, and does not."""


@dataclass
class Used:
    """What each round used, by way: per cent of a core, and seconds of finishing."""

    asterisk: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    threads: defaultdict[str, list[Counter[str]]] = field(default_factory=lambda: defaultdict(list))
    recorder: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    finishing_s: list[float] = field(default_factory=list)


async def run() -> Result:
    """Measure."""
    used = Used()
    async with bench_lab() as lab:
        add_mixmonitor(lab)
        for _ in range(ROUNDS):
            await _round(lab, used)
    values: Row = {"calls": CALLS}
    values |= {f"asterisk_{way}_pct": round(median(pct), 1) for way, pct in used.asterisk.items()}
    values["recorder_pct"] = round(median(used.recorder["ours"]), 2)
    values["threads"] = {way: _threads(rounds) for way, rounds in used.threads.items()}
    rounds = {way: [round(one, 1) for one in pct] for way, pct in used.asterisk.items()}
    notes = [f"Asterisk, each round: {rounds}"]
    notes += [f"{way}: {threads}" for way, threads in values["threads"].items()]
    finishing_s = median(used.finishing_s)
    notes.append(f"Stitching and encoding afterwards: {finishing_s:.1f} s of CPU for {CALLS} calls")
    return Result(f"CPU of {CALLS} calls of two legs, per cent of a core", values, notes)


async def _round(lab: Lab, used: Used) -> None:
    for way in UNRECORDED:
        await _measure(lab, way, used)
    async with recorder_on(lab) as (process, evidence):
        for way in RECORDED:
            await _measure(lab, way, used, process)
        since_s = process.cpu_s(children=True)
        await evidence.settled(timeout_s=300)
        used.finishing_s.append(process.cpu_s(children=True) - since_s)


async def _measure(lab: Lab, way: str, used: Used, recorder: LabRecorder | None = None) -> None:
    caller, number = (UNRECORDED | RECORDED)[way]
    calls = await dial(lab, number, CALLS, PER_SECOND, caller)
    since_s, before = time.monotonic(), Reading.take(lab.pbx)
    recorder_s = recorder.cpu_s() if recorder else 0.0
    await asyncio.sleep(MEASURED_S)
    after = Reading.take(lab.pbx)
    if recorder:
        used.recorder[way].append((recorder.cpu_s() - recorder_s) / (time.monotonic() - since_s) * 100)
    used.asterisk[way].append(after.process_pct(before))
    used.threads[way].append(after.threads_pct(before, lab.pbx))
    await hang_up(calls)
    await lab.idle()


def _threads(rounds: list[Counter[str]]) -> dict[str, float]:
    """The median of each function, the largest first."""
    medians = {name: median(one[name] for one in rounds) for name in set().union(*rounds)}
    ordered = sorted(medians.items(), key=lambda item: -item[1])
    return {name: round(pct, 1) for name, pct in ordered if pct >= SHOWN_PCT}
