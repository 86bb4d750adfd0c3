"""The session: an encrypted cookie that says who signed in, when, and with which password.

It carries no rights. Those are looked up for every request (`gate.py`), so that a deleted user, a changed
role or a changed password takes effect at once.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from aiohttp import web
from aiohttp_session import Session, get_session, new_session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet

from ari_recorder.errors import SettingsError
from ari_recorder.store.accounts import Account, account
from ari_recorder.web.arrival import arriving
from ari_recorder.web.context import CONTEXT, FORM_TOKEN
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused

COOKIE = "ari_recorder_session"
FORM_FIELD = "form_token"
FORM_HEADER = "X-Form-Token"


class SessionCookie(EncryptedCookieStorage):
    """The cookie: unreadable to scripts, not sent from other sites, and over HTTPS never without it."""

    def __init__(self, key: Fernet, lifetime: timedelta) -> None:
        super().__init__(
            key,
            cookie_name=COOKIE,
            max_age=int(lifetime.total_seconds()),
            httponly=True,
            samesite="Lax",
        )

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Write the cookie, ``Secure`` when the browser came by HTTPS, here or at a proxy before us."""
        await super().save_session(request, response, session)
        if came_by_https(request) and COOKIE in response.cookies:
            response.cookies[COOKIE]["secure"] = True


def came_by_https(request: web.Request) -> bool:
    """Whether anything says so: believing it wrongly makes a cookie stricter, never laxer."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").lower()
    return request.secure or forwarded == "https" or request.headers.get("Origin", "").startswith("https://")


def load_key(path: Path) -> Fernet:
    """The key in that file, made (mode 0600) when missing. Raises `SettingsError` if it is no key."""
    try:
        _make_key(path)
        return Fernet(path.read_bytes().strip())
    except OSError as error:
        raise SettingsError(f"The session key {path} cannot be read or made: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(
            f"{path} does not hold a session key. Remove it; a new one is made, and everybody signs in again."
        ) from error


def _make_key(path: Path) -> None:
    """Written beside and linked into place, so that two programs starting at once agree on one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        if not path.exists():
            os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


async def begin(request: web.Request, who: Account) -> None:
    """A new session for ``who``; whatever was in the old one is gone."""
    session = await new_session(request)
    session["user"] = str(who.user.id)
    session["stamp"] = who.stamp
    session["at"] = request.app[CONTEXT].now().timestamp()
    session["form"] = secrets.token_urlsafe(24)


async def end(request: web.Request) -> None:
    """Nobody is signed in any more."""
    (await get_session(request)).invalidate()


async def who_asks(request: web.Request) -> Account | None:
    """The account of the session, as it is now; None when there is none, or the session is over."""
    context = request.app[CONTEXT]
    session = await get_session(request)
    if "user" not in session or _is_over(session, context.now(), context.settings.session_hours):
        return None
    found = await context.store.read(account, UUID(session["user"]))
    if found is None or not secrets.compare_digest(found.stamp, session["stamp"]):
        return None
    return found


def _is_over(session: Session, now: datetime, hours: float) -> bool:
    return now.timestamp() - float(session["at"]) >= timedelta(hours=hours).total_seconds()


async def form_token(request: web.Request) -> str:
    """What forms of this session carry; made when there is none yet."""
    session = await get_session(request)
    if "form" not in session:
        session["form"] = secrets.token_urlsafe(24)
    request[FORM_TOKEN] = str(session["form"])
    return request[FORM_TOKEN]


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
    expected = (await get_session(request)).get("form")
    if not expected or not isinstance(sent, str):
        return False
    return secrets.compare_digest(sent.encode(), str(expected).encode())
