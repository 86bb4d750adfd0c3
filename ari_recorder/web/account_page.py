"""The page "Account": who one is, one's password, second factor and sessions. It works without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import NotFound, PasswordRefused
from ari_recorder.policies.passwords import MOST, Weakness, least
from ari_recorder.store import audit, passwords, second_factors, sessions
from ari_recorder.store.audit import Action, Subject
from ari_recorder.web import factors, page, session, signin
from ari_recorder.web.agents import browser_and_system
from ari_recorder.web.context import ACTOR, CONTEXT, LANGUAGE
from ari_recorder.web.language import N_
from ari_recorder.web.places import FEEDS
from ari_recorder.web.problems import Refused
from ari_recorder.web.session import SESSION

DONE = "/account?done=%s#second-factor"
_AFTER = frozenset({"password", "totp", "passkey", "removed", "codes", "others", "session"})

WEAKNESSES = {
    Weakness.TOO_SHORT: N_("The new password is too short: it needs at least %(least)s characters."),
    Weakness.TOO_LONG: N_("The new password is too long: it may have at most %(most)s characters."),
    Weakness.COMMON: N_(
        "The new password is one that is tried first. Choose a less common one: a few words."
    ),
    Weakness.PERSONAL: N_(
        "The new password is little more than your login, name, number or organisation. Choose one that"
        " nobody who knows you would try."
    ),
}
_WRONG = N_("Your password is not right.")
_UNLIKE = N_("The two new passwords are not the same.")
_WAIT = N_("Too many attempts. Wait %(seconds)s s and try again.")
_BUSY = N_("Too many people are signing in just now. Try again in a few seconds.")
_REQUIRED = N_("Your role needs a second factor: add another one before you remove the last.")


@dataclass(frozen=True)
class Wrong:
    """What was wrong with a form, and in which part of the page."""

    part: str
    message: str
    status: int = 422


async def show(request: web.Request) -> web.Response:
    """``GET /account``."""
    return await page_with(request)


async def change_password(request: web.Request) -> web.StreamResponse:
    """``POST /account/password``: one's own password; the old one is asked for."""
    sent, say = await session.read_form(request), request[LANGUAGE].gettext
    new, repeated = (_field(sent, name) for name in ("new", "repeated"))
    if new != repeated:
        return await page_with(request, Wrong("password", say(_UNLIKE)))
    if wrong := await confirm(request, sent):
        return await page_with(request, Wrong("password", *wrong))
    try:
        await set_password(request, new)
    except PasswordRefused as error:
        weak = say(WEAKNESSES[Weakness(error.weakness)], least=error.least, most=MOST)
        return await page_with(request, Wrong("password", weak))
    raise web.HTTPSeeOther("/account?done=password#password")


async def set_password(request: web.Request, new: str) -> None:
    """Change the password of who asks, whose old one was checked; ends their other sessions and feeds.

    Raises `PasswordRefused`, or `Refused` (409) when it was changed at the same time.
    """
    context, own = request.app[CONTEXT], request[SESSION]
    store, user = context.store, own.account.user.id
    plain = await store.read(passwords.check_for, user, new)
    before = await store.read(passwords.stored_of_user, user)
    after = await signin.hashing(lambda: passwords.hashed(plain))
    if not await store.write(passwords.change, user, before, after, own.id, request[ACTOR], context.now()):
        raise Refused(409, N_("The password was changed at the same time: sign in again."))
    await request.app[FEEDS].close(user)


async def end_session(request: web.Request) -> web.StreamResponse:
    """``POST /account/sessions/{id}/end``: end one of one's own sessions."""
    await sign_out(request, _id(request))
    raise web.HTTPSeeOther("/account?done=session#sessions")


async def end_others(request: web.Request) -> web.StreamResponse:
    """``POST /account/sessions/end-others``: sign out everywhere else."""
    await sign_out_others(request)
    raise web.HTTPSeeOther("/account?done=others#sessions")


async def sign_out(request: web.Request, which: UUID) -> None:
    """End one of the sessions of who asks, with its feeds. Raises `NotFound`."""
    context, own = request.app[CONTEXT], request[SESSION]
    user = own.account.user.id
    if not await context.store.write(sessions.sign_out, user, which, request[ACTOR], context.now()):
        raise NotFound("There is no such session of yours.")
    await request.app[FEEDS].close(user)


async def sign_out_others(request: web.Request) -> int:
    """End all sessions of who asks but this one, with their feeds; how many there were."""
    context, own = request.app[CONTEXT], request[SESSION]
    user = own.account.user.id
    ended = await context.store.write(sessions.sign_out_others, user, own.id, request[ACTOR], context.now())
    await request.app[FEEDS].close(user)
    return ended


async def remove_factor(request: web.Request) -> web.StreamResponse:
    """``POST /account/second-factor/{id}/remove``: take one away; the password is asked for."""
    context, own, sent = request.app[CONTEXT], request[SESSION], await session.read_form(request)
    if wrong := await confirm(request, sent):
        return await page_with(request, Wrong("second-factor", *wrong))
    user = own.account.user.id
    have = await context.store.read(second_factors.list_of, user)
    if own.required and len(have) < 2:
        return await page_with(request, Wrong("second-factor", request[LANGUAGE].gettext(_REQUIRED)))
    if not await context.store.write(
        second_factors.remove, user, _id(request), own.id, request[ACTOR], context.now()
    ):
        raise NotFound("There is no such second factor of yours.")
    await request.app[FEEDS].close(user)
    raise web.HTTPSeeOther(DONE % "removed")


async def renew_codes(request: web.Request) -> web.StreamResponse:
    """``POST /account/second-factor/codes``: other recovery codes; the password is asked for."""
    context, own, sent = request.app[CONTEXT], request[SESSION], await session.read_form(request)
    if wrong := await confirm(request, sent):
        return await page_with(request, Wrong("codes", *wrong))
    if not own.factors:
        raise NotFound("Recovery codes go with a second factor.")
    codes = factors.new_codes()
    await context.store.write(
        second_factors.new_codes, own.account.user.id, codes, request[ACTOR], context.now()
    )
    return await codes_page(request, codes)


async def confirm(request: web.Request, sent: Mapping[str, object]) -> tuple[str, int] | None:
    """What to say when the password sent along is not right, and the status; None when it is.

    Who is signing in has just given it.
    """
    own, say = request[SESSION], request[LANGUAGE].gettext
    if own.halfway:
        return None
    user, context = own.account.user, request.app[CONTEXT]
    if seconds := signin.wait_s(request, user.login or ""):
        return say(_WAIT, seconds=seconds), 429
    stored = partial(context.store.read, passwords.stored_of_user, user.id)
    try:
        right = await signin.is_password_of(request, user.login or "", _field(sent, "password"), stored)
    except Refused as busy:
        return say(_BUSY), busy.status
    if not right:
        denied = Action.DENIED, Subject("password", str(user.id)), context.now()
        await context.store.write(audit.write, request[ACTOR], *denied)
    return None if right else (say(_WRONG), 422)


async def codes_page(request: web.Request, codes: Sequence[str], *, added: bool = False) -> web.Response:
    """Recovery codes, shown this once; ``added`` when the first second factor was just added."""
    return await page.render(request, "codes.html", {"codes": codes, "added": added})


async def page_with(request: web.Request, wrong: Wrong | None = None) -> web.Response:
    """The page, with what was wrong with a form of it."""
    context, own = request.app[CONTEXT], request[SESSION]
    user, store, now = own.account.user, context.store, context.now()
    done = request.query.get("done") if wrong is None else None
    values: dict[str, Any] = {
        "user": user,
        "own": own,
        "least": least(user.role),
        "most": MOST,
        "sessions": await store.read(sessions.list_of, user.id, session.limits(context.settings), now),
        "factors": await store.read(second_factors.list_of, user.id),
        "recovery_left": await store.read(second_factors.recovery_left, user.id),
        "no_passkeys": factors.why_no_passkeys(request),
        "wrong": wrong,
        "done": done if done in _AFTER else None,
        "browser": lambda agent: browser(request, agent),
    }
    return await page.render(request, "account.html", values, status=wrong.status if wrong else 200)


def browser(request: web.Request, agent: str) -> str:
    """A browser by its name and system, in the reader's language."""
    say = request[LANGUAGE].gettext
    name, system = browser_and_system(agent)
    if name and system:
        return say(N_("%(browser)s on %(system)s"), browser=name, system=system)
    return name or system or say(N_("Unknown browser"))


def _field(sent: Mapping[str, object], name: str) -> str:
    return signin.text(sent.get(name))


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such thing of yours.") from error
