"""``ari-recorder doctor`` and ``verify``: is everything as it should be?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ari_recorder.cli.common import catalogue, console, print_json, settings
from ari_recorder.config import Log, Settings
from ari_recorder.doctor import Check, Verdict, examine
from ari_recorder.doctor.report import bad, good
from ari_recorder.errors import SettingsError
from ari_recorder.log import configure
from ari_recorder.policies.finishing import waiting
from ari_recorder.policies.text import escaped
from ari_recorder.store import finishing
from ari_recorder.store import verify as checking
from ari_recorder.store.vault import LocalVault
from ari_recorder.store.verify import Report

DOCTOR_EXAMPLE = "Example: ari-recorder --config /etc/ari_recorder.toml doctor"
VERIFY_EXAMPLE = "Example: ari-recorder verify --settled"
MARKS = {Verdict.GOOD: ("✔", "green"), Verdict.WARNING: ("⚠", "yellow"), Verdict.BAD: ("✘", "red")}

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def doctor(context: typer.Context, json: Json = False) -> None:
    """Say what stands in the way of recording, and what to do about it. Changes nothing; 10 s at most.

    Run it as the user that runs the recorder, beside a working one if you like. Exit code 1 when something
    must be put right.
    """
    checks = _checks(context)
    bad_ones = sum(check.verdict is Verdict.BAD for check in checks)
    if json:
        print_json({"ok": not bad_ones, "checks": checks})
    else:
        _show(checks)
    raise typer.Exit(1 if bad_ones else 0)


def _checks(context: typer.Context) -> list[Check]:
    configure(Log(level="error"))  # the checks say it themselves
    try:
        found = settings(context)
    except SettingsError as error:
        return [
            bad(
                "settings",
                "file and environment",
                str(error),
                "Correct it; docs/reference/settings.md has every key.",
            )
        ]
    return [_settings(found), *asyncio.run(examine(found))]


def _settings(found: Settings) -> Check:
    return good(
        "settings", "settings", f"read; application {found.app}, Asterisk: {', '.join(sorted(found.pbx))}"
    )


def _show(checks: list[Check]) -> None:
    out = console()
    for check in checks:
        mark, colour = MARKS[check.verdict]
        line = Text.assemble(
            (mark, colour), f" {check.where}: ", (check.name, "bold"), f": {escaped(check.found)}"
        )
        out.print(line, soft_wrap=True)
        if check.remedy:
            out.print(Text(f"    → {escaped(check.remedy)}"), soft_wrap=True)
    count = [sum(check.verdict is verdict for check in checks) for verdict in Verdict]
    out.print(f"{count[0]} good, {count[1]} to look at, {count[2]} to put right")


def verify(
    context: typer.Context,
    settled: Annotated[
        bool, typer.Option("--settled", help="No call goes on: what is still open counts as wrong, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Check catalogue, vault and ledger against one another, byte for byte; writes nothing.

    Exit code 1 when something is wrong. It reads every file in the vault.
    """
    found = settings(context)
    with catalogue(found) as store, _progress() as progress:
        vault = LocalVault(found.vault.path, lambda: store.read_now(finishing.newest_key))
        vault.look()
        report = checking.verify(store, vault, now=datetime.now(UTC), settled=settled, progress=progress)
    if json:
        print_json({"ok": report.sound, "report": report})
    else:
        _say(report)
    raise typer.Exit(0 if report.sound else 1)


@contextmanager
def _progress() -> Iterator[checking.Progress]:
    """A bar on standard error, if that is a terminal."""
    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("recordings", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(report: Report) -> None:
    out = console()
    for word, findings in (("wrong", report.damage), ("open", report.open)):
        for finding in findings:
            told = f"{word}: {finding.kind}: {finding.subject}: {finding.text}"
            out.print(Text(escaped(told)), soft_wrap=True)
    looked = f"{report.recordings} recordings, {report.files} files, {report.lines} ledger lines"
    out.print(f"{looked}: {len(report.damage)} wrong, {len(report.open)} still open")
    if report.waiting:
        out.print(waiting(report.waiting, report.oldest_waits_s))
