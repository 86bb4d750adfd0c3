"""The page of the list of recordings, with its search."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store import catalogue
from ari_recorder.web import api, find, page, words
from ari_recorder.web.context import scope
from ari_recorder.web.language import N_

PAGE_ROWS = 50
NOTHING = catalogue.Page((), None)


async def recordings(request: web.Request) -> web.Response:
    """``GET /``: what who asks may see, newest first; who has to do with none goes to their account.

    With what `find` knows in the address, those that fit. An address with empty parameters, as a form sends
    it, is answered with the one without them, which is the one to share.
    """
    if Right.RECORDINGS_READ not in scope(request).rights:
        raise web.HTTPSeeOther("/account")
    asked = await find.read(request)
    cursor = request.query.get("cursor")
    if not all(text.strip() for text in request.query.values()):
        raise web.HTTPSeeOther(find.address(asked.given, cursor))
    if asked.problems:
        return await _render(request, asked, NOTHING, cursor, status=400)
    found = await api.list_page(request, cursor, PAGE_ROWS, asked.wanted)
    return await _render(request, asked, found, cursor)


async def _render(
    request: web.Request, asked: find.Asked, found: catalogue.Page, cursor: str | None, status: int = 200
) -> web.Response:
    say, asker = page.words(request), scope(request)
    values = {
        "rows": found.recordings,
        "first": cursor is None,
        "newest": find.address(asked.given),
        "older": find.address(asked.given, found.next_cursor) if found.next_cursor else "",
        "no_access": not asker.reads,
        "given": {name: asked.given.get(name, "") for name in find.FIELDS},
        "filtered": bool(asked.given),
        "chosen": [] if asked.problems else find.chosen(asked, say),
        "problems": asked.problems,
        "labels": {name: find.label(name, say.language) for name in find.FIELDS},
        "groups": asked.groups,
        "several": asker.reads.everybody or bool(asker.reads.users - {asker.user}),
        "marks": say.each({find.NO_MARK: N_("Without a mark")}, words.MARKS),
        "directions": say.each(words.DIRECTIONS),
    }
    return await page.render(request, "recordings.html", values, status=status)
