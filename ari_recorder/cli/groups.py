"""``ari-recorder group``: whose recordings a supervisor has."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from ari_recorder.cli.common import (
    OrganisationOption,
    by_command_line,
    catalogue,
    confirm,
    console,
    print_json,
    say,
    settings,
    table,
)
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import people
from ari_recorder.store.database import Store

app = typer.Typer(help="Groups of users, and who supervises them.", rich_markup_mode=None)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.")]
Users = Annotated[list[str], typer.Argument(metavar="NUMBER_OR_LOGIN…", help="Users, by number or login.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take them away instead.")]


@app.command("add", epilog="Example: ari-recorder group add Sales")
def add(context: typer.Context, name: GroupName, organisation: OrganisationOption = None) -> None:
    """Add a group."""
    with catalogue(settings(context), make=True) as store:
        of = store.write_now(people.organisation_named, organisation)
        group = store.write_now(people.add_group, of, name, **by_command_line())
    say(f"{group.name}: nobody is in it yet. See: ari-recorder group member --help")


@app.command("list", epilog="Example: ari-recorder group list")
def list_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with everybody in them.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Every group, with its members and supervisors."""
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation, make=False)
        rows = store.read_now(people.list_groups, of)
        groups = [store.read_now(people.group, COMMAND_LINE, row.id) for row in rows]
    if json:
        print_json(groups)
    elif not groups:
        console().print("There are no groups yet. See: ari-recorder group add --help")
    else:
        told = [
            (
                group.name,
                ", ".join(f"{one.number or ''} {one.name}".strip() for one in group.members),
                ", ".join(one.name + _may(one.may_listen, one.may_annotate) for one in group.supervisors),
            )
            for group in groups
        ]
        console().print(table(("group", "members", "supervisors"), told))


@app.command("set", epilog="Example: ari-recorder group set Sales --name 'Sales north'")
def set_(
    context: typer.Context,
    group: GroupName,
    name: Annotated[str, typer.Option(help="Its new name.")],
    organisation: OrganisationOption = None,
) -> None:
    """Give a group another name."""
    with catalogue(settings(context)) as store:
        of, found = _found(store, group, organisation)
        renamed = store.write_now(people.rename_group, of, found, name, **by_command_line())
    say(f"{group} is {renamed.name} now.")


@app.command("remove", epilog="Example: ari-recorder group remove Sales")
def remove(
    context: typer.Context,
    group: GroupName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Remove a group: its members and their recordings stay, its supervisors have them no longer."""
    with catalogue(settings(context)) as store:
        of, found = _found(store, group, organisation)
        shown = store.read_now(people.group, COMMAND_LINE, found)
        confirm(
            f"{shown.name}: its {len(shown.members)} members and their recordings stay; its"
            f" {len(shown.supervisors)} supervisors have them no longer. Remove it?",
            yes,
        )
        store.write_now(people.remove_group, of, found, **by_command_line())
    say(f"{group} is removed; its members and their recordings stay.")


@app.command("member", epilog="Example: ari-recorder group member Sales 101 102")
def member(
    context: typer.Context,
    group: GroupName,
    users: Users,
    remove: Remove = False,
    organisation: OrganisationOption = None,
) -> None:
    """Put users into a group, or with --remove take them out."""
    with catalogue(settings(context)) as store:
        of, found = _found(store, group, organisation)
        ids = [store.read_now(people.find_user, of, user).id for user in users]
        by = by_command_line()

        def change() -> Any:
            if not remove:
                return people.add_members(of, found, ids, **by)
            return [people.remove_member(of, found, user, **by) for user in ids][-1]

        shown = store.write_now(change)
    say(f"{shown.name}: {', '.join(one.name for one in shown.members) or 'nobody is in it'}.")


@app.command("supervisor", epilog="Example: ari-recorder group supervisor Sales maria --no-may-annotate")
def supervisor(
    context: typer.Context,
    group: GroupName,
    user: Annotated[str, typer.Argument(metavar="NUMBER_OR_LOGIN", help="Who, by number or login.")],
    may_listen: Annotated[
        bool, typer.Option("--may-listen/--no-may-listen", help="Whether they hear its recordings.")
    ] = True,
    may_annotate: Annotated[
        bool, typer.Option("--may-annotate/--no-may-annotate", help="Whether they note and mark them.")
    ] = True,
    remove: Remove = False,
    organisation: OrganisationOption = None,
) -> None:
    """Make a user supervisor of a group, or with --remove no longer. Their role has to be supervisor."""
    with catalogue(settings(context)) as store:
        of, found = _found(store, group, organisation)
        who = store.read_now(people.find_user, of, user).id
        if remove:
            shown = store.write_now(people.remove_supervisor, of, found, who, **by_command_line())
        else:
            shown = store.write_now(
                people.set_supervisor, of, found, who, may_listen=may_listen, may_annotate=may_annotate,
                **by_command_line(),
            )  # fmt: skip
    told = ", ".join(one.name + _may(one.may_listen, one.may_annotate) for one in shown.supervisors)
    say(f"{shown.name}: supervised by {told or 'nobody'}.")


def _found(store: Store, group: str, organisation: str | None) -> tuple[UUID, UUID]:
    of = store.read_now(people.organisation_named, organisation, make=False)
    return of, store.read_now(people.find_group, of, group)


def _may(listen: bool, annotate: bool) -> str:
    denied = [word for word, may in (("hear", listen), ("note", annotate)) if not may]
    return f" (may not {' or '.join(denied)})" if denied else ""
