"""A spool with WAV files as Asterisk leaves them, and ears for the finished recordings."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from ari_recorder.media.jobs import Segment, StitchJob

BEGAN_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def tone(hz: float, duration_s: float, rate_hz: int = 8000, amplitude: float = 0.4) -> np.ndarray:
    at_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (amplitude * 32767 * np.sin(2 * np.pi * hz * at_s)).astype(np.int16)


def header(rate_hz: int, data_bytes: int, codec: int = 1, channels: int = 1, bits: int = 16) -> bytes:
    """Asterisk's 44 bytes; its lengths are 0 until the file is closed."""
    whole = (36 + data_bytes) & 0xFFFFFFFF if data_bytes else 0
    form = struct.pack("<HHIIHH", codec, channels, rate_hz, rate_hz * 2, 2, bits)
    return (
        b"RIFF"
        + struct.pack("<I", whole)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + (b"data" + struct.pack("<I", data_bytes))
    )


class Spool:
    """Source files and jobs under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target_folder = folder / "vault"
        self.target_folder.mkdir()

    def raw(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def wav(self, name: str, samples: np.ndarray, rate_hz: int = 8000, claimed: int | None = None) -> Path:
        content = samples.astype("<i2").tobytes()
        return self.raw(name, header(rate_hz, len(content) if claimed is None else claimed) + content)

    def segment(self, inward: Path | str, outward: Path | str, clock_s: float, **more: Any) -> Segment:
        return Segment(
            self.folder / inward,
            self.folder / outward,
            BEGAN_AT,
            BEGAN_AT + timedelta(seconds=clock_s),
            **more,
        )

    def tones(self, name: str, duration_s: float, rate_hz: int = 8000, **more: Any) -> Segment:
        """440 Hz said, 660 Hz heard."""
        inward = self.wav(f"{name}-in.wav", tone(440, duration_s, rate_hz), rate_hz)
        outward = self.wav(f"{name}-out.wav", tone(660, duration_s, rate_hz), rate_hz)
        return self.segment(inward, outward, duration_s, **more)

    def job(self, *segments: Segment, audio_format: Any = "wav") -> StitchJob:
        target = self.target_folder / f"recording.{audio_format}"
        return StitchJob("r1", segments, target, audio_format)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def hear(path: Path) -> tuple[np.ndarray, int]:
    """Decode a finished file: samples of shape (n, 2) between -1 and 1, and their rate."""
    if path.suffix != ".opus":
        samples, rate_hz = soundfile.read(path, always_2d=True)
        return samples, rate_hz
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).T, 48000


def loudness_db(samples: np.ndarray, hz: float, rate_hz: int) -> float:
    """How strong a tone is in one channel, in dB of a full-scale sine."""
    window = np.hanning(len(samples))
    turned = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return float(20 * np.log10(2 * abs(np.sum(samples * window * turned)) / window.sum() + 1e-9))
