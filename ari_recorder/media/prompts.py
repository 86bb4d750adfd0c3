"""Any file with sound in it, made into a prompt: mono, 16 bits, 16 kHz, WAV.

The file comes from somebody else, and is opened by FFmpeg: in a process of its own with limits on memory and
time, so that a file that makes FFmpeg fail fails alone, and only as one of `FORMATS`, none of which opens
other files or addresses (as playlists do).
"""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import av
import numpy as np

from ari_recorder.errors import PromptRefused, Refusal
from ari_recorder.media.sources import Samples

RATE_HZ = 16_000
FILE_MAX_BYTES = 10 * 1024 * 1024
LENGTH_MAX_S = 30
FORMATS = "wav,w64,aiff,au,caf,mp3,aac,ogg,flac,mov,matroska,asf,amr"
"""FFmpeg's names of the containers that are opened."""

_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
_SAMPLES_MAX = round((LENGTH_MAX_S + 0.1) * RATE_HZ)  # some encoders fill up the last packet
_SILENCE = 100  # of 32768: below -50 dBFS
_SAMPLES_MIN = RATE_HZ // 10  # what is shorter is a click: nobody is told anything by it
_MEMORY_MAX_BYTES = 512 * 1024 * 1024
_CPU_MAX_S = 20
_WITHIN_S = 60.0


@dataclass(frozen=True)
class ConvertedPrompt:
    """A WAV file (mono, 16 bits, 16 kHz) and its length."""

    wav: bytes
    duration_ms: int


def convert(data: bytes) -> ConvertedPrompt:
    """The sound in a file's content. Raises `PromptRefused`.

    Waits for a process: not for the event loop.
    """
    if len(data) > FILE_MAX_BYTES:
        raise PromptRefused(Refusal.TOO_LARGE)
    outcome = _apart(data)
    if isinstance(outcome, Refusal):
        raise PromptRefused(outcome)
    return outcome


def _apart(data: bytes) -> ConvertedPrompt | Refusal:
    """Convert in a process of its own; one that dies or does not end had a file that is no audio."""
    context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), name="prompt", daemon=True)
    process.start()
    theirs.close()
    try:
        ours.send_bytes(data)
        if ours.poll(_WITHIN_S):
            outcome: ConvertedPrompt | Refusal = ours.recv()
            return outcome
        return Refusal.NOT_AUDIO
    except (EOFError, OSError):
        return Refusal.NOT_AUDIO
    finally:
        ours.close()
        process.kill()
        process.join()


def _work(pipe: Connection) -> None:
    _limit()
    try:
        outcome: ConvertedPrompt | Refusal = decode(pipe.recv_bytes())
    except PromptRefused as refused:
        outcome = refused.reason
    pipe.send(outcome)


def _limit() -> None:
    used_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most_bytes = used_bytes + _MEMORY_MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_MAX_S, _CPU_MAX_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(19)


def decode(data: bytes) -> ConvertedPrompt:
    """As `convert`, in this process: for a file of our own."""
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
