"""That what was disposed of is gone, and what waits for it is told: part of ``ari-recorder verify``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ari_recorder.policies import finishing as waits
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store.database import Store
from ari_recorder.store.models import Disposal, Disposing, Recording

PAGE = 500


@dataclass(frozen=True)
class WaitingLong:
    """A recording of which something is left, since when, in a sentence."""

    recording: UUID
    since: datetime
    text: str


def still_there(store: Store) -> Iterator[UUID]:
    """Recordings that the disposal log says are gone, and that are in the catalogue."""
    last = UUID(int=0)
    while page := store.read_now(_lines_after, last):
        last = page[-1][0]
        yield from store.read_now(_rows_of, [recording for _, recording in page])


def waiting(store: Store, now: datetime) -> Iterator[WaitingLong]:
    """What waits until it is gone."""
    last = UUID(int=0)
    while page := store.read_now(_waiting_after, last):
        for id_, recording, since in page:
            last = id_
            age = waits.age((now - since).total_seconds())
            text = (
                f"It is being disposed of, for {age}: its file, or what else there is of it, is still to go."
            )
            yield WaitingLong(recording, since, text)


def count() -> int:
    """Lines of the disposal log."""
    return int(Disposal.select().count())


def states(legs: Collection[UUID]) -> dict[UUID, list[RecordingState]]:
    """What the recordings of these legs had become that are gone."""
    found = defaultdict[UUID, list[RecordingState]](list)
    for leg, was in Disposal.select(Disposal.leg, Disposal.was).where(Disposal.leg.in_(list(legs))).tuples():
        found[leg].append(RecordingState(was))
    return dict(found)


def _lines_after(last: UUID) -> list[tuple[UUID, UUID]]:
    query = Disposal.select(Disposal.id, Disposal.recording).where(Disposal.id > last)
    return list(query.order_by(Disposal.id).limit(PAGE).tuples())


def _rows_of(recordings: list[UUID]) -> list[UUID]:
    return [row.id for row in Recording.select(Recording.id).where(Recording.id.in_(recordings))]


def _waiting_after(last: UUID) -> list[tuple[UUID, UUID, datetime]]:
    query = Disposing.select(Disposing.id, Disposing.recording, Disposing.asked_at).where(Disposing.id > last)
    return list(query.order_by(Disposing.id).limit(PAGE).tuples())
