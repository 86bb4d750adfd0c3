"""Histories of the leg's machine, as many as there is time for: does one of them break an invariant?

    python -m bench.histories [SECONDS [SEED]]

Every history follows from its seed (`tests.histories.history.play`), so that what is found can be played
again. Steps are inputs that the machine was told.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.results import Result

SECONDS = 60.0
SEED = 1_000_000
SHOWN = 20


@dataclass
class Tally:
    """What came of histories, and the first of the seeds that broke an invariant."""

    histories: int = 0
    steps: int = 0
    crashes: int = 0
    violations: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Put together."""
        self.histories += other.histories
        self.steps += other.steps
        self.crashes += other.crashes
        self.violations += other.violations
        self.broken += other.broken


def play_for(seconds: float, first: int, stride: int) -> Tally:
    """Histories one after the other, of the seeds ``first``, ``first + stride`` and so on."""
    from tests.histories.history import play

    tally, until, seed = Tally(), time.monotonic() + seconds, first
    while time.monotonic() < until:
        outcome = play(seed)
        tally.histories += 1
        tally.steps += outcome.steps
        tally.crashes += outcome.crashes
        tally.violations += len(outcome.violations)
        tally.broken += [f"{seed}: {violation}" for violation in outcome.violations[:1]]
        seed += stride
    return tally


async def run(seconds: float = SECONDS, seed: int = SEED) -> Result:
    """Play on every core."""
    cores = os.cpu_count() or 1
    loop, total, began_at = asyncio.get_running_loop(), Tally(), time.monotonic()
    with ProcessPoolExecutor(cores) as pool:
        parts = [loop.run_in_executor(pool, play_for, seconds, seed + core, cores) for core in range(cores)]
        for part in await asyncio.gather(*parts):
            total.add(part)
    values = {
        "histories": total.histories,
        "steps": total.steps,
        "crashes": total.crashes,
        "seconds": round(time.monotonic() - began_at, 1),
        "violations": total.violations,
        "seed": seed,
    }
    notes = [f"seed {one}" for one in total.broken[:SHOWN]]
    return Result("Histories of the leg's machine", values, notes)


def main() -> int:
    """The command line; returns the exit code: 1 if an invariant was broken."""
    seconds, seed = (*sys.argv[1:], *("", "")[len(sys.argv) - 1 :])[:2]
    result = asyncio.run(run(float(seconds or SECONDS), int(seed or SEED)))
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "histories.json").write_text(json.dumps(result.values, indent=2) + "\n")
    print(json.dumps(result.values))
    print("\n".join(result.notes))
    values = result.values
    assert isinstance(values, dict)
    return 1 if values["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
