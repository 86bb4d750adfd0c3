"""The commits of one call, as the handlers and the finisher make them, from the ring to the cleared files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Event, Leg, Mode, State, decide
from ari_recorder.store import calls, finishing, rows
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Due, Sealed
from ari_recorder.store.models import new_id
from ari_recorder.store.people import UserRow
from ari_recorder.store.rows import Counterpart, LegRow, SegmentRow

APP, PBX = "app", "main"
COMMITS = 7
PEAKS_BYTES = 1000


def one_call(store: Store, user: UserRow) -> None:
    """Write a call of ``user``; `COMMITS` commits, one after the other."""
    now = datetime.now(UTC)
    leg, segment = _planned(user, now)
    store.write_now(calls.begin_leg, leg, leg.channel, rows.snoops(APP, leg), segment.files)
    leg, segment = _happened(store, leg, segment, Event.ANSWERED, now + timedelta(seconds=1))
    leg, segment = _happened(store, leg, segment, Event.HANGUP, now + timedelta(seconds=2))
    segment = replace(segment, ended_at=leg.ended_at)
    store.write_now(calls.end_segment, segment)
    store.write_now(calls.finish_leg, leg.id, now)
    _finish(store, leg, segment, now)


def _planned(user: UserRow, now: datetime) -> tuple[LegRow, SegmentRow]:
    leg = LegRow(
        id=new_id(),
        user=user.id,
        organisation=user.organisation,
        pbx=PBX,
        channel=new_id().hex,
        channel_name=f"PJSIP/{user.number}-00000001",
        direction="inbound",
        counterpart=Counterpart("0701234567", "Somebody"),
        created_at=now,
        policy=Leg(Mode.ALWAYS, State.RINGING, now),
        internal_numbers=r"\d{2,5}",
        armings=1,
    )
    answered = replace(leg, policy=decide(leg.policy, Event.ANSWERED, now).leg)
    return leg, rows.plan_segment(APP, answered, new_id(), "wav", now)


def _happened(
    store: Store, leg: LegRow, segment: SegmentRow, event: Event, at: datetime
) -> tuple[LegRow, SegmentRow]:
    decision = decide(leg.policy, event, at)
    leg = replace(leg, policy=decision.leg, recording=segment.recording)
    leg = replace(leg, answered_at=at) if event is Event.ANSWERED else replace(leg, ended_at=at)
    segment = replace(segment, began_at=at) if event is Event.ANSWERED else segment
    store.write_now(calls.save_decision, leg, decision.actions, segment, at)
    return leg, segment


def _finish(store: Store, leg: LegRow, segment: SegmentRow, now: datetime) -> None:
    assert leg.answered_at is not None
    due = Due(
        id=segment.recording,
        organisation=leg.organisation,
        leg=leg.id,
        pbx=PBX,
        state=RecordingState.CLOSING,
        answered_at=leg.answered_at,
        started_at=segment.began_at,
        segments=(segment,),
    )
    store.write_now(finishing.seal, due, _sealed(segment.recording), now)
    store.write_now(finishing.cleared, due.segments)


def _sealed(recording: UUID) -> Sealed:
    return Sealed(
        vault_key=f"2026/{recording}.ogg",
        media_type="audio/ogg",
        sha256="0" * 64,
        size_bytes=1,
        duration_ms=1000,
        sample_rate_hz=8000,
        peaks=bytes(PEAKS_BYTES),
        left_dbfs=-20.0,
        right_dbfs=-20.0,
        problems=(),
        spans_ms=[(0, 1000)],
    )
