"""That who may do what has changed, and what ends with it.

A running recorder looks at the revision, and ends what is open and no longer allowed.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ari_recorder.store.models import Revision, Session


def end_others(user: UUID, keep: UUID) -> int:
    """End all of somebody's sessions but one, as a part of another change."""
    return end_sessions((Session.user == user) & (Session.id != keep))


def end_all(user: UUID) -> int:
    """End every session of somebody: their password or role has changed, or they are gone."""
    return end_sessions(Session.user == user)


def end_sessions(condition: Any) -> int:
    """End the sessions for which that holds; how many there were."""
    ended = int(Session.delete().where(condition).execute())
    access_changed()
    return ended


def access_changed() -> None:
    """Note a change of roles, groups, sessions, tokens or passwords; in the write that makes it."""
    if not Revision.update(access=Revision.access + 1).execute():
        Revision.create(access=1)


def access_revision() -> int:
    """Grows with every such change."""
    row = Revision.select().first()
    return int(row.access) if row else 0


def revision() -> tuple[int, int]:
    """Each part grows with every such change, and with every change of users and endpoints."""
    row = Revision.select(Revision.access, Revision.directory).first()
    return (int(row.access), int(row.directory)) if row else (0, 0)
