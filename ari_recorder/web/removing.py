"""Removing a recording before its time: what goes and what stays is said first; it cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aiohttp import web

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import disposal, holding, removal
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.web import disposing, page, told
from ari_recorder.web.administration.confirming import Confirmation, Listing, ask, impossible
from ari_recorder.web.administration.forms import VERSION, sent
from ari_recorder.web.administration.versions import unchanged, version
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id

HINDRANCES = {
    removal.HELD: N_("It is under a legal hold: it stays until that is released."),
    removal.BUSY: N_("Its call goes on, or it is being prepared: wait until it is ready."),
}
_IMPOSSIBLE = N_("This recording cannot be removed now")
_REMOVED = N_("The recording was removed. Its file is gone within a minute.")
_CHANGED = N_("The recording was changed meanwhile. Nothing was done: look again at what goes.")
_GONE = N_("The recording was removed already, by somebody else.")


async def confirm(request: web.Request) -> web.Response:
    """``GET /recordings/{id}/remove``: what would go, and what would stay."""
    row = await _found(request)
    if hindrance := await request.app[CONTEXT].store.read(removal.hindrance, row.id):
        return await _impossible(request, HINDRANCES[hindrance])
    return await ask(request, _asked(request, row))


async def remove(request: web.Request) -> web.Response:
    """``POST /recordings/{id}/remove``."""
    typed, say = await sent(request), page.reader_language(request).gettext
    try:
        await disposing.remove(request, unchanged(typed, _shown))
    except NotFound:
        read, own = request.app[CONTEXT].store.read, own_organisation(request)
        if not await read(disposal.is_removed, own, path_id(request)):
            raise
        raise told.then(request, "/disposals", _GONE, good=False) from None
    except Conflict as error:
        return await _impossible(request, HINDRANCES.get(error.message, error.message), 409)
    except Refused:
        return await ask(request, _asked(request, await _found(request)), say(_CHANGED), 412)
    raise told.then(request, "/disposals", _REMOVED)


async def _impossible(request: web.Request, why: str, status: int = 200) -> web.Response:
    say, back = page.reader_language(request).gettext, f"/recordings/{path_id(request)}"
    asked = replace(impossible(say(_IMPOSSIBLE), back), lists=await _held_by(request))
    return await ask(request, asked, say(why), status)


async def _held_by(request: web.Request) -> tuple[Listing, ...]:
    """The legal holds that keep it, to be opened by who may see them."""
    read, asker, recording = request.app[CONTEXT].store.read, scope(request), path_id(request)
    held = (await read(holding.held_for, asker, [recording])).get(recording, [])
    lines = tuple((row.reason, f"/holds/{row.id}") for row in await read(holding.some, asker, held))
    return (Listing(page.reader_language(request).gettext("Legal holds"), lines),) if lines else ()


async def _found(request: web.Request) -> RecordingRow:
    """The recording of the address. Raises `NotFound` unless who asks may remove it."""
    return await request.app[CONTEXT].store.read(removal.removable, scope(request), path_id(request))


def _asked(request: web.Request, row: RecordingRow) -> Confirmation:
    words = page.words(request)
    say = words.language.gettext
    return Confirmation(
        title=say(N_("Remove this recording?")),
        button=say(N_("Remove the recording")),
        action=f"/recordings/{row.id}/remove",
        back=f"/recordings/{row.id}",
        goes=tuple(_goes(request, row)),
        stays=(
            say(N_("That there was a call, and that it was recorded, in the ledger")),
            say(N_("That you removed it, and when, in the disposal log and the audit log")),
        ),
        after=say(N_("It cannot be undone: its key is destroyed, and nobody can open it again.")),
        fields=((VERSION, version(_shown(row))),),
    )


def _goes(request: web.Request, row: RecordingRow) -> Iterator[str]:
    words = page.words(request)
    say = words.language.gettext
    values = {"who": row.user_name, "whom": words.counterpart(row), "when": words.exactly(row.started_at)}
    if row.state is RecordingState.STORED:
        length = words.duration(row.duration_ms)
        yield say(N_("The audio, %(length)s, of %(who)s with %(whom)s on %(when)s"), length=length, **values)
    else:
        yield say(N_("What is known of the call of %(who)s with %(whom)s on %(when)s"), **values)
    if row.note or row.mark or any(row.tags):
        yield say(N_("Its note, mark and fields, and their history"))
    yield say(N_("Its waveform, its evidence, and what it is found by"))


def _shown(row: RecordingRow) -> dict[str, object]:
    """What is said of it: who has seen another state of it decides anew."""
    return {"state": row.state, "note": row.note, "mark": row.mark, "tags": row.tags}
