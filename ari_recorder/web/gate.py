"""Before every handler: who asks, in which language, and whether a form is our own. Deny by default."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from ari_recorder.policies.rights import Right, Scope
from ari_recorder.store.accounts import Account
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.sessions import Opened
from ari_recorder.web import bearer
from ari_recorder.web.client import client, refuses_default_passwords
from ari_recorder.web.context import ACCOUNT, ACTOR, BEARER, CONTEXT, FORM_TOKEN, LANGUAGE, SCOPE
from ari_recorder.web.cookies import came_by_https
from ari_recorder.web.language import LANGUAGES, N_, Language, choose
from ari_recorder.web.limiting import LIMITS
from ari_recorder.web.noted import settled
from ari_recorder.web.page import LANGUAGE_COOKIE
from ari_recorder.web.problems import API, NoRight, NotOwnPage, Refused
from ari_recorder.web.routing import Need, Open
from ari_recorder.web.session import SESSION, is_own_form, note_use, opened
from ari_recorder.web.watch import SEEN, WATCH

UNASKED = frozenset({"static", "healthz", "readyz", "metrics"})
"""Routes for which nobody is looked up, by name."""
OWN_FORM_CHECK = frozenset({"signin", "prompt-upload", "users-upload"})
"""Routes that check the form themselves: to show it again with what was typed, or as it is a large one."""
NEEDS = web.AppKey("needs", dict[tuple[str, str], Need])
"""What each route needs, by its name and method."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LANGUAGE_DAYS = 365


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who may, with `SCOPE` and `ACTOR` set; the route says what is needed (`routing.Route`)."""
    if request.match_info.http_exception is not None or _name(request) in UNASKED:
        return await handler(request)
    need = request.app[NEEDS][_name(request), "GET" if request.method == "HEAD" else request.method]
    await _identify(request)
    request.app[LIMITS].count(request[ACTOR])
    if request.method == "GET" and request.query.get("lang") in LANGUAGES and not _is_api(request):
        raise _language_chosen(request)
    if not _is_let_in(request, need):
        raise _sign_in_first(request)
    if need is Open.PERSON and BEARER in request:
        raise NoRight(N_("This is for people who sign in, not for tokens."))
    if isinstance(need, Right) and need not in request[SCOPE].rights:
        raise NoRight(N_("This needs the right %(right)s, which you do not have here."), {"right": need})
    if _needs_form(request) and not await is_own_form(request):
        raise NotOwnPage
    try:
        return await handler(request)
    finally:
        await settled(request)


async def who_may_ask(request: web.Request) -> Account | None:
    """Who is signed in, if they may be: not with a default password where others reach this address."""
    found = await _session(request)
    return None if found is None or found.halfway else found.account


async def _session(request: web.Request) -> Opened | None:
    found = await opened(request)
    exposed = refuses_default_passwords(request, request.app[CONTEXT].settings)
    return None if found is None or (exposed and found.account.password_is_default) else found


def _is_let_in(request: web.Request, need: Need) -> bool:
    if need is Open.HALFWAY:
        return SESSION in request
    return need is Open.PUBLIC or SCOPE in request


async def scope_now(request: web.Request) -> Scope | None:
    """What who asks may see and do now; None when they are not signed in any more, or their token ended."""
    if BEARER in request:
        return await bearer.scope_now(request)
    who = await who_may_ask(request)
    return who.scope if who else None


def _needs_form(request: web.Request) -> bool:
    """Other sites can make a browser send its cookies, but no token: that is for sessions alone."""
    return request.method not in SAFE and BEARER not in request and _name(request) not in OWN_FORM_CHECK


def _program_language(request: web.Request) -> Language:
    """What the program asks for, else its organisation's."""
    accepted = request.headers.get("Accept-Language", "")
    return choose(None, None if accepted else request[BEARER].language, accepted)


async def _identify(request: web.Request) -> None:
    request[SEEN] = request.app[WATCH].count
    if secret := bearer.secret_of(request):
        request[LANGUAGE] = choose(None, None, request.headers.get("Accept-Language", ""))
        await bearer.identify(request, secret)
        request[LANGUAGE] = _program_language(request)
        return
    found = await _session(request)
    who = None if found is None or found.halfway else found.account
    request[ACTOR] = _actor(request, who)
    if found is not None:
        request[SESSION], request[FORM_TOKEN] = found, found.form_token
        note_use(request, found)
    if who is not None:
        request[ACCOUNT], request[SCOPE] = who, who.scope
    request[LANGUAGE] = choose(
        request.cookies.get(LANGUAGE_COOKIE),
        found.account.language if found else None,
        request.headers.get("Accept-Language", ""),
    )


def _actor(request: web.Request, who: Account | None) -> Actor:
    address = client(request).address
    if who is None:
        return Actor(ActorKind.NOBODY, "", "", address=address)
    user = who.user
    return Actor(ActorKind.USER, str(user.id), user.login or user.name, user.organisation, address)


def _name(request: web.Request) -> str:
    return request.match_info.route.name or ""


def _is_api(request: web.Request) -> bool:
    return request.path.startswith(API)


def _sign_in_first(request: web.Request) -> Exception:
    if _is_api(request):
        if SESSION in request:
            return Refused(401, N_("Give the second factor first."))
        return Refused(401, N_("Sign in first, or send a token."), {"WWW-Authenticate": bearer.CHALLENGE})
    back = request.path_qs if request.method in SAFE else "/"
    first = "/sign-in/second-factor" if SESSION in request else "/sign-in"
    return web.HTTPSeeOther(first if back == "/" else f"{first}?{urlencode({'next': back})}")


def _language_chosen(request: web.Request) -> web.HTTPException:
    answer = web.HTTPSeeOther(str(request.rel_url.without_query_params("lang")))
    answer.set_cookie(
        LANGUAGE_COOKIE,
        request.query["lang"],
        max_age=LANGUAGE_DAYS * 86400,
        samesite="Lax",
        httponly=True,
        secure=came_by_https(request),
    )
    return answer
