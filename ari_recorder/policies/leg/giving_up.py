"""A leg with which the machine has a fault: it is ended without the machine, and its call accounted for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import segments
from ari_recorder.policies.leg.state import Leg, Recording
from ari_recorder.policies.parties import Stretch, leave
from ari_recorder.policies.table import State, is_recorded

GIVEN_UP = "A fault in ari_recorder: recording was given up at {:%H:%M:%S} UTC; its log has more."


def give_up(leg: Leg, at: datetime) -> Leg:
    """The leg, over: what is in its files until ``at`` is what there is of its recordings."""
    ended_at = leg.ended_at or at
    ended = replace(leg.standing, state=State.ENDED, since=ended_at)
    return replace(
        leg,
        standing=ended,
        told=ended,
        ended_at=ended_at,
        counterparts=leave(leg.counterparts, ended_at),
        recordings=tuple(_closed(leg, one, at) for one in leg.recordings),
        files=(),
        untold=(),
        speaking=None,
        version=leg.version + 1,
    )


def answer(leg: Leg, at: datetime) -> Leg:
    """It is answered after that: if its call is due, it has a recording of which there is nothing."""
    if not is_recorded(leg.standing.mode):
        return leg
    nothing = Recording(1, at, True, leg.counterpart, leg.internal)
    return replace(
        leg, answered_at=at, due=True, counterparts=(Stretch(leg.counterpart, at),), recordings=(nothing,)
    )


def _closed(leg: Leg, recording: Recording, at: datetime) -> Recording:
    if recording.complete:
        return recording
    for files in leg.files:
        recording = segments.closed_in(recording, files.closed_by(at))
    over = RecordingState.CLOSING if recording.kept else RecordingState.DISCARDING
    return replace(
        recording,
        state=over if recording.state is RecordingState.OPEN else recording.state,
        ended_at=recording.ended_at or at,
        complete=True,
        problems=(*recording.problems, GIVEN_UP.format(at)),
    )
