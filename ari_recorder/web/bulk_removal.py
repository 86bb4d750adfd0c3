"""Removing several recordings of the list before their time: what goes and what stays is said first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store import removal
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.disposal import Begun
from ari_recorder.web import page, told
from ari_recorder.web.administration.confirming import Confirmation, Listing, ask
from ari_recorder.web.administration.forms import VERSION, sent, text
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.bulk import CHOSEN, Recordings, as_text, from_text, to_page
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation
from ari_recorder.web.words import Words

ADDRESS = "/recordings/remove"
TAKES = (CHOSEN,)
_NONE = N_("None of these can be removed.")
_CHANGED = N_("Something of it was changed meanwhile. Nothing was done: look again at what goes.")


class NewRemoval(msgspec.Struct, forbid_unknown_fields=True):
    """Several recordings to be removed."""

    recordings: Recordings


class RemovedAll(msgspec.Struct):
    """What became of each: ``removed``; ``held`` by a legal hold; ``busy``, as its call goes on or it is
    being prepared; ``left``, as it is not there, or not to be removed by who asks."""

    removed: list[UUID]
    held: list[UUID]
    busy: list[UUID]
    left: list[UUID]


@operation("POST", "/api/v1/recordings/remove", need=Right.RECORDINGS_DELETE)
async def remove_recordings(request: web.Request, body: NewRemoval) -> RemovedAll:
    """Remove several recordings for good, in one change; 100 at most.

    Each goes as by `DELETE`, and has its line in the audit log; what is held, busy or left stays as it is.
    """
    done = await _remove(request, body.recordings)
    return RemovedAll(done.begun, done.held, done.busy, done.gone)


async def choose(request: web.Request) -> web.Response:
    """``POST /recordings/chosen/remove``: to the page that asks about those that were chosen in the list."""
    return await to_page(request, ADDRESS)


async def confirm(request: web.Request) -> web.Response:
    """``GET /recordings/remove``: what would go, and what would stay."""
    return await _ask(request, from_text(request.query.get(CHOSEN, "")))


async def remove(request: web.Request) -> web.Response:
    """``POST /recordings/remove``: exactly what was said; otherwise it is asked again."""
    typed = await sent(request)
    chosen, say = from_text(text(typed, CHOSEN)), page.words(request)
    as_shown = unchanged(typed, _shown)

    def check(begun: Begun, rows: Sequence[RecordingRow]) -> None:
        if not begun.begun:
            raise Refused(409, _NONE)
        as_shown(rows)

    try:
        done = await _remove(request, chosen, check)
    except Refused as error:
        if error.status not in (409, 412):
            raise
        return await _ask(request, chosen, say.language.gettext(_CHANGED), error.status)
    n = len(done.begun)
    removed = say.language.ngettext(
        "%(n)s recording was removed. Its file is gone within a minute.",
        "%(n)s recordings were removed. Their files are gone within a few minutes.",
        n,
    )
    raise told.then(request, "/disposals", "%(said)s", said=" ".join([removed, *_stays(done, say)]))


async def _remove(request: web.Request, chosen: Sequence[UUID], check: Any = lambda *_: None) -> Begun:
    context = request.app[CONTEXT]
    return await context.store.write(
        removal.request_all, scope(request), request[ACTOR], chosen, context.now(), check
    )


async def _ask(
    request: web.Request, chosen: Sequence[UUID], problem: str = "", status: int = 200
) -> web.Response:
    would, rows = await request.app[CONTEXT].store.read(removal.would_remove, scope(request), chosen)
    say = page.words(request)
    if not would.begun:
        problem = say.language.gettext(_NONE)
    return await ask(request, _asked(chosen, would, rows, say), problem, status)


def _asked(
    chosen: Sequence[UUID], would: Begun, rows: Mapping[UUID, RecordingRow], say: Words
) -> Confirmation:
    going, n = [rows[one] for one in would.begun], len(would.begun)
    words, gettext = say.language, say.language.gettext
    stays = (
        gettext(N_("That there were calls, and that they were recorded, in the ledger")),
        gettext(N_("That you removed them, and when, in the disposal log and the audit log")),
    )
    return Confirmation(
        title=words.ngettext("Remove %(n)s recording?", "Remove %(n)s recordings?", n)
        if n
        else gettext(N_("Remove recordings?")),
        button=words.ngettext("Remove %(n)s recording", "Remove %(n)s recordings", n) if n else "",
        action=ADDRESS,
        back="/",
        goes=tuple(_goes(going, say)) if n else (),
        stays=(*_stays(would, say), *(stays if n else ())),
        after=gettext(N_("It cannot be undone: their keys are destroyed, and nobody can open them again."))
        if n
        else "",
        fields=((VERSION, version(_shown(going))), (CHOSEN, as_text(chosen))),
        lists=tuple(_lists(would, rows, say)),
    )


def _goes(rows: Sequence[RecordingRow], say: Words) -> Iterator[str]:
    gettext, length = say.language.gettext, say.duration(sum(row.duration_ms or 0 for row in rows))
    yield say.language.ngettext(
        "The audio of %(n)s recording, %(length)s",
        "The audio of %(n)s recordings, %(length)s together",
        len(rows),
        length=length,
    )
    if any(row.note or row.mark or any(row.tags) for row in rows):
        yield gettext(N_("Their notes, marks and fields, and the history of these"))
    yield gettext(N_("Their waveforms, their evidence, and what they are found by"))


def _stays(would: Begun, say: Words) -> Iterator[str]:
    """What is not removed, and why."""
    ngettext = say.language.ngettext
    if n := len(would.held):
        yield ngettext(
            "%(n)s recording is under a legal hold and stays.",
            "%(n)s recordings are under a legal hold and stay.",
            n,
        )
    if n := len(would.busy):
        yield ngettext(
            "%(n)s recording is not ready and stays: its call goes on, or it is being prepared.",
            "%(n)s recordings are not ready and stay: their calls go on, or they are being prepared.",
            n,
        )
    if n := len(would.gone):
        yield ngettext(
            "%(n)s recording is not there any more, or not yours to remove.",
            "%(n)s recordings are not there any more, or not yours to remove.",
            n,
        )


def _lists(would: Begun, rows: Mapping[UUID, RecordingRow], say: Words) -> Iterator[Listing]:
    """Which they are, with the way to each."""
    of = {N_("Those that go"): would.begun, N_("Those that stay"): [*would.held, *would.busy]}
    for title, ids in of.items():
        if ids:
            newest = sorted((rows[one] for one in ids), key=lambda row: row.started_at, reverse=True)
            lines = tuple((say.named(row), f"/recordings/{row.id}") for row in newest)
            yield Listing(say.language.gettext(title), lines)


def _shown(rows: Sequence[RecordingRow]) -> dict[str, object]:
    """What is said of them: who has seen another state of it decides anew."""
    return {str(row.id): (row.state, row.note, row.mark, row.tags) for row in rows}
