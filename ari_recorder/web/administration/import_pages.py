"""Importing users: a file is sent, what it would do is shown line by line, and then it is done or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from ari_recorder.policies.spreadsheet import FILE, ROWS_MAX, Row
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.people import COLUMNS, Importing, Outcome, RowReport
from ari_recorder.store.people.importing import Phase
from ari_recorder.web import page, told, upload
from ari_recorder.web.administration.forms import Form
from ari_recorder.web.administration.forms import told as why
from ari_recorder.web.administration.imports import IMPORTS, File
from ari_recorder.web.context import ACCOUNT, CONTEXT, changed_by, own_organisation
from ari_recorder.web.exchange import FILE_MAX_BYTES, importing
from ari_recorder.web.language import N_, Language
from ari_recorder.web.thread import aside
from ari_recorder.web.words import MODES

ADDRESS = "/users/import"
TAKES = (told.PARAMETER,)
SHOWN_MAX = 100
"""Rows of each kind that a report shows: the first ones."""
_NO_FILE = N_("Choose a file first.")
_TOO_LARGE = N_("The file is larger than 5 MB: import it in parts.")
_GONE = N_("The file is not here any more: choose it again.")
_FORGOTTEN = N_("Nothing was imported.")
COLUMNS_ABOUT = {
    "number": N_("Says who it is: 101. Without one, the login does."),
    "name": N_("Needed for new users: Åke Öberg."),
    "mode": N_("never, always, always_pause_resume, on_demand or on_demand_user_start."),
    "plan": N_("basic, pro, business or enterprise."),
    "role": N_("user, supervisor, administrator or auditor."),
    "login": N_("What they sign in as. Passwords are not imported."),
    "may_listen": N_("yes or no: whether they hear their own recordings."),
    "endpoints": N_("Telephones, with | between several: PJSIP/101|PJSIP/102."),
    "groups": N_("Names of groups that are there, with | between several."),
    "acknowledgement": N_("What they were told about being recorded. Needed where recording is switched on."),
}


async def show(request: web.Request) -> web.Response:
    """``GET /users/import``: what a file looks like, and a form to send one."""
    return await _form(request, Form("import"))


async def receive(request: web.Request) -> web.Response:
    """``POST /users/import``: a file, which is tried; on to what it would do."""
    words, form = page.reader_language(request), Form("import")
    sent = await upload.read_form(request, FILE_MAX_BYTES)
    if sent.too_large:
        form.problems[FILE] = words.gettext(_TOO_LARGE)
        return await _form(request, form, 413)
    if not sent.content and not sent.file_name:
        form.problems[FILE] = words.gettext(_NO_FILE)
        return await _form(request, form)
    with form.noting(words):
        running = await importing(request, sent.content, dry_run=True)
        file = File(
            request[ACCOUNT].user.id, own_organisation(request), sent.file_name, running.rows, running
        )
        request.app[IMPORTS].take(file, request.app[CONTEXT].store)
        raise web.HTTPSeeOther(f"{ADDRESS}/{file.key}")
    return await _form(request, form)


async def _form(request: web.Request, form: Form, status: int | None = None) -> web.Response:
    organisation = own_organisation(request)
    last = await request.app[CONTEXT].store.read(people.last_import, organisation)
    values = {
        "form": form,
        "columns": [(name, COLUMNS_ABOUT[name]) for name in COLUMNS],
        "last": last,
        "goes_on": request.app[IMPORTS].goes_on(organisation),
        "rows_max": ROWS_MAX,
        "Outcome": Outcome,
    }
    return await page.render(request, "administration/import.html", values, status=status or form.status)


async def show_file(request: web.Request) -> web.Response:
    """``GET /users/import/{file}``: how far it has come, or what it would do, or what it did."""
    file = _file(request)
    values = await aside(_report, file, page.reader_language(request))
    return await page.render(request, "administration/import_file.html", values)


async def do(request: web.Request) -> web.Response:
    """``POST /users/import/{file}``: import the rows that can be."""
    file = _file(request)
    if file.over and file.running.dry_run and not file.broke_off:
        file.running = Importing(
            file.organisation, file.rows, request.app[CONTEXT].pbxs, partial=True, **changed_by(request)
        )
        request.app[IMPORTS].go_on(file, request.app[CONTEXT].store)
    raise web.HTTPSeeOther(f"{ADDRESS}/{file.key}")


async def forget(request: web.Request) -> web.Response:
    """``POST /users/import/{file}/forget``: leave it."""
    file = _file(request)
    request.app[IMPORTS].forget(file)
    raise told.then(request, ADDRESS, _FORGOTTEN)


def _file(request: web.Request) -> File:
    """That of the address, if it is of who asks; else back to where one is sent."""
    found = request.app[IMPORTS].find(request[ACCOUNT].user.id, request.match_info["file"])
    if found is None:
        raise told.then(request, ADDRESS, _GONE, good=False)
    return found


def _report(file: File, words: Language) -> dict[str, Any]:
    """What the page shows of a file: beside the loop, which goes on with it, so that `over` is read first."""
    over, running = file.over, file.running
    reports = list(running.reports)
    by = {outcome: [row for row in reports if row.outcome is outcome] for outcome in Outcome}
    shown = {outcome: rows[:SHOWN_MAX] for outcome, rows in by.items()}
    cells = {row.line: row.cells for row in file.rows}
    return {
        "file": file,
        "over": over,
        "tries": running.dry_run,
        "waits": running.phase is Phase.TRYING and not running.gone_through and not over,
        "gone_through": running.gone_through,
        "rows": len(file.rows),
        "counts": {outcome: len(rows) for outcome, rows in by.items()},
        "refused": [(row, *why(row.fault, words)) for row in shown[Outcome.REFUSED] if row.fault],
        "created": [(row, cells[row.line]) for row in shown[Outcome.CREATED]],
        "changed": shown[Outcome.CHANGED],
        "modes": MODES,
        "switched_on": _switched_on(file.rows, reports),
        "shown_max": SHOWN_MAX,
    }


def _switched_on(rows: Sequence[Row], reports: Sequence[RowReport]) -> int:
    """Users who begin to be recorded, and so to be billed."""
    modes = {row.line: row.cells.get("mode", "") for row in rows}
    return sum(
        report.outcome in (Outcome.CREATED, Outcome.CHANGED)
        and "mode" in report.changed
        and modes[report.line] not in ("", Mode.NEVER)
        for report in reports
    )
