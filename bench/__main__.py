"""Run every measurement, print a table, and write ``bench/results/*.json``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import answer_gap, command_latency, cpu, histories
from bench.results import Result

RESULTS = Path(__file__).parent / "results"
MEASUREMENTS: dict[str, Callable[[], Coroutine[Any, Any, Result]]] = {
    "answer_gap": answer_gap.run,
    "command_latency": command_latency.run,
    "cpu": cpu.run,
    "histories": histories.run,
}


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=list(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS)
    )
    names = parser.parse_args().names
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        result = asyncio.run(MEASUREMENTS[name]())
        (RESULTS / f"{name}.json").write_text(json.dumps(result.values, indent=2) + "\n")
        _show(result)
    return 0


def _show(result: Result) -> None:
    table = Table(title=result.title)
    table.add_column("what")
    table.add_column("measured", justify="right")
    for key, value in result.values.items():
        table.add_row(key, str(value))
    console = Console(highlight=False)
    console.print(table)
    for note in result.notes:
        console.print(note)


if __name__ == "__main__":
    sys.exit(main())
