"""What has happened to recordings and calls, as those are told who asked to be (CloudEvents 1.0).

What has happened in a call follows from two versions of its leg, the one that was written before and the one
that is: so nothing is lost when several come at once, after an outage say. An event's id follows from what it
is about: found a second time, it is the same event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.state import Recording, Segment
from ari_recorder.policies.table import State

SPECVERSION = "1.0"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
END = 1_000_000
"""The place of what comes after all that can happen while a call goes on."""


class EventType(StrEnum):
    """What is told."""

    STARTED = "recording.started"
    """A recording that is to be kept has begun; of a provisional one, when it is to be kept."""
    PAUSED = "recording.paused"
    RESUMED = "recording.resumed"
    READY = "recording.ready"
    """It can be played and fetched."""
    FAILED = "recording.failed"
    """It broke off and was given up, or there is nothing of it. What there is comes as ready."""
    DISPOSED = "recording.disposed"
    """It was removed: by retention, by an erasure, by somebody."""
    MISSED = "call.missed"
    """A call that was to be recorded is over, and was not."""
    HEAD = "evidence.head"
    """A signed head of the tree of recordings."""
    STAMP = "evidence.stamp"
    """A time stamp of such a head, by an authority outside."""
    PING = "ping"
    """A test: sent by a button."""


CHOSEN = tuple(one for one in EventType if one is not EventType.PING)
"""What a hook can ask for; a ping comes to each."""
_OF_ALL = (EventType.HEAD, EventType.STAMP)
_PLACES = {EventType.FAILED: END, EventType.READY: END + 1, EventType.DISPOSED: END + 2}


@dataclass(frozen=True)
class Happened:
    """Something that has happened. ``subject`` is the recording, the call's leg, or the organisation.

    ``place`` says which of a subject's events comes before which; ``data`` has nothing personal in it but
    ids.
    """

    type: EventType
    organisation: UUID
    subject: UUID
    place: int
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        """What it is known by: a UUIDv8 (RFC 9562) with the time of its subject's, that follows from it."""
        digest = hashlib.sha256(f"{self.type}\0{self.subject}\0{self.place}".encode()).digest()
        bits = int.from_bytes(digest[:10]) & ~(0xF << 76)
        value = (self.subject.int >> 80) << 80 | 0x8 << 76 | bits
        return UUID(int=value & ~(0xC << 60) | 0x8 << 60)


def place_of(event: EventType) -> int:
    """Of those that end a recording."""
    return _PLACES[event]


def happened(before: Leg | None, leg: Leg) -> list[Happened]:
    """What has happened in a call since it was as ``before``, in order; with None, all of it."""
    known = {key for key, *_ in _steps(before)} if before is not None else set()
    return [
        Happened(
            event,
            leg.organisation,
            leg.recording_id(recording.ordinal),
            place,
            at,
            {**of_leg(leg, recording), **more},
        )
        for key, recording, event, place, at, more in _steps(leg)
        if key not in known
    ]


_Step = tuple[tuple[int, EventType, int], Recording, EventType, int, datetime, dict[str, Any]]


def _steps(leg: Leg) -> Iterator[_Step]:
    """Each with what tells it from the others of its leg."""
    for recording in leg.recordings:
        if recording.kept and recording.state is not RecordingState.DISCARDING:
            for event, place, at, more in _of(leg, recording):
                yield (recording.ordinal, event, place), recording, event, place, at, more


def _of(leg: Leg, recording: Recording) -> Iterator[tuple[EventType, int, datetime, dict[str, Any]]]:
    """Of one recording. Places follow from the numbers of segments: these never change."""
    yield EventType.STARTED, 0, recording.opened_at, {}
    stretches = list(_stretches(recording.segments))
    for number, stretch in enumerate(stretches):
        first, last = stretch[0], stretch[-1]
        if number:
            yield EventType.RESUMED, 2 * first.ordinal, first.since or first.due_at, {}
        if last.until is not None and _is_paused(leg, recording, last, followed=stretch is not stretches[-1]):
            yield EventType.PAUSED, 2 * last.ordinal + 1, last.until, {}
    if recording.state is RecordingState.OPEN and leg.standing.state is State.FAILED:
        yield EventType.FAILED, END, leg.standing.since, {"reason": leg.trouble}


def _is_paused(leg: Leg, recording: Recording, last: Segment, *, followed: bool) -> bool:
    """Of one that is over already, or that is now: with its files closed, as its user is told it."""
    if followed:
        return True
    paused = recording.state is RecordingState.OPEN and leg.standing.state is State.PAUSED
    return paused and last.ended_at is not None


def _stretches(segments: tuple[Segment, ...]) -> Iterator[list[Segment]]:
    """Segments between which nothing was paused; also of those of which nothing is kept."""
    stretch: list[Segment] = []
    for segment in segments:
        if stretch and not (segment.continues or stretch[-1].lost):
            yield stretch
            stretch = []
        stretch.append(segment)
    if stretch:
        yield stretch


def of_leg(leg: Leg, recording: Recording) -> dict[str, Any]:
    """What every event of a recording says, while its call goes on."""
    return {
        "recording": str(leg.recording_id(recording.ordinal)),
        "call": str(leg.call),
        "leg": str(leg.id),
        "user": str(leg.user),
        "mode": leg.standing.mode.value,
        "direction": leg.direction,
        "internal": recording.internal,
        "answered_at": written(leg.answered_at),
        "started_at": written(recording.opened_at),
    }


def written(at: datetime | None) -> str | None:
    """A time as it is written in events: RFC 3339, UTC, milliseconds."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cloud_event(event: Happened, personal: Mapping[str, Any], pages: str) -> str:
    """The event in CloudEvents' structured JSON.

    ``personal`` is what a hook is told besides, if it is told that. ``pages`` is the address of My Pages,
    which links begin with; without one they are paths.
    """
    members = {
        "specversion": SPECVERSION,
        "id": str(event.id),
        "source": f"urn:uuid:{event.organisation}",
        "type": event.type.value,
        "subject": _subject(event),
        "time": written(event.at),
        "sequence": f"{event.place:010}",
        "datacontenttype": "application/json",
        "data": {**event.data, **personal, **_links(event, pages.rstrip("/"))},
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def _subject(event: Happened) -> str:
    if event.type is EventType.MISSED:
        return f"calls/{event.subject}"
    if event.type in _OF_ALL:
        return "evidence"
    return "webhook" if event.type is EventType.PING else f"recordings/{event.subject}"


def _links(event: Happened, pages: str) -> dict[str, Any]:
    """Where more is to be found, as long as there is something."""
    api = f"{pages}/api/v1/recordings/{event.subject}"
    if event.type in (EventType.DISPOSED, EventType.MISSED, EventType.PING, *_OF_ALL):
        return {}
    links = {"page": f"{pages}/recordings/{event.subject}", "recording": api}
    if event.type is EventType.READY:
        links |= {"audio": f"{api}/audio", "evidence": f"{api}/evidence"}
    return {"links": links}
