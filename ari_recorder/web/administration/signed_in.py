"""The page of the sessions of the organisation's users: who is signed in, where, and out again."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.store import sessions
from ari_recorder.web import account_page, page, session, told
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.places import FEEDS
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.session import SESSION

TAKES = ("cursor", told.PARAMETER)
PAGE_ROWS = 50


async def show(request: web.Request) -> web.Response:
    """``GET /sessions``: fifty at a time, the one last used first."""
    context, cursor = request.app[CONTEXT], request.query.get("cursor")
    limits = session.limits(context.settings)
    try:
        found = await context.store.read(
            sessions.of_organisation, own_organisation(request), limits, context.now(),
            limit=PAGE_ROWS, cursor=cursor,
        )  # fmt: skip
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    values = {
        "rows": found.rows,
        "older": found.next_cursor,
        "first": cursor is None,
        "own": request[SESSION].id,
        "browser": lambda agent: account_page.browser(request, agent),
        "idle_h": context.settings.session_idle_hours,
    }
    return await page.render(request, "administration/sessions.html", values)


async def end(request: web.Request) -> web.StreamResponse:
    """``POST /sessions/{id}/end``: sign somebody out there, with their live feeds."""
    which, store = path_id(request), request.app[CONTEXT].store
    ended = await store.write(
        sessions.end_of_organisation, own_organisation(request), which, **changed_by(request)
    )
    await request.app[FEEDS].close(ended.user)
    where = account_page.browser(request, ended.agent)
    raise told.then(
        request, "/sessions", N_("%(name)s was signed out in %(where)s."), name=ended.name, where=where
    )
