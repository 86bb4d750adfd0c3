"""Somebody who has come in: for which organisation, from where, and what they have been given."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from ari_recorder.delivery.reading import Threads
from ari_recorder.delivery.sftp.limits import Pace
from ari_recorder.delivery.sftp.listing import TERMS_S, Listing
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.store.audit import Actor
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe


@dataclass
class Visit:
    """A connection that was let in, by ``key``, or with None by the password of that hash."""

    organisation: UUID
    login: str
    key: UUID | None
    password_hash: str | None
    actor: Actor
    store: Store
    safe: Safe
    now: Callable[[], datetime]
    listing: Listing
    pace: Pace
    threads: Threads
    handles_max: int
    coming_in: asyncio.Task[None]
    """Writes down that they came in."""
    active_s: float = 0.0
    """When they last asked for something, or were given it, by the loop's clock."""
    written_down: set[tuple[UUID, AudioFormat | None]] = field(default_factory=set)
    """What the audit log has of them."""
    open: set[object] = field(default_factory=set)
    """Files that they have open, in all their sessions."""
    listed: weakref.WeakSet[object] = field(default_factory=weakref.WeakSet)
    """Folders that they have open."""
    _looked: dict[UUID, float] = field(default_factory=dict)

    async def noted(self) -> None:
        """Return when it is written down that they came in. Raises `StoreError` if it cannot be."""
        await asyncio.shield(self.coming_in)

    def is_active(self) -> None:
        """Something was asked for, or given."""
        self.active_s = asyncio.get_running_loop().time()

    def looks_again(self, recording: UUID) -> bool:
        """Whether it is time to look whether a recording that is being read is still there."""
        now = asyncio.get_running_loop().time()
        if now - self._looked.get(recording, now - 2 * TERMS_S) < TERMS_S:
            return False
        self._looked[recording] = now
        return True
