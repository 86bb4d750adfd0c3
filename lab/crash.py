"""Kill the recorder with ``kill -9`` at random moments of a call, start it again, and see what is left."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lab.cases import length_s
from lab.demo import fresh
from lab.evidence import Evidence, Expected
from lab.lab import Lab
from lab.recorder import LabRecorder

CALL_S = 4.0
DOWN_S = 1.0
"""How long the recorder stays away at most."""

_console = Console(highlight=False)


@dataclass(frozen=True)
class Run:
    """One call with one kill; times are seconds after the answer."""

    killed_s: float
    back_s: float
    faults: tuple[str, ...]


async def run_once(
    lab: Lab, recorder: LabRecorder, evidence: Evidence, killed_s: float, down_s: float
) -> Run:
    """A call from 101 to 106, in which the recorder is killed and started again."""
    before = {row.id for row in evidence.recordings()}
    calling = await lab.phones["101"].call("106", play="tone")
    called = await lab.phones["106"].incoming()
    await called.answer(play="tone")
    await calling.answered()
    crash = asyncio.create_task(_crash(recorder, killed_s, down_s))
    await asyncio.sleep(CALL_S)
    dropped = called.ended_at is not None or calling.ended_at is not None
    await calling.hangup()
    await calling.ended()
    await called.ended()
    await crash
    await evidence.settled()
    rows = [row for row in evidence.recordings() if row.id not in before]
    faults = ["the call was dropped"] if dropped else []
    if len(rows) != 1:
        faults.append(f"{len(rows)} recordings, not one")
    expected = Expected("101", "106", length_s(calling), "outbound")
    faults += [fault for row in rows for fault in evidence.faults(row, expected)]
    return Run(killed_s, killed_s + down_s, tuple(faults))


async def _crash(recorder: LabRecorder, killed_s: float, down_s: float) -> None:
    await asyncio.sleep(killed_s)
    recorder.kill()
    await asyncio.sleep(down_s)
    await asyncio.to_thread(recorder.start)


async def run(runs: int, seed: int) -> list[Run]:
    """``runs`` calls, one after the other, on a lab and a recorder of their own."""
    chance = random.Random(seed)
    async with Lab(Path(".lab"), "crash") as lab:
        recorder = fresh(lab, Path(".lab/crash-data"))
        recorder.start()
        evidence = Evidence(recorder)
        try:
            return [await _told(lab, recorder, evidence, chance) for _ in range(runs)]
        finally:
            evidence.close()
            recorder.stop()


async def _told(lab: Lab, recorder: LabRecorder, evidence: Evidence, chance: random.Random) -> Run:
    done = await run_once(lab, recorder, evidence, chance.uniform(0, CALL_S), chance.uniform(0, DOWN_S))
    mark = "[red]✘[/]" if done.faults else "[green]✔[/]"
    _console.print(
        f"{mark} killed {done.killed_s:.2f} s after the answer: {'; '.join(done.faults) or 'complete'}"
    )
    return done


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    _console.print(f"{given.runs} calls, seed {given.seed}")
    done = asyncio.run(run(given.runs, given.seed))
    complete = sum(not one.faults for one in done)
    _console.print(f"{complete} of {len(done)} recordings complete")
    return 0 if complete == len(done) else 1


if __name__ == "__main__":
    sys.exit(main())
