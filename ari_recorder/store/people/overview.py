"""What is set up in an organisation, and what is missing, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.store.models import (
    Activation,
    Endpoint,
    Group,
    Membership,
    Prompt,
    SecondFactor,
    Supervision,
    User,
)


@dataclass(frozen=True)
class Overview:
    """An organisation's users, groups and prompts, counted."""

    users: int
    recorded: int
    """Whose calls are to be recorded."""
    without_telephone: int
    """Of the recorded: only a dialplan that names them records their calls."""
    unacknowledged: int
    """Of the recorded: it is not known that they were told."""
    without_group: int
    """Of the recorded: only administrators have their recordings, and they themselves if they may."""
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
    recorded = users & (User.mode != Mode.NEVER.value)
    groups = Group.organisation == organisation
    signs_in = users & (User.role == Role.ADMINISTRATOR.value) & User.password_hash.is_null(False)
    return Overview(
        users=_count(User, users),
        recorded=_count(User, recorded),
        without_telephone=_count(User, recorded & User.id.not_in(Endpoint.select(Endpoint.user))),
        unacknowledged=_count(User, recorded & User.id.not_in(_acknowledged(organisation))),
        without_group=_count(User, recorded & User.id.not_in(Membership.select(Membership.user))),
        groups=_count(Group, groups),
        groups_without_supervisor=_count(
            Group, groups & Group.id.not_in(Supervision.select(Supervision.group))
        ),
        groups_without_member=_count(Group, groups & Group.id.not_in(Membership.select(Membership.group))),
        administrators=_count(User, signs_in),
        administrators_with_one_factor=_count(
            User, signs_in & User.id.not_in(SecondFactor.select(SecondFactor.user))
        ),
        own_prompts=_count(Prompt, Prompt.organisation == organisation),
    )


def _acknowledged(organisation: UUID) -> Any:
    running = (Activation.organisation == organisation) & Activation.ended_at.is_null()
    return Activation.select(Activation.user).where(running & (Activation.acknowledgement != ""))


def _count(table: Any, condition: Any) -> int:
    return int(table.select(fn.COUNT(table.id)).where(condition).scalar())
