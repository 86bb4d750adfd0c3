"""``ari-recorder user``: who is recorded, where, and how."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from ari_recorder.cli.common import catalogue, console, print_json, settings
from ari_recorder.config import Settings
from ari_recorder.errors import SettingsError
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.store import passwords, people
from ari_recorder.store.people import UserRow

app = typer.Typer(help="Who is recorded, where, and how.", no_args_is_help=False, rich_markup_mode=None)


ENDPOINT = re.compile(r"(?:(?P<pbx>[a-z0-9_-]{1,32}):)?(?P<name>[A-Z][A-Za-z0-9]*/[^\s,/]+)")
IN_EFFECT = "In effect from the next call on, within a second; a running recorder needs no restart."

Name = Annotated[str, typer.Option(help="The user's name.")]
ModeOption = Annotated[Mode | None, typer.Option(help="When calls are recorded.")]
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


@app.command(
    "add",
    epilog="Example: ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101 --login anna",
)
def add(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The user's number.")],
    name: Name,
    mode: ModeOption = Mode.NEVER,
    endpoint: Endpoints = None,
    role: RoleOption = None,
    login: Login = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Add a user. With --login the password is asked for, twice and unseen."""
    found = settings(context)
    endpoints = [read_endpoint(text, found) for text in endpoint or ()]
    if password_stdin and not login:
        raise SettingsError("--password-stdin needs --login: what to sign in with.")
    password = read_password(password_stdin) if login else None
    with catalogue(found) as store:
        user = store.write_now(
            people.add_user,
            name=name,
            number=number,
            mode=mode or Mode.NEVER,
            role=(role or Role.USER).value,
            login=login,
            password=password,
            endpoints=endpoints,
        )
    _say(user, password)


@app.command("list", epilog="Example: ari-recorder user list --json")
def list_(
    context: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Every user, by number."""
    with catalogue(settings(context)) as store:
        users = store.read_now(people.list_users)
    if json:
        print_json(users)
    else:
        console().print(
            _table(users) if users else "There are no users yet. See: ari-recorder user add --help"
        )


@app.command("set", epilog="Example: ari-recorder user set 101 --mode on_demand")
def set_(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="NUMBER_OR_LOGIN", help="The user's number or login.")],
    mode: ModeOption = None,
    name: Annotated[str | None, typer.Option(help="The user's name.")] = None,
    number: Annotated[str | None, typer.Option(help="A new number.")] = None,
    endpoint: Endpoints = None,
    no_endpoints: Annotated[bool, typer.Option("--no-endpoints", help="Take every telephone away.")] = False,
    role: RoleOption = None,
    login: Login = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password, unseen.")] = False,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Take signing in away.")] = False,
    may_listen: Annotated[
        bool | None,
        typer.Option("--may-listen/--no-may-listen", help="Access to the user's own recordings."),
    ] = None,
) -> None:
    """Change a user; what is not named stays. --endpoint replaces all the user's telephones."""
    found = settings(context)
    _only_one(password=password, password_stdin=password_stdin, no_password=no_password)
    _only_one(endpoint=bool(endpoint), no_endpoints=no_endpoints)
    plain = {"mode": mode, "name": name, "number": number, "login": login, "may_listen": may_listen}
    changes: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
    if role:
        changes["role"] = role.value
    if endpoint or no_endpoints:
        changes["endpoints"] = [read_endpoint(text, found) for text in endpoint or ()]
    if password or password_stdin or no_password:
        changes["password"] = None if no_password else read_password(password_stdin)
    if not changes:
        raise SettingsError("Nothing to change. See: ari-recorder user set --help")
    with catalogue(found) as store:
        user = store.write_now(people.change_user, who, **changes)
    _say(user, changes.get("password"))


def read_endpoint(text: str, found: Settings) -> tuple[str, str]:
    """Name in the settings of the Asterisk, and endpoint there. Raises `SettingsError`."""
    match = ENDPOINT.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"Endpoint {text!r} is not of the form TECH/NAME or PBX:TECH/NAME, such as PJSIP/101 or"
            " main:PJSIP/101 (the technology as Asterisk writes it)."
        )
    known = sorted(found.pbx)
    pbx = match["pbx"] or (known[0] if len(known) == 1 else "")
    if not pbx:
        raise SettingsError(
            f"Endpoint {text!r}: say on which Asterisk, {' or '.join(known)}: {known[0]}:{text}"
        )
    if pbx not in found.pbx:
        raise SettingsError(
            f"Endpoint {text!r}: the settings have no Asterisk {pbx!r}, only {', '.join(known)}."
        )
    return pbx, match["name"]


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


def _only_one(**flags: bool) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in flags.items() if value]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} exclude each other.")


def _say(user: UserRow, password: str | None) -> None:
    typer.echo(f"{user.number or user.login} {user.name}: {user.mode}, {_endpoints(user) or 'no endpoint'}.")
    if user.mode is not Mode.NEVER and not user.endpoints:
        typer.echo("Without an endpoint nothing is recorded: add one with --endpoint.")
    if password and passwords.is_default_password(password, user.login, user.number):
        typer.echo("Everybody knows that password: My Pages will not serve others with it.", err=True)
    typer.echo(IN_EFFECT)


def _table(users: list[UserRow]) -> Table:
    table = Table("number", "name", "mode", "endpoints", "role", "login", "listens")
    for user in users:
        listens = "yes" if user.may_listen else "no"
        row = (user.number, user.name, user.mode, _endpoints(user), user.role, user.login, listens)
        table.add_row(*(_plain(cell) for cell in row))
    return table


def _plain(cell: str | None) -> str:
    return (cell or "").replace("[", r"\[")  # a name is no markup


def _endpoints(user: UserRow) -> str:
    return ", ".join(f"{pbx}:{name}" for pbx, name in user.endpoints)
