"""What somebody may see and do, looked up once for a request, and the conditions that follow from it.

The one place where reads are narrowed: every query that leads to a page, an answer or a file carries one of
these conditions. They are made of `policies.rights.Scope`, as is what the live feed shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from peewee import Field

from ari_recorder.policies import rights
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import People, Right, Role, Scope, Supervised
from ari_recorder.store.models import (
    AuditLine,
    Delivery,
    DeliveryGroup,
    Disposal,
    Erasure,
    Group,
    HeadStamp,
    Hold,
    LedgerLine,
    Leg,
    Manifest,
    Membership,
    Recording,
    Supervision,
    TreeHead,
    User,
    Webhook,
)
from ari_recorder.store.statements import find


def scope_of(user: UUID, scopes: Iterable[Right] | None = None) -> Scope | None:
    """What that user may see and do now; None when there is no such user (any more).

    ``scopes`` are those of the token that they came by.
    """
    for organisation, role, may_listen in find(
        User, ("organisation", "role", "may_listen"), id=user, removed_at=None
    ):
        return scope_with(organisation, user, role, may_listen=may_listen, scopes=scopes)
    return None


def scope_with(
    organisation: UUID, user: UUID, role: str, *, may_listen: bool, scopes: Iterable[Right] | None = None
) -> Scope | None:
    """As `scope_of`, of a user of whom this has been read."""
    if role not in set(Role):
        return None
    supervised = _supervised(user) if role == Role.SUPERVISOR else Supervised()
    return rights.scope(
        organisation, user, Role(role), may_listen=may_listen, supervised=supervised, scopes=scopes
    )


_THERE = Recording.state != RecordingState.DISPOSING.value
"""What is being disposed of is nobody's any more."""


def scope_of_delivery(organisation: UUID) -> Scope | None:
    """Whose recordings are handed over to that organisation now; None if none are (any more)."""
    row = Delivery.get_or_none(Delivery.organisation == organisation)
    if row is None:
        return None
    members = (
        Membership.select(Membership.user)
        .join(DeliveryGroup, on=(DeliveryGroup.group == Membership.group))
        .where(DeliveryGroup.delivery == row.id)
        .tuples()
    )
    return rights.delivery(organisation, None if row.everybody else {user for (user,) in members})


@dataclass(frozen=True)
class Within:
    """The recordings of an organisation, or with None of all; of ``users``, or with None of everybody."""

    organisation: UUID | None
    users: frozenset[UUID] | None

    def has(self, organisation: UUID, user: UUID) -> bool:
        """Whether a recording of that user is among them."""
        return self.organisation in (None, organisation) and (self.users is None or user in self.users)

    def only(self, users: Iterable[UUID]) -> Within | None:
        """Of these users, as far as they are among them; None if none is."""
        left = frozenset(users) if self.users is None else self.users & frozenset(users)
        return Within(self.organisation, left) if left else None


def within(asker: Scope) -> Within | None:
    """As `visible`, as what it is: whose recordings ``asker`` may see, or None if nobody's."""
    if not asker.reads:
        return None
    return Within(asker.organisation, None if asker.reads.everybody else frozenset(asker.reads.users))


def visible(asker: Scope) -> Any:
    """The condition on `Recording` that every read for ``asker`` carries."""
    return _narrowed(Recording.organisation, Recording.user, asker, asker.reads) & _THERE


def audible(asker: Scope) -> Any:
    """The condition on `Recording` that every read of audio carries."""
    return _narrowed(Recording.organisation, Recording.user, asker, asker.hears) & _THERE


def deletable(asker: Scope) -> Any:
    """The condition on `Recording` that every removal of one by ``asker`` carries."""
    return _narrowed(Recording.organisation, Recording.user, asker, asker.deletes) & _THERE


def disposed(asker: Scope) -> Any:
    """The condition on `Disposal` that every read of the disposal log carries."""
    if Right.AUDIT_READ not in asker.rights:
        return _nothing(Disposal.id)
    if asker.organisation is None:
        return Disposal.id.is_null(False)
    return Disposal.organisation == asker.organisation


def annotatable(asker: Scope) -> Any:
    """The condition on `Leg` that every change of note, mark and tags carries."""
    return _narrowed(Leg.organisation, Leg.user, asker, asker.annotates)


def followed(asker: Scope) -> Any:
    """The condition on `Leg` that every read of calls carries."""
    return _narrowed(Leg.organisation, Leg.user, asker, asker.follows)


def audited(asker: Scope) -> Any:
    """The condition on `AuditLine` that every read of the audit log carries."""
    if Right.AUDIT_READ not in asker.rights or asker.organisation is None:
        return _nothing(AuditLine.number)
    return AuditLine.organisation == asker.organisation


def grouped(asker: Scope) -> Any:
    """The condition on `Group` that every read of groups carries."""
    if Right.GROUPS_READ not in asker.rights:
        return _nothing(Group.id)
    within = (
        Group.id.is_null(False) if asker.organisation is None else Group.organisation == asker.organisation
    )
    supervised = Supervision.select(Supervision.group).where(Supervision.user == asker.user)
    return within if asker.every_group else within & Group.id.in_(supervised)


def accounted(asker: Scope) -> Any:
    """The condition on `LedgerLine` that every read of the ledger carries."""
    if Right.LEDGER_READ not in asker.rights:
        return _nothing(LedgerLine.id)
    if asker.organisation is None:
        return LedgerLine.id.is_null(False)
    return LedgerLine.organisation == asker.organisation


def proved(asker: Scope) -> Any:
    """The condition on `Manifest` that every read of the evidence of others' recordings carries."""
    return _of_organisation(Manifest, asker, Right.EVIDENCE_READ)


def certified(asker: Scope) -> Any:
    """The condition on `Recording` of those whose evidence may be seen."""
    return _of_organisation(Recording, asker, Right.EVIDENCE_READ)


def heads_of(asker: Scope) -> Any:
    """The condition on `TreeHead` that every read of the signed heads carries."""
    return _of_organisation(TreeHead, asker, Right.EVIDENCE_READ)


def stamps_of(asker: Scope) -> Any:
    """The condition on `HeadStamp` that every read of their time stamps carries."""
    return _of_organisation(HeadStamp, asker, Right.EVIDENCE_READ)


def holds_of(asker: Scope) -> Any:
    """The condition on `Hold` that every read of legal holds carries."""
    return _of_organisation(Hold, asker, Right.HOLDS_READ)


def erasures_of(asker: Scope) -> Any:
    """The condition on `Erasure` that every read of erasures carries."""
    return _of_organisation(Erasure, asker, Right.HOLDS_READ)


def _of_organisation(table: Any, asker: Scope, right: Right) -> Any:
    if right not in asker.rights:
        return _nothing(table.id)
    return table.id.is_null(False) if asker.organisation is None else table.organisation == asker.organisation


def hooked(asker: Scope) -> Any:
    """The condition on `Webhook` that every read of webhooks carries."""
    return _of_organisation(Webhook, asker, Right.WEBHOOKS_READ)


def _narrowed(organisation: Field, user: Field, asker: Scope, people: People) -> Any:
    if not people:
        return _nothing(user)
    within = user.is_null(False) if asker.organisation is None else organisation == asker.organisation
    return within if people.everybody else within & user.in_(people.users)


def _nothing(field: Field) -> Any:
    return field.is_null() & field.is_null(False)


def _supervised(user: UUID) -> Supervised:
    rows = (
        Membership.select(Membership.user, Supervision.may_listen, Supervision.may_annotate)
        .join(Group)
        .join(Supervision)
        .where(Supervision.user == user)
        .tuples()
    )
    members = list(rows)
    return Supervised(
        frozenset(member for member, _, _ in members),
        frozenset(member for member, may_listen, _ in members if may_listen),
        frozenset(member for member, _, may_annotate in members if may_annotate),
    )
