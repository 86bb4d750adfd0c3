"""Adding a second factor: an authenticator app by its QR code, or a passkey."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.errors import NotAllowed
from ari_recorder.store import second_factors
from ari_recorder.store.second_factors import PASSKEY, Factor
from ari_recorder.store.sessions import Opened
from ari_recorder.web import account_page, factors, page, second_step, session, signin
from ari_recorder.web.account_page import Wrong
from ari_recorder.web.context import CONTEXT, LANGUAGE
from ari_recorder.web.factors import CHALLENGES
from ari_recorder.web.language import N_
from ari_recorder.web.places import FEEDS
from ari_recorder.web.seals import SEALS, Purpose
from ari_recorder.web.session import SESSION

NEW = timedelta(minutes=15)
"""How long a new app's secret is good for being confirmed."""
NAME_MAX = 60

_WRONG_CODE = N_(
    "The code is not right. Check that the time of your phone is right, and type the code it shows now."
)
_TOO_OLD = N_("That took too long. Begin again.")
_NOT_MADE = N_("The passkey was not made. Try again.")
_TOO_MANY = N_("You have as many passkeys as there may be: remove one first.")


class NewApp(msgspec.Struct):
    """An authenticator app that is being added, in this session."""

    session: UUID
    secret: str


async def begin_app(request: web.Request) -> web.Response:
    """``POST /account/second-factor/app``: the QR code of a new secret, to be confirmed by a code."""
    own, sent = _enroller(request), await session.read_form(request)
    if wrong := await account_page.confirm(request, sent):
        return await _again(request, Wrong("app", *wrong))
    made = NewApp(own.id, factors.new_totp_secret())
    sealed = request.app[SEALS].seal(Purpose.NEW_TOTP, made, request.app[CONTEXT].now())
    return await _app_page(request, made.secret, sealed)


async def confirm_app(request: web.Request) -> web.StreamResponse:
    """``POST /account/second-factor/app/confirm``: a code proves that the app has the secret."""
    own, sent, now = _enroller(request), await session.read_form(request), request.app[CONTEXT].now()
    sealed, seals, say = sent.get("sealed"), request.app[SEALS], request[LANGUAGE].gettext
    made = seals.open(Purpose.NEW_TOTP, sealed, NewApp, now, NEW)
    if made is None or made.session != own.id:
        return await _again(request, Wrong("app", say(_TOO_OLD)))
    step = factors.totp_step(made.secret, signin.text(sent.get("code")), now)
    if step is None:
        return await _app_page(request, made.secret, str(sealed), say(_WRONG_CODE))
    kept = seals.seal(Purpose.TOTP, made.secret, now)
    return await _added(request, factors.made_totp(kept, "", step, now))


async def passkey_options(request: web.Request) -> web.Response:
    """``POST /account/second-factor/passkey/options``: what the browser needs to make a passkey."""
    own, sent, context = _enroller(request), await session.read_form(request), request.app[CONTEXT]
    if wrong := await account_page.confirm(request, sent):
        return web.json_response({"problem": wrong[0]}, status=wrong[1])
    user = own.account.user
    known = await context.store.read(second_factors.list_of, user.id)
    passkeys = [factor for factor in known if factor.kind == PASSKEY]
    challenge = request.app[CHALLENGES].new(own.id, context.now())
    made = factors.creation_options(request, user.id, user.login or user.name, challenge, passkeys)
    return web.json_response(text=made)


async def add_passkey(request: web.Request) -> web.StreamResponse:
    """``POST /account/second-factor/passkey``: what the browser has made of the options."""
    own, sent, context = _enroller(request), await session.read_form(request), request.app[CONTEXT]
    challenge = request.app[CHALLENGES].take(own.id, context.now())
    name = " ".join(signin.text(sent.get("name")).split())[:NAME_MAX]
    credential = str(sent.get("credential", ""))[: second_step.CREDENTIAL_MAX]
    made = challenge and factors.made_passkey(request, credential, challenge, name, context.now())
    if not made:
        return await _again(request, Wrong("passkey", request[LANGUAGE].gettext(_NOT_MADE)))
    return await _added(request, made)


def _enroller(request: web.Request) -> Opened:
    """Who may add a factor: who is signed in; and who has given the password, has none, and needs one."""
    own = request[SESSION]
    if own.halfway and own.factors:
        raise NotAllowed("Give the second factor that you have first.")
    return own


async def _added(request: web.Request, made: Factor) -> web.StreamResponse:
    own, context = request[SESSION], request.app[CONTEXT]
    user, first = own.account.user, not own.factors
    codes = factors.new_codes() if first else []
    actor = session.actor_of(request, user)
    if not await context.store.write(second_factors.add, user.id, own.id, made, codes, actor, context.now()):
        return await _again(request, Wrong("passkey", request[LANGUAGE].gettext(_TOO_MANY)))
    await request.app[FEEDS].close(user.id)
    if not first:
        raise web.HTTPSeeOther(account_page.DONE % made.kind)
    answer = await account_page.codes_page(request, codes, added=True)
    if own.halfway:
        await session.begin(request, answer, user, whole=True, factor=made.kind)
        signin.know_device(request, answer, user.login or "")
    return answer


async def _again(request: web.Request, wrong: Wrong) -> web.Response:
    if request[SESSION].halfway:
        return await second_step.again(request, wrong.message, status=wrong.status)
    return await account_page.page_with(request, wrong)


async def _app_page(request: web.Request, secret: str, sealed: str, message: str = "") -> web.Response:
    own = request[SESSION]
    address = factors.totp_address(secret, own.account.user.login or own.account.user.name)
    values: dict[str, Any] = {
        "picture": factors.picture(address),
        "address": address,
        "groups": [secret[at : at + 4] for at in range(0, len(secret), 4)],
        "sealed": sealed,
        "message": message,
        "back": "/sign-in/second-factor" if own.halfway else "/account",
    }
    return await page.render(request, "app_factor.html", values, status=422 if message else 200)
