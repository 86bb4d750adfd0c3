"""Who may be signed in right now: looked up anew for every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.policies.fields import TAG_NAMES
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.table import Mode
from ari_recorder.store import models
from ari_recorder.store.people.rows import UserRow
from ari_recorder.store.scope import scope_with
from ari_recorder.store.statements import find, find_one

_USER = (
    "organisation", "number", "name", "mode", "role", "may_listen", "login", "plan",
    "password_hash", "password_is_default",
)  # fmt: skip


@dataclass(frozen=True)
class Account:
    """A user who can sign in, with what they may do, and what their pages need of the organisation."""

    user: UserRow
    scope: Scope
    timezone: str
    language: str
    password_is_default: bool
    factor_is_required: bool
    """Whether their role needs a second factor."""
    tag_names: tuple[str, ...]
    """What the three fields of calls are called there; empty for their number."""


def account(user: UUID) -> Account | None:
    """The user's account; None when the user is gone or has no password (any more).

    Every request of a person's begins with this: so it is made of statements that are compiled once.
    """
    for found in find(models.User, _USER, id=user, removed_at=None):
        row = dict(zip(_USER, found, strict=True))
        organisation, role, may_listen = row["organisation"], row["role"], row["may_listen"]
        scope = scope_with(organisation, user, role, may_listen=may_listen)
        return _account(user, row, scope) if row["password_hash"] is not None and scope else None
    return None


def logins_with_default_password() -> list[str]:
    """The logins whose password everybody knows, in order."""
    rows = (
        models.User.select(models.User.login)
        .where(models.User.password_is_default & models.User.password_hash.is_null(False))
        .order_by(models.User.login)
    )
    return [row.login for row in rows]


def _account(user: UUID, row: dict[str, Any], scope: Scope) -> Account:
    organisation, is_default = row["organisation"], row.pop("password_is_default")
    del row["password_hash"]
    name, timezone, language, required, *tag_names = find_one(
        models.Organisation, ("name", "timezone", "language", "second_factor", *TAG_NAMES), id=organisation
    )
    endpoints = find(models.Endpoint, ("name", "pbx"), user=user)
    row |= {"mode": Mode(row["mode"]), "endpoints": tuple((pbx, name) for name, pbx in sorted(endpoints))}
    return Account(
        user=UserRow(id=user, organisation_name=name, **row),
        scope=scope,
        timezone=timezone,
        language=language,
        password_is_default=is_default,
        factor_is_required=row["role"] in required.split(),
        tag_names=tuple(tag_names),
    )
