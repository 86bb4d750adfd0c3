"""Legs and segments as handlers know them, and the names of what is made in Asterisk for them.

Names derive from the leg's id and its counters, here and nowhere else; so the store alone tells what may
exist in Asterisk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.preferences import Preferences, combine, known
from ari_recorder.policies.table import Leg, Mode, State
from ari_recorder.store.models import new_id

INWARD, OUTWARD = "in", "out"
"""The two directions of a leg: what its user says, and what its user hears."""


@dataclass(frozen=True)
class Counterpart:
    """The other party of a recorded user."""

    number: str = ""
    name: str = ""


@dataclass(frozen=True)
class LegRow:
    """A leg as the store has it. ``recording`` and ``segment`` are the running ones."""

    id: UUID
    user: UUID
    organisation: UUID
    pbx: str
    channel: str
    channel_name: str
    direction: str
    counterpart: Counterpart
    created_at: datetime
    policy: Leg
    internal_numbers: str
    """The organisation's regular expression for its own numbers."""
    user_number: str = ""
    user_name: str = ""
    preferences: Preferences = field(default_factory=Preferences)
    """What holds for this call."""
    annotations: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    """Note, mark and tags."""
    call: UUID | None = None
    """The call it is part of; None until it has been written."""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    armings: int = 0
    recording: UUID | None = None
    segment: SegmentRow | None = None

    @property
    def internal(self) -> bool:
        """Whether the counterpart is one of the organisation's own numbers."""
        return bool(re.fullmatch(self.internal_numbers, self.counterpart.number))


@dataclass(frozen=True)
class SegmentRow:
    """A segment as the store has it; ``ended_at`` is None while it grows."""

    id: UUID
    recording: UUID
    ordinal: int
    name: str
    format: str
    began_at: datetime
    continues: bool = False
    outward_late_ms: float = 0.0
    ended_at: datetime | None = None

    def file(self, direction: str) -> str:
        """Asterisk's name of the recording of one direction."""
        return f"{self.name}-{direction}"

    @property
    def files(self) -> tuple[str, str]:
        """Asterisk's names of both recordings, the inward one first."""
        return self.file(INWARD), self.file(OUTWARD)


def prefix(app: str, leg: UUID) -> str:
    """What the name of everything made in Asterisk for ``leg`` begins with."""
    return f"{app}-{leg.hex}-"


def snoops(app: str, leg: LegRow) -> tuple[str, str]:
    """Ids of the snoop channels of the leg's current arming, the inward one first."""
    base = f"{prefix(app, leg.id)}{leg.armings}"
    return f"{base}-{INWARD}", f"{base}-{OUTWARD}"


def whisper(app: str, leg: UUID, announcement: UUID) -> str:
    """Id of the snoop channel that plays an announcement, and of the playback on it."""
    return f"{prefix(app, leg)}w-{announcement.hex}"


def plan_segment(app: str, leg: LegRow, recording: UUID, file_format: str, now: datetime) -> SegmentRow:
    """The segment that the leg's policy has counted last."""
    name = f"{prefix(app, leg.id)}r{leg.policy.recordings}-{leg.policy.segments}"
    return SegmentRow(new_id(), recording, leg.policy.segments, name, file_format, now)


def leg_row(leg: Any) -> LegRow:
    """From the table's row, joined with its user and organisation."""
    return LegRow(
        id=leg.id,
        user=leg.user_id,
        organisation=leg.user.organisation_id,
        pbx=leg.pbx,
        channel=leg.channel,
        channel_name=leg.channel_name,
        direction=leg.direction,
        counterpart=Counterpart(leg.counterpart_number, leg.counterpart_name),
        created_at=leg.created_at,
        internal_numbers=leg.user.organisation.internal_numbers,
        user_number=leg.user.number or "",
        user_name=leg.user.name,
        preferences=combine(known(json.loads(leg.preferences))),
        annotations={name: getattr(leg, name) for name in FIELDS},
        call=leg.call_id,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        armings=leg.armings,
        policy=Leg(
            mode=Mode(leg.mode),
            state=State(leg.state),
            since=leg.since,
            recordings=leg.recordings,
            segments=leg.segments,
            losses=leg.losses,
            lost_at=leg.lost_at,
        ),
    )


def segment_row(row: Any) -> SegmentRow:
    """From the table's row."""
    return SegmentRow(
        id=row.id,
        recording=row.recording_id,
        ordinal=row.ordinal,
        name=row.name,
        format=row.format,
        began_at=row.began_at,
        continues=row.continues,
        outward_late_ms=row.outward_late_ms,
        ended_at=row.ended_at,
    )
