"""The page of the list of recordings, with its search."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import StoreError
from ari_recorder.policies.rights import Right, Role
from ari_recorder.policies.selection import SELECTED_MAX
from ari_recorder.store import catalogue, holding, people, searches
from ari_recorder.store.filters import Wanted
from ari_recorder.store.searches import SearchRow
from ari_recorder.web import api, find, find_values, listing, page, remembered, words
from ari_recorder.web.administration.sections import home
from ari_recorder.web.context import ACCOUNT, CONTEXT, scope
from ari_recorder.web.language import N_

PAGE_ROWS = 50
COUNTED = 10_000
"""Most recordings that are counted."""
NOTHING = catalogue.Page((), None)
PART = "list"
"""The part of the page that `static/list.js` asks for anew: all that the search changes."""
TAKES = (*find.TAKES, "marked", "left")
"""What the list's address may say; ``marked`` and ``left`` are what a form has led to."""
TEXTS = {
    "failed": N_("The list cannot be read just now. What you see is as it was."),
    "busy": N_("Too many requests at once. It is tried again by itself."),
    "gone": N_("There is no connection to the recorder."),
    "new_one": N_("1 new recording"),
    "new_many": N_("%(n)s new recordings"),
    "selected_one": N_("1 selected"),
    "selected_many": N_("%(n)s selected"),
    "marked_one": N_("1 recording marked"),
    "marked_many": N_("%(n)s recordings marked"),
    "unmarked": N_("Marks removed"),
    "left": N_("%(n)s of them may not be changed by you."),
    "not_marked": N_("Nothing was marked. Try again."),
    "undone": N_("Undone"),
    "play": N_("Play"),
    "pause": N_("Pause"),
    "position": N_("%(at)s of %(length)s"),
    "not_played": N_("It cannot be played here. Open the recording, or download it."),
    "rows": N_("%(n)s rows"),
    "rows_of": N_("%(n)s of %(total)s rows"),
    "exported": N_("Exported: %(n)s rows"),
    "export_failed": N_("The export broke off. Try again."),
    "export_stopped": N_("The export was stopped."),
}
"""Sentences of the page's scripts."""


async def recordings(request: web.Request) -> web.Response:
    """``GET /``: what who asks may see, newest first; who has to do with none goes to where they begin.

    With what `find` knows in the address, those that fit. An address with empty parameters, as a form sends
    it, is answered with the one without them, which is the one to share; one without any with that of the
    last search of this session, until ``all`` forgets it.
    """
    if Right.RECORDINGS_READ not in scope(request).rights:
        raise web.HTTPSeeOther(home(scope(request).rights))
    if not request.query and (last := remembered.last(request)):
        raise web.HTTPSeeOther(f"/?{last}")
    asked = await find.read(request)
    cursor = request.query.get("cursor")
    if "all" in request.query or not all(text.strip() for text in request.query.values()):
        given = {} if "all" in request.query else asked.given
        remembered.keep(request, find.query_of(given))
        raise web.HTTPSeeOther(find.address(given, cursor if given else None))
    if asked.problems:
        if remembered.last(request) == find.query_of(asked.given):  # what it asks for has gone meanwhile
            remembered.keep(request, "")
        return await _render(request, asked, NOTHING, cursor, status=400)
    if cursor is None:
        remembered.keep(request, find.query_of(asked.given))
    found, count = await asyncio.gather(
        api.list_page(request, cursor, PAGE_ROWS, asked.wanted, asked.sort), _count(request, asked.wanted)
    )
    return await _render(request, asked, found, cursor, count)


async def _count(request: web.Request, wanted: Wanted) -> int | None:
    """How many there are; one more than `COUNTED` is more. None when it takes too long to say."""
    try:
        return await request.app[CONTEXT].store.read(catalogue.count, scope(request), wanted, COUNTED)
    except StoreError:
        return None


async def _render(
    request: web.Request,
    asked: find.Asked,
    found: catalogue.Page,
    cursor: str | None,
    count: int | None = None,
    status: int = 200,
) -> web.Response:
    part = request.query.get("part") == PART
    held = await request.app[CONTEXT].store.read(
        holding.held_for, scope(request), [row.id for row in found.recordings]
    )
    values = _found(request, asked, found, cursor, count) | _days(request, asked, found, held)
    values["supervises"] = None if found.recordings else await _supervises(request)
    if not part:
        values |= await _around(request, asked)
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"} if part else {}
    return await page.render(
        request, "found.html" if part else "recordings.html", values, status=status, headers=headers
    )


async def _supervises(request: web.Request) -> bool | None:
    """Whether who asks is supervisor of a group; None if that is not what they are."""
    user = request[ACCOUNT].user
    if user.role != Role.SUPERVISOR:
        return None
    return bool(await request.app[CONTEXT].store.read(people.supervised_by, user.id))


def _found(
    request: web.Request,
    asked: find.Asked,
    found: catalogue.Page,
    cursor: str | None,
    count: int | None,
) -> dict[str, Any]:
    """What the search changes."""
    say, asker = page.words(request), scope(request)
    say_all = say.each(find_values.SORTS)
    return {
        "by_time": asked.sort in listing.BY_TIME,
        "sort": str(asked.sort),
        "given_sort": asked.given.get(find.SORT, ""),
        "sorts": say_all,
        "first": cursor is None,
        "newest": find.address(asked.given) if asked.given else "/?all=1",
        "older": find.address(asked.given, found.next_cursor) if found.next_cursor else "",
        "here_query": find.query_of(asked.given),
        "cursor": cursor or "",
        "count": count,
        "counted": COUNTED,
        "no_access": not asker.reads,
        "filtered": bool(asked.filters),
        "chosen": [] if asked.problems else find.chosen(asked, say),
        "problems": asked.problems,
        "labels": {name: find.label(name, say) for name in find.FIELDS},
        "several": asker.reads.everybody or bool(asker.reads.users - {asker.user}),
        "annotates": bool(asker.annotates),
        "holds": Right.HOLDS_WRITE in asker.rights,
        "removes": bool(asker.deletes),
        "hold": f"/holds/new?{urlencode({'query': find.query_of(asked.filters)})}"
        if asked.filters and Right.HOLDS_WRITE in asker.rights
        else "",
        "export": asked.export,
        "searches_max": searches.NAME_MAX,
        "marked": _number(request, "marked"),
        "left": _number(request, "left"),
    }


def _days(
    request: web.Request, asked: find.Asked, found: catalogue.Page, held: Mapping[UUID, list[UUID]]
) -> dict[str, Any]:
    say, now = page.words(request), request.app[CONTEXT].now()
    return {"days": listing.days(found.recordings, scope(request), asked.sort, say, now, held)}


async def _around(request: web.Request, asked: find.Asked) -> dict[str, Any]:
    """What the search leaves as it is."""
    say, asker = page.words(request), scope(request)
    kept = await request.app[CONTEXT].store.read(searches.saved, asker.user) if asker.user else []
    return {
        "given": {name: asked.given.get(name, "") for name in find.FIELDS},
        "groups": asked.groups,
        "periods": say.each(find_values.PERIODS),
        "states": say.each(find_values.STATES),
        "modes": say.each({name: words.MODES[name] for name in find.choices("mode")}),
        "marks": say.each({find_values.NO_MARK: N_("Without a mark")}, words.MARKS),
        "colours": say.each(words.MARKS),
        "directions": say.each(words.DIRECTIONS),
        "kept": kept,
        "outdated": _outdated(asked, kept),
        "texts": say.each(TEXTS),
        "rows_max": SELECTED_MAX,
        "follows": Right.CALLS_READ in asker.rights,
    }


def _outdated(asked: find.Asked, kept: Sequence[SearchRow]) -> tuple[SearchRow, str] | None:
    """The saved search that was opened and asks for what is not there any more, and what of it still is."""
    row = next((row for row in kept if asked.problems and row.query == find.query_of(asked.given)), None)
    rest = {name: text for name, text in asked.given.items() if name not in asked.problems}
    return None if row is None else (row, find.query_of(rest))


def _number(request: web.Request, name: str) -> int:
    """A number that a form has led to; 0 for what is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
