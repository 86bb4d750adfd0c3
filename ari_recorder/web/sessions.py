"""One's own sessions and password by API. They are of people: no token changes or ends them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.errors import NotFound, PasswordRefused
from ari_recorder.policies.passwords import MOST, Weakness
from ari_recorder.store import sessions
from ari_recorder.web import account_page, session
from ari_recorder.web.attempts import RETRY_S
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import Open, operation
from ari_recorder.web.session import SESSION
from ari_recorder.web.shapes import Time, time
from ari_recorder.web.signin import INPUT_MAX

Password = Annotated[str, msgspec.Meta(max_length=INPUT_MAX)]


class OwnSession(msgspec.Struct):
    """Where somebody is signed in; ``current`` is the session that asks."""

    id: UUID
    current: bool
    address: str
    agent: str
    created_at: Time
    seen_at: Time


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


@operation("GET", "/api/v1/sessions", need=Open.PERSON, problems=(403,))
async def own_sessions(request: web.Request) -> OwnSessions:
    """Where one is signed in."""
    context, own = request.app[CONTEXT], request[SESSION]
    rows = await context.store.read(
        sessions.list_of, own.account.user.id, session.limits(context.settings), context.now()
    )
    return OwnSessions(
        [
            OwnSession(
                row.id, row.id == own.id, row.address, row.agent, time(row.created_at), time(row.seen_at)
            )
            for row in rows
        ]
    )


@operation("DELETE", "/api/v1/sessions/{id}", need=Open.PERSON, status=204, problems=(403, 404))
async def end_session(request: web.Request) -> None:
    """End one of one's own sessions, also the one that asks."""
    try:
        which = UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such session of yours.") from error
    await account_page.sign_out(request, which)


@operation("POST", "/api/v1/sessions/end-others", need=Open.PERSON, problems=(403,))
async def end_other_sessions(request: web.Request) -> Ended:
    """Sign out everywhere else."""
    return Ended(await account_page.sign_out_others(request))


@operation("PUT", "/api/v1/me/password", need=Open.PERSON, status=204, problems=(403, 409, 422, 429, 503))
async def own_password(request: web.Request, body: NewPassword) -> None:
    """Change one's own password; ends one's other sessions."""
    if wrong := await account_page.confirm(request, {"password": body.old}):
        status = 403 if wrong[1] == 422 else wrong[1]
        headers = {"Retry-After": str(RETRY_S)} if status >= 429 else None
        raise Refused(status, _SAID[status], headers, field="old" if status == 403 else "")
    try:
        await account_page.set_password(request, body.new)
    except PasswordRefused as error:
        members = {"field": "new", "problem": error.weakness, "least": error.least}
        weakness = account_page.WEAKNESSES[Weakness(error.weakness)]
        values = {"least": error.least, "most": MOST}
        raise Refused(422, weakness, members=members, values=values) from error


_SAID = {
    403: N_("that is not your password."),
    429: N_("Too many wrong passwords: wait a while."),
    503: N_("Too many are signing in just now: try again in a moment."),
}
