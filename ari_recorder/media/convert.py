"""A finished recording in another format, made block by block while it is sent.

Decoded by libsndfile, which gives of Opus as many samples as went in, at their own rate, and finds any of
them at once. A part of a WAV file is the same bytes as in the whole one when it is made of WAV or FLAC; of
Opus, whose decoder only slowly forgets where it began, it is the same sound. A few seconds are held at most.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, BinaryIO, cast

import av
import soundfile

from ari_recorder.errors import VaultError
from ari_recorder.media.blocks import audio_frame
from ari_recorder.media.encoders import OpusEncoder, wav_container
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.sources import Samples

BLOCK_S = 4
"""Seconds of audio that are made at a time: some hundredths of a second of work."""
FRAME_BYTES = 4
"""Of WAV: two channels of 16 bits."""

_TOTAL_AT = slice(18, 26)  # FLAC's STREAMINFO: rate, channels and bits, and in the last 36 bits the samples

CONVERTER = 1
"""Counts the changes of this module after which the same recording becomes other bytes."""
MADE_BY = ", ".join(
    (
        f"converter {CONVERTER}",
        f"{soundfile.__libsndfile_version__}",
        *(f"{name} {'.'.join(map(str, version))}" for name, version in sorted(av.library_versions.items())),
    )
)[:200]
"""What makes files here: with the same, the same recording becomes the same bytes each time."""

ReadFrom = Callable[[int], Iterator[bytes]]
"""Gives the file's bytes from an offset on, in blocks."""


class Conversion:
    """A recording opened to be converted. ``samples`` and ``rate_hz`` are what it has.

    ``size_bytes`` is that of what it becomes, None if that is not known before: only WAV's is.
    Raises `VaultError` if the file cannot be read or is no audio. Not for two threads at a time.
    """

    def __init__(self, read_from: ReadFrom, size_bytes: int, audio_format: AudioFormat) -> None:
        self._file = _File(read_from, size_bytes)
        self._format = audio_format
        try:
            self._sound = soundfile.SoundFile(self._file, "r")
        except (soundfile.LibsndfileError, TypeError) as error:
            self._fail(error)
        self.samples, self.rate_hz = self._sound.frames, self._sound.samplerate
        self._header = wav_header(self.samples, self.rate_hz)
        if self._sound.channels != 2:
            raise VaultError(f"The audio has {self._sound.channels} channels, not 2.")

    @property
    def size_bytes(self) -> int | None:
        """How long it becomes."""
        return len(self._header) + self.samples * FRAME_BYTES if self._format == "wav" else None

    def blocks(self) -> Iterator[bytes]:
        """All of it. Raises `VaultError` when not all of the original can be read."""
        if self._format == "wav":
            return self.part(0, len(self._header) + self.samples * FRAME_BYTES)
        made = _flac if self._format == "flac" else _opus
        return made(self._samples(0), self.rate_hz, self.samples)

    def part(self, offset: int, length: int) -> Iterator[bytes]:
        """So many bytes of the WAV file from ``offset`` on, which are in it. Raises as `blocks`."""
        head = self._header[offset : offset + length]
        if head:
            yield head
        length -= len(head)
        first, odd = divmod(max(0, offset - len(self._header)), FRAME_BYTES)
        if not length:
            return
        for block in self._samples(first):
            content = block.astype("<i2", copy=False).tobytes()[odd : odd + length]
            odd, length = 0, length - len(content)
            yield content
            if not length:
                return

    def close(self) -> None:
        """Let go of the file."""
        self._sound.close()
        self._file.close()

    def _samples(self, first: int) -> Iterator[Samples]:
        left = self.samples - first
        try:
            self._sound.seek(first)
            while left:
                block = self._sound.read(min(left, BLOCK_S * self.rate_hz), dtype="int16", always_2d=True)
                if self._file.error or not len(block):
                    self._fail(None)
                left -= len(block)
                yield block
        except soundfile.LibsndfileError as error:
            self._fail(error)

    def _fail(self, error: Exception | None) -> None:
        """What libsndfile was not told, as it cannot be: why there was nothing to read."""
        if self._file.error:
            raise self._file.error
        raise VaultError("The audio is damaged: it cannot be decoded.") from error


def wav_header(samples: int, rate_hz: int) -> bytes:
    """What a WAV file of two channels begins with; RF64 (EBU Tech 3306) where its lengths do not suffice."""
    size_bytes = samples * FRAME_BYTES
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate_hz, rate_hz * FRAME_BYTES, FRAME_BYTES, 16)
    if wav_container(samples) == "WAV":
        return (
            struct.pack("<4sI4s", b"RIFF", 36 + size_bytes, b"WAVE")
            + fmt
            + struct.pack("<4sI", b"data", size_bytes)
        )
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 72 + size_bytes, size_bytes, samples, 0)
    none = 0xFFFFFFFF
    return struct.pack("<4sI4s", b"RF64", none, b"WAVE") + ds64 + fmt + struct.pack("<4sI", b"data", none)


def _opus(blocks: Iterator[Samples], rate_hz: int, samples: int) -> Iterator[bytes]:
    sink = _Sink()
    encoder = OpusEncoder(cast(BinaryIO, sink), rate_hz)
    with closing(encoder):
        for block in blocks:
            encoder.write(block)
            yield from sink.take()
    yield from sink.take()


def _flac(blocks: Iterator[Samples], rate_hz: int, samples: int) -> Iterator[bytes]:
    """The header gets its length, which FFmpeg would only write at the end, where it is sent already."""
    sink, pts = _Sink(), 0
    with av.open(cast(Any, sink), "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=rate_hz, layout="stereo")
        container.start_encoding()
        header = bytearray(b"".join(sink.take()))
        described = int.from_bytes(header[_TOTAL_AT]) | samples
        header[_TOTAL_AT] = described.to_bytes(8)
        yield bytes(header)
        for block in blocks:
            container.mux(stream.encode(audio_frame(block, rate_hz, pts)))
            pts += len(block)
            yield from sink.take()
        container.mux(stream.encode(None))
    yield from sink.take()


class _Sink:
    """Takes what an encoder writes; it cannot go back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._held.append(bytes(content))
        return len(content)

    def take(self) -> Iterator[bytes]:
        """What was written since."""
        held, self._held = b"".join(self._held), []
        if held:
            yield held


class _File:
    """A file that is read in blocks from anywhere, as libsndfile wants one.

    What its functions raise does not come through libsndfile: ``error`` is what went wrong.
    """

    def __init__(self, read_from: ReadFrom, size_bytes: int) -> None:
        self._read_from = read_from
        self._size_bytes = size_bytes
        self._at = 0
        self._block, self._block_at = b"", 0
        self._rest: Iterator[bytes] = iter(())
        self.error: VaultError | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = (0, self._at, self._size_bytes)[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: Any) -> int:
        """Fill it, but for the end of the file."""
        view = memoryview(target).cast("B")
        done = 0
        try:
            while done < len(view) and self._at < self._size_bytes:
                content = self._here()[: len(view) - done]
                view[done : done + len(content)] = content
                done += len(content)
                self._at += len(content)
        except Exception as error:
            wrapped = error if isinstance(error, VaultError) else VaultError(str(error))
            self.error = self.error or wrapped
        return done

    def read(self, size: int = -1) -> bytes:
        content = bytearray(self._size_bytes - self._at if size < 0 else size)
        return bytes(content[: self.readinto(content)])

    def close(self) -> None:
        if hasattr(self._rest, "close"):
            self._rest.close()

    def _here(self) -> bytes:
        """What there is at the present place, at least a byte."""
        after = self._block_at + len(self._block)
        if not self._block_at <= self._at < after:
            if self._at != after or not self._block:
                self.close()
                self._rest = self._read_from(self._at)
            self._block, self._block_at = next(self._rest, b""), self._at
        if not self._block:
            raise VaultError(f"The file ends after {self._at} of {self._size_bytes} bytes.")
        return self._block[self._at - self._block_at :]
