"""``ari-recorder holds``: legal holds, as who runs the machine places and releases them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

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
    so_many,
    table_of_all,
)
from ari_recorder.errors import SettingsError
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import hold_about, holding, people
from ari_recorder.store.catalogue import COUNTED_MAX
from ari_recorder.store.erasing.asking import waiting
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import Freed, HoldRow
from ari_recorder.store.holds import everything_of
from ari_recorder.store.people.groups import group_names

app = typer.Typer(help="Legal holds: what must not be deleted.", rich_markup_mode=None)


@app.command("list", epilog="Example: ari-recorder holds list --over")
def list_(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Those that are over, instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most holds shown.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where to go on, as the previous page says.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
) -> None:
    """Legal holds of every organisation, the newest first."""
    with catalogue(settings(context)) as store:
        found = store.read_now(holding.listed, COMMAND_LINE, over=over, limit=limit, cursor=cursor)
        names = several(store)
    if json:
        print_json(found)
        return
    console().print(_table(found.rows, names) if found.rows else "There are no legal holds.")
    if found.next_cursor:
        more = f"More: ari-recorder holds list{' --over' if over else ''} --cursor {found.next_cursor}"
        console().print(more, soft_wrap=True, markup=False)


@app.command(
    "place", epilog="Example: ari-recorder holds place --number '070-123 45 67' --reason 'Case T 4711-26'"
)
def place(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why.")],
    recording: Annotated[
        list[UUID] | None, typer.Option(help="Id of the recording to hold; may be given for several.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Number, login or id of the user whose recordings to hold.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Number to hold every recording with.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Hold what this search finds: as in the address of the list.")
    ] = None,
    people_: Annotated[str, typer.Option("--people", help="Who asked for it, and who was told.")] = "",
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Its last day: 2026-12-31.")] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Place a legal hold on one of the four; what it fits is not deleted until it is over."""
    if sum(one is not None for one in (recording or None, user, number, search)) != 1:
        raise SettingsError("Give one of --recording, --user, --number and --search.")
    with catalogue(settings(context)) as store:
        own = store.read_now(people.organisation_named, organisation, make=False)
        row = store.read_now(people.organisation, own)
        zone = ZoneInfo(row.timezone)
        if recording:
            about = _chosen(recording)
        elif user is not None:
            about = About(Kind.USER, user=store.read_now(_user, own, user))
        elif number is not None:
            about = About(Kind.NUMBER, number=number)
        else:
            about = store.read_now(_searching, own, search or "", zone)
        ends_at = _end(until, zone)
        made = store.write_now(
            holding.place, COMMAND_LINE, own, about, reason=reason, people=people_, ends_at=ends_at,
            **by_command_line(),
        )  # fmt: skip
        count = store.read_now(hold_about.found_by, own, about)
    say(str(made.id))
    more = "more than " if count > COUNTED_MAX else ""
    later = "" if recording else ", and what comes later and fits"
    say(f"It keeps {more}{min(count, COUNTED_MAX)} recordings now{later}.", err=True)
    if number is not None and not row.country:
        say(ONE_WRITING, err=True)


@app.command(
    "release",
    epilog="Example: ari-recorder holds release 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b --why 'Case closed'",
)
def release(
    context: typer.Context,
    hold: Annotated[UUID, typer.Argument(metavar="ID", help="As listed.")],
    why: Annotated[str, typer.Option(help="Why it is released.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Release a legal hold: what no other hold keeps can be deleted from then on. Says first what that is."""
    with catalogue(settings(context)) as store:
        row = store.read_now(holding.one, COMMAND_LINE, hold)
        if row.over_at is None:
            say(_freed(store.read_now(holding.freed_by, COMMAND_LINE, hold)))
            erasures = store.read_now(waiting, row.organisation)
            if erasures:
                say(f"Erasures that wait for a hold, and go on at once: {erasures}.")
            confirm("What is deleted cannot be had back. Release the hold?", yes)
        store.write_now(holding.release, COMMAND_LINE, hold, why, **by_command_line())
    say("Released.")


def _freed(freed: Freed) -> str:
    more = "more than " if freed.more else ""
    oldest = f"; the oldest is of {freed.oldest.astimezone():%Y-%m-%d}" if freed.oldest else ""
    count = min(freed.recordings, holding.FREED_MAX)
    return f"Recordings that no other hold keeps, and that can be deleted then: {more}{count}{oldest}."


def _chosen(recordings: list[UUID]) -> About:
    if len(recordings) == 1:
        return About(Kind.RECORDING, recording=recordings[0])
    return About(Kind.SELECTION, recordings=tuple(recordings))


def _user(organisation: UUID, which: str) -> UUID:
    """Also one who is removed, by their id."""
    try:
        found = UUID(which)
    except ValueError:
        return people.find_user(organisation, which).id
    return found


def _searching(organisation: UUID, query: str, zone: tzinfo) -> About:
    from ari_recorder.web.find_values import Reading  # the other commands start faster without
    from ari_recorder.web.holds import searched
    from ari_recorder.web.language import language
    from ari_recorder.web.words import Words

    names = group_names(everything_of(organisation))
    groups = {str(group): name for group, name in names.items()}
    return searched(query, Reading(groups, datetime.now(UTC).astimezone(zone)), Words(language("en"), zone))


def _end(day: str | None, zone: tzinfo) -> datetime | None:
    if day is None:
        return None
    try:
        behind = date.fromisoformat(day) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise SettingsError("--until: write a day as 2026-12-31.") from error
    if behind <= datetime.now(zone).date():
        raise SettingsError(f"--until: {day} is over already.")
    return datetime(behind.year, behind.month, behind.day, tzinfo=zone).astimezone(UTC)


def _table(rows: list[HoldRow], names: Mapping[UUID, str]) -> Table:
    columns = ("id", "kind", "of", "why", "begun", "until")
    return table_of_all(columns, ((row.organisation, _cells(row)) for row in rows), names)


def _cells(row: HoldRow) -> tuple[object, ...]:
    return (
        row.id,
        row.kind,
        row.recording or row.user_name or row.user or row.number or row.query or _several(row),
        row.reason,
        f"{row.begun_at.astimezone():%Y-%m-%d} {row.begun_by}",
        _until(row),
    )


def _several(row: HoldRow) -> str:
    return so_many(len(row.recordings), "recording")


def _until(row: HoldRow) -> str:
    if row.over_at is not None:
        return f"released {row.over_at.astimezone():%Y-%m-%d} {row.over_by}".strip()
    return f"{row.ends_at.astimezone():%Y-%m-%d}" if row.ends_at else "its release"
