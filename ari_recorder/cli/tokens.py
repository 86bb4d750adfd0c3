"""``ari-recorder token``: what programs come in with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from ari_recorder.cli.common import actor, catalogue, console, print_json, say, settings, table
from ari_recorder.errors import SettingsError
from ari_recorder.policies.rights import COMMAND_LINE, TOKEN_RIGHTS, Right
from ari_recorder.policies.text import is_plain, is_seen, tidy
from ari_recorder.store import tokens
from ari_recorder.store.tokens import EXPIRES_AFTER, NAME_MAX, TokenRow

DAYS_MAX = 36_500

app = typer.Typer(help="Tokens, with which programs use the API.", rich_markup_mode=None)


@app.command("add", epilog="Example: ari-recorder token add backup --scope recordings:read --user anna")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[Right],
        typer.Option(help=f"What it may do; repeat it: {', '.join(sorted(TOKEN_RIGHTS))}."),
    ],
    user: Annotated[
        str | None, typer.Option(help="Number or login of the user whose token it is to be.")
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Name of the organisation whose token it is to be, or whose user's.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="How long it holds.")] = EXPIRES_AFTER.days,
    forever: Annotated[bool, typer.Option("--forever", help="It holds until it is revoked.")] = False,
) -> None:
    """Make a token, of a user or of an organisation. Its secret is written once, on standard output."""
    name = tidy(name)
    if not (1 <= len(name) <= NAME_MAX and is_plain(name) and is_seen(name)):
        raise SettingsError(f"The name of a token has 1 to {NAME_MAX} characters that can be read.")
    now = datetime.now(UTC)
    expires_at = None if forever else now + timedelta(days=days)
    with catalogue(settings(context)) as store:
        owner = store.read_now(tokens.owner, user, organisation)
        if missing := sorted(set(scope) - owner.possible):
            raise SettingsError(f"{owner.name} cannot have a token for {missing[0]}.")
        made = store.write_now(
            tokens.add, actor(), owner.organisation, owner.user, name, frozenset(scope), expires_at, now
        )
    say(made.secret)
    say(f"It is not shown again. Revoke it by: ari-recorder token revoke {made.token.id}", err=True)


@app.command("list", epilog="Example: ari-recorder token list --json")
def list_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
) -> None:
    """Every token that is not revoked, of every organisation, the newest first."""
    with catalogue(settings(context)) as store:
        found = store.read_now(tokens.listed, COMMAND_LINE)
    print_json(found) if json else console().print(_table(found) if found else "There are no tokens.")


@app.command("revoke", epilog="Example: ari-recorder token revoke 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def revoke(
    context: typer.Context, token: Annotated[UUID, typer.Argument(metavar="ID", help="As listed.")]
) -> None:
    """From now on nobody comes in with it; what is open by it ends within a second or two."""
    with catalogue(settings(context)) as store:
        row = store.write_now(tokens.revoke, COMMAND_LINE, actor(), token, datetime.now(UTC))
    say(f"Revoked: {row.name} ({row.hint}…).")


def _table(rows: list[TokenRow]) -> Table:
    cells = (
        (
            row.id,
            row.name,
            row.hint,
            row.user_name or row.organisation_name,
            " ".join(row.scopes),
            _time(row.expires_at) or "never",
            _time(row.seen_at) or "never",
        )
        for row in rows
    )
    return table(("id", "name", "begins", "of", "scopes", "expires", "last used"), cells)


def _time(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else ""
