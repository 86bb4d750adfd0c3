"""The session of a request: a random secret in a cookie, and its row in the catalogue (`store.sessions`).

It carries no rights. Those are looked up for every request (`gate.py`), so that a deleted user, a changed
role or a changed password takes effect at once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from aiohttp import web

from ari_recorder.config import Web
from ari_recorder.store import sessions
from ari_recorder.store.accounts import Account
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.people import UserRow
from ari_recorder.store.sessions import SEEN_EVERY, Begun, Limits, Opened
from ari_recorder.web import cookies
from ari_recorder.web.arrival import arriving
from ari_recorder.web.client import client
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.noted import NOTED
from ari_recorder.web.problems import Refused
from ari_recorder.web.seals import SEALS, Purpose

COOKIE = "ari_recorder_session"
FORM_COOKIE = "ari_recorder_form"
FORM_FIELD = "form_token"
FORM_HEADER = "X-Form-Token"
FORM_WITHIN = timedelta(hours=12)
"""How long the form of somebody who is not signed in may be open."""
COOKIE_MAX = 200
"""Characters of a secret that are looked at."""

SESSION = web.RequestKey("session", Opened)
"""The session of who asks; also there when the second factor is still to be given."""
_FORM_COOKIE_VALUE = web.RequestKey("form_cookie", str)

_log = structlog.get_logger(__name__)


def limits(settings: Web) -> Limits:
    """How long sessions last."""
    return Limits(timedelta(hours=settings.session_hours), timedelta(hours=settings.session_idle_hours))


async def begin(
    request: web.Request,
    answer: web.StreamResponse,
    user: UserRow,
    *,
    whole: bool,
    factor: str = "",
) -> None:
    """A new session for somebody, in place of the one before; the answer sets its cookie."""
    context, before = request.app[CONTEXT], request.get(SESSION)
    begun = Begun(
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(24),
        client(request).address,
        request.headers.get("User-Agent", ""),
    )
    await context.store.write(
        sessions.begin,
        user.id,
        begun,
        limits(context.settings),
        actor_of(request, user),
        context.now(),
        whole=whole,
        factor=factor,
        replaces=before.id if before else None,
    )
    cookies.remove(request, answer, COOKIE)
    cookies.remove(request, answer, FORM_COOKIE)
    lasting = timedelta(hours=context.settings.session_hours)
    cookies.write(request, answer, COOKIE, begun.secret, lasting)


def actor_of(request: web.Request, user: UserRow) -> Actor:
    """Somebody at their browser, for the audit log."""
    return Actor(
        ActorKind.USER, str(user.id), user.login or user.name, user.organisation, client(request).address
    )


async def opened(request: web.Request) -> Opened | None:
    """The session that the request's cookie is of, as it is now; None when there is none, or it is over."""
    context, secret = request.app[CONTEXT], cookies.read(request, COOKIE)
    if not secret or len(secret) > COOKIE_MAX:
        return None
    return await context.store.read(sessions.find, secret, limits(context.settings), context.now())


async def who_asks(request: web.Request) -> Account | None:
    """The account of the session; None when there is none, or its second factor is still to be given."""
    found = await opened(request)
    return None if found is None or found.halfway else found.account


def note_use(request: web.Request, session: Opened) -> None:
    """Keep the session from ending as unused."""
    if request.app[CONTEXT].now() - session.seen_at >= SEEN_EVERY:
        request.app[NOTED].note(request, session.id, sessions.seen)


@asynccontextmanager
async def in_use(request: web.Request) -> AsyncIterator[None]:
    """Keep the session from ending as unused while a live feed is open: its page has to work when needed."""
    session = request.get(SESSION)
    task = asyncio.create_task(_keep(request, session)) if session else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _keep(request: web.Request, session: Opened) -> None:
    while True:
        await asyncio.sleep(SEEN_EVERY.total_seconds())
        note_use(request, session)


def form_token(request: web.Request) -> str:
    """What forms carry: the session's token; for who has none, a sealed one that goes with a cookie."""
    if SESSION in request:
        return request[SESSION].form_token
    context = request.app[CONTEXT]
    value = request.get(_FORM_COOKIE_VALUE) or cookies.read(request, FORM_COOKIE)[:COOKIE_MAX]
    request[_FORM_COOKIE_VALUE] = value or secrets.token_urlsafe(24)
    return request.app[SEALS].seal(Purpose.FORM, request[_FORM_COOKIE_VALUE], context.now())


def set_form_cookie(request: web.Request, answer: web.StreamResponse) -> None:
    """Set the cookie that goes with the form's token, if there is a form for who has no session."""
    if value := request.get(_FORM_COOKIE_VALUE):
        cookies.write(request, answer, FORM_COOKIE, value)


async def read_form(request: web.Request) -> Mapping[str, object]:
    """The fields that were sent. Raises `Refused` when they are not a form."""
    try:
        async with arriving(request.app[CONTEXT].settings.idle_s):
            return await request.post()
    except (ValueError, LookupError) as error:
        raise Refused(400, N_("What was sent is not a form in UTF-8.")) from error


async def is_own_form(request: web.Request) -> bool:
    """Whether what was sent comes from a page of this session (and not from another site)."""
    sent = request.headers.get(FORM_HEADER) or (await read_form(request)).get(FORM_FIELD)
    return await is_own_token(request, sent)


async def is_own_token(request: web.Request, sent: object) -> bool:
    """As `is_own_form`, for a token that was read already."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    if not isinstance(sent, str):
        return False
    if SESSION in request:
        return secrets.compare_digest(sent.encode(), request[SESSION].form_token.encode())
    expected = cookies.read(request, FORM_COOKIE)
    opened = request.app[SEALS].open(Purpose.FORM, sent, str, request.app[CONTEXT].now(), FORM_WITHIN)
    return (
        bool(expected) and opened is not None and secrets.compare_digest(opened.encode(), expected.encode())
    )
