"""One's own sessions and password by API. They are of people: a program with a token has none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.errors import NotAllowed, NotFound, PasswordRefused
from ari_recorder.store import sessions
from ari_recorder.store.sessions import Opened
from ari_recorder.web import account_page, session
from ari_recorder.web.attempts import RETRY_S
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused, weak_password
from ari_recorder.web.routing import Open, operation
from ari_recorder.web.session import SESSION
from ari_recorder.web.signin import INPUT_MAX

Password = Annotated[str, msgspec.Meta(max_length=INPUT_MAX)]


class OwnSession(msgspec.Struct):
    """Where somebody is signed in; ``current`` is the session that asks."""

    id: UUID
    current: bool
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


class OwnSessions(msgspec.Struct):
    """All of them, the one last used first."""

    sessions: list[OwnSession]


class Ended(msgspec.Struct):
    """How many sessions were ended."""

    ended: int


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """One's password as it is, and as it is to be."""

    old: Password
    new: Password


@operation("GET", "/api/v1/sessions", need=Open.SIGNED_IN, problems=(403,))
async def own_sessions(request: web.Request) -> OwnSessions:
    """Where one is signed in."""
    context, own = request.app[CONTEXT], _own(request)
    rows = await context.store.read(
        sessions.list_of, own.account.user.id, session.limits(context.settings), context.now()
    )
    return OwnSessions(
        [
            OwnSession(row.id, row.id == own.id, row.address, row.agent, row.created_at, row.seen_at)
            for row in rows
        ]
    )


@operation("DELETE", "/api/v1/sessions/{id}", need=Open.SIGNED_IN, status=204, problems=(403, 404))
async def end_session(request: web.Request) -> None:
    """End one of one's own sessions, also the one that asks."""
    _own(request)
    try:
        which = UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such session of yours.") from error
    await account_page.sign_out(request, which)


@operation("POST", "/api/v1/sessions/end-others", need=Open.SIGNED_IN, problems=(403,))
async def end_other_sessions(request: web.Request) -> Ended:
    """Sign out everywhere else."""
    _own(request)
    return Ended(await account_page.sign_out_others(request))


@operation("PUT", "/api/v1/me/password", need=Open.SIGNED_IN, status=204, problems=(403, 409, 422, 429, 503))
async def own_password(request: web.Request, body: NewPassword) -> None:
    """Change one's own password; ends one's other sessions."""
    _own(request)
    if wrong := await account_page.confirm(request, {"password": body.old}):
        status = 403 if wrong[1] == 422 else wrong[1]
        raise Refused(status, _SAID[status], {"Retry-After": str(RETRY_S)} if status >= 429 else None)
    try:
        await account_page.set_password(request, body.new)
    except PasswordRefused as error:
        raise weak_password("new", error) from error


_SAID = {
    403: N_("old: that is not your password."),
    429: N_("Too many wrong passwords: wait a while."),
    503: N_("Too many are signing in just now: try again in a moment."),
}


def _own(request: web.Request) -> Opened:
    if SESSION not in request:
        raise NotAllowed(
            N_("This is for people who have signed in: a token has no sessions and no password.")
        )
    return request[SESSION]
