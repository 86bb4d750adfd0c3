"""Counters of changes, by which a running recorder notices them within a second."""

from __future__ import annotations

from typing import Any

from ari_recorder.store.models import Revision


def revision() -> int:
    """Grows with every change of users, endpoints and preferences."""
    row = Revision.select().first()
    return int(row.directory) if row else 0


def changed() -> None:
    """Note that users, endpoints or preferences have changed, and so who may do what."""
    _grow(directory=Revision.directory + 1, access=Revision.access + 1)


def access_changed() -> None:
    """Note that it has changed who may do what."""
    _grow(access=Revision.access + 1)


def _grow(**columns: Any) -> None:
    if not Revision.update(**columns).execute():
        Revision.create(**dict.fromkeys(columns, 1))
