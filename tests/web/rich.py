"""A recording in which everything happened: paused, transferred, announced, noted by two, and listened to."""

from __future__ import annotations

import functools
import io
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

import av
import numpy as np

from ari_recorder.policies.listening import Stretch
from ari_recorder.policies.rights import Scope
from ari_recorder.store import annotations, heard, models
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.scope import scope_of

from .world import NOON, RATE_HZ, World

PARTS = ((0.0, 14.0), (46.0, 70.0), (75.0, 97.0))
"""Seconds from the beginning: paused for 32, and 5 are missing."""
AUDIO_S = 60
PROBLEM = "5.0 s are missing from 11:31:17 UTC on: Asterisk ended the file early."
BEGAN = NOON - timedelta(minutes=30, seconds=-7)


@functools.cache
def sides() -> np.ndarray:
    """A minute of turns: words, pauses, and five seconds in which nobody says anything."""
    t = np.arange(AUDIO_S * RATE_HZ) / RATE_HZ
    random = np.random.default_rng(7)
    syllables = np.interp(t, np.arange(0, AUDIO_S, 0.11), random.random(AUDIO_S * 100 // 11 + 1) ** 1.6)
    turn = np.sin(2 * np.pi * t / 9.3) + 0.4 * np.sin(2 * np.pi * t / 3.7)
    quiet = (t > 31) & (t < 36)
    left = np.sin(2 * np.pi * 210 * t) * syllables * (turn > 0.12) * ~quiet * 15_000
    right = np.sin(2 * np.pi * 160 * t) * syllables[::-1] * (turn < -0.12) * ~quiet * 11_000
    return np.stack((left, right), axis=1).astype(np.int16)


@functools.cache
def audio() -> bytes:
    """It, as Opus."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(sides().reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def peaks(buckets: int = 1500) -> bytes:
    """Its waveform."""
    return (np.abs(sides()).reshape(buckets, -1, 2).max(axis=1) / 128).astype(np.uint8).tobytes()


def rich(world: World, login: str = "anna") -> UUID:
    """A recording of that user, and another of the same call, of Bo."""
    made = world.recording(
        world.ids[login], audio=audio(), started_at=BEGAN, duration_ms=AUDIO_S * 1000, peaks=peaks(),
        ended_at=BEGAN + timedelta(seconds=97), mode="always_pause_resume", problems=PROBLEM,
        counterpart_name="Eva Sandberg", counterpart_number="+46701234567",
    )  # fmt: skip
    world.counterpart(made, "0812345678", "Växeln", -2, 8)
    world.counterpart(made, "+46701234567", "Eva Sandberg", 8, None)
    other = world.recording(world.ids["bo"], started_at=BEGAN + timedelta(seconds=3))
    world.store.write_now(_fill, made, other)
    for actor, changes, minutes in (
        ("anna", {"note": "Wants an offer for 40 seats before Friday.", "mark": "orange"}, 2),
        ("admin-acme", {"note": "Wants an offer for 40 seats before Friday.\nOffer 2026-118 sent."}, 9),
        ("anna", {"mark": "green", "tag1": "CRM-40117"}, 20),
    ):
        world.store.write_now(_annotate, world, made, actor, changes, BEGAN + timedelta(minutes=minutes))
    return made


def _scope(world: World, login: str) -> Scope:
    found = scope_of(world.ids[login])
    assert found
    return found


def _annotate(world: World, made: UUID, login: str, changes: dict[str, str], at: datetime) -> None:
    user = models.User.get_by_id(world.ids[login])
    actor = Actor(ActorKind.USER, str(user.id), user.name, user.organisation_id, "127.0.0.1")
    annotations.annotate_recording(_scope(world, login), actor, made, changes, at)
    heard.note_heard(actor, made, user.organisation_id, Stretch(0, 41_000), at, copied="tag1" in changes)


def _fill(made: UUID, other: UUID) -> None:
    row = models.Recording.get_by_id(made)
    models.Segment.delete().where(models.Segment.recording == made).execute()
    offset = 0.0
    for number, (began_s, ended_s) in enumerate(PARTS, 1):
        models.Segment.create(
            recording=made, ordinal=number, name=f"rich-{number}", format="wav16",
            began_at=BEGAN + timedelta(seconds=began_s), ended_at=BEGAN + timedelta(seconds=ended_s),
            offset_ms=round(offset * 1000), duration_ms=round((ended_s - began_s) * 1000),
        )  # fmt: skip
        offset += ended_s - began_s
    for kind, text, at_s, outcome in (
        ("start", "This call is being recorded.", 0.4, "played"),
        ("pause", "Recording is paused.", 14.1, "played"),
        ("resume", "Recording goes on.", 46.2, "cut"),
        ("stop", "Recording has stopped.", None, "failed"),
    ):
        at = None if at_s is None else BEGAN + timedelta(seconds=at_s)
        models.Announcement.create(
            leg=row.leg_id, recording=made, kind=kind, sound="announcement", language="en", text=text,
            sha256="0" * 64, heard_by="both", planned_at=BEGAN + timedelta(seconds=at_s or 96), began_at=at,
            ended_at=at and at + timedelta(seconds=2), outcome=outcome,
        )  # fmt: skip
    call = models.Leg.get_by_id(row.leg_id).call_id
    models.Leg.update(call=call).where(models.Leg.id == models.Recording.get_by_id(other).leg_id).execute()
