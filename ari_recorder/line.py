"""What the recorder and a process that it starts say to each other, over one socket between the two.

Every message is of a type that is written down, and each side takes only the other's: who has got hold of a
process that strangers talk to can ask the recorder for these, and for nothing else.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

BEAT_S = 1.0
"""How often each side says that it is there."""
UNREAD_MAX_BYTES = 16 * 1024**2
"""What may wait for the other side to read it; who leaves more is as good as gone."""
MESSAGE_MAX_BYTES = 64 * 1024**2


class Message(msgspec.Struct, tag=True):
    """Every message is one, told apart by the name of its class."""


class Beat(Message):
    """This side is there."""


class Unable(Message):
    """The process cannot do what it is for, and ends."""

    why: str


M = TypeVar("M")


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
        except (EOFError, ConnectionResetError) as error:
            raise OSError("it has ended") from error

    async def beat(self) -> None:
        """Say for ever that this side is there."""
        while True:
            self.send(Beat())
            await asyncio.sleep(BEAT_S)

    def close(self) -> None:
        """Close this end, once the other has read what was said, if it reads at all."""
        self._writer.close()
