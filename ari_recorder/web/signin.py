"""Signing in and out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from ari_recorder.store import people
from ari_recorder.store.accounts import Account, account
from ari_recorder.web import page, session
from ari_recorder.web.context import ACCOUNT, CONTEXT, LANGUAGE
from ari_recorder.web.language import N_
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.places import FEEDS
from ari_recorder.web.ratelimit import RateLimit

WINDOW = timedelta(minutes=15)
INPUT_MAX = 1024
"""Longest login or password looked at, in characters."""

_WRONG = N_("Login or password is not right.")
_STALE = N_("The page had been open for too long. Please sign in again.")
_DEFAULT = N_("This password is a default one that everybody knows. Ask your administrator to change it.")
_WAIT = N_("Too many attempts. Wait %(minutes)s min and try again.")

_log = structlog.get_logger(__name__)


@dataclass
class Attempts:
    """Failed sign-ins: by login and address, by address, and by login wherever it comes from."""

    pairs: RateLimit = field(default_factory=lambda: RateLimit(5, WINDOW))
    addresses: RateLimit = field(default_factory=lambda: RateLimit(30, WINDOW))
    logins: RateLimit = field(default_factory=lambda: RateLimit(100, WINDOW))
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One password at a time: hashing takes a reader's thread and tens of milliseconds."""

    def wait_s(self, login: str, address: str, now: datetime) -> int:
        """Seconds until this login may be tried again from this address."""
        return max(limit.wait_s(key, now) for limit, key in self._counted(login, address))

    def failed(self, login: str, address: str, now: datetime) -> None:
        """Note a failure."""
        for limit, key in self._counted(login, address):
            limit.failed(key, now)

    def succeeded(self, login: str, address: str) -> None:
        """It was no failure after all, and this person's earlier ones are forgotten."""
        self.pairs.forget((login, address))
        self.addresses.undo(address)
        self.logins.undo(login)

    def _counted(self, login: str, address: str) -> tuple[tuple[RateLimit, object], ...]:
        return (self.pairs, (login, address)), (self.addresses, address), (self.logins, login)


ATTEMPTS = web.AppKey("attempts", Attempts)


async def show(request: web.Request) -> web.Response:
    """``GET /sign-in``: the form; who is signed in already goes on."""
    if ACCOUNT in request:
        raise web.HTTPSeeOther(local_path(request.query.get("next", "/")))
    return await _form(request, request.query.get("next", "/"))


async def sign_in(request: web.Request) -> web.Response:
    """``POST /sign-in``: on to the page that was asked for, or the form again with what was wrong."""
    sent, say = await session.read_form(request), request[LANGUAGE].gettext
    login, password, back = (_text(sent.get(name)) for name in ("login", "password", "next"))
    if not await session.is_own_form(request):
        return await _form(request, back, say(_STALE), status=403, login=login)
    attempts, now, address = request.app[ATTEMPTS], request.app[CONTEXT].now(), request.remote or ""
    if wait_s := attempts.wait_s(login, address, now):
        return await _wait(request, back, wait_s, login)
    attempts.failed(login, address, now)  # before hashing: tries that run side by side all count
    who = await _check(request, login, password)
    if who is None:
        _log.warning("a sign-in failed", address=address)
        return await _form(request, back, say(_WRONG), status=401, login=login)
    attempts.succeeded(login, address)
    if who.password_is_default and not is_loopback(request.app[CONTEXT].settings.host):
        return await _form(request, back, say(_DEFAULT), status=403, login=login)
    await session.begin(request, who)
    raise web.HTTPSeeOther(local_path(back))


async def sign_out(request: web.Request) -> web.Response:
    """``POST /sign-out``: back to the sign-in page; live feeds end, too."""
    await session.end(request)
    if ACCOUNT in request:
        await request.app[FEEDS].close(request[ACCOUNT].user.id)
    raise web.HTTPSeeOther("/sign-in")


def local_path(address: str) -> str:
    """The address if it is a page of ours, else the start page: nobody is sent to another site."""
    plain = address.isprintable() and address.startswith("/") and "\\" not in address
    if not plain or address.startswith("//") or urlsplit(address).netloc:
        return "/"
    return address


async def _check(request: web.Request, login: str, password: str) -> Account | None:
    store = request.app[CONTEXT].store
    async with request.app[ATTEMPTS].hashing:
        user = await store.read(people.sign_in, login, password)
    return await store.read(account, user.id) if user else None


async def _wait(request: web.Request, back: str, wait_s: int, login: str) -> web.Response:
    message = request[LANGUAGE].gettext(_WAIT, minutes=-(-wait_s // 60))
    answer = await _form(request, back, message, status=429, login=login)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


async def _form(
    request: web.Request, back: str, message: str = "", *, status: int = 200, login: str = ""
) -> web.Response:
    await session.form_token(request)
    values = {"next": local_path(back), "message": message, "login": login}
    return await page.render(request, "sign_in.html", values, status=status)


def _text(value: object) -> str:
    return value[:INPUT_MAX].replace("\0", "") if isinstance(value, str) else ""
