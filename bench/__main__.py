"""Run every measurement, print a table, and write ``bench/results/*.json``.

One is left out unless it is named, as it takes long and much disk: `bench.search_large`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import (
    answer_gap,
    api,
    audit,
    capacity,
    command_latency,
    cpu,
    encode,
    evidence,
    felt,
    growth,
    histories,
    paint,
    ready,
    search,
    search_large,
    year,
)
from bench.results import Result

LARGE = "search_large"
RESULTS = Path(__file__).parent / "results"
MEASUREMENTS: dict[str, Callable[[], Coroutine[Any, Any, Result]]] = {
    "answer_gap": answer_gap.run,
    "command_latency": command_latency.run,
    "cpu": cpu.run,
    "capacity": capacity.run,
    "growth": growth.run,
    "histories": histories.run,
    "audit": audit.run,
    "evidence": evidence.run,
    "encode": encode.run,
    "ready": ready.run,
    "api": api.run,
    "search": search.run,
    LARGE: search_large.run,
    "year": year.run,
    "felt": felt.run,
    "paint": paint.run,
}


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        default=[name for name in MEASUREMENTS if name != LARGE],
        metavar="NAME",
        help=", ".join(MEASUREMENTS),
    )
    names = parser.parse_args().names
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        result = asyncio.run(MEASUREMENTS[name]())
        (RESULTS / f"{name}.json").write_text(result.json())
        _show(result)
    return 0


def _show(result: Result) -> None:
    rows = result.values
    if isinstance(rows, dict):
        rows = [{"what": name, "measured": value} for name, value in rows.items() if name != "threads"]
    table = Table(title=result.title)
    for name, value in rows[0].items():
        table.add_column(name, justify="left" if isinstance(value, str) else "right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console = Console(highlight=False)
    console.print(table)
    for note in result.notes:
        console.print(note)


if __name__ == "__main__":
    sys.exit(main())
