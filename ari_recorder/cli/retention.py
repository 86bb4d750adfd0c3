"""``ari-recorder retention`` and ``disposals``: for how long recordings are kept, and which are gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from ari_recorder import safes
from ari_recorder.cli.common import (
    OrganisationOption,
    actor,
    catalogue,
    confirm,
    console,
    print_json,
    say,
    settings,
    so_many,
    table,
)
from ari_recorder.delivery.retention import Disposer
from ari_recorder.policies.retention import Clock
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import disposal, disposals, people, retention
from ari_recorder.store.database import Store
from ari_recorder.store.retention import Coming

app = typer.Typer(help="For how long recordings are kept, and disposing of them.", rich_markup_mode=None)
DISPOSALS_EXAMPLE = "Example: ari-recorder disposals --limit 20"

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("show", epilog="Example: ari-recorder retention show")
def show(context: typer.Context, json: Json = False, organisation: OrganisationOption = None) -> None:
    """For how long recordings are kept, which go earlier than they would have, and what waits to be gone."""
    now = datetime.now(UTC)
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation, make=False)
        row = store.read_now(people.organisation, of)
        coming = store.read_now(retention.coming, of, now)
        due = store.read_now(retention.due_now, of, now)
        left = store.read_now(disposal.left, of)
        clock = store.read_now(retention.clock)
        groups = {
            one.name: one.retention_days
            for one in (store.read_now(people.group, COMMAND_LINE, each.id)
                        for each in store.read_now(people.list_groups, of))
            if one.retention_days is not None
        }  # fmt: skip
    if json:
        print_json(
            {"organisation": row.name, "days": row.retention_days, "groups": groups, "coming": coming,
             "due": due, "disposing": left.count, "clock": _clock_json(clock)}
        )  # fmt: skip
        return
    say(f"{row.name}: recordings are kept for {so_many(row.retention_days, 'day')}.")
    for name, days in sorted(groups.items()):
        say(f"Of members of {name}: for {so_many(days, 'day')}; of several groups with days the most hold.")
    for one in coming:
        say(_told(one))
    say(f"Due now: {due}, which the recorder disposes of by itself. Being removed: {left.count}.")
    if clock is not None and clock.ahead:
        say(_ahead(clock))


@app.command("run", epilog="Example: ari-recorder retention run --dry-run")
def run(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due.")] = False,
) -> None:
    """Dispose of what is due now, of every organisation, and of what is left of what was begun.

    The recorder does so by itself every few minutes; both at once do no harm. What is held stays.
    """
    found = settings(context)
    with catalogue(found) as store:
        if dry_run:
            _say_due(store)
            return
        safe = safes.safe(found.vault, store, lambda: datetime.now(UTC))
        safe.vault.look()
        done, left = asyncio.run(_run(Disposer(store, safe, lambda: datetime.now(UTC))))
    say(f"Begun: {done.due}. Gone: {done.gone}. Held: {done.held}. Still being removed: {left}.")
    raise typer.Exit(1 if left else 0)


@app.command("trust-clock", epilog="Example: ari-recorder retention trust-clock")
def trust_clock(
    context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Say that this machine's clock is right, after it was put forward, or the recorder was off for long."""
    now = datetime.now(UTC)
    with catalogue(settings(context)) as store:
        clock = store.read_now(retention.clock)
        if clock is None or not clock.ahead:
            say("The clock is trusted.")
            return
        confirm(f"It is {now:%Y-%m-%d %H:%M} UTC: what is due by that is removed. Is the clock right?", yes)
        store.write_now(retention.believe, now, actor=actor())
    say("The clock is trusted from now on.")


def list_disposals(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most lines shown.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where to go on, as the previous page says.")] = None,
    json: Json = False,
) -> None:
    """Recordings that are gone, the newest first: when and why."""
    with catalogue(settings(context)) as store:
        page = store.read_now(disposals.disposals, COMMAND_LINE, limit=limit, cursor=cursor)
    if json:
        print_json({"disposals": page.rows, "next_cursor": page.next_cursor})
        return
    if not page.rows:
        say("No recording is gone yet.")
        return
    rows = [
        (f"{row.at.astimezone():%Y-%m-%d %H:%M:%S}", row.recording, f"{row.started_at.astimezone():%Y-%m-%d}",
         row.rule, row.detail.get("days", ""), row.by or row.actor, row.leaf)
        for row in page.rows
    ]  # fmt: skip
    console().print(table(("gone", "recording", "of", "rule", "days", "by", "leaf"), rows))
    if page.next_cursor:
        say(f"More: ari-recorder disposals --cursor {page.next_cursor}")


async def _run(disposer: Disposer) -> tuple[Any, int]:
    done = await disposer.retain()
    await disposer.clear(done=done)
    await disposer.forget()
    return done, (await disposer.store.read(disposal.left)).count


def _say_due(store: Store) -> None:
    now = datetime.now(UTC)
    clock = store.read_now(retention.clock)
    for row in store.read_now(people.list_organisations):
        by = min(now, clock.now if clock else now)
        due = store.read_now(retention.due_now, row.id, by)
        say(f"{row.name}: {due} due now.")
        for one in store.read_now(retention.coming, row.id, now):
            say(_told(one))
    say(f"Being removed: {store.read_now(disposal.left).count}.")
    if clock is not None and clock.ahead:
        say(_ahead(clock))


def _told(one: Coming) -> str:
    return (
        f"From {one.at:%Y-%m-%d} on {so_many(one.recordings, 'recording')} of {so_many(one.users, 'user')} go"
        f" that are older than {so_many(one.days, 'day')} then."
        " Until then it can be taken back with more days."
    )


def _ahead(clock: Clock) -> str:
    until = clock.believed_in
    hours = f"in {until // timedelta(hours=1)} h of steady running" if until is not None else "only if told"
    return (
        f"The clock was put forward, or nobody looked at it for long: it is"
        f" {round(clock.ahead / timedelta(hours=1), 1)} h ahead of what is trusted. It is believed {hours};"
        " if it is right: ari-recorder retention trust-clock"
    )


def _clock_json(clock: Clock | None) -> dict[str, Any] | None:
    if clock is None:
        return None
    return {"trusted": clock.trusted, "wall": clock.wall, "ahead_s": clock.ahead.total_seconds()}
