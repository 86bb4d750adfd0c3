"""What the parties hear of recording, kept by their phones: prompts, tones, and who does not hear them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store import models, people, prompts
from lab.call import HEARD_HZ, PhoneCall
from lab.cases import OUTSIDE
from lab.sounds import find_sound
from lab.tones import read
from tests.asterisk.station import Begin, Station, until

pytestmark = pytest.mark.asterisk

FOLDER = Path(prompts.SHIPPED)


def times(call: PhoneCall, kind: PromptKind, language: str = "en") -> list[float]:
    """When the phone heard the prompt."""
    assert call.heard is not None
    folder = "tones" if kind in ("beep", "error", "warning") else language
    sound, _ = read(FOLDER / folder / f"{kind}.wav")
    heard, rate_hz = read(call.heard)
    assert rate_hz == HEARD_HZ
    return find_sound(heard, sound, rate_hz)


async def prefer(station: Station, number: str, **changes: object) -> None:
    followed = station.recorder.log.read_text().count("following endpoints")
    await station.store.write(people.change_preferences, number, changes)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)


def quiet(station: Station) -> Path:
    """Nothing to hear, but audio: Asterisk can only whisper to where audio flows."""
    path = station.recorder.folder / "quiet.wav"
    sf.write(path, np.zeros(60 * 8000), 8000)
    return path


async def connect(station: Station, caller: str, callee: str) -> tuple[PhoneCall, PhoneCall]:
    """A call in which both are silent and keep what they hear."""
    phone = station.lab.outside(callee) if callee == OUTSIDE else station.lab.phones[callee]
    calling = await station.lab.phones[caller].call(callee, play=quiet(station))
    called = await phone.incoming()
    await calling.ringing()
    await asyncio.gather(calling.keep(), called.keep())
    await called.answer(play=quiet(station))
    await calling.answered()
    return calling, called


async def over(*calls: PhoneCall) -> None:
    await calls[0].hangup()
    for call in calls:
        await call.ended()


def announced(station: Station) -> list[tuple[str, str, str, str]]:
    def rows() -> list[tuple[str, str, str, str]]:
        found = models.Announcement.select().order_by(models.Announcement.planned_at)
        return [(row.kind, row.sound, row.heard_by, row.outcome) for row in found]

    return station.store.read_now(rows)


async def played(station: Station, count: int) -> None:
    await until(lambda: [a[3] for a in announced(station)].count("played") >= count)


async def test_start_pause_and_resume_are_announced_to_both(begin: Begin) -> None:
    station = begin()
    await prefer(station, "102", announce_external="announcement")
    calling, called = await connect(station, "102", OUTSIDE)
    await played(station, 1)
    for count, code in enumerate(("*48", "*49"), start=2):
        await calling.dtmf(code)
        await played(station, count)
    await over(calling, called)
    for call in (calling, called):
        (start,), (pause,), (resume,) = (times(call, PromptKind(k)) for k in ("start", "pause", "resume"))
        assert start < pause < resume
    assert announced(station) == [(k, "announcement", "both", "played") for k in ("start", "pause", "resume")]
    row = await station.only()
    samples, _ = station.evidence.audio(row)
    assert abs(samples).max() < 0.02  # both were silent: what was whispered is not in the recording
