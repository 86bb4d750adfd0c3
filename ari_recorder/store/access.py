"""That who may do what has changed: a running recorder sees the revision, and looks again at what is open."""

from __future__ import annotations

from ari_recorder.store.models import Revision


def access_changed() -> None:
    """Note a change of roles, groups, sessions, tokens or passwords; in the write that makes it."""
    if not Revision.update(access=Revision.access + 1).execute():
        Revision.create(access=1)


def revision() -> tuple[int, int]:
    """Each part grows with every such change, and with every change of users and endpoints."""
    row = Revision.select(Revision.access, Revision.directory).first()
    return (int(row.access), int(row.directory)) if row else (0, 0)
