"""Who may be signed in right now: looked up anew for every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.policies.rights import Scope
from ari_recorder.store import models
from ari_recorder.store.people.rows import UserRow, row_of
from ari_recorder.store.scope import scope_of


@dataclass(frozen=True)
class Account:
    """A user who can sign in, with what they may do, and what their pages need of the organisation."""

    user: UserRow
    scope: Scope
    timezone: str
    language: str
    password_is_default: bool


def account(user: UUID) -> Account | None:
    """The user's account; None when the user is gone or has no password (any more)."""
    row = (
        models.User.select(models.User, models.Organisation)
        .join(models.Organisation)
        .where((models.User.id == user) & models.User.password_hash.is_null(False))
        .first()
    )
    scope = scope_of(user)
    return _account(row, scope) if row and scope else None


def logins_with_default_password() -> list[str]:
    """The logins whose password everybody knows, in order."""
    rows = (
        models.User.select(models.User.login)
        .where(models.User.password_is_default & models.User.password_hash.is_null(False))
        .order_by(models.User.login)
    )
    return [row.login for row in rows]


def _account(row: Any, scope: Scope) -> Account:
    return Account(
        user=row_of(row),
        scope=scope,
        timezone=row.organisation.timezone,
        language=row.organisation.language,
        password_is_default=row.password_is_default,
    )
