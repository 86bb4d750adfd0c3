"""Record the traces of the demo's and the telephony tests' calls anew, for `tests/policies/test_traces.py`.

They are kept as ``tests/traces/<part>/<case>.jsonl.xz`` (read them with ``xzcat``), each leg after the other.
A part of which anything went wrong stays as it was.
"""

from __future__ import annotations

import argparse
import asyncio
import lzma
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lab.errors import LabTimeout

KEEP_VARIABLE = "KEEP_TRACES"
"""Names the folder in which the demo and the tests keep a trace of each case; without it they keep none."""
TRACES = Path("tests/traces")
NEW = Path(".lab/traces")
SUFFIX = ".jsonl.xz"
OVER_S = 10.0
POLL_S = 0.02

PARTS = {
    "demo": ("-m", "lab.demo", "--check"),
    **{
        part: ("-m", "pytest", "-p", "no:cacheprovider", f"tests/asterisk/test_telephony_{part}.py")
        for part in ("media", "services", "transfers")
    },
}
"""What is run for each part."""

_console = Console(highlight=False)


def keep(folder: Path, case: str) -> None:
    """Keep what a recorder has written to ``folder`` so far as the trace of a case, if any are kept.

    Raises `LabTimeout` if a leg of it is not over.
    """
    if KEEP_VARIABLE not in os.environ:
        return
    files = sorted(folder.glob("*.jsonl"))
    deadline = time.monotonic() + OVER_S
    while not all(_is_over(file) for file in files):
        if time.monotonic() > deadline:
            raise LabTimeout(f"A leg of {case!r} is not over: see {folder}.")
        time.sleep(POLL_S)
    kept = Path(os.environ[KEEP_VARIABLE]) / f"{slug(case)}{SUFFIX}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(lzma.compress(b"".join(file.read_bytes() for file in files)))
    for file in files:
        file.unlink()


def slug(case: str) -> str:
    """The name of a case as that of its file."""
    return re.sub(r"[^a-z0-9]+", "-", case.removeprefix("test_").lower()).strip("-")


def _is_over(file: Path) -> bool:
    lines = file.read_bytes().splitlines()
    return bool(lines) and lines[-1].startswith(b'{"over"') and lines[-1].endswith(b"}")


async def record(parts: Sequence[str], at_once: int) -> bool:
    """Record these parts, so many at once; whether all went well."""
    free = asyncio.Semaphore(at_once)
    shutil.rmtree(NEW, ignore_errors=True)
    return all(await asyncio.gather(*(_record(part, free) for part in parts)))


async def _record(part: str, free: asyncio.Semaphore) -> bool:
    new, log = NEW / part, NEW / f"{part}.log"
    async with free:
        since_s = time.monotonic()
        new.mkdir(parents=True)
        with log.open("wb") as output:
            environment = os.environ | {KEEP_VARIABLE: str(new.absolute())}
            process = await asyncio.create_subprocess_exec(
                sys.executable, *PARTS[part], env=environment, stdout=output, stderr=output
            )
            code = await process.wait()
    took = f"{len(list(new.iterdir()))} cases, {time.monotonic() - since_s:.0f} s"
    if code:
        _console.print(f"[red]✘[/] {part}: {took}; see {log}")
        return False
    shutil.rmtree(TRACES / part, ignore_errors=True)
    shutil.copytree(new, TRACES / part)
    _console.print(f"[green]✔[/] {part}: {took}")
    return True


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.traces", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    parser.add_argument("--at-once", type=int, default=2, help="so many side by side")
    given = parser.parse_args()
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return 0 if asyncio.run(record(given.parts or list(PARTS), given.at_once)) else 1


if __name__ == "__main__":
    sys.exit(main())
