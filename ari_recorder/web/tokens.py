"""The API of tokens: whoever signs in has their own, an administrator those of the organisation, too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.errors import NotAllowed
from ari_recorder.policies.rights import TOKEN_RIGHTS, Right
from ari_recorder.policies.text import is_plain, is_seen, tidy
from ari_recorder.store import tokens
from ari_recorder.store.tokens import EXPIRES_AFTER, NAME_MAX, Made, TokenRow
from ari_recorder.web.context import ACTOR, CONTEXT, own_organisation, scope
from ari_recorder.web.editing import create, guard
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import Open, operation, path_id
from ari_recorder.web.shapes import Id, Time, time, time_or_none

_TOKENS = "/api/v1/tokens"


class NewToken(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A token to be made."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_MAX, description="What it is for.")]
    scopes: Annotated[
        list[Right],
        Meta(min_length=1, max_length=len(Right), description="What it may do, at most what you may."),
    ]
    organisation: Annotated[
        bool,
        Meta(
            description="Of the organisation, with everybody's recordings and calls: for the right `tokens`."
            " Otherwise it is your own, and may never do more than you."
        ),
    ] = False
    expires_at: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="When it ends, after 90 days when left out; null is never, for administrators.",
            ),
        ]
        | UnsetType
        | None
    ) = UNSET


class Token(msgspec.Struct):
    """What a program has instead of a session. The secret is not kept."""

    id: Id
    name: str
    hint: Annotated[str, Meta(description="How the secret begins.")]
    scopes: list[Right]
    user: Annotated[str, Meta(description="Whose it is; null for the organisation's.")] | None
    user_name: str
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None
    seen_at: Annotated[str, Meta(description="Last used, to the minute.")] | None


class FreshToken(Token):
    """A token that has just been made, with its secret: the only time that it is shown."""

    secret: Annotated[str, Meta(description="Not in an answer that is given again.")] | UnsetType = UNSET


class Tokens(msgspec.Struct):
    """Tokens, the newest first."""

    tokens: list[Token]


@operation("GET", _TOKENS, need=Open.PERSON)
async def list_tokens(request: web.Request) -> Tokens:
    """One's own tokens that are not revoked; with the right `tokens`, all of the organisation."""
    found = await request.app[CONTEXT].store.read(tokens.listed, scope(request))
    return Tokens([shown(row) for row in found])


@operation("GET", _TOKENS + "/{id}", need=Open.PERSON)
async def one_token(request: web.Request) -> Token:
    """One of them."""
    return shown(await request.app[CONTEXT].store.read(tokens.find, scope(request), path_id(request)))


@operation("POST", _TOKENS, need=Open.PERSON, answer=FreshToken, creates=True)
async def add_token(request: web.Request, body: NewToken) -> web.Response:
    """Make a token; the answer has its secret, which is shown this once. No token makes tokens."""
    context, asker = request.app[CONTEXT], scope(request)
    now, organisation = context.now(), own_organisation(request)
    expires_at = _checked(request, body, now)
    user: UUID | None = None if body.organisation else asker.user
    scopes = frozenset(body.scopes)
    actor = request[ACTOR]

    def work() -> Made:
        return tokens.add(actor, organisation, user, tidy(body.name), scopes, expires_at, now)

    return await create(request, work, _kept, _address, shown_once=_fresh)


@operation("DELETE", _TOKENS + "/{id}", need=Open.PERSON, guarded=True)
async def revoke_token(request: web.Request) -> None:
    """Revoke it: from now on nobody comes in with it, and its feeds and downloads end."""
    context = request.app[CONTEXT]
    unchanged = guard(request, shown)
    await context.store.write(
        tokens.revoke, scope(request), request[ACTOR], path_id(request), context.now(), unchanged
    )


def shown(row: TokenRow) -> Token:
    """A token as the API shows it."""
    return Token(**_members(row))  # type: ignore[arg-type]


def _fresh(made: Made) -> FreshToken:
    return FreshToken(**_members(made.token), secret=made.secret)  # type: ignore[arg-type]


def _kept(made: Made) -> Token:
    return shown(made.token)


def _address(made: Made) -> str:
    return f"{_TOKENS}/{made.token.id}"


def _members(row: TokenRow) -> dict[str, object]:
    return {
        "id": str(row.id),
        "name": row.name,
        "hint": row.hint,
        "scopes": list(row.scopes),
        "user": str(row.user) if row.user else None,
        "user_name": row.user_name,
        "created_at": time(row.created_at),
        "created_by": row.created_by,
        "expires_at": time_or_none(row.expires_at),
        "revoked_at": time_or_none(row.revoked_at),
        "seen_at": time_or_none(row.seen_at),
    }


def _checked(request: web.Request, wanted: NewToken, now: datetime) -> datetime | None:
    """When the token expires. Raises `Refused` (400), `NotAllowed`."""
    had = scope(request).rights
    if not is_plain(name := tidy(wanted.name)) or not is_seen(name):
        raise Refused(400, N_("a name that can be read."), field="name")
    if missing := sorted(frozenset(wanted.scopes) - (had & TOKEN_RIGHTS)):
        raise Refused(
            400,
            N_("a token cannot be given %(scope)s: it is nothing that you may, or no token may it."),
            values={"scope": missing[0]},
            field="scopes",
        )
    if wanted.organisation and Right.TOKENS not in had:
        raise NotAllowed(N_("Tokens of the organisation are made by administrators."))
    if wanted.expires_at is UNSET:
        return now + EXPIRES_AFTER
    if wanted.expires_at is None:
        if Right.TOKENS not in had:
            raise Refused(400, N_("only administrators make tokens that hold for ever."), field="expires_at")
        return None
    assert isinstance(wanted.expires_at, datetime)
    return _later(wanted.expires_at, now)


def _later(at: datetime, now: datetime) -> datetime:
    try:
        found = at.astimezone(UTC)
    except OverflowError as error:
        raise Refused(400, N_("there is no such time."), field="expires_at") from error
    if found <= now:
        raise Refused(400, N_("it has to be later than now."), field="expires_at")
    return found
