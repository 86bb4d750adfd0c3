"""``ari-recorder user``: who is recorded, where, and how."""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
from ari_recorder.errors import Invalid, SettingsError
from ari_recorder.policies import fields
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.store import passwords, people
from ari_recorder.store.database import Store
from ari_recorder.store.fitting import fit
from ari_recorder.store.people import Acknowledgement, ActivationRow, Removal, UserRow

app = typer.Typer(help="Who is recorded, where, and how.", no_args_is_help=False, rich_markup_mode=None)

IN_EFFECT = "In effect from the next call on, within a second; a running recorder needs no restart."
NOT_ACKNOWLEDGED = (
    "It is not noted that the user knows of being recorded: tell them, and add what they were told with"
    " ari-recorder user set {who} --acknowledged TEXT."
)

NOT_ADMINISTERED = (
    "Nobody who can sign in administers {organisation} then. Make somebody an administrator: ari-recorder"
    " user set NUMBER --role administrator --login LOGIN --password."
)

Who = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER_OR_LOGIN", help="The user's number or login; the id of one who has neither."
    ),
]
Name = Annotated[str, typer.Option(help="The user's name.")]
ModeOption = Annotated[Mode | None, typer.Option(help="When calls are recorded.")]
PlanOption = Annotated[Plan | None, typer.Option(help="What the organisation pays for the user.")]
RoleOption = Annotated[Role | None, typer.Option(help="What the user may see in My Pages.")]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="[PBX:]TECH/NAME",
        help="Telephone, as PJSIP/101, or main:PJSIP/101 where the settings name several Asterisks;"
        " repeat it for more.",
    ),
]
Login = Annotated[str | None, typer.Option(help="Name to sign in to My Pages with.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, its first line.")
]
Acknowledged = Annotated[
    str | None,
    typer.Option("--acknowledged", metavar="TEXT", help="What the user was told about being recorded."),
]


@app.command(
    "add",
    epilog="Example: ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101 --login anna",
)
def add(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The user's number; - for none.")],
    name: Name,
    mode: ModeOption = Mode.NEVER,
    endpoint: Endpoints = None,
    plan: PlanOption = None,
    role: RoleOption = None,
    login: Login = None,
    password_stdin: PasswordStdin = False,
    acknowledged: Acknowledged = None,
    organisation: OrganisationOption = None,
) -> None:
    """Add a user. With --login the password is asked for, twice and unseen."""
    found = settings(context)
    with fit():
        endpoints = fields.endpoints("endpoints", endpoint or [], found.pbx)
    if password_stdin and not login:
        raise SettingsError("--password-stdin needs --login: what to sign in with.")
    password = read_password(password_stdin) if login else None
    values = {
        "name": name,
        "number": _number(number, login),
        "mode": mode or Mode.NEVER,
        "plan": plan or Plan.BASIC,
        "role": (role or Role.USER).value,
        "login": login,
        "password": password,
        "endpoints": endpoints,
        "acknowledgement": Acknowledgement(acknowledged) if acknowledged else None,
    }
    with catalogue(found, make=True) as store:
        of = store.write_now(people.organisation_named, organisation)
        user = store.write_now(people.add_user, organisation=of, **values, **by_command_line())  # type: ignore[arg-type]
        running = store.read_now(people.running, user.id)
    _say(user, password, running)


@app.command("list", epilog="Example: ari-recorder user list --json")
def list_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Every user, by number."""
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation) if organisation else None
        users = store.read_now(people.list_users, of)
    if json:
        print_json(users)
    elif not users:
        console().print("There are no users yet. See: ari-recorder user add --help")
    else:
        columns = ("number", "name", "mode", "endpoints", "role", "login", "listens", "plan")
        several = len({user.organisation for user in users}) > 1
        rows = [
            (u.number, u.name, u.mode, _endpoints(u), u.role, u.login, _yes(u.may_listen), u.plan)
            + ((u.organisation_name,) if several else ())
            for u in users
        ]
        console().print(table((*columns, "organisation") if several else columns, rows))


@app.command("show", epilog="Example: ari-recorder user show 101")
def show(
    context: typer.Context,
    who: Who,
    json: Annotated[bool, typer.Option("--json", help="As JSON: `user` and `activations`.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """One user, and since when they are recorded, on which plan, and what they were told."""
    with catalogue(settings(context)) as store:
        user = find(store, who, organisation)
        activations = store.read_now(people.activations_of, user.organisation, user.id)
    if json:
        print_json({"user": user, "activations": activations})
        return
    told = {
        "number": user.number, "name": user.name, "organisation": user.organisation_name, "mode": user.mode,
        "plan": user.plan, "role": user.role, "login": user.login, "listens": _yes(user.may_listen),
        "endpoints": _endpoints(user),
    }  # fmt: skip
    console().print(table(("", ""), list(told.items())))
    if activations:
        console().print(_activations(activations))


@app.command("set", epilog="Example: ari-recorder user set 101 --mode on_demand")
def set_(
    context: typer.Context,
    who: Who,
    mode: ModeOption = None,
    name: Annotated[str | None, typer.Option(help="The user's name.")] = None,
    number: Annotated[str | None, typer.Option(help="A new number; - for none.")] = None,
    endpoint: Endpoints = None,
    no_endpoints: Annotated[bool, typer.Option("--no-endpoints", help="Take every telephone away.")] = False,
    plan: PlanOption = None,
    role: RoleOption = None,
    login: Login = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password, unseen.")] = False,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Take signing in away.")] = False,
    may_listen: Annotated[
        bool | None,
        typer.Option("--may-listen/--no-may-listen", help="Access to the user's own recordings."),
    ] = None,
    acknowledged: Acknowledged = None,
    organisation: OrganisationOption = None,
) -> None:
    """Change a user; what is not named stays. --endpoint replaces all the user's telephones."""
    found = settings(context)
    _only_one(password=password, password_stdin=password_stdin, no_password=no_password)
    _only_one(endpoint=bool(endpoint), no_endpoints=no_endpoints)
    plain = {"mode": mode, "name": name, "plan": plan, "role": role, "login": login, "may_listen": may_listen}
    changes: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
    if number is not None:
        changes["number"] = _number(number, None)
    if endpoint or no_endpoints:
        with fit():
            changes["endpoints"] = fields.endpoints("endpoints", endpoint or [], found.pbx)
    if password or password_stdin or no_password:
        changes["password"] = None if no_password else read_password(password_stdin)
    if not changes and not acknowledged:
        raise SettingsError("Nothing to change. See: ari-recorder user set --help")
    acknowledgement = Acknowledgement(acknowledged) if acknowledged else None
    with catalogue(found) as store:
        before = find(store, who, organisation)
        user = store.write_now(
            people.change_user, before.organisation, before.id, changes, acknowledgement=acknowledgement,
            **by_command_line(),
        )  # fmt: skip
        running = store.read_now(people.running, user.id)
        alone = _alone(store, before, None)
    _say(user, changes.get("password"), running)
    if alone:
        say(alone, err=True)


@app.command("remove", epilog="Example: ari-recorder user remove 101")
def remove(
    context: typer.Context,
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Remove a user: no longer recorded from the next call on, signed out; their recordings stay."""
    with catalogue(settings(context)) as store:
        user = find(store, who, organisation)
        found = store.read_now(people.removal, user.organisation, user.id)
        alone = _alone(store, user, user.id)
        confirm(" ".join(filter(None, (_told(found), alone, "Remove them?"))), yes)
        removed = store.write_now(people.remove_user, user.organisation, user.id, **by_command_line())
    say(f"Removed. {_told(removed)}")
    if alone:
        say(alone, err=True)


def read_password(from_stdin: bool) -> str:
    """A password, from standard input or asked for. Raises `SettingsError` for none."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        raise SettingsError("Standard input is no terminal to ask for a password on: use --password-stdin.")
    if not password:
        raise SettingsError("The password is empty.")
    return password


def find(store: Store, who: str, organisation: str | None) -> UserRow:
    """Who has that number or login, in the organisation of that name or in any. Raises `NotFound`."""
    of = store.read_now(people.organisation_named, organisation) if organisation else None
    return store.read_now(people.find_user, of, who)


def _number(number: str, login: str | None) -> str | None:
    """- is none; so is the old way of adding somebody who only signs in, under their login instead of it.

    Raises `Invalid` for an empty one, as a script gives whose variable is not set.
    """
    if not number.strip():
        raise Invalid("number", "it is empty; write - for none.")
    return None if number == "-" or (login is not None and number == login) else number


def _alone(store: Store, before: UserRow, but: UUID | None) -> str:
    """What is said if somebody was the last who administers their organisation; ``but`` is to be removed."""
    if before.role != Role.ADMINISTRATOR or store.read_now(people.is_administered, before.organisation, but):
        return ""
    return NOT_ADMINISTERED.format(organisation=before.organisation_name)


def _only_one(**flags: bool) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} exclude each other.")


def _say(user: UserRow, password: str | None, running: ActivationRow | None) -> None:
    say(f"{_called(user)}: {user.mode}, {_endpoints(user) or 'no endpoint'}.")
    if user.mode is not Mode.NEVER and not user.endpoints:
        say("Without an endpoint nothing is recorded: add one with --endpoint.")
    if running and not running.acknowledgement:
        say(NOT_ACKNOWLEDGED.format(who=user.number or user.login))
    if password and passwords.is_default_password(password, user.login, user.number):
        say("Everybody knows that password: My Pages will not serve others with it.", err=True)
    if not user.number and not user.login:
        say(f"A user with neither number nor login is named by the id: {user.id}.")
    say(IN_EFFECT)


def _called(user: UserRow) -> str:
    return f"{user.number or user.login or ''} {user.name}".strip()


def _told(removal: Removal) -> str:
    user = removal.user
    return (
        f"{_called(user)}: telephones ({removal.endpoints}), memberships"
        f" ({removal.groups}) and signing in go; recordings that stay, under that name and number:"
        f" {removal.recordings}."
    )


def _activations(activations: Sequence[ActivationRow]) -> Any:
    rows = [
        (
            f"{one.began_at:%Y-%m-%d %H:%M}", one.began_by, one.plan, _yes(one.start_fee),
            f"{one.ended_at:%Y-%m-%d %H:%M}" if one.ended_at else "", one.ended_by,
            one.acknowledgement or "not noted", one.acknowledged_by,
        )
        for one in activations
    ]  # fmt: skip
    return table(("began (UTC)", "by", "plan", "start fee", "ended", "by", "was told", "says"), rows)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _endpoints(user: UserRow) -> str:
    return ", ".join(f"{pbx}:{name}" for pbx, name in user.endpoints)
