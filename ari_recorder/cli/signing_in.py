"""``ari-recorder user sessions`` and ``user second-factor``: for who has lost a device."""

from __future__ import annotations

import typer

from ari_recorder.cli.common import OrganisationOption, by_command_line, catalogue, say, settings
from ari_recorder.cli.users import Who, find
from ari_recorder.store import second_factors
from ari_recorder.store import sessions as sessions_

sessions = typer.Typer(help="Where a user is signed in.", rich_markup_mode=None)
second_factor = typer.Typer(help="What a user has besides the password.", rich_markup_mode=None)


@sessions.callback()
def _sessions() -> None:
    """Where a user is signed in."""


@second_factor.callback()
def _second_factor() -> None:
    """What a user has besides the password."""


@sessions.command("end", epilog="Example: ari-recorder user sessions end anna")
def end(context: typer.Context, who: Who, organisation: OrganisationOption = None) -> None:
    """Sign a user out everywhere, with live feeds and downloads that are open."""
    with catalogue(settings(context)) as store:
        user = find(store, who, organisation)
        ended = store.write_now(
            sessions_.sign_out_everywhere, user.id, user.organisation, **by_command_line()
        )
    say(f"{user.name}: {_counted(ended, 'session')} ended.")


@second_factor.command("remove", epilog="Example: ari-recorder user second-factor remove anna")
def remove(context: typer.Context, who: Who, organisation: OrganisationOption = None) -> None:
    """Take a user's authenticator app, passkeys and recovery codes away, and sign them out everywhere."""
    with catalogue(settings(context)) as store:
        user = find(store, who, organisation)
        removed = store.write_now(second_factors.remove_all, user.id, **by_command_line())
    say(f"{user.name}: {_counted(removed, 'second factor')} removed, and signed out everywhere.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
