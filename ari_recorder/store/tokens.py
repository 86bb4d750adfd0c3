"""Tokens for programs: of a user, or of the organisation. The secret is shown once; its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import JOIN

from ari_recorder.errors import Conflict, NotFound, SettingsError
from ari_recorder.policies import rights
from ari_recorder.policies.fields import TAG_NAMES
from ari_recorder.policies.rights import PROGRAM_RIGHTS, RIGHTS, TOKEN_RIGHTS, Right, Role, Scope
from ari_recorder.store import audit, people
from ari_recorder.store.access import access_changed
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import Organisation, Token, User
from ari_recorder.store.scope import scope_of

PREFIX = "ari_"
"""What every secret begins with, so that one that was published by mistake is recognised."""
SECRET_BYTES = 32
HINT_LENGTH = 8
NAME_MAX = 100
EXPIRES_AFTER = timedelta(days=90)
"""How long a token holds if nothing else is said."""
EACH = 50
"""Most of one user, and of one organisation, that nobody has revoked and that have not ended."""
NOTED_EVERY = timedelta(minutes=1)
"""How often a token's use is noted, at most."""


@dataclass(frozen=True)
class TokenRow:
    """A token as listed: all of it but the secret. ``user`` is None for one of the organisation."""

    id: UUID
    organisation: UUID
    organisation_name: str
    user: UUID | None
    user_name: str
    name: str
    hint: str
    scopes: tuple[Right, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True)
class Made:
    """A new token, and its secret, which is nowhere else."""

    token: TokenRow
    secret: str


@dataclass(frozen=True)
class Bearer:
    """Who comes with a token, and what they may do now; ``scope`` is None if they may nothing any more.

    ``refused`` says why then: ``expired``, ``revoked``, or ``user`` for one whose user is gone.
    """

    token: TokenRow
    scope: Scope | None
    timezone: str
    language: str
    tag_names: tuple[str, ...]
    """What the three fields of calls are called there; empty for their number."""
    refused: str = ""


@dataclass(frozen=True)
class Owner:
    """Whose token is to be made: a user, or with None the organisation; and what it can be given."""

    organisation: UUID
    user: UUID | None
    name: str
    possible: frozenset[Right]


def owner(user: str | None, organisation: str | None) -> Owner:
    """The user with that number or login, of that organisation or of any; or else the organisation itself.

    Raises `NotFound`, or `SettingsError` if several users have it.
    """
    of = None if organisation is None else people.organisation_named(organisation)
    if user is not None:
        row = people.find_user(of, user)
        return Owner(row.organisation, row.id, row.name, RIGHTS[Role(row.role)] & TOKEN_RIGHTS)
    if of is None:
        raise SettingsError("Say whose token it is to be, with --user, --organisation or both.")
    return Owner(of, None, people.organisation(of).name, PROGRAM_RIGHTS)


def add(
    actor: Actor,
    organisation: UUID,
    user: UUID | None,
    name: str,
    scopes: Collection[Right],
    expires_at: datetime | None,
    now: datetime,
) -> Made:
    """Make a token: of ``user``, or with None of the organisation. What it may be given has been checked.

    Raises `Conflict` when they have `EACH` already.
    """
    held = Token.revoked_at.is_null() & (Token.expires_at.is_null() | (Token.expires_at > now))
    same = (Token.organisation == organisation) & (Token.user == user if user else Token.user.is_null())
    if Token.select().where(held & same).count() >= EACH:
        raise Conflict("", "There are %(most)s tokens already: revoke one first.", most=EACH)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = Token.create(
        organisation=organisation,
        user=user,
        name=name,
        secret_sha256=_sha256(secret),
        hint=secret[:HINT_LENGTH],
        scopes=" ".join(sorted(scopes)),
        created_at=now,
        created_by=actor.name[:200],
        expires_at=expires_at,
    )
    made = _row(row)
    audit.write(
        actor, Action.CREATE, _subject(made), now, organisation=organisation, detail={"after": _told(made)}
    )
    return Made(made, secret)


def listed(asker: Scope) -> list[TokenRow]:
    """The tokens that ``asker`` may revoke, without those that are revoked already; the newest first."""
    rows = _select().where(_manageable(asker) & Token.revoked_at.is_null())
    return [_row(row) for row in rows.order_by(Token.created_at.desc(), Token.id.desc())]


def find(asker: Scope, token: UUID) -> TokenRow:
    """One that ``asker`` may revoke. Raises `NotFound`."""
    row = _select().where(_manageable(asker) & (Token.id == token)).first()
    if row is None:
        raise NotFound(f"No token {token}. See: ari-recorder token list")
    return _row(row)


def revoke(
    asker: Scope,
    actor: Actor,
    token: UUID,
    now: datetime,
    unchanged: Callable[[TokenRow], None] = lambda row: None,
) -> TokenRow:
    """From now on nobody comes in with it. Once more does no harm. Raises `NotFound`.

    ``unchanged`` is called with the token as it was, and may raise to stop it.
    """
    before = find(asker, token)
    unchanged(before)
    if before.revoked_at is None:
        Token.update(revoked_at=now).where(Token.id == token).execute()
        access_changed()
        audit.write(
            actor,
            Action.REMOVE,
            _subject(before),
            now,
            organisation=before.organisation,
            detail={"before": _told(before)},
        )
    return find(asker, token)


def bearer(secret: str, now: datetime) -> Bearer | None:
    """Who has that secret; None if nobody ever had."""
    row = _select().where(Token.secret_sha256 == _sha256(secret)).first()
    if row is None:
        return None
    token = _row(row)
    refused = _refused(token, now)
    scope = None if refused else _scope(token)
    if scope is None and not refused:
        refused = "user"
    of = row.organisation
    names = tuple(getattr(of, name) for name in TAG_NAMES)
    return Bearer(token, scope, of.timezone, of.language, names, refused)


def seen(token: UUID, now: datetime) -> None:
    """Note that it was used."""
    Token.update(seen_at=now).where(Token.id == token).execute()


def _refused(token: TokenRow, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else ""


def _scope(token: TokenRow) -> Scope | None:
    """Looked up anew each time: a personal token never has more than its user has now."""
    if token.user is None:
        return rights.program(token.organisation, token.scopes)
    return scope_of(token.user, token.scopes)


def _manageable(asker: Scope) -> Any:
    """The condition on `Token` of those that ``asker`` may see: their own, or all of the organisation."""
    if asker.organisation is None:
        return Token.id.is_null(False)
    if Right.TOKENS in asker.rights:
        return Token.organisation == asker.organisation
    return Token.user == asker.user


def _select() -> Any:
    return (
        Token.select(Token, User, Organisation)
        .join(User, JOIN.LEFT_OUTER, on=(Token.user == User.id))
        .switch(Token)
        .join(Organisation, on=(Token.organisation == Organisation.id))
    )


def _row(row: Any) -> TokenRow:
    known = {str(right): right for right in Right}
    return TokenRow(
        id=row.id,
        organisation=row.organisation_id,
        organisation_name=row.organisation.name,
        user=row.user_id,
        user_name=row.user.name if row.user_id else "",
        name=row.name,
        hint=row.hint,
        scopes=tuple(known[name] for name in sorted(row.scopes.split()) if name in known),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        seen_at=row.seen_at,
    )


def _subject(token: TokenRow) -> Subject:
    return Subject("token", str(token.id))


def _told(token: TokenRow) -> dict[str, Any]:
    """For the audit log: never the secret."""
    return {
        "name": token.name,
        "hint": token.hint,
        "user": token.user,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
    }


def _sha256(secret: str) -> str:
    """No salt and no stretching: 32 random bytes are not guessed."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
