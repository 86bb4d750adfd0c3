"""Recordings that belong together: of one call, of one second."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ari_recorder.policies.ledger import SHOWN
from ari_recorder.policies.rights import Scope
from ari_recorder.store.catalogue import RecordingRow, recording, rows_where
from ari_recorder.store.models import Leg, Recording, User
from ari_recorder.store.scope import visible

OTHERS_MAX = 50


def others(asker: Scope, recording_id: UUID) -> tuple[RecordingRow, ...]:
    """The other recordings of its call that ``asker`` may see, in the order of time, at most so many.

    Raises `NotFound` if there is none with that id that ``asker`` may see.
    """
    row = recording(asker, recording_id)
    same = (Leg.call == row.call) & (Recording.id != row.id)
    allowed = visible(asker) & Recording.state.in_(SHOWN)
    return rows_where(same & allowed, order=(Recording.started_at, Recording.id), limit=OTHERS_MAX)


def has_twin(row: RecordingRow) -> bool:
    """Whether another recording of that user, or of one with that number, began in the same second."""
    second = row.started_at.replace(microsecond=0)
    owner = Recording.select(Recording.user).where(Recording.id == row.id)
    same = Recording.user.in_(owner)
    if row.user_number:
        same |= User.number == row.user_number
    found = (
        Recording.select()
        .join(User)
        .where(
            (Recording.organisation == row.organisation)
            & (Recording.started_at >= second)
            & (Recording.started_at < second + timedelta(seconds=1))
            & (Recording.id != row.id)
            & same
        )
    )
    return bool(found.exists())
