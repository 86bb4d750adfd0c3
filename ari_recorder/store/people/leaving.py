"""Users, removed: they go, and their recordings stay."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.erasing import CODE_LENGTH, Kind, Leavers
from ari_recorder.policies.ledger import SHOWN
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.erasing import asking as erasing
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.models import (
    Activation,
    Annotation,
    Endpoint,
    Leg,
    Membership,
    Recording,
    SecondFactor,
    Session,
    Supervision,
    Token,
    User,
)
from ari_recorder.store.people import activations
from ari_recorder.store.people.changes import check_administered, check_touched
from ari_recorder.store.people.revisions import changed
from ari_recorder.store.people.rows import UserRow, in_organisation, row_of
from ari_recorder.store.people.users import KIND, told

GOING = (Endpoint, Membership, Supervision, Session, SecondFactor, Token)
"""What goes with a user."""
STAYING = (Leg, Recording, Annotation, Activation)
"""What keeps a removed user's row, with their name and number."""


@dataclass(frozen=True)
class Removal:
    """What removing a user means: their telephones and memberships go; ``recordings`` stay, as theirs."""

    user: UserRow
    recordings: int
    endpoints: int
    groups: int
    """Of which they were a member."""


def removal(organisation: UUID, user: UUID) -> Removal:
    """What removing that user would mean. Raises `NotFound`."""
    return _removal(in_organisation(organisation, user))


def check_removable(organisation: UUID, user: UUID, actor: Actor) -> None:
    """Raises why `remove_user` would not remove them now: `NotFound`, `NotAllowed` or `Conflict`."""
    row = in_organisation(organisation, user)
    check_touched(actor, row.role)
    if row.role == Role.ADMINISTRATOR:
        check_administered(organisation, actor, but=user)


def remove_user(
    organisation: UUID,
    user: UUID,
    *,
    check: Callable[[UserRow], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> Removal:
    """Remove a user: they are not recorded from the next call on, cannot sign in, and are in no list.

    ``check`` is called with what they are. Returns what removing them meant. Raises `NotFound`, `NotAllowed`,
    or `Conflict` for the last administrator.
    """
    row = in_organisation(organisation, user)
    check(row_of(row))
    check_touched(actor, row.role)
    found = _removal(row)
    for table in GOING:
        table.delete().where(table.user == row).execute()
    gone = {"removed_at": now, "login": None, "password_hash": None, "mode": Mode.NEVER.value}
    User.update(**gone).where(User.id == user).execute()
    row.__data__.update(gone)
    activation = activations.settle(row, found.user.mode, actor, now)
    if not any(table.select().where(table.user == row).exists() for table in STAYING):
        User.delete().where(User.id == user).execute()
    elif row.organisation.leavers == Leavers.PSEUDONYM:
        draw = secrets.token_bytes(CODE_LENGTH)
        erasing.begin(organisation, Target(Kind.LEAVER, user), "", draw, actor=actor, now=now)
    if found.user.role == Role.ADMINISTRATOR:
        check_administered(organisation, actor)
    detail: dict[str, Any] = {"before": told(found.user), "recordings": found.recordings}
    detail |= {"activation": activation} if activation else {}
    audit.write(actor, Action.REMOVE, Subject(KIND, str(user)), now, organisation=organisation, detail=detail)
    changed()
    return found


def _removal(row: Any) -> Removal:
    kept = Recording.select().where((Recording.user == row) & Recording.state.in_(SHOWN))
    groups = Membership.select().where(Membership.user == row)
    found = row_of(row)
    return Removal(found, kept.count(), len(found.endpoints), groups.count())
