"""The page of one recording: its player, what is known of it, and a form for note, mark and tags (row S3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import Right
from ari_recorder.store import annotations as notes
from ari_recorder.store import audit_log, catalogue, holding, together
from ari_recorder.store.audit_log import AuditRow
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.web import annotating, api, audit_words, page, timeline
from ari_recorder.web.content import format_of
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.faults import faults
from ari_recorder.web.language import N_
from ari_recorder.web.moments import read_moment
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.session import read_form

TAKES = ("said", "t", "history")
"""What its address may say: what a form has led to, a moment to play from, and whether all of its history is
wanted (``history=all``)."""
SAVED, UNDONE = "saved", "undone"
HISTORY_CHARS = 12_000
"""So much of the history is shown before it is asked for: a page has an end."""
LISTENS_SHOWN = 12
_NOT_YET = (RecordingState.OPEN, RecordingState.CLOSING, RecordingState.DISCARDING)
"""States of a recording that cannot be removed yet."""


async def show(request: web.Request) -> web.Response:
    """``GET /recordings/{id}``: the player, and everything known of the recording."""
    return await _render(request, await api.one(request), {"said": request.query.get("said", "")})


async def annotate(request: web.Request) -> web.Response:
    """``POST /recordings/{id}``: note, mark and tags; what is refused is shown again as it was typed.

    ``version`` is of those that the form was made of. If somebody has changed them meanwhile, nothing is
    written: the page shows both, and saving once more is a decision. ``undo`` takes the last change back,
    ``restore`` is the number of one in the history, whose text is put there again.
    """
    recording, sent = path_id(request), await read_form(request)
    typed = await _earlier(request, recording, sent) or annotating.typed(sent)
    context, version = request.app[CONTEXT], str(sent.get("version", ""))
    if problems := annotating.problems(request, typed):
        return await _typed_again(request, typed, problems, version)
    if not typed:
        raise Refused(400, N_("Nothing to change."))

    def unchanged(row: RecordingRow) -> None:
        if not _is_unchanged(version, row, typed):
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
    said = UNDONE if "undo" in sent else SAVED
    raise web.HTTPSeeOther(f"/recordings/{recording}?said={said}#notes")


async def _earlier(request: web.Request, recording: UUID, sent: Mapping[str, object]) -> dict[str, str]:
    """What was there before, if that is what was asked for. Raises `Refused` (400) if there was nothing."""
    if "undo" not in sent and "restore" not in sent:
        return {}
    changes = await request.app[CONTEXT].store.read(notes.history, scope(request), recording)
    if "undo" in sent:
        found = {one.field: one.before for one in changes if one.at == changes[-1].at}
    else:
        wanted = str(sent["restore"])
        found = {one.field: one.after for n, one in enumerate(changes) if str(n) == wanted}
    if not found:
        raise Refused(400, N_("There is no such change in its history: reload the page."))
    return found


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
    playable = row.state is RecordingState.STORED and hears
    spans = await store.read(catalogue.timeline, asker, row.id)
    played = await store.read(catalogue.played, asker, row.id)
    held = await store.read(catalogue.on_hold, asker, row.id)
    history = await store.read(notes.history, asker, row.id)
    every = request.query.get("history") == "all"
    values = {
        "holds": (await store.read(holding.held_for, asker, [row.id])).get(row.id, []),
        "places_holds": Right.HOLDS_WRITE in asker.rights,
        "row": row,
        "faults": faults(row.problems, row.started_at, page.words(request)),
        "spans": spans,
        "played": bool(played),
        "line": timeline.line(row, spans, played, page.words(request), held),
        "bars": timeline.bars(await store.read(catalogue.peaks, asker, row.id)) if playable else ("", ""),
        "playable": playable,
        "hears": hears,
        "kept_as": format_of(row),
        "removes": Right.RECORDINGS_DELETE in asker.rights and row.state not in _NOT_YET,
        "annotates": await store.read(notes.may_annotate_recording, asker, row.id),
        "others": await store.read(together.others, asker, row.id),
        "history": history if every else _newest(history),
        "older": 0 if every else len(history) - len(_newest(history)),
        "heard": await _heard(request, row),
        "moment": _moment(request, row),
        "now": now,
        "typed": now,
        "problems": {},
        "version": _version(row),
        "stale": False,
        "by": "",
        "said": "",
        **form,
    }
    return await page.render(request, "recording.html", values, status=status)


def _newest(history: Sequence[notes.Change]) -> list[notes.Change]:
    """The end of it that is not too much to be shown; of everything at least the last."""
    chars, shown = 0, len(history)
    for one in reversed(history):
        chars += len(one.before) + len(one.after) + 100
        if chars > HISTORY_CHARS and shown < len(history):
            break
        shown -= 1
    return list(history[shown:])


@dataclass(frozen=True)
class _Heard:
    """Who has listened: ``rows`` are the last, ``more`` says that there are others. The rest are words."""

    rows: Sequence[AuditRow]
    more: bool
    action: Callable[[AuditRow], str]
    actor: Callable[[AuditRow], str]
    details: Callable[[AuditRow], list[str]]


async def _heard(request: web.Request, row: RecordingRow) -> _Heard | None:
    """For who may read the audit log; for everybody else nothing."""
    if Right.AUDIT_READ not in scope(request).rights:
        return None

    def read() -> Sequence[AuditRow]:
        return audit_log.listens(scope(request), row.id, limit=LISTENS_SHOWN + 1)

    found = await request.app[CONTEXT].store.read(read)
    words = page.words(request)
    return _Heard(
        found[:LISTENS_SHOWN],
        len(found) > LISTENS_SHOWN,
        partial(audit_words.action, words),
        partial(audit_words.actor, words),
        partial(audit_words.details, words),
    )


def _moment(request: web.Request, row: RecordingRow) -> tuple[float, str]:
    """Where to play from, in seconds, and what is wrong with what the address says, if anything is."""
    given = request.query.get("t", "").strip()
    if not given:
        return 0.0, ""
    found, say = read_moment(given), page.reader_language(request).gettext
    if found is None:
        return 0.0, say(N_("The address names no moment: t is seconds, such as 83, or 1:23."))
    if row.duration_ms is not None and found * 1000 > row.duration_ms:
        length = page.words(request).duration(row.duration_ms)
        return 0.0, say(
            N_("The address names a moment behind the end: the audio is %(length)s long."), length=length
        )
    return found, ""


def _annotations(row: RecordingRow) -> dict[str, str]:
    return dict(zip(FIELDS, (row.note, row.mark, *row.tags), strict=True))


def _version(row: RecordingRow) -> str:
    """Of note, mark and each tag, parted by dots: who writes a note is not in the way of who sets a mark."""
    return ".".join(hashlib.sha256(text.encode()).hexdigest()[:16] for text in _annotations(row).values())


def _is_unchanged(version: str, row: RecordingRow, typed: Mapping[str, Any]) -> bool:
    """Whether what is to be changed is as it was in that version; ``*`` is any."""
    known = dict(zip(FIELDS, version.split("."), strict=False))
    present = dict(zip(FIELDS, _version(row).split("."), strict=True))
    return version == "*" or all(known.get(name) == present[name] for name in typed)
