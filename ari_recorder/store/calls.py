"""What handlers write and read of calls in progress: legs, recordings, segments, ledger, intents.

Every function runs in one transaction (see `database.Store.write`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from peewee import fn

from ari_recorder.policies import ledger
from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Action, Mode, State
from ari_recorder.store import models, statements
from ari_recorder.store.rows import LegRow, SegmentRow, leg_row, segment_row

A_MOMENT = timedelta(seconds=0.5)
"""A counterpart of less was a number on the way to somebody: dialled to fetch a parked call, say."""

_FINISHED_LATER = frozenset({Action.CLOSE_RECORDING, Action.DISCARD_RECORDING})
"""With these the ledger line is closed when the recording is finished."""


def begin_leg(leg: LegRow, linkedid: str, snoops: Iterable[str], files: Iterable[str] = ()) -> UUID:
    """Write a leg for the first time, its call if it is new, and what it is about to get in Asterisk.

    ``snoops`` are snoop channels; ``files`` the recordings that begin at the answer, noted now so that
    nothing has to be written then. Returns the call's id.
    """
    call, _ = models.Call.get_or_create(
        pbx=leg.pbx, linkedid=linkedid, defaults={"started_at": leg.created_at}
    )
    statements.insert(
        models.Leg,
        id=leg.id,
        call=call,
        user=leg.user,
        pbx=leg.pbx,
        channel=leg.channel,
        channel_name=leg.channel_name,
        direction=leg.direction,
        created_at=leg.created_at,
        preferences=msgspec.json.encode(leg.preferences).decode(),
        **_changing(leg),
    )
    _intend(leg, "snoop", snoops, leg.created_at)
    _intend(leg, "record", files, leg.created_at)
    return UUID(str(call.id))


def save_arming(leg: LegRow, intents: Iterable[str], now: datetime) -> None:
    """The leg is about to get new snoops."""
    save_leg(leg)
    _intend(leg, "snoop", intents, now)


def save_leg(leg: LegRow) -> None:
    """Write what changes of a leg."""
    statements.update(models.Leg, leg.id, **_changing(leg))


def save_terms(leg: LegRow) -> None:
    """Write what holds for this call: its mode, and its preferences."""
    save_leg(leg)
    statements.update(models.Leg, leg.id, preferences=msgspec.json.encode(leg.preferences).decode())


def save_counterpart(leg: LegRow, at: datetime) -> None:
    """Write who the leg's counterpart is from ``at`` on, into its open recording too, and its direction."""
    save_leg(leg)
    statements.update(models.Leg, leg.id, direction=leg.direction)
    _follow_counterpart(leg, at)
    if leg.recording is not None:
        models.Recording.update(**_counterpart(leg), internal=leg.internal).where(
            (models.Recording.id == leg.recording) & (models.Recording.state == RecordingState.OPEN)
        ).execute()


def save_decision(
    leg: LegRow, actions: Sequence[Action], planned: SegmentRow | None, now: datetime, problem: str = ""
) -> None:
    """Write a decided change before it is acted on: the leg, and a row for each action.

    ``problem`` is a sentence that the running recording is to tell.
    """
    for action in actions:
        match action:
            case Action.OPEN_LEDGER:
                statements.insert(models.LedgerLine, leg=leg.id, organisation=leg.organisation, opened_at=now)
                _add_counterpart(leg, now)
            case Action.OPEN_RECORDING:
                _open_recording(leg, now)
            case Action.BEGIN_SEGMENT | Action.ROLL_SEGMENT:
                assert planned is not None
                _begin_segment(leg, planned)
            case Action.KEEP_RECORDING:
                _update_recording(leg, kept=True)
            case Action.CLOSE_RECORDING:
                _update_recording(leg, state=RecordingState.CLOSING, ended_at=now)
            case Action.DISCARD_RECORDING:
                _update_recording(leg, state=RecordingState.DISCARDING, ended_at=now)
            case Action.END_SEGMENT:
                pass  # `end_segment` writes it when the file is known to be closed
    if problem and leg.recording:
        _tell(leg.recording, problem)
    save_leg(leg)
    if leg.policy.state is State.ENDED:
        _leave_counterpart(leg, now)
        if not _FINISHED_LATER.intersection(actions):
            close_ledger(leg.id, now)


def end_segment(segment: SegmentRow, gone: Iterable[str] = ()) -> None:
    """A segment's files are closed; ``gone`` are the intents that are over with it."""
    statements.update(
        models.Segment,
        segment.id,
        began_at=segment.began_at,
        outward_late_ms=segment.outward_late_ms,
        ended_at=segment.ended_at,
    )
    finish_intents((*segment.files, *gone), segment.ended_at)


def finish_leg(leg: UUID, now: datetime) -> None:
    """Everything the leg had in Asterisk is known to be gone."""
    models.Intent.update(done_at=now).where(
        (models.Intent.leg == leg) & models.Intent.done_at.is_null()
    ).execute()


def finish_intents(resources: Iterable[str], now: datetime | None) -> None:
    """These resources are known to be gone from Asterisk."""
    names = list(resources)
    models.Intent.update(done_at=now).where(
        models.Intent.resource.in_(names) & models.Intent.done_at.is_null()
    ).execute()


def open_intents(pbx: str, kind: str) -> list[str]:
    """Resources that may exist in that Asterisk."""
    rows = (
        models.Intent.select(models.Intent.resource)
        .join(models.Leg)
        .where((models.Leg.pbx == pbx) & (models.Intent.kind == kind) & models.Intent.done_at.is_null())
    )
    return [row.resource for row in rows]


def open_legs(pbx: str) -> list[LegRow]:
    """Every leg of that Asterisk whose call was going on when it was last written."""
    legs = (
        models.Leg.select(models.Leg, models.User, models.Organisation)
        .join(models.User)
        .join(models.Organisation)
        .where((models.Leg.pbx == pbx) & (models.Leg.state != State.ENDED))
        .order_by(models.Leg.created_at)
    )
    return [_with_running(leg_row(leg)) for leg in legs]


def unended_segments(pbx: str) -> list[SegmentRow]:
    """Segments whose end is not written down, though their recording is closed or has rolled over."""
    later = models.Segment.alias()
    rolled = fn.EXISTS(
        later.select(later.id).where(
            (later.recording == models.Segment.recording) & (later.ordinal > models.Segment.ordinal)
        )
    )
    rows = (
        models.Segment.select()
        .join(models.Recording)
        .join(models.Leg)
        .where(
            (models.Leg.pbx == pbx)
            & models.Segment.ended_at.is_null()
            & ((models.Recording.state != RecordingState.OPEN) | rolled)
        )
    )
    return [segment_row(row) for row in rows]


def close_ledger(leg: UUID, now: datetime) -> None:
    """Close the leg's ledger line if its end is known by now; otherwise leave it open."""
    row = models.Leg.get_by_id(leg)
    if row.state != State.ENDED:
        return
    recordings = [
        (RecordingState(r.state), r.problems)
        for r in models.Recording.select().where(models.Recording.leg == leg)
    ]
    closing = ledger.close(Mode(row.mode), recordings)
    if closing:
        models.LedgerLine.update(closed_at=now, outcome=closing.outcome, reason=closing.reason).where(
            (models.LedgerLine.leg == leg) & models.LedgerLine.closed_at.is_null()
        ).execute()


def _open_recording(leg: LegRow, now: datetime) -> None:
    columns = [getattr(models.Leg, name) for name in FIELDS]
    written = models.Leg.select(*columns).where(models.Leg.id == leg.id).dicts().get()
    statements.insert(
        models.Recording,
        id=leg.recording,
        organisation=leg.organisation,
        user=leg.user,
        leg=leg.id,
        ordinal=leg.policy.recordings,
        state=RecordingState.OPEN,
        mode=leg.policy.mode,
        kept=leg.policy.state not in (State.PROVISIONAL, State.PROVISIONAL_PAUSED),
        direction=leg.direction,
        answered_at=leg.answered_at,
        started_at=now,
        internal=leg.internal,
        **_counterpart(leg),
        **written,
    )


def _begin_segment(leg: LegRow, segment: SegmentRow) -> None:
    statements.insert(
        models.Segment,
        id=segment.id,
        recording=segment.recording,
        ordinal=segment.ordinal,
        name=segment.name,
        format=segment.format,
        continues=segment.continues,
        began_at=segment.began_at,
    )
    _intend(leg, "record", segment.files, segment.began_at)


def _update_recording(leg: LegRow, **values: Any) -> None:
    assert leg.recording is not None, f"leg {leg.id} has no recording to change"
    statements.update(models.Recording, leg.recording, **values)


def _tell(recording: UUID, problem: str) -> None:
    row = models.Recording.get_by_id(recording)
    row.problems = f"{row.problems}\n{problem}".strip()
    row.save(only=[models.Recording.problems])


def _intend(leg: LegRow, kind: str, resources: Iterable[str], now: datetime) -> None:
    for resource in resources:
        statements.insert(
            models.Intent, or_ignore=True, leg=leg.id, kind=kind, resource=resource, planned_at=now
        )


def _changing(leg: LegRow) -> dict[str, Any]:
    policy = leg.policy
    return {
        **_counterpart(leg),
        "answered_at": leg.answered_at,
        "ended_at": leg.ended_at,
        "mode": policy.mode,
        "state": policy.state,
        "since": policy.since,
        "recordings": policy.recordings,
        "segments": policy.segments,
        "losses": policy.losses,
        "lost_at": policy.lost_at,
        "armings": leg.armings,
    }


def _counterpart(leg: LegRow) -> dict[str, Any]:
    """What others send can have any length; it must not keep the rest from being written."""
    return {
        "counterpart_number": _fitting(leg.counterpart.number, models.Leg.counterpart_number),
        "counterpart_name": _fitting(leg.counterpart.name, models.Leg.counterpart_name),
    }


def _add_counterpart(leg: LegRow, at: datetime) -> None:
    row = _counterpart(leg)
    statements.insert(
        models.Counterpart,
        leg=leg.id,
        number=row["counterpart_number"],
        name=row["counterpart_name"],
        joined_at=at,
    )


def _leave_counterpart(leg: LegRow, at: datetime) -> None:
    models.Counterpart.update(left_at=at).where(_present(leg)).execute()


def _follow_counterpart(leg: LegRow, at: datetime) -> None:
    """The next of an answered leg's counterparts, unless it is the same or the one before was on the way."""
    present = models.Counterpart.get_or_none(_present(leg))
    if present is None:
        return  # not answered yet, or not to be recorded
    row = _counterpart(leg)
    if present.number == row["counterpart_number"] or at - present.joined_at < A_MOMENT:
        values = {"number": row["counterpart_number"], "name": row["counterpart_name"]}
        statements.update(models.Counterpart, present.id, **values)
    else:
        _leave_counterpart(leg, at)
        _add_counterpart(leg, at)


def _present(leg: LegRow) -> Any:
    return (models.Counterpart.leg == leg.id) & models.Counterpart.left_at.is_null()


def _fitting(text: str, field: Any) -> str:
    return text.encode(errors="replace").decode().replace("\0", "")[: field.max_length]


def _with_running(leg: LegRow) -> LegRow:
    recording = (
        models.Recording.select()
        .where((models.Recording.leg == leg.id) & (models.Recording.state == RecordingState.OPEN))
        .first()
    )
    if recording is None:
        return leg
    segment = (
        models.Segment.select()
        .where((models.Segment.recording == recording) & models.Segment.ended_at.is_null())
        .order_by(models.Segment.ordinal.desc())
        .first()
    )
    return replace(leg, recording=recording.id, segment=segment_row(segment) if segment else None)
