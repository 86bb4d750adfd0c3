"""The demo: a real PBX, the recorder and calling phones, to listen to, or (``--check``) to check."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ari_recorder.store.catalogue import RecordingRow
from lab import playground, traces
from lab.cases import CASES, Case, Stage
from lab.commanded import COMMANDED
from lab.errors import LabError
from lab.evidence import Evidence
from lab.lab import Lab
from lab.recorder import LabRecorder

FOLDER = Path(".lab")
VERDICT = FOLDER / "demo.json"
STARTED_VARIABLE = "DEMO_STARTED_S"
"""Unix time at which `make demo` was called, so that installing counts too."""

_console = Console(highlight=False)


@dataclass(frozen=True)
class Verdict:
    """How a case went; ``detail`` says what was found."""

    name: str
    mode: str
    ok: bool
    detail: str


def main(check: bool) -> int:
    """Run the demo until interrupted, or with ``check`` until its verdict; returns the exit code."""
    since_s = float(os.environ.get(STARTED_VARIABLE) or time.time())
    try:
        return asyncio.run(_check(since_s) if check else playground.run(FOLDER, _console))
    except KeyboardInterrupt:
        return 0
    except LabError as error:
        _console.print(f"[red]✘[/] {error}")
        return 1


async def _check(since_s: float) -> int:
    async with Lab(FOLDER, "check") as lab:
        recorder = fresh(lab, FOLDER / "check-data")
        try:
            recorder.start()
            verdicts = await recorder.beside(_run_cases(lab, recorder))
        finally:
            recorder.stop()
    return _report(verdicts, time.time() - since_s)


def fresh(lab: Lab, folder: Path) -> LabRecorder:
    """A recorder with an empty catalogue, not started."""
    shutil.rmtree(folder, ignore_errors=True)
    recorder = LabRecorder(lab, folder)
    recorder.add_users()
    return recorder


async def _run_cases(lab: Lab, recorder: LabRecorder) -> list[Verdict]:
    evidence = Evidence(recorder)
    seen: set[Any] = set()
    verdicts = []
    try:
        for case in (*CASES, *COMMANDED):
            verdict = await _run_case(Stage(lab, recorder.url), evidence, case, seen)
            await asyncio.to_thread(traces.keep, recorder.traces, case.name)
            mark = "[green]✔[/]" if verdict.ok else "[red]✘[/]"
            _console.print(f"{mark} {verdict.name}: {verdict.detail}")
            verdicts.append(verdict)
        verdicts.append(await _closed(evidence))
        return verdicts
    finally:
        evidence.close()


async def _run_case(stage: Stage, evidence: Evidence, case: Case, seen: set[Any]) -> Verdict:
    try:
        made = await case.make(stage)
        await evidence.settled()
    except LabError as error:
        return Verdict(case.name, case.mode, False, str(error))
    new = [row for row in evidence.recordings() if row.id not in seen]
    seen.update(row.id for row in new)
    faults = list(made.faults)
    for user in sorted({row.user_number or "" for row in new} | {one.user for one in made.expected}):
        wanted = [one for one in made.expected if one.user == user]
        rows = [row for row in new if row.user_number == user]
        if len(rows) != len(wanted):
            faults.append(f"{user} has {len(rows)} recordings of it, not {len(wanted)}")
        for row, expected in zip(rows, wanted, strict=False):
            faults += [f"{user}: {fault}" for fault in evidence.faults(row, expected)]
    return Verdict(case.name, case.mode, not faults, "; ".join(faults) or _described(new))


async def _closed(evidence: Evidence) -> Verdict:
    try:
        await evidence.settled()
    except LabError as error:
        return Verdict("the ledger is closed", "all", False, str(error))
    return Verdict(
        "the ledger is closed", "all", True, "every call accounted for, every file as it was sealed"
    )


def _described(rows: list[RecordingRow]) -> str:
    if not rows:
        return "no recording, as it should be"
    return "; ".join(
        f"{row.user_number} {'→' if row.direction == 'outbound' else '←'} {row.counterpart_number},"
        f" {(row.duration_ms or 0) / 1000:.2f} s, each party on its own side"
        for row in rows
    )


def _report(verdicts: list[Verdict], seconds: float) -> int:
    ok = all(verdict.ok for verdict in verdicts)
    document = {"ok": ok, "seconds": round(seconds, 1), "cases": [asdict(verdict) for verdict in verdicts]}
    VERDICT.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    good = sum(verdict.ok for verdict in verdicts)
    _console.print(
        f"{'[green]✔' if ok else '[red]✘'} {good} of {len(verdicts)} as they should be[/],"
        f" {seconds:.0f} s from start to verdict; details in {VERDICT}"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="make the calls, check every recording, and end")
    sys.exit(main(parser.parse_args().check))
