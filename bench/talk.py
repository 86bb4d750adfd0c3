"""A long call of two people, as Asterisk records it: two mono WAV files, spoken in turns."""

from __future__ import annotations

import wave
from itertools import cycle
from pathlib import Path

import numpy as np

from ari_recorder.media.sources import Samples
from lab import speech
from lab.past_talk import TALKS, USER, VOICES, voice_of

RATE_HZ = speech.RATE_HZ
BETWEEN_S = 0.4
"""Of silence between two turns."""
_COUNTERPARTS = voice_of("0701234567")


def talk(folder: Path, seconds: float) -> tuple[Samples, Samples]:
    """Both sides of a conversation of that length, at `RATE_HZ`, the user's first."""
    turns = cycle([turn for one in TALKS.values() for turn in one if turn.text])
    sides: tuple[list[Samples], list[Samples]] = ([], [])
    length, wanted = 0, round(seconds * RATE_HZ)
    while length < wanted:
        turn = next(turns)
        voice = VOICES["101"] if turn.who == USER else _COUNTERPARTS
        said = np.asarray(speech.read(speech.say(folder, turn.text, voice)) * 32767, dtype=np.int16)
        said = np.concatenate([said, np.zeros(round(BETWEEN_S * RATE_HZ), dtype=np.int16)])
        for side, speaks in zip(sides, (turn.who == USER, turn.who != USER), strict=True):
            side.append(said if speaks else np.zeros_like(said))
        length += said.size
    left, right = (np.concatenate(side)[:wanted] for side in sides)
    return left, right


def write_wav(path: Path, samples: Samples) -> None:
    """A file as Asterisk leaves it."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
