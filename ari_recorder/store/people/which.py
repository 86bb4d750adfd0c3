"""Users for whom something holds, or is missing: as conditions, for lists and counts alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.policies.table import Mode
from ari_recorder.store.models import Activation, Endpoint, Membership, User


class Which(StrEnum):
    """What holds for them."""

    RECORDED = "recorded"
    NOT_RECORDED = "not_recorded"
    WITHOUT_TELEPHONE = "without_telephone"
    """Recorded, and only a dialplan that names them records their calls."""
    UNACKNOWLEDGED = "unacknowledged"
    """Recorded, and it is not known that they were told."""
    WITHOUT_GROUP = "without_group"
    """Recorded, and no supervisor has their recordings."""
    SIGNING_IN = "signing_in"
    """Who has a login and a password."""


def condition(which: Which, organisation: UUID) -> Any:
    """It, of the rows of users who are not removed."""
    recorded = User.mode != Mode.NEVER.value
    if which is Which.RECORDED:
        return recorded
    if which is Which.NOT_RECORDED:
        return User.mode == Mode.NEVER.value
    if which is Which.WITHOUT_TELEPHONE:
        return recorded & User.id.not_in(Endpoint.select(Endpoint.user))
    if which is Which.UNACKNOWLEDGED:
        return recorded & User.id.not_in(_acknowledged(organisation))
    if which is Which.WITHOUT_GROUP:
        return recorded & User.id.not_in(Membership.select(Membership.user))
    return User.login.is_null(False) & User.password_hash.is_null(False)


def _acknowledged(organisation: UUID) -> Any:
    running = (Activation.organisation == organisation) & Activation.ended_at.is_null()
    return Activation.select(Activation.user).where(running & (Activation.acknowledgement != ""))
