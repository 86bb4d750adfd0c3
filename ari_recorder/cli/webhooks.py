"""``ari-recorder webhooks``: who is told what happens in calls, and how telling went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

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
from ari_recorder.config import Settings
from ari_recorder.delivery.signing import new_secret
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.webhooks.events import CHOSEN, EventType
from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store import people, webhook_log, webhooks
from ari_recorder.store.webhook_log import DeliveryRow
from ari_recorder.store.webhooks import HookRow

SHOWN_MAX = 500

app = typer.Typer(help="Webhooks: who is told what happens in calls.", rich_markup_mode=None)
HookArgument = Annotated[UUID, typer.Argument(metavar="ID", help="As listed.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, with every field.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
EventOption = Annotated[
    list[EventType] | None,
    typer.Option(help=f"What it is told; repeat it: {', '.join(CHOSEN)}."),
]


@app.command("add", epilog="Example: ari-recorder webhooks add CRM https://crm.example/recordings")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted.")],
    event: EventOption = None,
    personal: Annotated[bool, typer.Option("--personal", help="With names and numbers.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Make a webhook; without --event it is told everything. Its secret is written once, alone."""
    found, secret = settings(context), new_secret()
    given = {"name": name, "url": url, "events": event or CHOSEN, "personal": personal}
    values = webhooks.checked(
        given, unencrypted=found.webhooks.allow_http, allowed=found.webhooks.allow_inside
    )
    with catalogue(found) as store:
        of = store.read_now(people.organisation_named, organisation, make=False)
        row = store.write_now(webhooks.add, of, values, _sealed(found, secret), **by_command_line())
    say(secret)
    say(f"It is not shown again. Test it by: ari-recorder webhooks ping {row.id}", err=True)


@app.command("list", epilog="Example: ari-recorder webhooks list")
def list_(context: typer.Context, json: JsonOption = False) -> None:
    """Every webhook, of every organisation, and how it is."""
    with catalogue(settings(context)) as store:
        found = store.read_now(webhooks.listed, COMMAND_LINE)
    print_json(found) if json else console().print(_table(found) if found else "There are no webhooks.")


@app.command("log", epilog="Example: ari-recorder webhooks log 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def log(
    context: typer.Context,
    hook: HookArgument,
    limit: Annotated[int, typer.Option(min=1, max=SHOWN_MAX, help="How many at most.")] = 50,
    json: JsonOption = False,
) -> None:
    """What it was told in the last 30 days, the newest first, and how that went."""
    with catalogue(settings(context)) as store:
        found = store.read_now(webhook_log.deliveries, COMMAND_LINE, hook, limit=limit).rows
    print_json(found) if json else console().print(_log(found) if found else "It was told nothing yet.")


@app.command("ping", epilog="Example: ari-recorder webhooks ping 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def ping(context: typer.Context, hook: HookArgument) -> None:
    """Have the running recorder send a test; `webhooks log` tells what came of it."""
    with catalogue(settings(context)) as store:
        store.write_now(webhooks.ping, COMMAND_LINE, hook, **by_command_line())
    say(f"The recorder sends it within a second. See: ari-recorder webhooks log {hook}")


@app.command("pause", epilog="Example: ari-recorder webhooks pause 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def pause(context: typer.Context, hook: HookArgument) -> None:
    """Tell it nothing until it is resumed; what happens waits."""
    with catalogue(settings(context)) as store:
        row = store.write_now(webhooks.pause, COMMAND_LINE, hook, **by_command_line())
    say(f"Paused: {row.name}.")


@app.command("resume", epilog="Example: ari-recorder webhooks resume 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def resume(context: typer.Context, hook: HookArgument) -> None:
    """Tell it again, first what has waited, whyever nothing was sent."""
    with catalogue(settings(context)) as store:
        row = store.write_now(webhooks.resume, COMMAND_LINE, hook, **by_command_line())
    say(f"Resumed: {row.name}; {row.waiting} waiting.")


@app.command("resend", epilog="Example: ari-recorder webhooks resend 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def resend(
    context: typer.Context,
    hook: HookArgument,
    delivery: Annotated[UUID | None, typer.Option(help="This one; otherwise all that were given up.")] = None,
) -> None:
    """Send again what was given up, under the same ids."""
    by = by_command_line()
    with catalogue(settings(context)) as store:
        if delivery is not None:
            store.write_now(webhook_log.send_again, COMMAND_LINE, hook, delivery, **by)
            count = 1
        else:
            count = store.write_now(webhook_log.send_failed_again, COMMAND_LINE, hook, **by)
    say(f"Sent again: {count}.")


@app.command("renew", epilog="Example: ari-recorder webhooks renew 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def renew(context: typer.Context, hook: HookArgument) -> None:
    """Another secret, written once; for 24 hours what is sent is signed with the one before, too."""
    found, secret = settings(context), new_secret()
    with catalogue(found) as store:
        store.write_now(webhooks.rotate, COMMAND_LINE, hook, _sealed(found, secret), **by_command_line())
    say(secret)
    say("It is not shown again.", err=True)


@app.command("remove", epilog="Example: ari-recorder webhooks remove 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b")
def remove(context: typer.Context, hook: HookArgument, yes: YesOption = False) -> None:
    """Remove it, with what waits for it and what is known of what it was told."""
    with catalogue(settings(context)) as store:
        row = store.read_now(webhooks.find, COMMAND_LINE, hook)
        confirm(f"Remove {row.name}, and the {row.waiting} events that wait for it?", yes)
        store.write_now(webhooks.remove, COMMAND_LINE, hook, **by_command_line())
    say(f"Removed: {row.name}.")


def _sealed(found: Settings, secret: str) -> str:
    """As it is kept. Raises `SettingsError` if the key is none."""
    return Seals(load_key(found.web.key_file)).seal(Purpose.WEBHOOK, secret, datetime.now(UTC))


def _table(rows: list[HookRow]) -> Table:
    cells = (
        (
            row.id,
            row.name,
            row.organisation_name,
            row.url,
            " ".join(row.events),
            row.stopped or (f"{row.failures} failures" if row.failures else "well"),
            row.waiting,
            row.failed,
        )
        for row in rows
    )
    return table(("id", "name", "of", "address", "told", "state", "waiting", "given up"), cells)


def _log(rows: list[DeliveryRow]) -> Table:
    cells = (
        (
            row.id,
            row.type,
            row.subject,
            f"{row.at.astimezone():%Y-%m-%d %H:%M:%S}",
            row.state,
            len(row.attempts),
            (row.attempts[0].status or row.attempts[0].error) if row.attempts else "",
        )
        for row in rows
    )
    return table(("id", "event", "subject", "happened", "state", "attempts", "last answer"), cells)
