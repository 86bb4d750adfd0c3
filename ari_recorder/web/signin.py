"""Signing in with login and password, and signing out. What comes between is in `second_step.py`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import msgspec
import structlog
from aiohttp import web

from ari_recorder.policies.text import caseless
from ari_recorder.store import audit, passwords, sessions
from ari_recorder.store.accounts import Account, account
from ari_recorder.store.audit import Action, Subject
from ari_recorder.web import cookies, page, session
from ari_recorder.web.attempts import RETRY_S, Attempts, Hashing
from ari_recorder.web.client import client, refuses_default_passwords
from ari_recorder.web.context import ACCOUNT, ACTOR, CONTEXT, LANGUAGE
from ari_recorder.web.language import N_
from ari_recorder.web.places import FEEDS
from ari_recorder.web.problems import Refused
from ari_recorder.web.seals import SEALS, Purpose
from ari_recorder.web.session import SESSION

T = TypeVar("T")

DEVICE_COOKIE = "ari_recorder_device"
DEVICE = timedelta(days=180)
"""How long a browser is known after its last sign-in."""
INPUT_MAX = 1024
"""Longest login or password looked at, in characters."""
LOGIN_SHOWN = 64
UNKNOWN_SHOWN = 3
"""Characters of an unknown login in the audit log: people type their password there."""

_WRONG = N_("Login or password is not right.")
_STALE = N_("The page had been open for too long. Please sign in again.")
_DEFAULT = N_("This password is a default one that everybody knows. Ask your administrator to change it.")
_WAIT = N_("Too many attempts. Wait %(seconds)s s and try again.")
_BUSY = N_("Too many people are signing in just now. Try again in a few seconds.")

_log = structlog.get_logger(__name__)
_thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

FORMS_MAX = 4
"""Sign-in pages that are made at once for browsers in which nobody has signed in before."""
FORMS = web.AppKey("forms", asyncio.Semaphore)
ATTEMPTS = web.AppKey("attempts", Attempts)
PREPARING = web.AppKey("preparing", asyncio.Semaphore)
HASHING = web.AppKey("hashing", Hashing)


class Device(msgspec.Struct):
    """A browser in which somebody has signed in before."""

    login: str
    id: str


async def show(request: web.Request) -> web.Response:
    """``GET /sign-in``: the form; who is signed in already goes on."""
    if ACCOUNT in request:
        raise web.HTTPSeeOther(local_path(request.query.get("next", "/")))
    return await _form(request, request.query.get("next", "/"))


async def sign_in(request: web.Request) -> web.StreamResponse:
    """``POST /sign-in``: on to the page that was asked for, or the form again with what was wrong."""
    sent, say = await session.read_form(request), request[LANGUAGE].gettext
    login, password, back = (text(sent.get(name)) for name in ("login", "password", "next"))
    if not await session.is_own_form(request):
        return await _form(request, back, say(_STALE), status=403, login=login)
    if seconds := wait_s(request, login):
        return await _wait(request, back, seconds, login)
    try:
        who = await _check(request, login, password)
    except Refused as busy:
        answer = await _form(request, back, say(_BUSY), status=busy.status, login=login)
        answer.headers.update(busy.headers)
        return answer
    if who is None:
        return await _form(request, back, say(_WRONG), status=401, login=login)
    if _is_default(who, password) and refuses_default_passwords(request, request.app[CONTEXT].settings):
        return await _form(request, back, say(_DEFAULT), status=403, login=login)
    return await _begin(request, who, local_path(back))


async def sign_out(request: web.Request) -> web.StreamResponse:
    """``POST /sign-out``: back to the sign-in page; the session is over wherever its cookie was copied to."""
    context, own = request.app[CONTEXT], request[SESSION]
    user = own.account.user
    await context.store.write(
        sessions.sign_out, user.id, own.id, session.actor_of(request, user), context.now()
    )
    answer = web.HTTPSeeOther("/sign-in")
    cookies.remove(request, answer, session.COOKIE)
    await request.app[FEEDS].close(user.id)
    raise answer


def local_path(address: str) -> str:
    """The address if it is a page of ours, else the start page: nobody is sent to another site."""
    plain = address.isprintable() and address.startswith("/") and "\\" not in address
    if not plain or address.startswith("//") or urlsplit(address).netloc:
        return "/"
    return address


def text(value: object) -> str:
    """A field of a form, cut where no login or password is that long."""
    return value[:INPUT_MAX].replace("\0", "") if isinstance(value, str) else ""


def device(request: web.Request, login: str) -> str:
    """The id of this browser, if somebody has signed in with that login in it before; else empty."""
    known = _device(request)
    return known.id if known is not None and caseless(known.login) == caseless(login) else ""


def _device(request: web.Request) -> Device | None:
    sealed, now = cookies.read(request, DEVICE_COOKIE), request.app[CONTEXT].now()
    return request.app[SEALS].open(Purpose.DEVICE, sealed, Device, now, DEVICE)


def know_device(request: web.Request, answer: web.StreamResponse, login: str) -> None:
    """Remember that somebody has signed in with this browser."""
    made = Device(login, secrets.token_urlsafe(12))
    sealed = request.app[SEALS].seal(Purpose.DEVICE, made, request.app[CONTEXT].now())
    cookies.write(request, answer, DEVICE_COOKIE, sealed, DEVICE)


def wait_s(request: web.Request, what: str, login: str | None = None) -> int:
    """Seconds until ``what``, a login or a second factor, may be tried again from this browser."""
    known = device(request, what if login is None else login)
    return request.app[ATTEMPTS].wait_s(what, client(request).address, known, request.app[CONTEXT].now())


async def is_password_of(
    request: web.Request, login: str, password: str, stored: Callable[[], Awaitable[str | None]]
) -> bool:
    """Whether what is ``stored`` is of that password; counted as a failure of the login if not.

    Raises `Refused` (503) when too many are being checked.
    """
    attempts, now, address = request.app[ATTEMPTS], request.app[CONTEXT].now(), client(request).address
    known = device(request, login)
    attempts.failed(login, address, known, now)  # before hashing: tries that run side by side all count

    async def work() -> bool:
        kept = await stored()
        return await hashing(lambda: passwords.matches(kept, password))

    try:
        right = await request.app[HASHING].check(address, bool(known), work)
    except Refused:
        attempts.undo(login, address, known)
        raise
    if right:
        attempts.succeeded(login, address, known)
    return right


async def hashing(work: Callable[[], T]) -> T:
    """What ``work`` returns, computed in the one thread for passwords."""
    return await asyncio.get_running_loop().run_in_executor(_thread, work)


async def prepared(request: web.Request, password: str) -> passwords.Prepared:
    """A new password, hashed before it is written; one at a time, so that sign-ins go between."""
    async with request.app[PREPARING]:
        return await hashing(lambda: passwords.prepared(password))


async def _check(request: web.Request, login: str, password: str) -> Account | None:
    """Whose login and password that are. Raises `Refused` as `is_password_of`."""
    store, found = request.app[CONTEXT].store, None

    async def stored() -> str | None:
        nonlocal found
        found = await store.read(passwords.stored_of, login)
        return found.hash if found else None

    if not await is_password_of(request, login, password, stored):
        await _note_failure(request, login, found.organisation if found else None)
        return None
    assert found is not None
    if passwords.is_outdated(found.hash):
        renewed = await hashing(lambda: passwords.hashed(password))
        await store.write(passwords.renew, found.user, found.hash, renewed)
    return await store.read(account, found.user)


def _is_default(who: Account, password: str) -> bool:
    """Whether everybody knows it: also when a login, name or number was made the same afterwards."""
    own = who.user
    return who.password_is_default or passwords.is_default_password(password, own.login, own.name, own.number)


async def _note_failure(request: web.Request, login: str, organisation: UUID | None) -> None:
    shown = login[:LOGIN_SHOWN] if organisation else login[:UNKNOWN_SHOWN] + "…"
    _log.warning("a sign-in failed", address=client(request).address)
    await request.app[CONTEXT].store.write(
        audit.write,
        request[ACTOR],
        Action.SIGN_IN_FAILED,
        Subject("login", shown),
        request.app[CONTEXT].now(),
        organisation=organisation,
    )


async def _begin(request: web.Request, who: Account, back: str) -> web.StreamResponse:
    halfway = await request.app[CONTEXT].store.read(sessions.needs_factor, who.user.id)
    on = f"/sign-in/second-factor?{urlencode({'next': back})}" if halfway else back
    answer = web.HTTPSeeOther(on)
    await session.begin(request, answer, who.user, whole=not halfway)
    if not halfway:
        know_device(request, answer, who.user.login or "")
    raise answer


async def _wait(request: web.Request, back: str, seconds: int, login: str) -> web.Response:
    message = request[LANGUAGE].gettext(_WAIT, seconds=seconds)
    answer = await _form(request, back, message, status=429, login=login)
    answer.headers["Retry-After"] = str(seconds)
    return answer


async def _form(
    request: web.Request, back: str, message: str = "", *, status: int = 200, login: str = ""
) -> web.Response:
    """The page; strangers' forms take no more than so many places in the thread that makes all pages."""
    if _device(request) is not None:
        return await _made(request, back, message, status, login)
    places = request.app[FORMS]
    if places.locked():
        busy = request[LANGUAGE].gettext(_BUSY)
        return web.Response(text=busy, status=503, headers={"Retry-After": str(RETRY_S)})
    async with places:
        return await _made(request, back, message, status, login)


async def _made(request: web.Request, back: str, message: str, status: int, login: str) -> web.Response:
    values = {
        "next": local_path(back),
        "message": message,
        "login": login,
        "form_token": session.form_token(request),
    }
    answer = await page.render(request, "sign_in.html", values, status=status)
    session.set_form_cookie(request, answer)
    return answer
