"""Who is who on an Asterisk: what calls need to know of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Mode, is_recorded
from ari_recorder.store import preferences
from ari_recorder.store.models import Endpoint, Organisation, User


@dataclass(frozen=True)
class RecordedEndpoint:
    """An endpoint whose user's calls are looked at, and that user's mode now."""

    name: str
    user: UUID
    organisation: UUID
    mode: Mode
    user_number: str
    user_name: str
    preferences: Preferences


@dataclass(frozen=True)
class Directory:
    """Who is who on an Asterisk.

    Endpoints whose calls are ``recorded``; of which of the ``organisations`` any endpoint of a user is; the
    ``numbers`` of users, with their organisation.
    """

    recorded: tuple[RecordedEndpoint, ...]
    organisations: dict[str, UUID]
    numbers: frozenset[tuple[UUID, str]]


def directory(pbx: str) -> Directory:
    """Everybody, as calls on ``pbx`` need them."""
    rows = (
        Endpoint.select(Endpoint, User, Organisation)
        .join(User)
        .join(Organisation)
        .where((Endpoint.pbx == pbx) & User.removed_at.is_null())
    )
    endpoints = list(rows)
    users = User.select(User.organisation, User.number).where(User.removed_at.is_null())
    return Directory(
        tuple(_recorded_endpoint(row.name, row.user) for row in endpoints if is_recorded(row.user.mode)),
        {row.name: row.user.organisation_id for row in endpoints},
        frozenset((user.organisation_id, user.number) for user in users if user.number),
    )


def tapped(number: str, organisation: str, channel_name: str) -> RecordedEndpoint:
    """The user that a dialplan names, as whose leg a channel is to be recorded, whatever its endpoint.

    ``organisation`` may be empty while only one has that number. Raises `NotFound` if there is not just one.
    """
    users = list(
        User.select(User, Organisation)
        .join(Organisation)
        .where((User.number == number) & User.removed_at.is_null())
        .order_by(Organisation.name)
    )
    found = [user for user in users if organisation in ("", user.organisation.name)]
    if not found:
        of = f" in the organisation {organisation!r}" if organisation else ""
        raise NotFound(f"No user has the number {number!r}{of}. See: ari-recorder user list")
    if len(found) > 1:
        names = ", ".join(f"{number}@{user.organisation.name}" for user in found)
        raise NotFound(f"Several organisations have the number {number}: write one of {names}.")
    return _recorded_endpoint(channel_name.rpartition("-")[0], found[0])


def _recorded_endpoint(name: str, user: Any) -> RecordedEndpoint:
    return RecordedEndpoint(
        name=name,
        user=user.id,
        organisation=user.organisation_id,
        mode=Mode(user.mode),
        user_number=user.number or "",
        user_name=user.name,
        preferences=preferences.effective(user.organisation, user).preferences,
    )
