"""Before every handler: who asks, in which language, and whether a form is our own. Deny by default."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler

from ari_recorder.store.accounts import Account
from ari_recorder.store.scope import administered
from ari_recorder.web.context import ACCOUNT, CONTEXT, LANGUAGE, viewer
from ari_recorder.web.language import LANGUAGES, choose
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.page import LANGUAGE_COOKIE
from ari_recorder.web.problems import API, Refused
from ari_recorder.web.session import came_by_https, form_token, is_own_form, who_asks

PUBLIC = frozenset({"signin", "static", "healthz", "readyz", "metrics"})
"""Routes that need no sign-in, by name. Every other one does."""
OWN_FORM_CHECK = frozenset({"signin", "prompt-upload"})
"""Routes that check the form themselves: to show it again with what was typed, or as it is a large one."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LANGUAGE_DAYS = 365


@web.middleware
async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who may, with ``request[ACCOUNT]`` set; see `PUBLIC`."""
    if request.match_info.http_exception is not None or _name(request) in PUBLIC - {"signin"}:
        return await handler(request)
    await _identify(request)
    if request.method == "GET" and request.query.get("lang") in LANGUAGES and not _is_api(request):
        raise _language_chosen(request)
    if ACCOUNT not in request and _name(request) not in PUBLIC:
        raise _sign_in_first(request)
    if request.method not in SAFE and _name(request) not in OWN_FORM_CHECK and not await is_own_form(request):
        raise Refused(403, "The form token is missing or not this session's: reload the page and try again.")
    return await handler(request)


def administrator(request: web.Request) -> UUID:
    """The organisation whose administrator asks. Raises `NotAllowed` (403) if somebody else does."""
    return administered(viewer(request))


async def who_may_ask(request: web.Request) -> Account | None:
    """Who is signed in, if they may be: not with a default password where others reach this address."""
    who = await who_asks(request)
    exposed = not is_loopback(request.app[CONTEXT].settings.host)
    return None if who is None or (exposed and who.password_is_default) else who


async def _identify(request: web.Request) -> None:
    who = await who_may_ask(request)
    if who is not None:
        request[ACCOUNT] = who
        await form_token(request)
    request[LANGUAGE] = choose(
        request.cookies.get(LANGUAGE_COOKIE),
        who.language if who else None,
        request.headers.get("Accept-Language", ""),
    )


def _name(request: web.Request) -> str | None:
    return request.match_info.route.name


def _is_api(request: web.Request) -> bool:
    return request.path.startswith(API)


def _sign_in_first(request: web.Request) -> Exception:
    if _is_api(request):
        return Refused(401, "Sign in first.")
    back = request.path_qs if request.method in SAFE else "/"
    return web.HTTPSeeOther("/sign-in" if back == "/" else f"/sign-in?{urlencode({'next': back})}")


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
