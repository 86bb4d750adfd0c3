"""Many calls at once from a user (101 is recorded) to 106, who answers by itself; both play their tones."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

from lab.call import PhoneCall
from lab.evidence import Evidence
from lab.lab import Lab
from lab.recorder import LabRecorder

FOLDER = Path(".lab")
RING_S = 1.0
REAL_TIME = 10
"""Asterisk's own priority with ``-p``."""
MIXMONITOR = (
    "5106,1,MixMonitor(bench-${UNIQUEID}.wav)",
    "5106,2,Dial(PJSIP/106,25)",
    "6106,1,MixMonitor(bench-${UNIQUEID}.raw,D)",
    "6106,2,Dial(PJSIP/106,25)",
)


@asynccontextmanager
async def bench_lab(ring_s: float = RING_S, port_thousands: int = 1) -> AsyncIterator[Lab]:
    """A lab in which 106 answers by itself, after ``ring_s`` seconds of ringing."""
    async with Lab(FOLDER, "bench", port_thousands=port_thousands) as lab:
        await lab.phones["106"].auto_answer(after_s=ring_s)
        yield lab


@asynccontextmanager
async def recorder_on(
    lab: Lab,
    settings: Mapping[str, str] | None = None,
    prepare: Callable[[LabRecorder], object] = LabRecorder.add_users,
) -> AsyncIterator[tuple[LabRecorder, Evidence]]:
    """A recorder, running. Its catalogue is new, with what ``prepare`` puts into it: the lab's users."""
    shutil.rmtree(FOLDER / "bench-data", ignore_errors=True)
    recorder = LabRecorder(lab, FOLDER / "bench-data", settings)
    await asyncio.to_thread(prepare, recorder)
    try:
        await asyncio.to_thread(recorder.start)
        with closing(Evidence(recorder)) as evidence:
            yield recorder, evidence
    finally:
        recorder.stop()


def in_real_time(recorder: LabRecorder) -> None:
    """Let what follows calls have Asterisk's own priority, as ``docs/guide/service.md`` has it."""
    assert recorder.process is not None
    policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(recorder.process.pid, policy, os.sched_param(REAL_TIME))


def add_mixmonitor(lab: Lab) -> None:
    """Let 5106 and 6106 call 106 with MixMonitor: mixed, and with each party on a side of its own (D)."""
    for line in MIXMONITOR:
        lab.pbx.rx(f"dialplan add extension {line} into users")


async def dial(lab: Lab, number: str, count: int, per_second: float, caller: str = "101") -> list[PhoneCall]:
    """``count`` calls from ``caller``, evenly spread; returns when all are answered."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    calls = []
    for index in range(count):
        await asyncio.sleep(max(0.0, since + index / per_second - loop.time()))
        calls.append(await lab.phones[caller].call(number, play="tone"))
    await asyncio.gather(*(call.answered() for call in calls))
    return calls


async def hang_up(calls: list[PhoneCall]) -> None:
    """End every call; returns when all are over."""
    await asyncio.gather(*(call.hangup() for call in calls))
    await asyncio.gather(*(call.ended() for call in calls))
