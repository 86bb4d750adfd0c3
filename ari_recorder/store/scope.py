"""Who asks, and what they may see: the one place where reads are narrowed.

Deny by default: a viewer sees nothing that no line here allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.store.models import Recording
from ari_recorder.store.people import UserRow


@dataclass(frozen=True)
class Viewer:
    """A signed-in person."""

    user: UUID
    organisation: UUID
    role: str
    may_listen: bool

    @classmethod
    def of(cls, user: UserRow) -> Viewer:
        """The viewer that this user is."""
        return cls(user.id, user.organisation, user.role, user.may_listen)


@dataclass(frozen=True)
class Operator:
    """Who runs the program on its own machine, and so can read its files anyway: the command line."""


Asker = Viewer | Operator


def visible(asker: Asker) -> Any:
    """The condition on `Recording` that every read for ``asker`` carries."""
    if isinstance(asker, Operator):
        return Recording.id.is_null(False)
    own_organisation = Recording.organisation == asker.organisation
    if asker.role == "administrator":
        return own_organisation
    if asker.may_listen:
        return own_organisation & (Recording.user == asker.user)
    return Recording.id.is_null()
