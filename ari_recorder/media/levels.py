"""Waveform and loudness of both channels, taken while the audio passes by."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ari_recorder.media.sources import Samples

MAX_BUCKETS = 2000
_BUCKETS_PER_S = 50
_FULL_SCALE = 32768


class Levels:
    """Feed it every block of a recording in turn, each but the last one second long."""

    def __init__(self, rate_hz: int) -> None:
        self._bucket_samples = rate_hz // _BUCKETS_PER_S
        self._peaks: list[npt.NDArray[np.int32]] = []
        self._energy = np.zeros(2)
        self._samples = 0

    def add(self, block: Samples) -> None:
        """Take in an array of shape (samples, 2)."""
        wide = block.astype(np.int32)
        starts = np.arange(0, len(wide), self._bucket_samples)
        self._peaks.append(np.maximum.reduceat(np.abs(wide), starts, axis=0))
        self._energy += np.square(wide, dtype=np.float64).sum(axis=0)
        self._samples += len(wide)

    def dbfs(self) -> tuple[float | None, float | None]:
        """RMS of left and right in dB of full scale, to a tenth; None for digital silence."""
        left, right = (self._dbfs(float(energy)) for energy in self._energy)
        return left, right

    def _dbfs(self, energy: float) -> float | None:
        if energy == 0:
            return None
        return round(10 * math.log10(energy / self._samples / _FULL_SCALE**2), 1)

    def peaks(self) -> bytes:
        """The waveform, as :class:`ari_recorder.media.StitchResult` describes it."""
        if not self._peaks:
            return b""
        fine = np.concatenate(self._peaks)
        buckets = min(MAX_BUCKETS, len(fine))
        coarse = np.maximum.reduceat(fine, np.arange(buckets) * len(fine) // buckets, axis=0)
        return np.ceil(coarse * (255 / _FULL_SCALE)).astype(np.uint8).tobytes()
