"""The counter of users, endpoints and preferences, by which a running recorder notices a change of them."""

from __future__ import annotations

from ari_recorder.store.access import access_changed
from ari_recorder.store.models import Revision


def revision() -> int:
    """Grows with every change of users, endpoints and preferences."""
    row = Revision.select().first()
    return int(row.directory) if row else 0


def changed() -> None:
    """Note that users, endpoints or preferences have changed, and so who may do what."""
    access_changed()
    Revision.update(directory=Revision.directory + 1).execute()
