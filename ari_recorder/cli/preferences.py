"""``ari-recorder preferences``: what is announced, the DTMF codes, the warning tone, failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from ari_recorder.cli.common import (
    OrganisationOption,
    by_command_line,
    catalogue,
    console,
    print_json,
    say,
    settings,
    table,
)
from ari_recorder.cli.users import IN_EFFECT, find
from ari_recorder.errors import SettingsError
from ari_recorder.policies.table import COMMANDS
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.preferences import Shown

app = typer.Typer(
    help="What is announced, the DTMF codes, the warning tone, what a failure does.", rich_markup_mode=None
)

User = Annotated[str | None, typer.Option("--user", help="Number or login of a user.")]


@app.command("show", epilog="Example: ari-recorder preferences show --user 102")
def show(
    context: typer.Context,
    user: User = None,
    organisation: OrganisationOption = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What is in effect for everybody who has set nothing else, or for one user."""
    with catalogue(settings(context)) as store:
        shown = _shown(store, user, organisation)
    if json:
        print_json(shown)
    else:
        console().print(_table(shown))


@app.command("set", epilog="Example: ari-recorder preferences set --user 102 language=sv codes=*1,*2,*3,*4")
def set_(
    context: typer.Context,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE", help="KEY= takes a value back.")],
    user: User = None,
    organisation: OrganisationOption = None,
) -> None:
    """Set them for the organisation, or with --user for one user."""
    read = dict(map(_read, changes))
    with catalogue(settings(context), make=True) as store:
        if user is None:
            of = store.write_now(people.organisation_named, organisation)
            change: Callable[..., Shown] = people.change_organisation_preferences
            shown = store.write_now(change, of, read, **by_command_line())
        else:
            found = find(store, user, organisation)
            change = people.change_user_preferences
            shown = store.write_now(change, found.organisation, found.id, read, **by_command_line())
    console().print(_table(shown))
    say(IN_EFFECT)


def _shown(store: Store, user: str | None, organisation: str | None) -> Shown:
    if user is not None:
        found = find(store, user, organisation)
        return store.read_now(people.user_preferences, found.organisation, found.id)
    of = store.read_now(people.organisation_named, organisation, make=False)
    return store.read_now(people.organisation_preferences, of)


def _read(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"{text!r} is not of the form KEY=VALUE, such as warning_tone_s=15.")
    if not value:
        return key, None
    if key == "codes":
        codes = value.split(",")
        if len(codes) != len(COMMANDS):
            raise SettingsError(
                f"codes: one for each of {', '.join(COMMANDS)}, in this order: codes=*44,*45,*48,*49"
            )
        return key, dict(zip(map(str, COMMANDS), codes, strict=True))
    return key, int(value) if value.isascii() and value.isdecimal() else value


def _table(shown: Shown) -> Table:
    rows = (
        (key, _told(key, value), shown.origins[key])
        for key, value in msgspec.to_builtins(shown.preferences).items()
    )
    return table(("preference", "value", "set by"), rows)


def _told(key: str, value: Any) -> str:
    return ", ".join(f"{code} {command}" for command, code in value.items()) if key == "codes" else str(value)
