"""What has happened, into the outbox: in the commit in which it did, and only where somebody wants to know.

Each of these functions is to be called in a write. Where an organisation has no webhook none costs a query:
which have one is looked up at most every two seconds, and for all of them at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from ari_recorder.policies.leg import Leg
from ari_recorder.policies.webhooks import events
from ari_recorder.policies.webhooks.events import EventType, Happened, place_of, written
from ari_recorder.store import models, statements
from ari_recorder.store.models import Outbox, Recording, Webhook

LOOKED_S = 2.0
"""How often it is looked who wants to know."""
OUTBOX_MAX = 100_000
"""Events that may wait to be taken out of the outbox, where nobody does."""

_RECORDING = (
    "organisation", "leg", "user", "mode", "direction", "internal", "answered_at", "started_at", "ended_at",
    "kept", "duration_ms", "media_type", "size_bytes", "sha256", "problems",
)  # fmt: skip
_AUDIO = ("duration_ms", "media_type", "size_bytes", "sha256")
_LEG = ("call", "user", "mode", "direction", "answered_at", "ended_at")

_log = structlog.get_logger(__name__)


@dataclass
class _Wanted:
    """Organisations with a webhook, as the database of that connection had them at a time."""

    database: Any = None
    until_s: float = float("-inf")
    organisations: frozenset[UUID] = frozenset()
    full: bool = False

    def has(self, organisation: UUID | None) -> bool:
        if self.database is not models.database.obj or time.monotonic() >= self.until_s:
            self._look()
        return organisation in self.organisations

    def _look(self) -> None:
        self.database, self.until_s = models.database.obj, time.monotonic() + LOOKED_S
        self.organisations = frozenset(row[0] for row in Webhook.select(Webhook.organisation).tuples())
        full = bool(self.organisations) and Outbox.select().limit(OUTBOX_MAX).count() >= OUTBOX_MAX
        if full and not self.full:
            _log.error(
                "nobody takes events for webhooks out of the outbox: more are not kept", most=OUTBOX_MAX
            )
        self.full = full
        if full:
            self.organisations = frozenset()


_wanted = _Wanted()


def wanted(organisation: UUID | None) -> bool:
    """Whether anybody is to be told what happens there."""
    return _wanted.has(organisation)


def look_again() -> None:
    """Somebody wants to know from now on, or no more."""
    _wanted.until_s = float("-inf")


def note(happened: Iterable[Happened]) -> None:
    """Put it into the outbox; what is there already stays as it is."""
    for one in happened:
        statements.insert(
            Outbox,
            or_ignore=True,
            id=one.id,
            organisation=one.organisation,
            type=one.type.value,
            subject=one.subject,
            place=one.place,
            at=one.at,
            data=encoded(one.data),
        )


def encoded(data: Mapping[str, Any]) -> str:
    """What is kept of an event's data: JSON."""
    return json.dumps(dict(data), ensure_ascii=False, separators=(",", ":"))


def of_leg(leg: Leg, before: Leg | None) -> None:
    """What has happened in a call since it was as ``before``."""
    if wanted(leg.organisation):
        note(events.happened(before, leg))


def ready(organisation: UUID, recording: UUID, now: datetime) -> None:
    """A recording has been sealed."""
    if wanted(organisation):
        row = _recording(recording)
        _end(EventType.READY, recording, row, now, {name: row[name] for name in _AUDIO})


def failed(organisation: UUID, recording: UUID, now: datetime) -> None:
    """There is nothing of a recording."""
    if wanted(organisation):
        _end(EventType.FAILED, recording, _recording(recording), now, {"reason": "no audio was written"})


def disposed(organisation: UUID, recording: UUID, rule: str, now: datetime) -> None:
    """A recording is about to be removed, by that rule: to be called while its row is there.

    ``rule`` is a word for programs, such as ``retention`` or ``erasure``.
    """
    if wanted(organisation):
        _end(EventType.DISPOSED, recording, _recording(recording), now, {"rule": rule})


def missed(organisation: UUID, leg: UUID, reason: str, now: datetime) -> None:
    """A call that was to be recorded was not."""
    if not wanted(organisation):
        return
    row = dict(zip(_LEG, statements.find_one(models.Leg, _LEG, id=leg), strict=True))
    data = {
        "leg": str(leg),
        **_ids(row, ("call", "user")),
        "mode": row["mode"],
        "direction": row["direction"],
        "answered_at": written(row["answered_at"]),
        "ended_at": written(row["ended_at"]),
        "reason": reason,
    }
    note([Happened(EventType.MISSED, organisation, leg, 0, now, data)])


def head(organisation: UUID, size: int, signed: Mapping[str, Any], now: datetime) -> None:
    """The head of a tree has been signed; ``signed`` is all of it."""
    if wanted(organisation):
        note([Happened(EventType.HEAD, organisation, organisation, size, now, signed)])


def stamp(organisation: UUID, size: int, told: Mapping[str, Any], now: datetime) -> None:
    """The head of that size has a time stamp; ``told`` is what is said of it."""
    if wanted(organisation):
        note([Happened(EventType.STAMP, organisation, organisation, size, now, told)])


def _end(event: EventType, recording: UUID, row: dict[str, Any], now: datetime, more: dict[str, Any]) -> None:
    if not row["kept"]:
        return  # it was provisional: nothing was told of it, and nothing is
    (call,) = statements.find_one(models.Leg, ("call",), id=row["leg"])
    data = {
        "recording": str(recording),
        "call": str(call),
        **_ids(row, ("leg", "user")),
        "mode": row["mode"],
        "direction": row["direction"],
        "internal": row["internal"],
        "answered_at": written(row["answered_at"]),
        "started_at": written(row["started_at"]),
        "ended_at": written(row["ended_at"]),
        **more,
        "problems": row["problems"].splitlines(),
    }
    note([Happened(event, row["organisation"], recording, place_of(event), now, data)])


def _recording(recording: UUID) -> dict[str, Any]:
    return dict(zip(_RECORDING, statements.find_one(Recording, _RECORDING, id=recording), strict=True))


def _ids(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(row[name]) for name in names}
