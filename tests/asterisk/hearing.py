"""What the parties of a call heard of the recorder, for the tests in this folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import soundfile as sf

from ari_recorder import prompts
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.store import models
from lab.call import HEARD_HZ, PhoneCall
from lab.cases import phone_of
from lab.directory import change_preferences
from lab.sounds import find_sound
from lab.tones import read
from tests.asterisk.station import Station, until


def times(call: PhoneCall, kind: PromptKind, language: str = "en") -> list[float]:
    """When the phone heard a prompt that ships (s after it began to keep what it heard)."""
    assert call.heard is not None
    folder = "tones" if kind in TONES else language
    sound, _ = read(prompts.FOLDER / folder / f"{kind}.wav")
    heard, rate_hz = read(call.heard)
    assert rate_hz == HEARD_HZ
    return find_sound(heard, sound, rate_hz)


async def prefer(station: Station, number: str | None, **changes: object) -> None:
    """Set preferences of a user, or of everybody; returns when the recorder knows."""
    followed = station.recorder.log.read_text().count("following endpoints")
    await station.store.write(change_preferences, number, changes)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)


def quiet(station: Station) -> Path:
    """Nothing to hear, but audio: Asterisk can only whisper to where audio flows."""
    path = station.recorder.folder / "quiet.wav"
    if not path.exists():
        sf.write(path, np.zeros(60 * 8000), 8000)
    return path


async def connect_quietly(station: Station, caller: str, callee: str) -> tuple[PhoneCall, PhoneCall]:
    """A call in which both say nothing and keep what they hear."""
    calling = await phone_of(station.lab, caller).call(callee, play=quiet(station))
    called = await phone_of(station.lab, callee).incoming()
    await calling.ringing()
    await asyncio.gather(calling.keep(), called.keep())
    await called.answer(play=quiet(station))
    await calling.answered()
    return calling, called


def announced(station: Station) -> list[tuple[str, str, str, str]]:
    """What was played: what for, how, to whom, with what outcome."""

    def rows() -> list[tuple[str, str, str, str]]:
        found = models.Announcement.select().order_by(models.Announcement.planned_at)
        return [(row.kind, row.sound, row.heard_by, row.outcome) for row in found]

    return station.store.read_now(rows)


async def played(station: Station, count: int) -> None:
    """Return when so many prompts have been played to their end."""
    await until(lambda: [one[3] for one in announced(station)].count("played") >= count, 30)
