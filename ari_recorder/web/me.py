"""Who asks, as the service knows them."""

from __future__ import annotations

import msgspec
from aiohttp import web

from ari_recorder.web.context import ACCOUNT, ACTOR, scope
from ari_recorder.web.routing import Open, operation


class Me(msgspec.Struct):
    """Who asks: a person, or a program with a token of the organisation, which has no role."""

    name: str
    role: str | None
    organisation: str
    rights: list[str]


@operation("GET", "/api/v1/me", need=Open.SIGNED_IN)
async def me(request: web.Request) -> Me:
    """Who asks, and what they may do."""
    account = request.get(ACCOUNT)
    return Me(
        name=request[ACTOR].name,
        role=account.user.role if account else None,
        organisation=str(scope(request).organisation),
        rights=sorted(scope(request).rights),
    )
