"""Where a known sound, such as a prompt, is heard in what somebody heard."""

from __future__ import annotations

import numpy as np

from lab.tones import Samples

PIECE_S = 0.25
"""The sound is looked for in pieces: a stalled machine may lose or add a frame between two of them."""
ALIKE = 0.9
"""Least correlation (1 is the same) of a piece with what was heard, after codecs."""
MOST = 0.6
"""Of so many pieces the sound must be heard."""
SLIP_S = 0.15
QUIET = 1e-3
"""Energy of a piece below which nothing was heard."""


def find_sound(heard: Samples, sound: Samples, rate_hz: int) -> list[float]:
    """When the sound begins in ``heard`` (s), each time; both at ``rate_hz``."""
    size = min(len(sound), round(PIECE_S * rate_hz))
    pieces = range(0, len(sound) - size + 1, size)
    begins = sorted(
        at - piece / rate_hz for piece in pieces for at in _find(heard, sound[piece : piece + size], rate_hz)
    )
    found: list[list[float]] = []
    for at in begins:
        if found and at - found[-1][0] <= SLIP_S:
            found[-1].append(at)
        else:
            found.append([at])
    return [times[0] for times in found if len(times) >= MOST * len(pieces)]


def _find(heard: Samples, piece: Samples, rate_hz: int) -> list[float]:
    if len(heard) < len(piece):
        return []
    size = 1 << (len(heard) + len(piece)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size))
    products = np.fft.irfft(spectrum, size)[: len(heard) - len(piece) + 1]
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    alike = products / np.sqrt(
        np.maximum(energy[len(piece) :] - energy[: -len(piece)], QUIET) * (piece**2).sum()
    )
    found: list[float] = []
    while alike[best := int(np.argmax(alike))] >= ALIKE:
        found.append(best / rate_hz)
        alike[max(0, best - len(piece)) : best + len(piece)] = -1
    return found
