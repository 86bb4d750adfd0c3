"""Who asks, and what they may see: the one place where reads are narrowed.

Deny by default: a viewer sees nothing that no line here allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotAllowed
from ari_recorder.store.models import Leg, Recording, User
from ari_recorder.store.people import UserRow
from ari_recorder.store.rows import LegRow


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


def administered(viewer: Viewer) -> UUID:
    """The organisation whose settings ``viewer`` may see and change. Raises `NotAllowed` if there is none."""
    if _administers(viewer):
        return viewer.organisation
    raise NotAllowed("Only an administrator of the organisation may do this.")


def visible(asker: Asker) -> Any:
    """The condition on `Recording` that every read for ``asker`` carries."""
    if isinstance(asker, Operator):
        return Recording.id.is_null(False)
    own_organisation = Recording.organisation == asker.organisation
    if _administers(asker):
        return own_organisation
    if asker.may_listen:
        return own_organisation & (Recording.user == asker.user)
    return Recording.id.is_null()


def visible_legs(asker: Asker) -> Any:
    """The condition on `Leg`, joined with `User`, of every read and change of calls for ``asker``.

    Their own calls are everybody's to see, also of who may not listen to recordings.
    """
    if isinstance(asker, Operator):
        return Leg.id.is_null(False)
    if _administers(asker):
        return User.organisation == asker.organisation
    return Leg.user == asker.user


def sees(asker: Asker, leg: LegRow) -> bool:
    """The same for a leg in progress."""
    if isinstance(asker, Operator):
        return True
    if _administers(asker):
        return leg.organisation == asker.organisation
    return leg.user == asker.user


def may_command(asker: Asker, leg: LegRow) -> bool:
    """Only the recorded user starts, stops, pauses and resumes the recording of their call (row C2)."""
    return isinstance(asker, Viewer) and leg.user == asker.user


def _administers(viewer: Viewer) -> bool:
    return viewer.role == "administrator"
