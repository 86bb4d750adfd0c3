"""Who listens is written down first: before the first byte of audio goes out (row A8)."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

import structlog
from aiohttp import web

from ari_recorder.errors import StoreError
from ari_recorder.policies import listening
from ari_recorder.policies.listening import Playback
from ari_recorder.store import heard
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.web.context import ACTOR, CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.ranges import Span

PLAYBACKS_MAX = 10_000
"""Most playbacks that are remembered; one that is forgotten is written down again."""

_log = structlog.get_logger(__name__)
_Key = tuple[str, str, str, UUID, str | None]
"""The last is the format of a copy, None where it is listened to."""


class Playbacks:
    """What has been written down of the playbacks that may go on."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, Playback] = OrderedDict()

    def get(self, key: _Key) -> Playback | None:
        """The latest of this asker, recording and way of asking."""
        return self._known.get(key)

    def keep(self, key: _Key, playback: Playback) -> None:
        """Remember it, and forget the oldest of too many."""
        self._known[key] = playback
        self._known.move_to_end(key)
        if len(self._known) > PLAYBACKS_MAX:
            self._known.popitem(last=False)


PLAYBACKS = web.AppKey("playbacks", Playbacks)


async def write_down(
    request: web.Request, row: RecordingRow, span: Span, of_bytes: int, *, form: str = "", copied: bool
) -> None:
    """Write down that this part of a recording is about to be sent; returns when it is on disk.

    ``of_bytes`` is how long all of it is; ``form`` what it is made into, empty for the file itself.

    Raises `StoreError` or `Refused` (503) when that cannot be done: then nothing may be sent.
    """
    duration_ms = row.duration_ms or 0
    whole = span == Span(0, of_bytes)
    wanted = (
        listening.Stretch(0, duration_ms)
        if whole
        else listening.stretch_of(span.offset, span.length, of_bytes, duration_ms)
    )
    if wanted is None:
        return
    context, actor, playbacks = request.app[CONTEXT], request[ACTOR], request.app[PLAYBACKS]
    key = (actor.kind.value, actor.id, actor.address, row.id, form if copied else None)
    now, known = context.now(), playbacks.get(key)
    stretch = listening.to_write(known, wanted, duration_ms, now)
    if stretch is None:
        return
    try:
        await context.store.write(
            heard.note_heard, actor, row.id, row.organisation, stretch, now, form=form, copied=copied
        )
    except StoreError:
        raise
    except Exception as error:  # whatever the reason: without its line nothing is heard
        _log.exception("it cannot be written down who listens", recording=str(row.id))
        raise Refused(503, N_("It cannot be written down who listens, so nothing is sent.")) from error
    playbacks.keep(key, listening.written(known, stretch, now))
