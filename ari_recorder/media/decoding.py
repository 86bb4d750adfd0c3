"""What FFmpeg makes of a file with sound in it, for `prompts.py`.

It opens a file only as one of `FORMATS`, none of which opens other files or addresses (as playlists do).
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator

import av
import numpy as np

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.prompts import LENGTH_MAX_S, RATE_HZ, ConvertedPrompt
from ari_recorder.media.sources import Samples

FORMATS = "wav,w64,aiff,au,caf,mp3,aac,ogg,flac,mov,matroska,asf,amr"
"""FFmpeg's names of the containers that are opened."""

_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
_SAMPLES_MAX = round((LENGTH_MAX_S + 0.1) * RATE_HZ)  # some encoders fill up the last packet
_SILENCE = 100  # of 32768: below -50 dBFS
_SAMPLES_MIN = RATE_HZ // 10  # what is shorter is a click: nobody is told anything by it


def decode(data: bytes) -> ConvertedPrompt:
    """As `prompts.convert`, in this process: for a file of our own. Raises `PromptRefused`."""
    try:
        with av.open(io.BytesIO(data), "r", options=_OPTIONS) as container:
            if not container.streams.audio:
                raise PromptRefused(Refusal.NO_AUDIO)
            samples = _joined(_resampled(container))
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise PromptRefused(Refusal.NOT_AUDIO) from error
    if len(samples) < _SAMPLES_MIN or np.abs(samples.astype(np.int32)).max(initial=0) < _SILENCE:
        raise PromptRefused(Refusal.SILENT)
    return ConvertedPrompt(wav_file(samples), round(len(samples) * 1000 / RATE_HZ))


def wav_file(samples: Samples) -> bytes:
    """A WAV file of mono samples at 16 kHz."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def _joined(blocks: Iterator[Samples]) -> Samples:
    """All blocks; gives up as soon as they are too long, whatever the file says of its length."""
    kept, length = [], 0
    for block in blocks:
        kept.append(block)
        length += len(block)
        if length > _SAMPLES_MAX:
            raise PromptRefused(Refusal.TOO_LONG)
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.int16)


def _resampled(container: av.container.InputContainer) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    for frame in _frames(container):
        yield from (out.to_ndarray()[0] for out in resampler.resample(frame))
    yield from (out.to_ndarray()[0] for out in resampler.resample(None))


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    """What can be decoded of the first sound track; a broken packet, as many MP3 files have, is left out."""
    for packet in container.demux(audio=0):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue
