"""What every command needs: the settings, the catalogue, who gives it, the two outputs."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ari_recorder import config
from ari_recorder.config import Log, Settings
from ari_recorder.errors import SettingsError
from ari_recorder.log import configure
from ari_recorder.policies.text import escaped, isolated, json_escaped
from ari_recorder.store import audit_key, audit_seals, people
from ari_recorder.store.audit import Actor, ActorKind, By
from ari_recorder.store.database import Store

WIDTH_FOR_PROGRAMS = 240
"""Columns of a table that is not written to a terminal: nothing is cut."""

ONE_WRITING = (
    "The organisation's country is not set: 070-123 45 67 and +46701234567 are two numbers. See: ari-recorder"
    " organisation set --country"
)
OrganisationOption = Annotated[
    str | None,
    typer.Option("--organisation", metavar="NAME", help="Of which organisation, where there are several."),
]


@dataclass
class Options:
    """What stands before the command."""

    config: Path | None = None


def settings(context: typer.Context) -> Settings:
    """The settings, from the file that the command line names. Raises `SettingsError`."""
    return config.load(context.ensure_object(Options).config)


@contextmanager
def catalogue(found: Settings, *, make: bool = False) -> Iterator[Store]:
    """The open catalogue. Raises `StoreError`; unless ``make``, `NoCatalogue` if there is none.

    Only what adds the first of something makes one, or upgrades it: with a mistyped address all else would
    look at an empty one and find nothing wrong.
    """
    configure(Log(level="error", format=found.log.format))  # what a command has to say, it says itself
    store = Store(found.store.url, make=make)
    try:
        yield store
        _seal(found, store)
    finally:
        store.close()


def _seal(found: Settings, store: Store) -> None:
    """Sign what the command has written to the audit log. The key is made by the recorder alone."""
    key = (
        audit_key.existing(found.audit_key) if store.written and os.access(found.audit_key, os.R_OK) else None
    )
    if key and (chains := store.read_now(audit_seals.unsealed)):
        made = store.write_now(audit_seals.seal, key, chains, datetime.now(UTC))
        configure(Log(level="info", format=found.log.format))
        audit_seals.tell(made)


def actor() -> Actor:
    """Who runs the program, for the audit log: the login on this machine."""
    try:
        login = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        login = f"uid {os.getuid()}"
    return Actor(ActorKind.COMMAND_LINE, login, login)


def by_command_line() -> By:
    """Whoever runs this program, by the machine's name for them, now."""
    return {"actor": actor(), "now": datetime.now(UTC)}


def console() -> Console:
    """Standard output, for tables and words."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_FOR_PROGRAMS, highlight=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table of texts; a name in it is no markup, and does nothing to the terminal or its neighbours."""
    made = Table(*columns)
    for row in rows:
        made.add_row(*("" if cell is None else Text(isolated(str(cell))) for cell in row))
    return made


def several(store: Store) -> dict[UUID, str]:
    """What organisations are called; none unless there are several, whose lists say whose each line is."""
    rows = store.read_now(people.list_organisations)
    return {row.id: row.name for row in rows} if len(rows) > 1 else {}


def table_of_all(
    columns: Sequence[str], rows: Iterable[tuple[UUID, Sequence[object]]], names: Mapping[UUID, str]
) -> Table:
    """A table whose rows are of these organisations, with whose each is if there are several."""
    if not names:
        return table(columns, (cells for _, cells in rows))
    return table((*columns, "organisation"), ((*cells, names[of]) for of, cells in rows))


def so_many(n: int, what: str) -> str:
    """So many of them, by the English word for one: ``1 key``, ``2 keys``."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def say(line: str, *, err: bool = False) -> None:
    """One line on standard output, or standard error; a name in it does nothing to the terminal."""
    typer.echo(escaped(line), err=err)


def print_json(value: Any) -> None:
    """One JSON value on standard output, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(json_escaped(text.decode()) + "\n")


def confirm(question: str, yes: bool) -> None:
    """Ask, unless ``yes`` was said. Raises `typer.Abort` for no, `SettingsError` without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SettingsError(f"{question} Standard input is no terminal to answer on: add --yes.")
    typer.confirm(escaped(question), abort=True)
