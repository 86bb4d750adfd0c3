"""Where a recording's audio is, as its row in the catalogue has it."""

from __future__ import annotations

from typing import Any

from ari_recorder.store.models import Recording
from ari_recorder.store.safe import Kept, Place
from ari_recorder.store.sealing.keyring import Lock
from ari_recorder.store.vault import FIRST, Stored

COLUMNS = tuple(
    getattr(Recording, name)
    for name in (
        "id",
        "vault",
        "vault_key",
        "sha256",
        "size_bytes",
        "stored_sha256",
        "stored_bytes",
        "organisation_key",
        "wrapped_key",
    )
)
"""What has to be read for `kept` and `place`."""


def columns(kept: Kept) -> dict[str, Any]:
    """What is written of it."""
    lock = kept.place.lock
    encrypted = {
        "stored_sha256": kept.stored.sha256,
        "stored_bytes": kept.stored.size_bytes,
        "organisation_key": lock and lock.organisation_key,
        "wrapped_key": lock and lock.wrapped,
    }
    return {
        "vault": None if kept.place.vault == FIRST else kept.place.vault,
        "vault_key": kept.place.key,
        "sha256": kept.content.sha256,
        "size_bytes": kept.content.size_bytes,
        **(encrypted if lock else {}),
    }


def place(row: Any) -> Place | None:
    """Where its audio is; None while there is none."""
    if row.vault_key is None or row.size_bytes is None:
        return None
    if row.organisation_key_id is None:
        return Place(row.id, row.vault_key, row.size_bytes, None, row.vault_id or FIRST)
    lock = Lock(row.organisation_key_id, row.wrapped_key)
    return Place(row.id, row.vault_key, row.stored_bytes, lock, row.vault_id or FIRST)


def kept(row: Any) -> Kept | None:
    """What there has to be; None while there is nothing."""
    where = place(row)
    if where is None:
        return None
    content = Stored(row.sha256, row.size_bytes)
    stored = content if where.lock is None else Stored(row.stored_sha256, row.stored_bytes)
    return Kept(where, content, stored)
