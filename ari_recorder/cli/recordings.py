"""``ari-recorder recordings``: what has been recorded, as who runs the machine sees it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from ari_recorder.cli.common import (
    OrganisationOption,
    actor,
    catalogue,
    console,
    print_json,
    settings,
    several,
    table_of_all,
)
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue as reading
from ari_recorder.store import people
from ari_recorder.store.catalogue import LIMIT_MAX, RecordingRow
from ari_recorder.store.filters import Wanted, searchable
from ari_recorder.store.heard import note_read
from ari_recorder.store.holds import everything_of

app = typer.Typer(help="What has been recorded.", rich_markup_mode=None)


@app.command("list", epilog="Example: ari-recorder recordings list --limit 10")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="Most recordings shown.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where to go on, as the previous page says.")] = None,
    number: Annotated[
        str | None, typer.Option(help="Only with this counterpart: a number, or a part of one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Recordings of everybody, newest first; times are this machine's."""
    if number is not None and not searchable(number):
        raise typer.BadParameter(
            f"a number or a part of one, 1 to {NUMBER_MAX} characters.", param_hint="--number"
        )
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation) if organisation else None
        asker = everything_of(of) if of else COMMAND_LINE
        page = store.read_now(
            reading.recordings, asker, limit=limit, cursor=cursor, wanted=Wanted(number=number)
        )
        names = {} if of else several(store)
        shown = Counter(row.organisation for row in page.recordings)
        asked = {"limit": limit, "cursor": cursor, "number": number}
        store.write_now(note_read, actor(), shown, asked, datetime.now(UTC))
    if json:
        print_json(page)
        return
    out = console()
    out.print(_table(page.recordings, names) if page.recordings else "There are no recordings.")
    if page.next_cursor:
        same = f" --number {shlex.quote(number)}" if number else ""
        same += f" --organisation {shlex.quote(organisation)}" if organisation else ""
        more = f"More: ari-recorder recordings list{same} --cursor {page.next_cursor}"
        out.print(more, soft_wrap=True, markup=False)


def _table(rows: tuple[RecordingRow, ...], names: Mapping[UUID, str]) -> Table:
    columns = ("started", "length", "user", "direction", "counterpart", "state", "problems")
    return table_of_all(columns, ((row.organisation, _cells(row)) for row in rows), names)


def _cells(row: RecordingRow) -> tuple[str, ...]:
    return (
        f"{row.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
        _length(row.duration_ms),
        f"{row.user_number or ''} {row.user_name}".strip(),
        f"{row.direction}{', internal' if row.internal else ''}",
        f"{row.counterpart_number} {row.counterpart_name}".strip(),
        row.state,
        " ".join(row.problems),
    )


def _length(duration_ms: int | None) -> str:
    """Hours, minutes and seconds; empty while it is not known."""
    if duration_ms is None:
        return ""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
