"""A call of the past as the recorder would have left it: the leg in the catalogue, its audio in a folder.

The leg is the machine's own value, and written by what writes every leg (`store.calls`). What follows, from
two mono files to a sealed recording, is for the recorder's finisher to do (`lab.furnish`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import soundfile as sf

from ari_recorder.policies.announcements import Audience, Prompt
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg, begin
from ari_recorder.policies.leg.missing import find_missing
from ari_recorder.policies.leg.speaking import PLAYED
from ari_recorder.policies.leg.state import NARROW, Announcement, Recording, Segment, file_names, id_of
from ari_recorder.policies.parties import Stretch
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Mode, Standing, State
from ari_recorder.store import prompts
from lab import past_talk, speech
from lab.past_calls import DISCARDED, HOLE, LATE, ONE_SIDED, PastCall
from lab.tones import Samples

PBX = "demo-data"
"""Not the name of any Asterisk: who is running leaves these calls alone."""
BETWEEN_S = 0.35
FIRST_S = 0.7
LAST_S = 0.6
RING = timedelta(seconds=4)
LATE_S = 2.4
HOLE_S = 1.8
HISS = 0.0006
DOWN = f"the recorder was stopped or busy, and heard of it {LATE_S:.1f} s late"


@dataclass(frozen=True)
class Owner:
    """Whose call it is, as the catalogue has them."""

    id: UUID
    organisation: UUID
    number: str
    name: str
    mode: Mode


@dataclass(frozen=True)
class _Piece:
    """An unbroken stretch of talk: both sides, and when it begins and ends (seconds after the answer)."""

    from_s: float
    to_s: float
    sides: tuple[Samples, Samples]
    paused: bool = False
    """It ended by a pause."""


def leave(call: PastCall, owner: Owner, number: int, folder: Path, spoken: Path) -> Leg:
    """Write the audio of a call into ``folder``; its leg, as it is when the call is over.

    ``number`` is unlike that of every other call.
    """
    pieces = list(_pieces(call, spoken))
    leg = begin(
        app="ari_recorder", pbx=PBX, channel=f"{int(call.answered_at.timestamp())}.{number}",
        channel_name=f"PJSIP/{owner.number}-{number:08x}", created_at=call.answered_at - RING,
        user=owner.id, organisation=owner.organisation, user_number=owner.number, user_name=owner.name,
        mode=owner.mode, preferences=Preferences(), direction=call.direction, counterpart=call.party,
        internal=call.internal,
    )  # fmt: skip
    ended_at = _at(call, pieces[-1].to_s)
    for count, piece in enumerate(pieces, 1):
        inward, outward = (folder / f"{name}.{NARROW}" for name in file_names(leg.prefix, count))
        sf.write(inward, piece.sides[0], speech.RATE_HZ, format="WAV", subtype="PCM_16")
        if call.fault != ONE_SIDED:
            sf.write(outward, piece.sides[1], speech.RATE_HZ, format="WAV", subtype="PCM_16")
    standing = Standing(owner.mode, State.ENDED, ended_at)
    leg.answered_at, leg.ended_at, leg.due, leg.taken = call.answered_at, ended_at, True, len(pieces)
    leg.standing = leg.told = standing
    leg.counterparts = (Stretch(call.party, call.answered_at, ended_at),)
    leg.recordings = (_recording(call, pieces, ended_at),)
    if not call.internal and call.fault != DISCARDED:
        leg.announcements = (_announcement(leg, call.answered_at),)
    return leg


def _recording(call: PastCall, pieces: list[_Piece], ended_at: datetime) -> Recording:
    segments = tuple(_segment(call, count, piece) for count, piece in enumerate(pieces, 1))
    if call.fault == LATE:
        segments = (replace(segments[0], due_at=call.answered_at, cause=DOWN), *segments[1:])
    if call.fault == HOLE:
        segments = (replace(segments[0], lost=True), replace(segments[1], cause=DOWN), *segments[2:])
    kept = call.fault != DISCARDED
    recording = Recording(
        ordinal=1, opened_at=call.answered_at, kept=kept, counterpart=call.party, internal=call.internal,
        state=RecordingState.CLOSING if kept else RecordingState.DISCARDING, ended_at=ended_at,
        segments=segments, complete=True,
    )  # fmt: skip
    return replace(recording, problems=find_missing(recording, DOWN) if kept else ())


def _segment(call: PastCall, count: int, piece: _Piece) -> Segment:
    began_at, ended_at = _at(call, piece.from_s), _at(call, piece.to_s)
    return Segment(
        ordinal=count, files=count, due_at=began_at, began_at=began_at, format=NARROW,
        until=ended_at if piece.paused else None, ended_at=ended_at,
        file_began_at=began_at, file_ended_at=ended_at,
    )  # fmt: skip


def _announcement(leg: Leg, at: datetime) -> Announcement:
    audio = prompts.shipped_prompt(PromptKind.START, "en")
    return Announcement(
        id=id_of(at, leg.id, "said", 1), prompt=Prompt(PromptKind.START, Audience.BOTH), language="en",
        text=audio.text, sha256=audio.sha256, planned_at=at, recording=1,
        began_at=at + timedelta(seconds=0.1), ended_at=at + timedelta(seconds=1.9), outcome=PLAYED,
    )  # fmt: skip


def _at(call: PastCall, seconds: float) -> datetime:
    return call.answered_at + timedelta(milliseconds=round(seconds * 1000))


def _pieces(call: PastCall, spoken: Path) -> Iterator[_Piece]:
    """The talk, cut where it was paused, and where something went wrong."""
    began_s = at_s = 0.0
    said: list[tuple[str, float, Samples]] = []
    for turn in past_talk.TALKS[call.talk]:
        if turn.who == past_talk.PAUSED:
            yield replace(_piece(began_s, at_s + LAST_S, said), paused=True)
            began_s = at_s = at_s + LAST_S + turn.seconds
            said = []
            continue
        voice = past_talk.voice_of(call.user if turn.who == past_talk.USER else call.party.number)
        samples = speech.read(speech.say(spoken, turn.text, voice))
        at_s += BETWEEN_S if said else FIRST_S
        said.append((turn.who, at_s - began_s, samples))
        at_s += len(samples) / speech.RATE_HZ
    last = _piece(began_s, at_s + LAST_S, said)
    match call.fault:
        case fault if fault == LATE:
            yield _cut(last, LATE_S, last.to_s - last.from_s)
        case fault if fault == HOLE:
            half_s = (last.to_s - last.from_s) / 2
            yield _cut(last, 0.0, half_s)
            yield _cut(last, half_s + HOLE_S, last.to_s - last.from_s)
        case _:
            yield last


def _piece(from_s: float, to_s: float, said: list[tuple[str, float, Samples]]) -> _Piece:
    length = round((to_s - from_s) * speech.RATE_HZ)
    hiss = np.random.default_rng(round(to_s * 1000))
    sides = [hiss.normal(0.0, HISS, length) for _ in range(2)]
    for who, at_s, samples in said:
        first = round(at_s * speech.RATE_HZ)
        sides[who != past_talk.USER][first : first + len(samples)] += samples[: length - first]
    return _Piece(from_s, to_s, (sides[0], sides[1]))


def _cut(piece: _Piece, from_s: float, to_s: float) -> _Piece:
    first, last = round(from_s * speech.RATE_HZ), round(to_s * speech.RATE_HZ)
    inward, outward = (side[first:last] for side in piece.sides)
    return _Piece(piece.from_s + from_s, piece.from_s + to_s, (inward, outward))
