"""What is really in a WAV file that Asterisk wrote, whatever its header claims.

Asterisk writes a 44-byte header with lengths of 0 and corrects them when the file is closed
(``formats/format_wav.c``), so after a crash they are 0 or stale: the audio reaches from the data
chunk to the end of the file.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ari_recorder.errors import VaultError

Samples = npt.NDArray[np.int16]

_HEADER_BYTES = 4096
_SAMPLE_BYTES = 2
_RATES_HZ = range(8_000, 192_001)
_TOLD_FROM_S = 0.1
_NO_LENGTH_YET = (0, 0xFFFFFFFF)


@dataclass(frozen=True)
class Source:
    """The audio in one file: ``samples`` signed 16-bit mono samples from byte ``offset_bytes`` on.

    ``fault`` completes the sentence "the counterpart's audio file …" and is empty when nothing is
    wrong. With a fault there may still be samples; without samples there always is a fault.
    """

    path: Path
    rate_hz: int = 0
    offset_bytes: int = 0
    samples: int = 0
    fault: str = ""

    @property
    def duration_s(self) -> float:
        """Seconds of audio in the file."""
        return self.samples / self.rate_hz if self.samples else 0.0

    def part(self, first: int, end: int) -> Source:
        """The samples from ``first`` on and before ``end``, as a source of their own."""
        offset_bytes = self.offset_bytes + first * _SAMPLE_BYTES
        return replace(self, offset_bytes=offset_bytes, samples=max(0, end - first))


def probe(path: Path) -> Source:
    """Look into a file without reading its audio.

    A file that is missing or is no usable WAV is a Source without samples. Raises VaultError if
    it is there and cannot be read: that is no reason to make a recording without it.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a named pipe would wait for a writer
            return Source(path, fault="is not a file")
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
            unwritten_bytes = _unwritten(file.fileno(), status.st_size)
    except FileNotFoundError:
        return Source(path, fault="is missing")
    except OSError as error:
        raise VaultError(f"cannot read {path}: {error.strerror}; check its owner and mode") from error
    source = _inspect(path, head, status.st_size)
    unwritten_s = unwritten_bytes / _SAMPLE_BYTES / (source.rate_hz or 1)
    if source.samples and unwritten_s >= _TOLD_FROM_S:
        source = replace(source, fault=f"has {unwritten_s:.1f} s of nothing in it: was the disk full?")
    return source


def _unwritten(descriptor: int, size_bytes: int) -> int:
    """How many bytes are holes: Asterisk makes some only where the disk did not take what it wrote."""
    at = holes = 0
    while at < size_bytes:
        try:
            hole = os.lseek(descriptor, at, os.SEEK_HOLE)
        except OSError:  # the file system cannot tell
            return holes
        try:
            at = os.lseek(descriptor, hole, os.SEEK_DATA)
        except OSError:  # nothing follows
            at = size_bytes
        holes += max(at - hole, 0)
    return holes


def _inspect(path: Path, head: bytes, size_bytes: int) -> Source:
    if size_bytes == 0:
        return Source(path, fault="is empty")
    if head[:4] != b"RIFF"[: len(head)] or head[8:12] != b"WAVE"[: max(0, len(head) - 8)]:
        return Source(path, fault="is not a WAV file")
    chunks = _chunks(head)
    if "data" not in chunks:
        return Source(path, fault="is cut off inside its header")
    rate_hz, fault = _audio_format(head, chunks.get("fmt ", len(head)))
    if fault:
        return Source(path, fault=fault)
    return _measure(path, rate_hz, head, chunks["data"], size_bytes)


def _chunks(head: bytes) -> dict[str, int]:
    """Chunk name → offset of its content, up to and with the data chunk."""
    found: dict[str, int] = {}
    at = 12
    while at + 8 <= len(head) and "data" not in found:
        name, length_bytes = struct.unpack_from("<4sI", head, at)
        found[name.decode("latin-1")] = at + 8
        at += 8 + length_bytes + length_bytes % 2
    return found


def _audio_format(head: bytes, at: int) -> tuple[int, str]:
    """Sample rate and, if it is not 16-bit mono PCM, what is wrong."""
    if at + 16 > len(head):
        return 0, "does not say how its audio is coded"
    codec, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
    if (codec, channels, bits) != (1, 1, 16) or rate_hz not in _RATES_HZ:
        return 0, f"is not 16-bit mono PCM (codec {codec}, {channels} channels, {bits} bits, {rate_hz} Hz)"
    return rate_hz, ""


def _measure(path: Path, rate_hz: int, head: bytes, offset_bytes: int, size_bytes: int) -> Source:
    samples, odd_bytes = divmod(size_bytes - offset_bytes, _SAMPLE_BYTES)
    (claimed_bytes,) = struct.unpack_from("<I", head, offset_bytes - 4)
    fault = ""
    if samples == 0:
        fault = "holds no audio"
    elif odd_bytes:
        fault = "ends in the middle of a sample, which is left out"
    elif claimed_bytes in _NO_LENGTH_YET:
        fault = "was never closed; its length is taken from its size"
    elif claimed_bytes != size_bytes - offset_bytes:
        fault = "is not as long as its header says; its length is taken from its size"
    return Source(path, rate_hz, offset_bytes, samples, fault)


def read(source: Source, block_samples: int) -> Iterator[Samples]:
    """Yield the audio in arrays of at most ``block_samples``.

    Raises VaultError if the file cannot be read, or has become shorter since it was probed.
    """
    left = source.samples
    try:
        with source.path.open("rb") as file:
            file.seek(source.offset_bytes)
            while left:
                content = file.read(min(left, block_samples) * _SAMPLE_BYTES)
                block = np.frombuffer(content[: len(content) & ~1], dtype="<i2")
                if not block.size:
                    raise VaultError(f"{source.path} became shorter while it was read; try again")
                left -= block.size
                yield block.astype(np.int16, copy=False)
    except OSError as error:
        raise VaultError(f"cannot read {source.path}: {error.strerror}; check the spool's disk") from error
