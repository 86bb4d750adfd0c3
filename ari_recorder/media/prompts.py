"""Any file with sound in it, made into a prompt: mono, 16 bits, 16 kHz, WAV.

The file comes from somebody else, and is opened by FFmpeg (`decoding.py`): in a process of its own with
limits on memory and time, so that a file that makes FFmpeg fail fails alone.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ari_recorder.errors import PromptRefused, Refusal

RATE_HZ = 16_000
FILE_MAX_BYTES = 10 * 1024 * 1024
LENGTH_MAX_S = 30

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
    from ari_recorder.media.decoding import decode  # only this process has FFmpeg

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
