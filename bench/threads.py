"""What an Asterisk's CPU is spent on, by the function that each of its threads runs."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lab.asterisk import LabAsterisk


@dataclass(frozen=True)
class Reading:
    """CPU time so far (s), of the process and of each thread there is."""

    at_s: float
    process_s: float
    threads_s: dict[int, float]

    @classmethod
    def take(cls, asterisk: LabAsterisk) -> Reading:
        """Read now."""
        tasks = Path(f"/proc/{asterisk.pid}/task").iterdir()
        threads_s = {int(task.name): _cpu_s(task) for task in tasks}
        return cls(time.monotonic(), asterisk.cpu_s(), threads_s)

    def process_pct(self, before: Reading) -> float:
        """Per cent of a core that the process used since ``before``."""
        return (self.process_s - before.process_s) / (self.at_s - before.at_s) * 100

    def threads_pct(self, before: Reading, asterisk: LabAsterisk) -> Counter[str]:
        """The same by function, of the threads that there are now."""
        functions = _functions(asterisk)
        used: Counter[str] = Counter()
        for thread, cpu_s in self.threads_s.items():
            share = (cpu_s - before.threads_s.get(thread, 0.0)) / (self.at_s - before.at_s) * 100
            used[functions.get(thread, "other")] += share  # type: ignore[assignment]
        return used


def _functions(asterisk: LabAsterisk) -> dict[int, str]:
    """What each thread runs: ``0x7f17 29190 mixmonitor_thread    started at …``."""
    lines = [line.split() for line in asterisk.rx("core show threads").splitlines()]
    return {int(words[1]): words[2] for words in lines if words[3:5] == ["started", "at"]}


def _cpu_s(task: Path) -> float:
    """Finer than the clock ticks in ``stat``; 0 for a thread that has just ended."""
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0
