"""``ari-recorder user export`` and ``import``: users as CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ari_recorder import files
from ari_recorder.cli.common import (
    OrganisationOption,
    by_command_line,
    catalogue,
    console,
    print_json,
    say,
    settings,
    so_many,
    table,
)
from ari_recorder.errors import FileError, Invalid
from ari_recorder.policies import spreadsheet
from ari_recorder.store import people
from ari_recorder.store.fitting import fit
from ari_recorder.store.people import COLUMNS, Importing, ImportReport, Outcome, RowReport

FILE_MAX_BYTES = 5_000_000
EXPORT_EXAMPLE = "Example: ari-recorder user export users.csv"
IMPORT_EXAMPLE = "Example: ari-recorder user import users.csv --dry-run"
REFUSED = 65  # EX_DATAERR

File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.")]


def export(context: typer.Context, file: File, organisation: OrganisationOption = None) -> None:
    """Write every user into a CSV file, as import reads it."""
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation, make=False)
        rows = store.write_now(people.exported, of, **by_command_line())
    try:
        with files.created(file) as written:
            written.write(spreadsheet.write(COLUMNS, rows).encode())
    except OSError as error:
        raise FileError(file, "written", error) from error
    say(f"{so_many(len(rows), 'user')} in {file}.")


def import_(
    context: typer.Context,
    file: File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing, and say what would be.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the rows that can be, though others are refused.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON: `applied` and `rows`.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Add and change users as a CSV file says: all of it, or nothing if a row is refused."""
    found = settings(context)
    try:
        with fit():
            rows = spreadsheet.read(_content(file), COLUMNS)
    except Invalid as error:
        error.exit_code = REFUSED
        raise
    with catalogue(found, make=True) as store:
        of = store.write_now(people.organisation_named, organisation)
        running = Importing(of, rows, tuple(found.pbx), dry_run=dry_run, partial=partial, **by_command_line())
        store.read_now(running.look)
        for step in running.steps():
            store.write_now(step)
    report = running.report()
    if json:
        print_json({"applied": report.applied, "rows": [_as_json(row) for row in report.rows]})
    else:
        _say(report, dry_run)
    if report.count(Outcome.REFUSED):
        raise typer.Exit(REFUSED)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > FILE_MAX_BYTES:
            raise Invalid("file", "it is larger than 5 MB: import it in parts.")
        return file.read_bytes()
    except OSError as error:
        raise FileError(file, "read", error) from error


def _say(report: ImportReport, dry_run: bool) -> None:
    told = [row for row in report.rows if row.outcome is not Outcome.SAME]
    if told:
        rows = [(row.line, row.who, row.outcome, str(row.fault or ", ".join(row.changed))) for row in told]
        console().print(table(("line", "who", "outcome", "what"), rows))
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in Outcome)
    done = "Done" if report.applied else "Nothing was changed (dry run)" if dry_run else "Nothing was changed"
    say(f"{done}: {counts}.")


def _as_json(row: RowReport) -> dict[str, object]:
    why = str(row.fault) if row.fault else None
    return {"line": row.line, "who": row.who, "outcome": row.outcome, "changed": row.changed, "why": why}
