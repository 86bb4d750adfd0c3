"""``ari-recorder audit``: the log of who did what, to keep and to check elsewhere."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ari_recorder import files
from ari_recorder.cli.common import actor, catalogue, print_json, say, settings
from ari_recorder.errors import FileError, NotFound, SettingsError
from ari_recorder.store import audit, audit_export, audit_key, audit_lines, audit_log, people
from ari_recorder.store.audit import PROVIDER, Action, Subject
from ari_recorder.store.database import Store

app = typer.Typer(help="Who did what: the audit log.", rich_markup_mode=None)

OF_NOBODY = "-"
"""In place of an organisation: what the provider has done that concerns none."""


@app.command("key", epilog="Example: ari-recorder audit key > audit.pub")
def key(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with the id.")] = False,
) -> None:
    """The public key that the audit log's seals are checked with. Keep it apart from this machine."""
    path = settings(context).audit_key
    found = audit_key.existing(path)
    if found is None:
        raise NotFound(f"There is no key {path} yet: the recorder makes it when it is started first.")
    if json:
        print_json({"id": found.public.id, "pem": found.public.pem})
    else:
        sys.stdout.write(found.public.pem)


@app.command("export", epilog="Example: ari-recorder audit export --organisation Acme audit.jsonl")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="To be written: .jsonl, with seals, or .csv.")],
    organisation: Annotated[
        str | None,
        typer.Option(help=f"Its name, where there are several; {OF_NOBODY} for what concerns none."),
    ] = None,
) -> None:
    """Write an organisation's whole audit log into a file, to be checked with verify --export."""
    if file.suffix not in (".jsonl", ".csv"):
        raise SettingsError(f"{file}: a name that ends in .jsonl or .csv says what it is to be.")
    with catalogue(settings(context)) as store:
        chain = PROVIDER if organisation == OF_NOBODY else store.read_now(_chain, organisation)
        last = store.write_now(_noted, chain, file.suffix[1:])
    with catalogue(settings(context)) as store:  # anew: what the command has written is sealed now
        _write(store, chain, last, file)
    say(f"{file}: {last} lines. Check them with: ari-recorder verify --export {file} --public-key audit.pub")


def _chain(organisation: str | None) -> UUID:
    return people.organisation_named(organisation, make=False)


def _noted(chain: UUID, form: str) -> int:
    """Write down that it is exported, before it is; that line is the last of the export."""
    now = datetime.now(UTC)
    audit.write(actor(), Action.EXPORT, Subject("audit"), now, organisation=chain, detail={"form": form})
    return audit_lines.newest(chain)


def _write(store: Store, chain: UUID, last: int, file: Path) -> None:
    form = audit_export.csv_form() if file.suffix == ".csv" else audit_export.JSON_LINES
    try:
        with files.created(file) as out:
            out.write(form.titles.encode())
            for text in form.texts(audit_log.export(store.read_now, chain, 0, last)):
                out.write(text.encode())
    except OSError as error:
        raise FileError(file, "written", error) from error
