"""A recording in another format: every sample, any part of it, and nothing made up when it is damaged."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from ari_recorder.errors import VaultError
from ari_recorder.media.convert import Conversion, wav_header
from ari_recorder.media.encoders import open_encoder
from ari_recorder.media.jobs import AudioFormat

RATE_HZ = 16_000
SAMPLES = 11 * RATE_HZ + 37
FORMATS: tuple[AudioFormat, ...] = ("opus", "flac", "wav")


def sides() -> np.ndarray:
    """A tone on each side, swelling, so that a shift of one sample is seen."""
    t = np.arange(SAMPLES) / RATE_HZ
    swell = 6000 * (1 + np.sin(2 * np.pi * 0.7 * t))
    both = (np.sin(2 * np.pi * 440 * t) * swell, np.sin(2 * np.pi * 660 * t) * swell)
    return np.stack(both, axis=1).astype(np.int16)


@pytest.fixture(scope="module")
def originals() -> dict[str, bytes]:
    made = {}
    for audio_format in FORMATS:
        with tempfile.TemporaryFile() as file:
            encoder = open_encoder(audio_format, file, RATE_HZ, SAMPLES)
            encoder.write(sides())
            encoder.close()
            file.seek(0)
            made[audio_format] = file.read()
    return made


def opened(original: bytes, wanted: AudioFormat, size_bytes: int | None = None) -> Conversion:
    def read_from(offset: int) -> Iterator[bytes]:
        for at in range(offset, len(original), 5000):
            yield original[at : at + 5000]

    return Conversion(read_from, len(original) if size_bytes is None else size_bytes, wanted)


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("kept", FORMATS)
def test_every_sample_is_there(originals: dict[str, bytes], kept: str, wanted: AudioFormat) -> None:
    made = b"".join(opened(originals[kept], wanted).blocks())
    with soundfile.SoundFile(io.BytesIO(made)) as sound:
        assert (sound.frames, sound.samplerate, sound.channels) == (SAMPLES, RATE_HZ, 2)
        found = sound.read(dtype="int16").astype(int)
    if "opus" not in (kept, wanted):
        assert np.array_equal(found, sides())
    else:
        for side in (0, 1):
            alike = np.corrcoef(found[:, side], sides()[:, side])[0, 1]
            assert alike > 0.9, "it is the same sound, each side its own, and no sample late"


@pytest.mark.parametrize("kept", FORMATS)
@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 1), (1, 50), (43, 3), (44, 1), (45, 200_003), (47, 1), (300_001, 200_003), (700_000, 200_003)],
)
def test_any_part_of_wav_is_as_in_the_whole(
    originals: dict[str, bytes], kept: str, offset: int, length: int
) -> None:
    whole = b"".join(opened(originals[kept], "wav").blocks())
    part = opened(originals[kept], "wav")
    length = min(length, len(whole) - offset)
    assert part.size_bytes == len(whole)
    found, expected = b"".join(part.part(offset, length)), whole[offset : offset + length]
    assert len(found) == len(expected)
    if kept != "opus" or offset < 48:
        assert found == expected
    elif length > 1000:
        skipped = -offset % 4
        samples, wanted = (np.frombuffer(one[skipped:][: 4 * 50_000], "<i2") for one in (found, expected))
        assert np.abs(samples.astype(int) - wanted).max() < 150, "each sample at its place"


@pytest.mark.parametrize("kept", FORMATS)
@pytest.mark.parametrize("wanted", FORMATS)
def test_a_file_that_ends_early_is_not_taken_for_whole(
    originals: dict[str, bytes], kept: str, wanted: AudioFormat
) -> None:
    original = originals[kept]
    with pytest.raises(VaultError, match=r"ends after|cannot be decoded"):
        list(opened(original[: len(original) // 2], wanted, len(original)).blocks())


@pytest.mark.parametrize("kept", FORMATS)
def test_what_is_no_audio_is_refused(originals: dict[str, bytes], kept: str) -> None:
    original = bytes(3000) + originals[kept][3000:]
    with pytest.raises(VaultError, match="cannot be decoded"):
        list(opened(original, "wav").blocks())


def test_what_goes_wrong_below_is_told(originals: dict[str, bytes]) -> None:
    def read_from(offset: int) -> Iterator[bytes]:
        yield originals["opus"][offset : offset + 5000]
        raise VaultError("the disk is gone")

    with pytest.raises(VaultError, match="the disk is gone"):
        list(Conversion(read_from, len(originals["opus"]), "flac").blocks())


def test_a_header_for_more_than_four_gigabytes() -> None:
    samples = 1_100_000_000
    header = wav_header(samples, 8000)
    assert header[:4] == b"RF64"
    with tempfile.TemporaryFile() as file:
        file.write(header)
        file.truncate(len(header) + samples * 4)
        file.seek(0)
        assert soundfile.info(file).frames == samples
