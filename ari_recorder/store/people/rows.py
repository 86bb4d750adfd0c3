"""Users as they are shown, and found: always within an organisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies.table import Mode
from ari_recorder.store.models import Endpoint, Organisation, User

AT_ONCE = 5000
"""Users whose endpoints are asked for in one query: a database takes only so many values."""


@dataclass(frozen=True)
class UserRow:
    """A user as shown and listed; ``endpoints`` are ``(pbx, "PJSIP/101")``."""

    id: UUID
    organisation: UUID
    organisation_name: str
    number: str | None
    name: str
    mode: Mode
    role: str
    may_listen: bool
    login: str | None
    endpoints: tuple[tuple[str, str], ...]
    plan: str


def rows_of(users: Sequence[Any]) -> list[UserRow]:
    """Rows of the table as they are shown, whose organisations have been read along, with their endpoints."""
    endpoints: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    for begin in range(0, len(users), AT_ONCE):
        of = Endpoint.user.in_([user.id for user in users[begin : begin + AT_ONCE]])
        for one in Endpoint.select().where(of).order_by(Endpoint.name, Endpoint.pbx):
            endpoints[one.user_id].append((one.pbx, one.name))
    return [_row(user, endpoints[user.id]) for user in users]


def row_of(user: Any) -> UserRow:
    """One of them."""
    return rows_of([user])[0]


def present(organisation: UUID | None = None) -> Any:
    """The query of users that are not removed, of one organisation or of all, with their organisation."""
    query = User.select(User, Organisation).join(Organisation).where(User.removed_at.is_null())
    return query if organisation is None else query.where(User.organisation == organisation)


def in_organisation(organisation: UUID, user: UUID) -> Any:
    """The user's row. Raises `NotFound` unless there is one, in that organisation, that is not removed."""
    row = present(organisation).where(User.id == user).first()
    if row is None:
        raise NotFound("There is no such user here.")
    return row


def user_by_id(user: UUID) -> UserRow | None:
    """The user with that id, or None."""
    row = present().where(User.id == user).first()
    return row_of(row) if row else None


def endpoint_text(pbx: str, name: str) -> str:
    """An endpoint as it is written: ``main:PJSIP/101``."""
    return f"{pbx}:{name}"


def _row(user: Any, endpoints: Sequence[tuple[str, str]]) -> UserRow:
    return UserRow(
        id=user.id,
        organisation=user.organisation_id,
        organisation_name=user.organisation.name,
        number=user.number,
        name=user.name,
        mode=Mode(user.mode),
        role=user.role,
        may_listen=user.may_listen,
        login=user.login,
        endpoints=tuple(endpoints),
        plan=user.plan,
    )
