"""Who comes with a token: ``Authorization: Bearer ari_…`` (RFC 6750), in place of a session."""

from __future__ import annotations

import structlog
from aiohttp import web

from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, tokens
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.tokens import NOTED_EVERY, Bearer, TokenRow
from ari_recorder.web.client import client
from ari_recorder.web.context import ACTOR, BEARER, CONTEXT, SCOPE
from ari_recorder.web.language import N_
from ari_recorder.web.limiting import LIMITS
from ari_recorder.web.noted import NOTED
from ari_recorder.web.problems import API, Refused
from ari_recorder.web.session import COOKIE

SECRET_MAX = 200
"""Characters of a secret that are looked at."""
HEALTH = frozenset({"readyz", "metrics"})
"""Routes outside of the API that take a token, too."""
CHALLENGE = 'Bearer realm="ari_recorder"'
_SCHEME = "bearer"
_REASONS = {
    "expired": N_("This token has expired: make a new one."),
    "revoked": N_("This token has been revoked."),
    "user": N_("The user of this token is gone, and with them the token."),
    "unknown": N_("There is no such token."),
}

_log = structlog.get_logger(__name__)


def secret_of(request: web.Request) -> str:
    """The token that was sent; empty if none was, or it is a page that is asked for: pages have sessions."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    taken = request.path.startswith(API) or request.match_info.route.name in HEALTH
    return secret.strip() if scheme.lower() == _SCHEME and taken else ""


async def identify(request: web.Request, secret: str) -> None:
    """Say in the request who asks. Raises `Refused`: 401, or 400 for a token together with a session."""
    if any(name.endswith(COOKIE) for name in request.cookies):
        raise Refused(400, N_("Send a token or a session's cookie, not both."))
    found = await _found(request, secret)
    if found is None or found.scope is None:
        raise await _refuse(request, found)
    request[BEARER], request[SCOPE] = found, found.scope
    request[ACTOR] = _actor(request, found.token)
    seen_at = found.token.seen_at
    if seen_at is None or request.app[CONTEXT].now() - seen_at >= NOTED_EVERY:
        request.app[NOTED].note(request, found.token.id, tokens.seen)


async def scope_now(request: web.Request) -> Scope | None:
    """What who came with this token may now."""
    found = await _found(request, secret_of(request))
    return found.scope if found else None


async def _found(request: web.Request, secret: str) -> Bearer | None:
    context = request.app[CONTEXT]
    return await context.store.read(tokens.bearer, secret[:SECRET_MAX], context.now())


def _actor(request: web.Request, token: TokenRow) -> Actor:
    name = f"{token.name} ({token.user_name})" if token.user else token.name
    return Actor(ActorKind.TOKEN, str(token.id), name, token.organisation, client(request).address)


async def _refuse(request: web.Request, found: Bearer | None) -> Refused:
    """Written down as denied; who sends wrong ones again and again is only told to wait."""
    context, address = request.app[CONTEXT], client(request).address
    request.app[LIMITS].wrong_token(address)
    reason = found.refused if found else "unknown"
    actor = _actor(request, found.token) if found else Actor(ActorKind.NOBODY, "", "", address=address)
    subject = Subject("token", str(found.token.id) if found else "")
    detail = {"reason": reason}
    await context.store.write(audit.write, actor, Action.DENIED, subject, context.now(), detail=detail)
    return Refused(401, _REASONS[reason], {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})
