"""What the recorder and the process of the pages say to each other, over one socket between the two.

The recorder tells of the calls that go on and answers; the process gives commands and asks. Every message is
of a type that is written here, and each side takes only the other's: who has got hold of the process that
strangers talk to can ask the recorder for this, and for nothing else.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from ari_recorder import live
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Event, Reason
from ari_recorder.store.rows import LegRow
from ari_recorder.web.context import Part

BEAT_S = 1.0
"""How often each side says that it is there."""
UNREAD_MAX_BYTES = 16 * 1024**2
"""What may wait for the other side to read it; who leaves more is as good as gone."""
MESSAGE_MAX_BYTES = 64 * 1024**2


class _Message(msgspec.Struct, tag=True):
    pass


class Beat(_Message):
    """This side is there."""


class Unable(_Message):
    """The process cannot serve the pages, and ends."""

    why: str


class Command(_Message):
    """A command for a leg; answered."""

    number: int
    leg: UUID
    command: Event


class Annotated(_Message):
    """A leg's note, mark or tags have been changed in the store."""

    leg: UUID
    annotations: dict[str, str]


class AskPart(_Message):
    """Whether a part of the recorder works; answered."""

    number: int
    name: str


class AskCounters(_Message):
    """The recorder's counters; answered."""

    number: int


class Begun(_Message):
    """A leg goes on, as it was last told."""

    leg: LegRow


class Over(_Message):
    """A leg is over."""

    leg: UUID


class Changed(_Message):
    """A leg as it has become."""

    leg: LegRow


class Refused(_Message):
    """A command that changed nothing."""

    leg: LegRow
    command: Event
    source: Source
    reason: Reason
    at: datetime


class Answered(_Message):
    """What became of a command; None where the recorder is stopping."""

    number: int
    leg: LegRow | None
    reason: Reason | None = None
    problem: str = ""


class NoSuchLeg(_Message):
    """The leg of a command is over."""

    number: int


class TellPart(_Message):
    """Whether the part works."""

    number: int
    part: Part


class TellCounters(_Message):
    """The counters, as Prometheus reads them."""

    number: int
    text: bytes


FromPages = Beat | Unable | Command | Annotated | AskPart | AskCounters
FromRecorder = Beat | Begun | Over | Changed | Refused | Answered | NoSuchLeg | TellPart | TellCounters
M = TypeVar("M")


def told(message: live.Told) -> FromRecorder:
    """What a `live.Live` tells, as a message."""
    match message:
        case live.Begun(row):
            return Begun(row)
        case live.Over(leg):
            return Over(leg)
        case live.Changed(row):
            return Changed(row)
        case live.Refused(row, command, source, reason, at):
            return Refused(row, command, source, reason, at)


class Line(Generic[M]):
    """One end; ``takes`` are the messages that come from the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, takes: Any) -> None:
        self._reader, self._writer = reader, writer
        self._decode: Callable[[bytes], M] = msgspec.msgpack.Decoder(takes).decode
        self._encoder = msgspec.msgpack.Encoder()

    @classmethod
    async def over(cls, end: socket.socket, takes: Any) -> Line[M]:
        """The line over that end of a pair of sockets."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, takes)

    def send(self, message: msgspec.Struct) -> None:
        """Never waits; a line whose other side does not read is closed."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNREAD_MAX_BYTES:
            transport.abort()
            return
        text = self._encoder.encode(message)
        self._writer.write(struct.pack("!I", len(text)) + text)

    async def receive(self, within_s: float) -> M:
        """The next message. Raises `OSError` when the other side is gone, or makes no sense."""
        try:
            async with asyncio.timeout(within_s):
                (length,) = struct.unpack("!I", await self._reader.readexactly(4))
                if length > MESSAGE_MAX_BYTES:
                    raise OSError(f"a message of {length} bytes")
                return self._decode(await self._reader.readexactly(length))
        except msgspec.DecodeError as error:
            raise OSError(f"a message that is none: {error}") from error
        except TimeoutError as error:
            raise OSError(f"nothing was heard of it for {within_s:g} s") from error
        except EOFError as error:
            raise OSError("it has ended") from error

    async def beat(self) -> None:
        """Say for ever that this side is there."""
        while True:
            self.send(Beat())
            await asyncio.sleep(BEAT_S)

    def close(self) -> None:
        """Close this end, once the other has read what was said, if it reads at all."""
        self._writer.close()
