"""Between the password and the pages: the second factor, given or, where a role needs it, added."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ari_recorder.errors import NotAllowed
from ari_recorder.store import audit, second_factors
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.second_factors import PASSKEY, RECOVERY, TOTP, Factor
from ari_recorder.store.sessions import Opened
from ari_recorder.web import factors, page, session, signin
from ari_recorder.web.client import client
from ari_recorder.web.context import CONTEXT, LANGUAGE
from ari_recorder.web.factors import CHALLENGES
from ari_recorder.web.language import N_
from ari_recorder.web.seals import SEALS, Purpose
from ari_recorder.web.session import SESSION

CREDENTIAL_MAX = 16 * 1024
"""Characters of what a passkey answers."""
CODE_MAX = 64

_WRONG_CODE = N_("The code is not right, or was used before. Wait for the next one and try again.")
_WRONG_PASSKEY = N_("The passkey was not accepted. Try again.")
_WAIT = N_("Too many attempts. Wait %(seconds)s s and try again.")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /sign-in/second-factor``: what is to be given; or to be added, where there is none yet."""
    if not request[SESSION].halfway:
        raise web.HTTPSeeOther(_back(request))
    return await again(request)


async def give_code(request: web.Request) -> web.StreamResponse:
    """``POST /sign-in/second-factor``: a code of an authenticator app, or a recovery code."""
    own, sent = _asked(request), await session.read_form(request)
    code = signin.text(sent.get("code"))[:CODE_MAX]
    if waiting := _waiting(request):
        return await again(request, waiting, status=429)
    kind = await _taken(request, own, code)
    return await _done(request, kind, _WRONG_CODE, signin.text(sent.get("next")))


async def passkey_options(request: web.Request) -> web.Response:
    """``POST /sign-in/second-factor/passkey/options``: what the browser needs to ask for a passkey."""
    own, context = _asked(request), request.app[CONTEXT]
    known = await _passkeys(request, own)
    challenge = request.app[CHALLENGES].new(own.id, context.now())
    return web.json_response(text=factors.request_options(request, challenge, known))


async def give_passkey(request: web.Request) -> web.StreamResponse:
    """``POST /sign-in/second-factor/passkey``: what a passkey has signed."""
    own, sent, context = _asked(request), await session.read_form(request), request.app[CONTEXT]
    if waiting := _waiting(request):
        return await again(request, waiting, status=429)
    challenge = request.app[CHALLENGES].take(own.id, context.now())
    kind = ""
    if challenge is not None:
        credential = str(sent.get("credential", ""))[:CREDENTIAL_MAX]
        used = factors.used_passkey(request, credential, challenge, await _passkeys(request, own))
        if used is not None and await _noted(request, used[0], used[1], counts=used[1] > 0):
            kind = PASSKEY
    return await _done(request, kind, _WRONG_PASSKEY, signin.text(sent.get("next")))


async def again(request: web.Request, message: str = "", *, status: int = 200) -> web.Response:
    """The page of the second step."""
    own = request[SESSION]
    values: dict[str, Any] = {
        "message": message,
        "next": _back(request),
        "factors": own.factors,
        "no_passkeys": factors.why_no_passkeys(request),
        "second_step": True,
    }
    template = "second_step.html" if own.factors else "first_factor.html"
    return await page.render(request, template, values, status=status)


def _asked(request: web.Request) -> Opened:
    """The session whose second factor is to be given. Raises `NotAllowed` where none is."""
    own = request[SESSION]
    if not own.halfway or not own.factors:
        raise NotAllowed("No second factor is asked for here.")
    return own


async def _taken(request: web.Request, own: Opened, code: str) -> str:
    """The kind of factor that the code is of; empty when it is of none."""
    context, user = request.app[CONTEXT], own.account.user.id
    for factor in await context.store.read(second_factors.list_of, user):
        step = _step(request, factor, code)
        if step is not None and await _noted(request, factor, step):
            return TOTP
    recovered = bool(code) and await context.store.write(second_factors.use_code, user, code)
    return RECOVERY if recovered else ""


def _step(request: web.Request, factor: Factor, code: str) -> int | None:
    now = request.app[CONTEXT].now()
    secret = request.app[SEALS].open(Purpose.TOTP, factor.secret, str, now) if factor.kind == TOTP else None
    return factors.totp_step(secret, code, now) if secret else None


async def _noted(request: web.Request, factor: Factor, used: int, *, counts: bool = True) -> bool:
    context = request.app[CONTEXT]
    return await context.store.write(second_factors.use, factor.id, used, context.now(), counts=counts)


async def _passkeys(request: web.Request, own: Opened) -> list[Factor]:
    found = await request.app[CONTEXT].store.read(second_factors.list_of, own.account.user.id)
    return [factor for factor in found if factor.kind == PASSKEY]


def _waiting(request: web.Request) -> str:
    """How long to wait, after too many wrong ones; else empty, and this try counts until it turns out right.

    Counted as passwords are, for each user, and before the code is looked at: tries side by side all count.
    """
    login = request[SESSION].account.user.login or ""
    if seconds := signin.wait_s(request, _lane(request[SESSION]), login):
        return request[LANGUAGE].gettext(_WAIT, seconds=seconds)
    request.app[signin.ATTEMPTS].failed(*_counted(request), request.app[CONTEXT].now())
    return ""


def _counted(request: web.Request) -> tuple[str, str, str]:
    """What a try is counted by: whose factor, the address, the browser if it is known."""
    own = request[SESSION]
    return _lane(own), client(request).address, signin.device(request, own.account.user.login or "")


def _lane(own: Opened) -> str:
    return f"second factor of {own.account.user.id}"


async def _done(request: web.Request, kind: str, wrong: str, back: str) -> web.StreamResponse:
    own, context = request[SESSION], request.app[CONTEXT]
    user = own.account.user
    if not kind:
        actor, subject = session.actor_of(request, user), Subject("second_factor", str(user.id))
        await context.store.write(audit.write, actor, Action.SIGN_IN_FAILED, subject, context.now())
        return await again(request, request[LANGUAGE].gettext(wrong), status=401)
    request.app[signin.ATTEMPTS].succeeded(*_counted(request))
    answer = web.HTTPSeeOther(signin.local_path(back))
    await session.begin(request, answer, user, whole=True, factor=kind)
    signin.know_device(request, answer, user.login or "")
    raise answer


def _back(request: web.Request) -> str:
    return signin.local_path(request.query.get("next", "/"))
