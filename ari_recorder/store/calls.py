"""What is written of calls in progress: a leg, and everything that follows from it, in one transaction.

The leg is the machine's value (`policies.leg`); the rows are made of it. Written a second time, they are the
same; so what a crash or an outage has interrupted is written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from ari_recorder.errors import StoreError
from ari_recorder.policies import ledger
from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.state import Announcement, Recording, Segment, id_of
from ari_recorder.policies.parties import Counterpart, OnHold, Stretch
from ari_recorder.policies.preferences import Announce
from ari_recorder.policies.prompts import TONES
from ari_recorder.policies.table import Mode, State
from ari_recorder.store import documents, happenings, models, statements

Key = tuple[str, object]
Rows = dict[Key, dict[str, Any]]

_log = structlog.get_logger(__name__)


def save(leg: Leg, before: Leg | None, now: datetime) -> None:
    """Write a leg. ``before`` is the one that is known to be written; what is as it was then is left out."""
    written = _rows(before) if before is not None else {}
    for key, values in _rows(leg).items():
        if written.get(key) != values:
            _WRITERS[key[0]](values, written.get(key))
    happenings.of_leg(leg, before)
    if is_over(leg) and not (before is not None and is_over(before)):
        close_ledger(leg.id, now)


def is_over(leg: Leg) -> bool:
    """Whether nothing is left to be done, but to tell of it what has not been told yet."""
    return leg.ended_at is not None and not (leg.files or leg.speaking)


def open_legs(pbx: str) -> list[Leg]:
    """Every leg of that Asterisk that was not over when it was last written, oldest first.

    One that cannot be read is told, and left for people to look at: others are to be followed.
    """
    rows = (
        models.Leg.select(models.Leg.id, models.Leg.machine, *(getattr(models.Leg, name) for name in FIELDS))
        .where((models.Leg.pbx == pbx) & (models.Leg.machine != ""))
        .order_by(models.Leg.created_at)
    )
    legs = []
    for row in rows:
        try:
            leg = documents.decode(row.machine)
        except StoreError as error:
            _log.error("a leg in the catalogue cannot be read", leg=str(row.id), error=str(error))
            continue
        leg.annotations = {name: getattr(row, name) for name in FIELDS}
        legs.append(leg)
    return legs


def known_legs(ids: Iterable[UUID]) -> set[UUID]:
    """Those of ``ids`` that are in the catalogue."""
    rows = models.Leg.select(models.Leg.id).where(models.Leg.id.in_(list(ids)))
    return {row.id for row in rows}


def close_ledger(leg: UUID, now: datetime) -> None:
    """Close the leg's ledger line if its end is known by now; otherwise leave it open."""
    state, mode, organisation = statements.find_one(models.Leg, ("state", "mode", "organisation"), id=leg)
    if state != State.ENDED:
        return
    found = sorted(statements.find(models.Recording, ("ordinal", "state", "problems"), leg=leg))
    closing = ledger.close(Mode(mode), [(RecordingState(state), problems) for _, state, problems in found])
    if closing is None:
        return
    for line, closed_at in statements.find(models.LedgerLine, ("id", "closed_at"), leg=leg):
        if closed_at is None:
            ended = {"outcome": closing.outcome, "reason": closing.reason}
            statements.update(models.LedgerLine, line, closed_at=now, **ended)
            if closing.is_missed:
                happenings.missed(organisation, leg, closing.reason, now)


# The rows that a leg is


def _rows(leg: Leg) -> Rows:
    rows: Rows = {("leg", leg.id): _leg(leg)}
    if leg.due:
        rows["line", leg.id] = _line(leg)
    for recording in leg.recordings:
        rows["recording", recording.ordinal] = _recording(leg, recording)
        for segment in recording.segments:
            if segment.file_ended_at is not None:  # otherwise there is nothing of it, or not yet
                rows["segment", (recording.ordinal, segment.ordinal)] = segment_values(
                    leg, recording, segment
                )
    for number, stretch in enumerate(leg.counterparts):
        rows["counterpart", number] = _counterpart(leg, number, stretch)
    for number, held in enumerate(leg.holds):
        rows["on_hold", number] = _on_hold(leg, number, held)
    for announcement in leg.announcements:
        rows["announcement", announcement.id] = _announcement(leg, announcement)
    return rows


def _leg(leg: Leg) -> dict[str, Any]:
    closing = leg.standing.state is State.ENDED and not is_over(leg)
    standing = leg.told if closing else leg.standing
    return {
        "id": leg.id,
        "call": (leg.call, leg.pbx, leg.linkedid or leg.channel, leg.created_at, leg.organisation),
        "organisation": leg.organisation,
        "user": leg.user,
        "pbx": leg.pbx,
        "channel": leg.channel,
        "channel_name": leg.channel_name,
        "direction": leg.direction,
        **_party(leg.counterpart),
        "created_at": leg.created_at,
        "answered_at": leg.answered_at,
        "ended_at": leg.ended_at,
        "mode": standing.mode,
        "state": standing.state,
        "since": standing.since,
        "machine": "" if is_over(leg) else documents.encode(leg).decode(),
    }


def _line(leg: Leg) -> dict[str, Any]:
    opened_at = leg.counterparts[0].joined_at if leg.counterparts else leg.answered_at
    line = id_of(leg.created_at, leg.id, "line")
    return {"id": line, "leg": leg.id, "organisation": leg.organisation, "opened_at": opened_at}


def _recording(leg: Leg, recording: Recording) -> dict[str, Any]:
    return {
        "id": leg.recording_id(recording.ordinal),
        "organisation": leg.organisation,
        "user": leg.user,
        "leg": leg.id,
        "ordinal": recording.ordinal,
        "state": recording.state if recording.complete else RecordingState.OPEN,
        "mode": leg.standing.mode,
        "kept": recording.kept,
        "direction": leg.direction,
        "internal": recording.internal,
        **_party(recording.counterpart),
        "answered_at": leg.answered_at,
        "started_at": recording.opened_at,
        "ended_at": recording.ended_at,
        "problems": "\n".join(recording.problems),
    }


def segment_values(leg: Leg, recording: Recording, segment: Segment) -> dict[str, Any]:
    """The columns of a segment."""
    return {
        "id": id_of(leg.created_at, leg.id, "segment", recording.ordinal, segment.ordinal),
        "recording": leg.recording_id(recording.ordinal),
        "ordinal": segment.ordinal,
        "name": f"{leg.prefix}r{segment.files}",
        "format": segment.format,
        "continues": segment.continues,
        "began_at": segment.began_at,
        "ended_at": segment.ended_at,
        "file_began_at": segment.file_began_at,
        "file_ended_at": segment.file_ended_at,
        "outward_late_ms": segment.outward_late_ms,
    }


def _counterpart(leg: Leg, number: int, stretch: Stretch) -> dict[str, Any]:
    party = _party(stretch.counterpart)
    return {
        "id": id_of(leg.created_at, leg.id, "counterpart", number),
        "leg": leg.id,
        "number": party["counterpart_number"],
        "name": party["counterpart_name"],
        "joined_at": stretch.joined_at,
        "left_at": stretch.left_at,
    }


def _on_hold(leg: Leg, number: int, held: OnHold) -> dict[str, Any]:
    return {
        "id": id_of(leg.created_at, leg.id, "on_hold", number),
        "leg": leg.id,
        "began_at": held.began_at,
        "ended_at": held.ended_at,
    }


def _announcement(leg: Leg, said: Announcement) -> dict[str, Any]:
    beep = said.prompt.beep or said.prompt.kind in TONES
    return {
        "id": said.id,
        "leg": leg.id,
        "recording": leg.recording_id(said.recording) if said.recording else None,
        "kind": said.prompt.kind,
        "sound": Announce.BEEP if beep else Announce.ANNOUNCEMENT,
        "language": said.language,
        "text": said.text,
        "sha256": said.sha256,
        "heard_by": said.prompt.audience,
        "planned_at": said.planned_at,
        "began_at": said.began_at,
        "ended_at": said.ended_at,
        "outcome": said.outcome,
    }


def _party(counterpart: Counterpart) -> dict[str, Any]:
    """What others send can have any length; it must not keep the rest from being written."""
    return {
        "counterpart_number": _fitting(counterpart.number, models.Leg.counterpart_number),
        "counterpart_name": _fitting(counterpart.name, models.Leg.counterpart_name),
    }


def _fitting(text: str, field: Any) -> str:
    return text.encode(errors="replace").decode().replace("\0", "")[: field.max_length]


# How each is written


Values = dict[str, Any]


def _write_leg(values: Values, before: Values | None) -> None:
    if before is not None and before["call"] == values["call"]:
        changed = {name: value for name, value in values.items() if before[name] != value}
        statements.update(models.Leg, values["id"], **changed)
        return
    call, pbx, linkedid, started_at, organisation = values["call"]
    named = {"pbx": pbx, "linkedid": linkedid, "organisation": organisation}
    statements.insert(models.Call, or_ignore=True, id=call, started_at=started_at, **named)
    (there,) = statements.find_one(models.Call, ("id",), **named)
    statements.upsert(models.Leg, **{**values, "call": there})


def _write_recording(values: Values, before: Values | None) -> None:
    """A new one has note, mark and tags of its leg; one that was handed over to be finished stays."""
    if before is None:
        own = dict(zip(FIELDS, statements.find_one(models.Leg, FIELDS, id=values["leg"]), strict=True))
        if statements.insert(models.Recording, or_ignore=True, **values, **own):
            return
    statements.upsert(models.Recording, "state <> 'open'", **values)


def _write_line(values: Values, _: Values | None) -> None:
    statements.insert(models.LedgerLine, or_ignore=True, **values)


def _write_segment(values: Values, _: Values | None) -> None:
    statements.upsert(models.Segment, **values)


def _write_counterpart(values: Values, _: Values | None) -> None:
    statements.upsert(models.Counterpart, **values)


def _write_on_hold(values: Values, _: Values | None) -> None:
    statements.upsert(models.OnHold, **values)


def _write_announcement(values: Values, _: Values | None) -> None:
    statements.upsert(models.Announcement, **values)


_WRITERS: dict[str, Callable[[Values, Values | None], None]] = {
    "leg": _write_leg,
    "line": _write_line,
    "recording": _write_recording,
    "segment": _write_segment,
    "counterpart": _write_counterpart,
    "on_hold": _write_on_hold,
    "announcement": _write_announcement,
}
