"""The segments that files become, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg.missing import TOLD_FROM, find_missing, stretches
from ari_recorder.policies.leg.state import Files, Leg, Recording, Segment
from ari_recorder.policies.leg.turn import Turn


def decided_at(leg: Leg) -> datetime:
    """When a command that counts, or the answer, last led to that something is written, or is not."""
    if leg.recording is None:
        ended = [one.ended_at for one in leg.recordings if one.ended_at is not None]
        return max(ended, default=leg.created_at)
    last = list(stretches(leg.recording))[-1:]
    return (last[0][-1].until or last[0][0].due_at) if last else leg.recording.opened_at


def bounded(segment: Segment, at: datetime) -> Segment:
    """Nothing of it is kept from then on, even if its files were closed before this was heard of."""
    if segment.until is not None or (segment.ended_at is not None and segment.ended_at <= at):
        return segment
    ended_at = segment.ended_at and max(at, segment.began_at)
    return replace(segment, until=at, ended_at=ended_at)


def close(t: Turn) -> None:
    """Files that are over become their segments' times."""
    for files in [one for one in t.leg.files if one.over and one.stopping]:
        closed = (closed_in(one, files) for one in t.leg.recordings)
        t.keep(
            recordings=tuple(_while_there(one, t.leg.ended_at) for one in closed),
            files=tuple(one for one in t.leg.files if one.number != files.number),
        )


def _while_there(recording: Recording, left_at: datetime | None) -> Recording:
    """Without what is from after the user has left.

    Who connects a caller to a queue has their place in it taken by the caller, and with the place whoever
    listens there: Asterisk goes on writing, and what it writes then is other people's.
    """
    if left_at is None:
        return recording
    segments = (
        bounded(one, left_at) if one.ended_at and one.ended_at - left_at > TOLD_FROM else one
        for one in recording.segments
    )
    return replace(recording, segments=tuple(segments))


def closed_in(recording: Recording, files: Files) -> Recording:
    """The recording with the times of those of its segments that lie in ``files``."""
    segments = (
        _closed(one, files) if one.files == files.number and one.ended_at is None else one
        for one in recording.segments
    )
    return replace(recording, segments=tuple(segments))


def certain(leg: Leg, recording: Recording, now: datetime) -> tuple[Segment, ...]:
    """What of a recording will stay: its segments, the one that is being written as if it ended ``now``.

    What follows one of which more than its end is open, or that is cut in front, is not certain.
    """
    found: list[Segment] = []
    for segment in recording.segments:
        one = segment if segment.file_ended_at is not None else _until(segment, leg, now)
        if one is None:
            break
        found.append(one)
    return tuple(found)


def _until(segment: Segment, leg: Leg, now: datetime) -> Segment | None:
    files = next((one for one in leg.files if one.number == segment.files), None)
    if files is None or files.stopping or files.broken or any(files.ended) or not all(files.began):
        return None
    closed = _closed(segment, replace(files, ended=(now, now)))
    return closed if closed.began_at == closed.file_began_at else None


def _closed(segment: Segment, files: Files) -> Segment:
    if files.absent or files.asked_at is None:
        return replace(segment, began_at=segment.due_at, ended_at=segment.due_at)
    sides = [(a, b) for a, b in zip(files.began, files.ended, strict=True) if a and b and a < b]
    first = min((began_at for began_at, _ in sides), default=files.asked_at)
    last = max((ended_at for _, ended_at in sides), default=first)
    began_at = max(first, segment.since or first)
    ended_at = max(min(last, segment.until or last), began_at)
    return replace(
        segment,
        began_at=began_at,
        ended_at=ended_at,
        dry_at=files.dry_at,
        file_began_at=first,
        file_ended_at=last,
        outward_late_ms=_late_ms(files, first, last),
    )


def _late_ms(files: Files, first: datetime, last: datetime) -> float:
    """How much later than inwards it began outwards. A side with nothing in it begins when the other ends:
    should Asterisk begin that file later, nothing of it is kept.
    """
    inward, outward = (
        a if a and b and a < b else last for a, b in zip(files.began, files.ended, strict=True)
    )
    return (outward - inward).total_seconds() * 1000


def complete(t: Turn) -> None:
    """Recordings to which nothing will be added, and whose files are closed, tell what is missing."""
    open_files = {files.number for files in t.leg.files}
    for recording in t.leg.recordings:
        if recording.state is RecordingState.OPEN or recording.complete:
            continue
        if not open_files.intersection(one.files for one in recording.segments):
            problems = find_missing(recording, t.leg.trouble) if recording.kept else ()
            t.change_recording(recording, complete=True, problems=(*recording.problems, *problems))
