"""What is set up in an organisation, and what is missing, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.policies.rights import Role
from ari_recorder.store.models import (
    Group,
    Membership,
    Prompt,
    SecondFactor,
    Supervision,
    User,
)
from ari_recorder.store.people.which import Which, condition


@dataclass(frozen=True)
class Overview:
    """An organisation's users, groups and prompts, counted."""

    users: int
    which: Mapping[Which, int]
    """How many of the users each of these holds for."""
    groups: int
    groups_without_supervisor: int
    groups_without_member: int
    administrators: int
    """Who can sign in."""
    administrators_with_one_factor: int
    """Of these: whose password is all that is needed."""
    own_prompts: int


def overview(organisation: UUID) -> Overview:
    """It, as it is now."""
    users = (User.organisation == organisation) & User.removed_at.is_null()
    groups = Group.organisation == organisation
    administrators = (
        users & (User.role == Role.ADMINISTRATOR.value) & condition(Which.SIGNING_IN, organisation)
    )
    one_factor = administrators & User.id.not_in(SecondFactor.select(SecondFactor.user))
    unsupervised = Group.id.not_in(Supervision.select(Supervision.group))
    return Overview(
        users=_count(User, users),
        which={which: _count(User, users & condition(which, organisation)) for which in Which},
        groups=_count(Group, groups),
        groups_without_supervisor=_count(Group, groups & unsupervised),
        groups_without_member=_count(Group, groups & Group.id.not_in(Membership.select(Membership.group))),
        administrators=_count(User, administrators),
        administrators_with_one_factor=_count(User, one_factor),
        own_prompts=_count(Prompt, Prompt.organisation == organisation),
    )


def _count(table: Any, condition: Any) -> int:
    return int(table.select(fn.COUNT(table.id)).where(condition).scalar())
