"""``ari-recorder erasures``: taking people out, as who runs the machine does it."""

from __future__ import annotations

import secrets
from typing import Annotated
from uuid import UUID

import typer

from ari_recorder.cli.common import (
    ONE_WRITING,
    OrganisationOption,
    by_command_line,
    catalogue,
    confirm,
    console,
    print_json,
    say,
    settings,
    several,
    table_of_all,
)
from ari_recorder.errors import ARIRecorderError, SettingsError
from ari_recorder.policies.erasing import CODE_LENGTH, Kind
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import people
from ari_recorder.store.erasing import asking
from ari_recorder.store.erasing.asking import Preview, Target

app = typer.Typer(help="Taking people out of the catalogue.", rich_markup_mode=None)

NumberOption = Annotated[str, typer.Option(help="Number of a counterpart, whole, in any writing.")]
NameOption = Annotated[str, typer.Option(help="Name of a counterpart, whole.")]
UserOption = Annotated[UUID | None, typer.Option(help="Id of a user who was removed.")]


@app.command("list", epilog="Example: ari-recorder erasures list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most erasures shown.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where to go on, as the previous page says.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
) -> None:
    """Erasures of every organisation, the newest first, and how far each has come."""
    with catalogue(settings(context)) as store:
        found = store.read_now(asking.listed, COMMAND_LINE, limit=limit, cursor=cursor)
        names = several(store)
    if json:
        print_json(found)
        return
    cells = (
        (row.organisation, (
            row.id, row.kind, row.pseudonym, row.reference, f"{row.begun_at.astimezone():%Y-%m-%d}",
            row.state, row.counts.disposed, row.counts.renamed, row.counts.held,
        ))
        for row in found.rows
    )  # fmt: skip
    columns = ("id", "kind", "pseudonym", "reference", "begun", "state", "disposed of", "renamed", "on hold")
    console().print(table_of_all(columns, cells, names) if found.rows else "There are no erasures.")
    if found.next_cursor:
        more = f"More: ari-recorder erasures list --cursor {found.next_cursor}"
        console().print(more, soft_wrap=True, markup=False)


@app.command(
    "preview", epilog="Example: ari-recorder erasures preview --number '070-123 45 67' --name 'Karin Ek'"
)
def preview(
    context: typer.Context,
    number: NumberOption = "",
    name: NameOption = "",
    user: UserOption = None,
    organisation: OrganisationOption = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
) -> None:
    """Say what erasing a person would do; nothing is done."""
    with catalogue(settings(context)) as store:
        own = store.read_now(people.organisation_named, organisation, make=False)
        target = store.read_now(asking.checked, own, _target(number, name, user))
        found = store.read_now(asking.preview, own, target)
    print_json(found) if json else _say(found)


@app.command(
    "begin", epilog="Example: ari-recorder erasures begin --number '070-123 45 67' --reference 'DSR 12'"
)
def begin(
    context: typer.Context,
    number: NumberOption = "",
    name: NameOption = "",
    user: UserOption = None,
    reference: Annotated[str, typer.Option(help="Your own, such as a case number: it is kept.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Begin to erase a person: the recorder does it while it runs, and goes on after a restart."""
    with catalogue(settings(context)) as store:
        own = store.read_now(people.organisation_named, organisation, make=False)
        target = store.read_now(asking.checked, own, _target(number, name, user))
        store.read_now(asking.check_reference, own, target, reference)
        _say(store.read_now(asking.preview, own, target))
        confirm("It cannot be undone. Erase this person?", yes)
        made = store.write_now(
            asking.begin, own, target, reference, secrets.token_bytes(CODE_LENGTH), **by_command_line()
        )
    say(f"Begun: {made.id}, {made.pseudonym}. How far it is: ari-recorder erasures list")


@app.command("report", epilog="Example: ari-recorder erasures report 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def report(
    context: typer.Context, erasure: Annotated[UUID, typer.Argument(metavar="ID", help="As listed.")]
) -> None:
    """The report of an erasure as JSON, on standard output: the audit log has its SHA-256."""
    with catalogue(settings(context)) as store:
        found = store.read_now(asking.one, COMMAND_LINE, erasure)
    if not found.report:
        raise ARIRecorderError("There is no report yet: the erasure goes on while the recorder runs.")
    typer.echo(found.report, nl=False)


def _target(number: str, name: str, user: UUID | None) -> Target:
    if user is not None and (number or name):
        raise SettingsError("Give either --user, or --number and --name of a counterpart.")
    return Target(Kind.COUNTERPART, number=number, name=name) if user is None else Target(Kind.USER, user)


def _say(found: Preview) -> None:
    more = f" (of the newest {asking.LOOKED_AT_MAX}; there are more)" if found.more else ""
    say(f"Recordings disposed of: {found.disposed}{more}")
    say(f"Recordings in which a pseudonym will stand: {found.renamed}")
    say(f"Recordings under a legal hold, which wait: {found.held}")
    say(f"Recordings whose notes have the number or the name: {found.notes}")
    if found.one_writing:
        say(ONE_WRITING)
    for one in found.parties:
        say(f"Meant: {' '.join(filter(None, (one.number, one.name)))} ({one.recordings})")
