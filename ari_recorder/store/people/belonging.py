"""Which groups users belong to, and which they supervise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.store.models import AuditLine, Group, Membership, Supervision, User
from ari_recorder.store.people.changes import SUPERVISING
from ari_recorder.store.people.rows import AT_ONCE, UserRow, present, rows_of


@dataclass(frozen=True)
class Belonging:
    """A group of somebody's."""

    id: UUID
    name: str


def groups_of(users: Sequence[UUID]) -> dict[UUID, list[Belonging]]:
    """The groups that each of the users is a member of, by name."""
    return _of(Membership, users)


def supervised_by(user: UUID) -> list[Belonging]:
    """The groups that a user supervises, by name."""
    return _of(Supervision, [user])[user]


def last_changed_by(organisation: UUID, subject: UUID) -> str:
    """Who made the last change of a user, a group or an organisation; empty if it is not known."""
    of = (AuditLine.organisation == organisation) & (AuditLine.subject == str(subject))
    row = AuditLine.select(AuditLine.actor_name).where(of).order_by(AuditLine.number.desc()).first()
    return row.actor_name if row else ""


def _of(table: Any, users: Sequence[UUID]) -> dict[UUID, list[Belonging]]:
    found: dict[UUID, list[Belonging]] = defaultdict(list)
    for begin in range(0, len(users), AT_ONCE):
        rows = table.select(table, Group).join(Group).where(table.user.in_(users[begin : begin + AT_ONCE]))
        for row in rows.order_by(Group.name, Group.id):
            found[row.user_id].append(Belonging(row.group.id, row.group.name))
    return found


def may_supervise(organisation: UUID) -> list[UserRow]:
    """Who has a role in which they may supervise groups, by name."""
    roles = [role.value for role in SUPERVISING]
    return rows_of(list(present(organisation).where(User.role.in_(roles)).order_by(User.name, User.id)))
