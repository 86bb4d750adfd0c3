"""Opus, FLAC and WAV writers: each takes blocks of 16-bit audio of shape (samples, 2).

Why Opus is written as two uncoupled streams
--------------------------------------------
An ordinary stereo Opus stream codes two channels together and, at telephone bit rates, lets one
party be heard on the other's side. Measured with libopus by FFmpeg 8, application voip, VBR. Tone:
440 Hz left and 660 Hz right, the strange tone under the own one. Silence: speech-like sound in
turns with talk-over, the worst 20 ms of the silent side under the speaking side. Speech: Asterisk's
English prompts in turns, mean PESQ (narrowband, of 4.5) and what the file took.

=========  =======  =====  ========  ==========  =====================
stream     asked    rate   tone      silence     speech
=========  =======  =====  ========  ==========  =====================
coupled    24k      8 kHz  −31 dB    −30 dB      3.66 at 20.9 kbit/s
coupled    24k      16     −25 dB    +1 dB
coupled    32k      8 kHz  −37 dB    −30 dB      3.76 at 26.9 kbit/s
coupled    32k      16     −63 dB    −14 dB
uncoupled  24k      8 kHz  −75 dB    −50 dB      4.27 at 15.9 kbit/s
uncoupled  24k      16     −62 dB    −50 dB
uncoupled  32k      8 kHz  −83 dB    −50 dB      4.41 at 19.9 kbit/s
uncoupled  32k      16     −65 dB    −50 dB
this one   32k      8 kHz  −81 dB    −50 dB      4.39 at 19.5 kbit/s
this one   32k      16     −70 dB    −52 dB
=========  =======  =====  ========  ==========  =====================

So each channel gets a mono stream of its own, which sounds better and is smaller too. "This one"
has complexity 5 instead of 10, which costs 0.02 PESQ and saves about a third of the time. libopus
makes such a stream when asked for mapping family 255, whose channels have no meaning (RFC 7845,
5.1.1.3); the very same packets are valid in family 1 with two streams, none coupled, where they
are left and right (5.1.1.2), so the header says 1. Played and sought in Chromium 156 and Firefox
153, the sides 70 dB apart and more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

import av
import av.container
import soundfile

from ari_recorder.errors import VaultError
from ari_recorder.media.blocks import audio_frame
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.sources import Samples

OPUS_BITS_PER_S = 32_000
"""Asked for both channels together; as people take turns, VBR makes it about 20 kbit/s of dense talk."""

_OPUS_OPTIONS = {"application": "voip", "mapping_family": "255", "compression_level": "5"}

_FAMILY_AT = 18  # byte of the OpusHead packet (RFC 7845, 5.1)
_LARGEST_WAV_BYTES = 0xFFFFFFFF - 4096


class Encoder(Protocol):
    """Writes blocks into an open file; ``close`` writes what is held back, not the file's end."""

    def write(self, block: Samples) -> None:
        """Append an array of shape (samples, 2)."""

    def close(self) -> None:
        """Finish the audio file; the file object stays open."""


def open_encoder(audio_format: AudioFormat, file: BinaryIO, rate_hz: int, samples: int) -> Encoder:
    """Begin a file of ``samples`` for each channel, in an empty file open for reading and writing."""
    if audio_format == "opus":
        return OpusEncoder(file, rate_hz)
    container = "FLAC" if audio_format == "flac" else wav_container(samples)
    return SoundFileEncoder(file, rate_hz, container)


def wav_container(samples: int) -> str:
    """WAV while its 32-bit lengths suffice, else RF64 (EBU Tech 3306), which browsers do not play."""
    return "WAV" if samples * 4 <= _LARGEST_WAV_BYTES else "RF64"


class OpusEncoder:
    """Opus in Ogg, one mono stream for each channel (RFC 7845)."""

    def __init__(self, file: BinaryIO, rate_hz: int) -> None:
        # bitexact: a fixed stream serial, so the same audio gives the same bytes at every try
        self._container = av.open(file, "w", format="ogg", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream("libopus", rate=rate_hz, layout="stereo")
        self._stream.bit_rate = OPUS_BITS_PER_S
        self._stream.options = dict(_OPUS_OPTIONS)
        self._rate_hz = rate_hz
        self._samples = 0
        self._name_the_channels()

    def _name_the_channels(self) -> None:
        context = self._stream.codec_context
        context.open(strict=False)
        head = context.extradata or b""
        if head[_FAMILY_AT:] != bytes((255, 2, 0, 0, 1)):  # family, streams, coupled, left, right
            raise VaultError(f"libopus gave the header {head.hex()}, not two streams of one channel each")
        context.extradata = head[:_FAMILY_AT] + b"\x01" + head[_FAMILY_AT + 1 :]

    def write(self, block: Samples) -> None:
        """Append an array of shape (samples, 2)."""
        frame = audio_frame(block, self._rate_hz, self._samples)
        self._samples += len(block)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write the last packets, and in the last page the exact length."""
        try:
            self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


class SoundFileEncoder:
    """FLAC or WAV of 16 bits, by libsndfile."""

    def __init__(self, file: BinaryIO, rate_hz: int, container: str) -> None:
        # by descriptor: an error in a Python file object's write would be swallowed
        self._sound = soundfile.SoundFile(
            file.fileno(), "w", rate_hz, 2, "PCM_16", format=container, closefd=False
        )

    def write(self, block: Samples) -> None:
        """Append an array of shape (samples, 2)."""
        self._sound.write(block)

    def close(self) -> None:
        """Write the lengths into the header."""
        self._sound.close()


def length_s(audio_format: AudioFormat, path: Path) -> float:
    """Seconds of audio a finished file holds, by its own account."""
    return _LENGTHS[audio_format](path)


def _opus_length_s(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        if stream.duration is None or stream.time_base is None:
            return 0.0
        return float(stream.duration * stream.time_base)


def _sound_length_s(path: Path) -> float:
    return float(soundfile.info(str(path)).duration)


_LENGTHS: dict[AudioFormat, Callable[[Path], float]] = {
    "opus": _opus_length_s,
    "flac": _sound_length_s,
    "wav": _sound_length_s,
}
