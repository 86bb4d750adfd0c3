"""Uploaded files become prompts, whatever they are; what cannot be one is refused with the reason."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import random
import struct
import subprocess
import sys
import time
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from ari_recorder.errors import MediaError, PromptRefused, Refusal
from ari_recorder.media import prompts
from ari_recorder.media.decoding import decode
from ari_recorder.media.prompts import FILE_MAX_BYTES, ConvertedPrompt, convert

from .conftest import header, loudness_db, tone

ROOT = Path(__file__).parents[2]
FORMATS = [
    # container, codec, sample rate, layout
    ("wav", "pcm_s16le", 8_000, "mono"),
    ("wav", "pcm_s24le", 48_000, "stereo"),
    ("wav", "pcm_f32le", 44_100, "stereo"),
    ("wav", "pcm_alaw", 8_000, "mono"),
    ("wav", "pcm_mulaw", 8_000, "mono"),
    ("aiff", "pcm_s16be", 44_100, "stereo"),
    ("au", "pcm_mulaw", 8_000, "mono"),
    ("mp3", "libmp3lame", 44_100, "stereo"),
    ("ogg", "libopus", 48_000, "stereo"),
    ("ogg", "vorbis", 44_100, "stereo"),
    ("flac", "flac", 96_000, "stereo"),
    ("ipod", "aac", 44_100, "stereo"),  # .m4a
    ("adts", "aac", 32_000, "mono"),
    ("webm", "libopus", 48_000, "mono"),
    ("asf", "wmav2", 44_100, "stereo"),
]


def made(
    container: str = "wav",
    codec: str = "pcm_s16le",
    rate_hz: int = 16_000,
    layout: str = "mono",
    *,
    seconds: float = 1.5,
    amplitude: float = 0.4,
    video: str = "",
) -> bytes:
    """A file with a tone of 440 Hz, and pictures if ``video`` is their codec."""
    file = io.BytesIO()
    samples = tone(440, seconds, rate_hz, amplitude)
    channels = 2 if layout == "stereo" else 1
    if codec == "vorbis":  # FFmpeg's own encoder for it is an experiment
        soundfile.write(file, np.repeat(samples[:, None], channels, axis=1), rate_hz, "VORBIS", format="OGG")
        return file.getvalue()
    with av.open(file, "w", format=container) as output:
        pictures: Any = output.add_stream(video, rate=25, width=64, height=64) if video else None
        stream: Any = output.add_stream(codec, rate=rate_hz, layout=layout)
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(
            np.repeat(samples, channels).reshape(1, -1), format="s16", layout=layout
        )
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        if pictures:
            pictures.pix_fmt = "yuv420p"
            for at in range(round(seconds * 25)):
                picture = av.VideoFrame(64, 64, "yuv420p")
                picture.pts = at
                output.mux(pictures.encode(picture))
            output.mux(pictures.encode(None))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def only_pictures() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream: Any = output.add_stream("mpeg4", rate=25, width=64, height=64)
        stream.pix_fmt = "yuv420p"
        for at in range(25):
            picture = av.VideoFrame(64, 64, "yuv420p")
            picture.pts = at
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return file.getvalue()


def heard(prompt: ConvertedPrompt) -> np.ndarray:
    """The samples, once the form is what it has to be."""
    with wave.open(io.BytesIO(prompt.wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    assert prompt.duration_ms == round(len(samples) / 16)
    return samples


def refused(data: bytes) -> PromptRefused:
    with pytest.raises(PromptRefused) as caught:
        decode(data)
    return caught.value


@pytest.mark.parametrize(("container", "codec", "rate_hz", "layout"), FORMATS)
def test_common_formats_are_converted(container: str, codec: str, rate_hz: int, layout: str) -> None:
    prompt = decode(made(container, codec, rate_hz, layout))
    samples = heard(prompt)
    assert prompt.duration_ms == pytest.approx(1500, abs=130)  # MP3 and AAC are padded
    middle = samples[4000:20000]
    assert loudness_db(middle, 440, 16_000) == pytest.approx(20 * np.log10(0.4), abs=1)
    assert loudness_db(middle, 700, 16_000) < -50


@pytest.mark.parametrize("video", ["mpeg4", "libx264"])
def test_of_a_film_the_sound_is_taken(video: str) -> None:
    assert decode(made("mp4", "aac", 44_100, "stereo", video=video)).duration_ms == pytest.approx(
        1500, abs=130
    )


def test_a_film_without_sound() -> None:
    error = refused(only_pictures())
    assert error.reason is Refusal.NO_AUDIO
    assert isinstance(error, MediaError)
    assert "no sound track" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<!doctype html><title>x</title>" * 50,
        b"\x89PNG\r\n\x1a\n" + bytes(2000),
        random.Random(1).randbytes(50_000),
        bytes(100_000),
    ],
    ids=["empty", "text", "html", "png", "noise", "zeros"],
)
def test_what_is_no_sound(data: bytes) -> None:
    assert refused(data).reason in (Refusal.NOT_AUDIO, Refusal.NO_AUDIO, Refusal.SILENT)


def test_a_playlist_opens_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # FFmpeg left alone opens what a list names here
    other = tmp_path / "other.wav"
    other.write_bytes(made())
    lists = [
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{other}'\n",
        f"ffconcat version 1.0\nfile {other.name}\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\ni={other}\n",
    ]
    for text in lists:
        assert refused(text.encode()).reason is Refusal.NOT_AUDIO


def test_thirty_seconds_and_no_more() -> None:
    assert decode(made(seconds=30)).duration_ms == 30_000
    assert decode(made("ogg", "libopus", 48_000, seconds=30)).duration_ms == pytest.approx(30_000, abs=50)
    error = refused(made(seconds=30.5))
    assert error.reason is Refusal.TOO_LONG
    assert "30 seconds" in str(error)


def test_hours_in_a_small_file_are_not_decoded() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(2 * 3600 * 8_000, dtype=np.int16), 8_000, format="FLAC")
    assert len(file.getvalue()) < FILE_MAX_BYTES
    began = time.process_time()
    assert refused(file.getvalue()).reason is Refusal.TOO_LONG
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "data", [made(amplitude=0), made(amplitude=0.002), header(8000, 0), made(seconds=0.05)]
)
def test_silence(data: bytes) -> None:
    error = refused(data)
    assert error.reason is Refusal.SILENT
    assert "silent, empty or shorter" in str(error)


def test_soft_is_not_silent() -> None:
    assert decode(made(amplitude=0.01)).duration_ms == 1500


def test_too_large_is_not_even_opened() -> None:
    with pytest.raises(PromptRefused, match="10 MB"):
        convert(bytes(FILE_MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("rate_hz", "channels"), [(1, 1), (0, 1), (0x7FFFFFFF, 1), (8000, 0), (8000, 255), (8000, 65535)]
)
def test_a_header_that_lies(rate_hz: int, channels: int) -> None:
    noise = random.Random(2).randbytes(60_000)
    sound = header(8000, len(noise))[:22] + struct.pack("<HI", channels, rate_hz)
    try:
        convert(sound + header(8000, len(noise))[28:] + noise)
    except PromptRefused as error:
        assert error.reason in (Refusal.NOT_AUDIO, Refusal.TOO_LONG, Refusal.NO_AUDIO)  # noqa: PT017


def test_a_length_that_lies() -> None:
    samples = tone(440, 1, 16_000)
    prompt = convert(header(16_000, 0xFFFFFFF0) + samples.tobytes())
    assert prompt.duration_ms == 1000


@pytest.mark.parametrize("source", FORMATS[::3], ids=lambda source: f"{source[0]}-{source[1]}")
def test_damaged_files_are_converted_or_refused(source: tuple[str, str, int, str]) -> None:
    """In this process: whatever else were raised would be seen."""
    chance = random.Random(3)
    whole = made(*source, seconds=0.5)
    for _ in range(25):
        damaged = bytearray(whole[: chance.randrange(len(whole)) if chance.random() < 0.3 else None])
        for _ in range(chance.randrange(1, 40)):
            if damaged:
                damaged[chance.randrange(min(len(damaged), 400))] = chance.randrange(256)
        with contextlib.suppress(PromptRefused):
            heard(decode(bytes(damaged)))


def test_in_a_process_of_its_own() -> None:
    prompt = convert(made("mp3", "libmp3lame", 44_100, "stereo"))
    assert heard(prompt).size
    with pytest.raises(PromptRefused, match="cannot be read as sound"):
        convert(b"hello")
    assert not [child for child in multiprocessing.active_children() if child.name == "prompt"]


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "_WITHIN_S", 0.0)
    with pytest.raises(PromptRefused, match="cannot be read"):
        convert(made())
    assert not [child for child in multiprocessing.active_children() if child.name == "prompt"]


def test_that_process_gets_no_more_memory_than_it_needs() -> None:
    hungry = "from ari_recorder.media import prompts; prompts._limit(); print('in'); bytearray(1 << 30)"
    ended = subprocess.run([sys.executable, "-c", hungry], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "in\n"
    assert "MemoryError" in ended.stderr
