"""The counter of users, endpoints and preferences, by which a running recorder notices a change of them."""

from __future__ import annotations

from ari_recorder.store.models import Revision


def revision() -> int:
    """Grows with every change of users, endpoints and preferences."""
    row = Revision.select().first()
    return int(row.directory) if row else 0


def changed() -> None:
    """Note that users, endpoints or preferences have changed, and so who may do what."""
    both = {"directory": Revision.directory + 1, "access": Revision.access + 1}
    if not Revision.update(**both).execute():
        Revision.create(directory=1, access=1)
