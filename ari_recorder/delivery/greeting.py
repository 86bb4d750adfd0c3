"""Who greets at the address of the SFTP service: it, somebody else, or nobody."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ari_recorder.config import Sftp

VERSION = "ari_recorder"
"""What the service says that it is, as SSH has it begin (RFC 4253, 4.2)."""
OURS = f"SSH-2.0-{VERSION}".encode()
WITHIN_S = 1.0
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


async def greeting(settings: Sftp) -> bytes | None:
    """The first line that is said there, without its end; None if nobody takes the connection."""
    host = _ON_THIS_MACHINE.get(settings.host, settings.host)
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(host, settings.port)
    except OSError:  # a timeout, too
        return None
    try:
        with suppress(OSError, ValueError):  # a line without an end
            async with asyncio.timeout(WITHIN_S):
                return (await reader.readline()).rstrip()
        return b""
    finally:
        writer.transport.abort()


async def why_not_served(settings: Sftp) -> str:
    """Empty if the service greets at its address; otherwise what is there instead."""
    found, where = await greeting(settings), f"{settings.host} port {settings.port}"
    if found == OURS:
        return ""
    if found is None:
        return f"the SFTP service is not at {where}: the log says why"
    return f"another program is at {where}: end it, or change sftp.port"
