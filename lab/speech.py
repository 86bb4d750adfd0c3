"""Spoken audio for the lab, by espeak-ng, as a telephone carries it."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import av
import numpy as np
import soundfile as sf

from lab.tones import Samples

RATE_HZ = 8000
WORDS_PER_MINUTE = 150


def say(folder: Path, text: str, voice: str) -> Path:
    """A text in a voice, as an 8 kHz WAV file in ``folder``; synthesised once."""
    path = folder / f"{zlib.crc32(f'{voice} {text}'.encode()):08x}.wav"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        spoken = path.with_suffix(".22k.wav")
        command = ["espeak-ng", "-v", voice, "-s", str(WORDS_PER_MINUTE), "-w", str(spoken), text]
        subprocess.run(command, check=True)
        sf.write(path, _as_telephone(spoken), RATE_HZ)
        spoken.unlink()
    return path


def read(path: Path) -> Samples:
    """Its samples, from -1 to 1."""
    samples: Samples = sf.read(path, dtype="float64")[0]
    return samples


def _as_telephone(source: Path) -> Samples:
    with av.open(str(source)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    samples: Samples = np.concatenate([frame.to_ndarray()[0] for frame in frames]) / 32768
    return samples
