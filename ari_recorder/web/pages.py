"""The pages: the list of recordings, and one recording with its player."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import Right
from ari_recorder.store import catalogue
from ari_recorder.web import api, page
from ari_recorder.web.context import CONTEXT, scope

PAGE_ROWS = 50


async def recordings(request: web.Request) -> web.Response:
    """``GET /``: what who asks may see, newest first; who has to do with none goes to their account."""
    if Right.RECORDINGS_READ not in scope(request).rights:
        raise web.HTTPSeeOther("/account")
    cursor = request.query.get("cursor")
    found = await api.list_page(request, cursor, PAGE_ROWS)
    values = {
        "rows": found.recordings,
        "next_cursor": found.next_cursor,
        "first": cursor is None,
        "no_access": _has_no_access(request),
    }
    return await page.render(request, "recordings.html", values)


async def recording(request: web.Request) -> web.Response:
    """``GET /recordings/{id}``: the player, and everything known of the recording."""
    row = await api.one(request)
    store, asker = request.app[CONTEXT].store, scope(request)
    spans = await store.read(catalogue.timeline, asker, row.id)
    played = await store.read(catalogue.played, asker, row.id)
    hears = await store.read(catalogue.may_hear, asker, row.id)
    playable = row.state is RecordingState.STORED and hears
    values = {"row": row, "spans": spans, "played": played, "playable": playable, "hears": hears}
    return await page.render(request, "recording.html", values)


def _has_no_access(request: web.Request) -> bool:
    """Whether the list is empty because the person may see none, not because there is nothing."""
    return not scope(request).reads
