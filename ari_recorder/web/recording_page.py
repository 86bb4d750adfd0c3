"""The page of one recording: its player, what is known of it, and a form for note, mark and tags (row S3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import annotations as notes
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.web import annotating, api, page
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.session import read_form
from ari_recorder.web.tags import is_unchanged, tag_of

TAKES = ("said",)
"""What its address may say: what a form has led to."""
SAVED = "saved"


async def show(request: web.Request) -> web.Response:
    """``GET /recordings/{id}``: the player, and everything known of the recording."""
    return await _render(request, await api.one(request), {"saved": request.query.get("said") == SAVED})


async def annotate(request: web.Request) -> web.Response:
    """``POST /recordings/{id}``: note, mark and tags; what is refused is shown again as it was typed.

    ``version`` is of those that the form was made of. If somebody has changed them meanwhile, nothing is
    written: the page shows both, and saving once more is a decision.
    """
    recording, sent = path_id(request), await read_form(request)
    typed = annotating.typed(sent)
    context, version = request.app[CONTEXT], str(sent.get("version", ""))
    if problems := annotating.problems(request, typed):
        return await _typed_again(request, typed, problems, version)
    if not typed:
        raise Refused(400, N_("Nothing to change."))

    def unchanged(row: RecordingRow) -> None:
        if not is_unchanged(version, _version(row)):
            raise Refused(412, N_("It has been changed since you read it: read it again, and decide anew."))

    try:
        changed = await context.store.write(
            notes.annotate_recording,
            scope(request),
            request[ACTOR],
            recording,
            typed,
            context.now(),
            unchanged,
        )
    except Refused:
        return await _typed_again(request, typed)
    annotating.tell(request, changed.leg, changed.annotations)
    raise web.HTTPSeeOther(f"/recordings/{recording}?said={SAVED}#notes")


async def _typed_again(
    request: web.Request,
    typed: Mapping[str, Any],
    problems: Mapping[str, str] | None = None,
    version: str | None = None,
) -> web.Response:
    """The page with what was typed: at its problems (400), still of the same version; or beside what somebody
    else has written meanwhile (412), of the present one.
    """
    row = await api.one(request)
    values = {name: value if isinstance(value, str) else "" for name, value in typed.items()}
    shown: dict[str, Any] = {"typed": _annotations(row) | values}
    if problems:
        return await _render(request, row, {**shown, "problems": problems, "version": version}, 400)
    changes = await request.app[CONTEXT].store.read(notes.history, scope(request), row.id)
    return await _render(request, row, {**shown, "stale": True, "by": changes[-1].by if changes else ""}, 412)


async def _render(
    request: web.Request, row: RecordingRow, form: Mapping[str, Any], status: int = 200
) -> web.Response:
    """``form`` is what is not as when the page is first shown."""
    store, asker, now = request.app[CONTEXT].store, scope(request), _annotations(row)
    hears = await store.read(catalogue.may_hear, asker, row.id)
    values = {
        "row": row,
        "spans": await store.read(catalogue.timeline, asker, row.id),
        "played": await store.read(catalogue.played, asker, row.id),
        "playable": row.state is RecordingState.STORED and hears,
        "hears": hears,
        "annotates": await store.read(notes.may_annotate_recording, asker, row.id),
        "now": now,
        "typed": now,
        "problems": {},
        "version": _version(row),
        "stale": False,
        "by": "",
        "saved": False,
        **form,
    }
    return await page.render(request, "recording.html", values, status=status)


def _annotations(row: RecordingRow) -> dict[str, str]:
    return dict(zip(FIELDS, (row.note, row.mark, *row.tags), strict=True))


def _version(row: RecordingRow) -> str:
    """Of note, mark and tags alone: that a recording became ready meanwhile is nobody's change."""
    return tag_of(json.dumps(_annotations(row)).encode())
