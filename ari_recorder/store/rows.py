"""Legs and segments as the rest of the program sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.state import INWARD, OUTWARD
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Mode, Standing, State


@dataclass(frozen=True)
class LegRow:
    """A leg as it is shown: as far as it has been told. ``recording`` is its last, open or over."""

    id: UUID
    user: UUID
    organisation: UUID
    pbx: str
    channel: str
    channel_name: str
    direction: str
    counterpart: Counterpart
    created_at: datetime
    policy: Standing
    call: UUID
    user_number: str = ""
    user_name: str = ""
    internal: bool = False
    preferences: Preferences = field(default_factory=Preferences)
    """What holds for this call."""
    annotations: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))
    """Note, mark and tags."""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    recording: UUID | None = None


@dataclass(frozen=True)
class SegmentRow:
    """A segment as the store has it: what is kept of its two files, and what these cover."""

    id: UUID
    recording: UUID
    ordinal: int
    name: str
    format: str
    began_at: datetime
    ended_at: datetime
    file_began_at: datetime | None = None
    file_ended_at: datetime | None = None
    continues: bool = False
    outward_late_ms: float = 0.0

    @property
    def files(self) -> tuple[str, str]:
        """Asterisk's names of both recordings, the inward one first."""
        return f"{self.name}-{INWARD}", f"{self.name}-{OUTWARD}"


def shown(leg: Leg) -> LegRow:
    """A leg in progress."""
    last = leg.recordings[-1] if leg.recordings else None
    return LegRow(
        id=leg.id,
        user=leg.user,
        organisation=leg.organisation,
        pbx=leg.pbx,
        channel=leg.channel,
        channel_name=leg.channel_name,
        direction=leg.direction,
        counterpart=leg.counterpart,
        created_at=leg.created_at,
        policy=leg.told,
        call=leg.call,
        user_number=leg.user_number,
        user_name=leg.user_name,
        internal=leg.internal,
        preferences=leg.preferences,
        annotations=leg.annotations,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        recording=leg.recording_id(last.ordinal) if last else None,
    )


def leg_row(leg: Any) -> LegRow:
    """From the table's row, joined with its user."""
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
        policy=Standing(Mode(leg.mode), State(leg.state), leg.since),
        call=leg.call_id,
        user_number=leg.user.number or "",
        user_name=leg.user.name,
        annotations={name: getattr(leg, name) for name in FIELDS},
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
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
        ended_at=row.ended_at,
        file_began_at=row.file_began_at,
        file_ended_at=row.file_ended_at,
        continues=row.continues,
        outward_late_ms=row.outward_late_ms,
    )
