"""The API of users as a CSV file: out, and in again."""

from __future__ import annotations

import msgspec
from aiohttp import web

from ari_recorder.errors import Invalid, NotAllowed
from ari_recorder.policies import spreadsheet
from ari_recorder.policies.rights import Right
from ari_recorder.policies.unfit import Unfit
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.fitting import fit
from ari_recorder.store.people import COLUMNS, Importing, ImportReport, Outcome, RowReport
from ari_recorder.web import page, upload
from ari_recorder.web.context import CONTEXT, SCOPE, changed_by, own_organisation
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import NoRight, Refused
from ari_recorder.web.routing import operation
from ari_recorder.web.thread import aside

FILE_MAX_BYTES = 5_000_000
CSV = "text/csv"


class ImportQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How a file is taken."""

    dry_run: bool = False
    """Nothing is changed; the report says what would be."""
    partial: bool = False
    """The rows that can be are taken, though others are refused."""


class ImportedRow(msgspec.Struct):
    """A row of a file: its line there, whom it is of, and what became of it."""

    line: int
    who: str
    outcome: Outcome
    changed: list[str]
    """The fields that were, or would be."""
    why: str | None
    """Of a row that is refused, in the language of who asks."""
    field: str | None


class Imported(msgspec.Struct):
    """What became of a file of users."""

    applied: bool
    """Whether anything was done."""
    created: int
    changed: int
    same: int
    refused: int
    rows: list[ImportedRow]


@operation("GET", "/api/v1/users.csv", need=Right.USERS_READ, media_type=CSV)
async def export_users(request: web.Request) -> web.Response:
    """Every user of the organisation as a CSV file, as import and the reader's spreadsheets read it."""
    rows = await request.app[CONTEXT].store.write(
        people.exported, own_organisation(request), **changed_by(request)
    )
    text = await aside(spreadsheet.write, COLUMNS, rows, page.words(request).separator)
    return web.Response(
        text=spreadsheet.BOM + text,
        content_type=CSV,
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="users.csv"'},
    )


@operation("POST", "/api/v1/users/import", need=Right.USERS_WRITE, reads=CSV, problems=(413, 415, 422))
async def import_users(request: web.Request, query: ImportQuery) -> Imported:
    """Add and change users as a CSV file says: all of it, or nothing if a row is refused."""
    if request.content_type not in (CSV, "application/octet-stream"):
        raise Refused(
            415, N_("Send the file itself as the body: curl --data-binary @file -H 'Content-Type: text/csv'.")
        )
    try:
        content = await upload.read_body(request, FILE_MAX_BYTES)
    except upload.TooLarge as error:
        raise Refused(413, N_("The file is larger than 5 MB: import it in parts.")) from error
    running = await importing(request, content, dry_run=query.dry_run, partial=query.partial)
    await run(request.app[CONTEXT].store, running)
    return await aside(_imported, running.report(), page.reader_language(request))


async def importing(
    request: web.Request, content: bytes, *, dry_run: bool = False, partial: bool = False
) -> Importing:
    """A file as it is to be imported.

    Raises `Invalid` for one that cannot be read as a whole, `NoRight` for groups of who may not change them.
    """
    with fit():
        rows = await aside(spreadsheet.read, content, COLUMNS)
    right = Right.GROUPS_WRITE
    if right not in request[SCOPE].rights and any(row.cells.get("groups") for row in rows):
        raise NoRight(N_("This needs the right %(right)s, which you do not have here."), {"right": right})
    return Importing(
        own_organisation(request), rows, request.app[CONTEXT].pbxs, dry_run=dry_run, partial=partial,
        **changed_by(request),
    )  # fmt: skip


async def run(store: Store, running: Importing) -> None:
    """Import it, step by step: what calls have to write goes between."""
    await store.read(running.look)
    for step in running.steps():
        await store.write(step)


def _imported(report: ImportReport, words: Language) -> Imported:
    created, changed, same, refused = (report.count(outcome) for outcome in Outcome)
    rows = [_row(row, words) for row in report.rows]
    return Imported(report.applied, created, changed, same, refused, rows)


def _row(row: RowReport, words: Language) -> ImportedRow:
    why, field = told(row.fault, words)
    return ImportedRow(row.line, row.who, row.outcome, list(row.changed), why, field)


def told(fault: Invalid | Unfit | NotAllowed | None, words: Language) -> tuple[str | None, str | None]:
    """Why a row is refused, in the reader's language, and the column that it is about."""
    if fault is None:
        return None, None
    if isinstance(fault, NotAllowed):
        return words.gettext(str(fault)), None
    return words.gettext(fault.message, **fault.values), fault.field or None
