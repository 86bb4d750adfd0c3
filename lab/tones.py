"""A tone per party, and how to find it again in a recording.

Each number has a frequency of its own, so that the audio itself says who was heard. The frequencies are whole
numbers, so that a file of whole seconds loops without a click, and keep away from those of DTMF.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

Samples = NDArray[np.float64]
HOLD_HZ = 300
"""What the PBX plays to who is on hold."""
USER_HZ = {"101": 440, "102": 520, "103": 610, "104": 730, "105": 810, "106": 1000}
OUTSIDE_HZ = (1110, 1270, 1410, 1550, 1710, 1850, 2010, 2150)
ALL_HZ = (HOLD_HZ, *USER_HZ.values(), *OUTSIDE_HZ)
LENGTH_S = 60
TONES_VERSION = 1
"""Counted up when the files change: they are kept under this name."""
LEVEL_DBFS = -12.0
WINDOW_S = 0.04
SOUGHT_DBFS = -45.0
"""A sought tone as faint as this is found."""
SOUGHT_S = 0.08
"""What is looked at at once for a tone, each quarter of it."""
AROUND_HZ = (-150, -100, -60, 60, 100, 150)
STANDS_OUT_DB = 8.0
"""So much louder than around it a tone is: 20 ms of it by 15 dB or more, the click of another by 4."""


def frequency_hz(number: str) -> int:
    """The tone of a user's or outside number. Outside numbers share eight frequencies by their digits."""
    return USER_HZ.get(number) or OUTSIDE_HZ[zlib.crc32(number.encode()) % len(OUTSIDE_HZ)]


def sine(hz: float, length_s: float, rate_hz: int, dbfs: float = LEVEL_DBFS) -> Samples:
    """A sine, its peak at ``dbfs``."""
    at = np.arange(round(length_s * rate_hz)) / rate_hz
    tone: Samples = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * at)
    return tone


def write_tones(folder: Path) -> None:
    """Write each tone as ``folder/<Hz>/tone.alaw``, ``.ulaw`` (8 kHz) and ``.wav16`` (16 kHz)."""
    for hz in ALL_HZ:
        place = folder / str(hz)
        place.mkdir(parents=True, exist_ok=True)
        narrow = sine(hz, LENGTH_S, 8000)
        sf.write(place / "tone.alaw", narrow, 8000, format="RAW", subtype="ALAW")
        sf.write(place / "tone.ulaw", narrow, 8000, format="RAW", subtype="ULAW")
        sf.write(place / "tone.wav16", sine(hz, LENGTH_S, 16000), 16000, format="WAV", subtype="PCM_16")


def read(path: Path) -> tuple[Samples, int]:
    """The samples (-1 to 1; one column per channel if there are several) and rate in Hz of an audio file."""
    samples, rate_hz = sf.read(path, dtype="float64")
    return samples, rate_hz


def tone_dbfs(samples: Samples, rate_hz: int, hz: float) -> float:
    """The level of a tone over the whole of ``samples``, as its peak in dB of full scale (-120 at least)."""
    if not len(samples):
        return -120.0
    window = np.hanning(len(samples) + 2)[1:-1]
    wave = np.exp(-2j * np.pi * hz / rate_hz * np.arange(len(samples)))
    peak = 2 * abs(np.dot(samples * window, wave)) / window.sum()
    return float(20 * np.log10(max(peak, 1e-6)))


def has_tone(samples: Samples, rate_hz: int, hz: float, at_least_dbfs: float = -25.0) -> bool:
    """Whether the tone is there through most of ``samples``."""
    return tone_dbfs(samples, rate_hz, hz) >= at_least_dbfs


def loudest(samples: Samples, rate_hz: int) -> str:
    """What is loudest in each fifth of ``samples``, in words."""
    parts = []
    for part in (part for part in np.array_split(samples, 5) if len(part)):
        hz = float(np.argmax(abs(np.fft.rfft(part * np.hanning(len(part)))))) * rate_hz / len(part)
        parts.append(f"{hz:.0f} Hz at {tone_dbfs(part, rate_hz, hz):.0f} dBFS")
    return ", ".join(parts) or "nothing"


def tone_spans(
    samples: Samples, rate_hz: int, hz: float, at_least_dbfs: float = -25.0
) -> list[tuple[float, float]]:
    """When the tone is heard: (start, end) in seconds, in steps of 40 ms, gaps of one step closed."""
    step = round(WINDOW_S * rate_hz)
    count = len(samples) // step
    heard = [has_tone(samples[i * step : (i + 1) * step], rate_hz, hz, at_least_dbfs) for i in range(count)]
    spans: list[tuple[float, float]] = []
    for i in (i for i, there in enumerate(heard) if there):
        if spans and i - round(spans[-1][1] / WINDOW_S) <= 1:
            spans[-1] = (spans[-1][0], (i + 1) * WINDOW_S)
        else:
            spans.append((i * WINDOW_S, (i + 1) * WINDOW_S))
    return spans


def tone_s(samples: Samples, rate_hz: int, hz: float, at_least_dbfs: float = -25.0) -> float:
    """For how many seconds in all the tone is heard."""
    return sum(end - start for start, end in tone_spans(samples, rate_hz, hz, at_least_dbfs))


def tone_found(samples: Samples, rate_hz: int, hz: float) -> list[float]:
    """When the tone is heard (s), were it for 20 ms; each quarter of `SOUGHT_S` anew.

    A tone that begins or ends clicks at every frequency, and a codec may make 40 ms of noise of that, nearly
    as loud as the tone. So the tone has to stand out from what is beside it.
    """
    size = round(SOUGHT_S * rate_hz)
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    step = size // 4
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::step]
    window = np.hanning(size + 2)[1:-1]
    sought = np.array([[hz], *([hz + by] for by in AROUND_HZ)])
    waves = window * np.exp(-2j * np.pi * sought / rate_hz * np.arange(size))
    levels = 20 * np.log10(np.maximum(2 * abs(frames @ waves.T) / window.sum(), 1e-6))
    there = (levels[:, 0] > SOUGHT_DBFS) & (levels[:, 0] - levels[:, 1:].max(axis=1) > STANDS_OUT_DB)
    return [round(float(i) * step / rate_hz, 2) for i in np.flatnonzero(there)]
