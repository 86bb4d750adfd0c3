"""``ari-recorder doctor`` and ``verify``: is everything as it should be?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ari_recorder.cli.common import Options, catalogue, console, print_json, settings
from ari_recorder.config import Log, Settings, file_of
from ari_recorder.doctor.report import Check, Verdict, bad, good
from ari_recorder.doctor.secrets import look_at_secrets
from ari_recorder.errors import FileError, SettingsError
from ari_recorder.log import configure
from ari_recorder.policies.finishing import waiting
from ari_recorder.policies.text import escaped
from ari_recorder.safes import safe
from ari_recorder.store import audit_export, audit_key, audit_seals, bundle, people, tree_heads
from ari_recorder.store import verify as checking
from ari_recorder.store.audit import PROVIDER
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.timestamps import authorities
from ari_recorder.store.timestamps import rows as stamps
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.verify import Report

EVIDENCE_EXAMPLE = "Example: ari-recorder verify-evidence evidence.zip --public-key recorder.pem"
DOCTOR_EXAMPLE = "Example: ari-recorder --config /etc/ari_recorder.toml doctor"
VERIFY_EXAMPLE = "Example: ari-recorder verify --settled"
MARKS = {Verdict.GOOD: ("✔", "green"), Verdict.WARNING: ("⚠", "yellow"), Verdict.BAD: ("✘", "red")}

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
    from ari_recorder.doctor.examining import examine  # the other commands start faster without

    file = file_of(context.ensure_object(Options).config)
    return [_settings(found), *look_at_secrets(found, file), *asyncio.run(examine(found))]


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
    seals: Annotated[
        Path | None,
        typer.Option(
            "--seals", metavar="LOG", help="Also compare with the seals told in this log, of any format."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Check this export of the audit log, and nothing else."
        ),
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(
            "--public-key", metavar="FILE", help="A key that has signed the audit log; repeat it for more."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check catalogue, vault, ledger and audit log, byte for byte; writes nothing.

    Exit code 1 when something is wrong. It reads every file in the vault.
    """
    keys = [key for path in public_key or () for key in audit_key.read_public(path)]
    signed, names = "", dict[str, str]()
    if export:
        report, signed = _verify_export(export, keys)
    else:
        found = settings(context)
        own = audit_key.existing(found.audit_key)
        log = _lines(seals)
        report, names = _verify_all(found, [*keys, *([own.public] if own else ())], log, settled=settled)
    if json:
        print_json({"ok": report.sound, "report": report})
    else:
        _say(report, names)
        if signed:
            console().print(signed, soft_wrap=True)
    raise typer.Exit(0 if report.sound else 1)


def _verify_all(
    found: Settings, keys: list[PublicKey], log: list[str], *, settled: bool
) -> tuple[Report, dict[str, str]]:
    """And what organisations are called, by their ids."""
    with catalogue(found) as store, _progress() as (progress, counted):
        own = safe(found.vault, store, lambda: datetime.now(UTC))
        own.vault.look()  # says what is wrong with it, rather than of each recording
        report = checking.verify(store, own, now=datetime.now(UTC), settled=settled, progress=progress)
        checking.verify_audit(store, report, keys, audit_seals.read_told(log), counted)
        checking.verify_evidence(store, report, keys, tree_heads.read_told(log))
        checking.verify_stamps(store, report, _trusted(found), stamps.read_told(log))
        names = {str(one.id): one.name for one in store.read_now(people.list_organisations)}
    return report, {str(PROVIDER): "no organisation (-)"} | names


def _trusted(found: Settings) -> Callable[[], Authorities]:
    return partial(authorities.trusted, found.evidence.timestamp_ca_file)


def verify_evidence(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The evidence of a recording.")],
    public_key: Annotated[
        list[Path] | None,
        typer.Option("--public-key", metavar="FILE", help="The recorder's key; repeat it for more."),
    ] = None,
    timestamp_ca: Annotated[
        Path | None,
        typer.Option(
            "--timestamp-ca",
            metavar="FILE",
            help="Certificates of the authority that stamps, from elsewhere than the archive.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check the evidence of a recording: its archive alone, without a catalogue and offline.

    Exit code 1 when something is wrong.
    """
    keys = [key for path in public_key or () for key in audit_key.read_public(path)]
    verdicts = bundle.check(archive, keys, authorities.trusted(timestamp_ca) if timestamp_ca else None)
    ok = all(one.ok for one in verdicts)
    if json:
        print_json({"ok": ok, "verdicts": verdicts})
    else:
        for one in verdicts:
            console().print(Text(f"{'✔' if one.ok else '✘'} {escaped(one.text)}"), soft_wrap=True)
    raise typer.Exit(0 if ok else 1)


def _verify_export(path: Path, keys: list[PublicKey]) -> tuple[Report, str]:
    """And up to where it is signed: nobody who has only the file knows what was cut off, or made anew."""
    found = audit_export.check(path, keys)
    damage = list(map(checking.audit_finding, found.findings))
    report = Report(audit_lines=found.lines, audit_seals=found.seals, damage=damage)
    if found.signed >= found.last:
        return report, f"Lines {found.first} to {found.last}, all signed."
    behind = max(found.signed + 1, found.first)
    return (
        report,
        f"Lines {found.first} to {found.last}; from {behind} on not signed: no proof by themselves.",
    )


def _lines(path: Path | None) -> list[str]:
    """Those of a log that tell of what was signed."""
    if path is None:
        return []
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line for line in file if any(told.search(line) for told in _TOLD)]
    except OSError as error:
        raise FileError(path, "read", error) from error


_TOLD = (audit_seals.TOLD, tree_heads.TOLD, stamps.TOLD)


@contextmanager
def _progress() -> Iterator[tuple[checking.Progress, Callable[[int], None]]]:
    """Bars on standard error, if that is a terminal: of recordings, and of lines."""
    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("recordings", total=None)
        lines = bar.add_task("audit log", total=None)
        yield (
            lambda done, total: bar.update(task, completed=done, total=total),
            lambda done: bar.update(lines, completed=done),
        )


def _say(report: Report, names: Mapping[str, str]) -> None:
    out = console()
    for word, findings in (("wrong", report.damage), ("open", report.open)):
        for finding in findings:
            told = f"{word}: {finding.kind}: {finding.subject}: {finding.text}"
            told = ID.sub(lambda id_: names.get(id_[0], id_[0]), told)
            out.print(Text(escaped(told)), soft_wrap=True)
    looked = (
        f"{report.recordings} recordings, {report.files} files, {report.lines} ledger lines,"
        f" {report.manifests} manifests, {report.heads} heads, {report.stamps} time stamps,"
        f" {report.audit_lines} audit lines, {report.audit_seals} seals, {report.disposed} disposals"
    )
    out.print(f"{looked}: {len(report.damage)} wrong, {len(report.open)} still open")
    if report.damage:
        out.print(
            "What each means, and what to do: docs/reference/cli.md#ari-recorder-verify", soft_wrap=True
        )
    if report.waiting:
        out.print(waiting(report.waiting, report.oldest_waits_s))
