"""The ear of the tests with calls: a tone that must be nowhere is found, and what only clicks is not it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ari_recorder.media.encoders import open_encoder
from lab.commanded import SECRET_HZ
from lab.evidence import _side, decode
from lab.tones import ALL_HZ, Samples, frequency_hz, loudest, sine, tone_found

RATE_HZ = 8000


def coded(samples: Samples, folder: Path) -> tuple[Samples, int]:
    """As it is in a recording: what the codec makes of it, at its rate."""
    path = folder / "coded.opus"
    stereo = (np.stack([samples, samples], axis=1) * 32767).astype(np.int16)
    with path.open("w+b") as file:
        encoder = open_encoder("opus", file, RATE_HZ, len(stereo))
        encoder.write(stereo)
        encoder.close()
    decoded, rate_hz = decode(path)
    return decoded[:, 0], rate_hz


def interrupted(hz: int) -> Samples:
    """A tone of two seconds with twelve holes at odd places, each end of which clicks."""
    tone, dice = sine(hz, 2.0, RATE_HZ), np.random.default_rng(hz)
    for begin, length in zip(dice.integers(1000, 14000, 12), dice.integers(40, 2000, 12), strict=True):
        tone[begin : begin + length] = 0
    return tone


@pytest.mark.parametrize("hz", [hz for hz in ALL_HZ if hz < 2200])
def test_a_tone_that_is_interrupted_is_no_other(hz: int, tmp_path: Path) -> None:
    for samples, rate_hz in ((interrupted(hz), RATE_HZ), coded(interrupted(hz), tmp_path)):
        assert [tone_found(samples, rate_hz, secret) for secret in SECRET_HZ] == [[], []]


@pytest.mark.parametrize("secret", SECRET_HZ)
@pytest.mark.parametrize("length_s", [0.02, 0.04, 1.0])
def test_a_frame_of_it_is_found_where_it_is(secret: int, length_s: float, tmp_path: Path) -> None:
    samples = sine(730, 2.0, RATE_HZ)
    secrets = sine(secret, length_s, RATE_HZ)
    samples[8000 : 8000 + len(secrets)] = secrets[:8000]
    for heard, rate_hz in ((samples, RATE_HZ), coded(samples, tmp_path)):
        found_s = tone_found(heard, rate_hz, secret)
        assert found_s
        assert found_s[0] == pytest.approx(0.96, abs=0.041)
        assert len(found_s) >= 0.9 * length_s / 0.02


@pytest.mark.parametrize("secret", SECRET_HZ)
def test_it_is_found_however_faint_or_short_all_is(secret: int) -> None:
    assert tone_found(sine(secret, 0.5, RATE_HZ, dbfs=-44), RATE_HZ, secret)
    assert tone_found(sine(secret, 0.03, RATE_HZ), RATE_HZ, secret)
    assert not tone_found(sine(secret, 0.5, RATE_HZ, dbfs=-46), RATE_HZ, secret)


def test_the_edges_of_holes_in_a_tone_are_not_another_partys_tone() -> None:
    """A busy machine's phones leave some, and begin again in another phase."""
    random = np.random.default_rng(1)
    for _ in range(200):
        pieces = []
        for _ in range(random.integers(2, 10)):
            at = np.arange(random.integers(800, 4000)) / 8000
            pieces.append(0.25 * np.sin(2 * np.pi * frequency_hz("101") * at + random.uniform(0, 2 * np.pi)))
            pieces.append(np.zeros(random.integers(0, 400)))
        assert _side("right", np.concatenate(pieces), 8000, "101", "102", 9.0) == []


@pytest.mark.parametrize(("length_s", "dbfs"), [(3.0, -45.0), (0.2, -12.0), (0.5, -25.0)])
def test_another_partys_tone_is_found_however_short_or_faint(length_s: float, dbfs: float) -> None:
    samples = sine(frequency_hz("101"), 3, 8000)
    leak = sine(frequency_hz("102"), length_s, 8000, dbfs)
    middle = (len(samples) - len(leak)) // 2
    samples[middle : middle + len(leak)] += leak
    (fault,) = _side("right", samples, 8000, "101", "102", 3.0)
    assert fault.startswith("102's tone on the right")


def test_what_is_loudest_is_said_of_each_fifth() -> None:
    samples = np.concatenate([sine(440, 0.4, RATE_HZ), sine(2400, 0.6, RATE_HZ)])
    said = loudest(samples, RATE_HZ).split(", ")
    assert said == ["440 Hz at -12 dBFS"] * 2 + ["2400 Hz at -12 dBFS"] * 3
    assert loudest(samples[:0], RATE_HZ) == "nothing"
