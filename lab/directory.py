"""Users of the lab, added and changed as somebody at the command line does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ari_recorder.store import people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.people import UserRow

LAB = Actor(ActorKind.COMMAND_LINE, "lab", "lab")


def add_user(at: datetime | None = None, **values: Any) -> UserRow:
    """Add a user, to be called in a write; as if it were done at ``at``."""
    return people.add_user(**values, actor=LAB, now=at or datetime.now(UTC))


def change_user(number_or_login: str, **changes: Any) -> UserRow:
    """Change the user of that number or login, to be called in a write."""
    found = people.find_user(None, number_or_login)
    return people.change_user(found.organisation, found.id, changes, actor=LAB, now=datetime.now(UTC))


def change_preferences(number_or_login: str | None, changes: Mapping[str, Any]) -> None:
    """Set preferences of a user, or with None of the organisation; to be called in a write."""
    now = datetime.now(UTC)
    if number_or_login is None:
        organisation = people.organisation_named(None)
        people.change_organisation_preferences(organisation, changes, actor=LAB, now=now)
    else:
        found = people.find_user(None, number_or_login)
        people.change_user_preferences(found.organisation, found.id, changes, actor=LAB, now=now)
