"""The first page of administration: what is set up at a glance, and what is missing."""

from __future__ import annotations

from aiohttp import web

from ari_recorder.store import people
from ari_recorder.web import page, told
from ari_recorder.web.context import CONTEXT, own_organisation

TAKES = (told.PARAMETER,)


async def show(request: web.Request) -> web.Response:
    """``GET /administration``."""
    found = await request.app[CONTEXT].store.read(people.overview, own_organisation(request))
    return await page.render(request, "administration/overview.html", {"found": found})
