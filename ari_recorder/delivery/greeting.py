"""Who greets at the address of the SFTP service: it, somebody else, or nobody."""

from __future__ import annotations

import asyncio

from ari_recorder.config import Sftp

VERSION = "ari_recorder"
"""What the service says that it is, as SSH has it begin (RFC 4253, 4.2)."""
OURS = f"SSH-2.0-{VERSION}".encode()
SENT_AWAY = b""
"""Closed without a word, as the service does where too many of an address come, or have failed."""
SILENT = b"(silence)"
WITHIN_S = 1.0
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


async def greeting(settings: Sftp) -> bytes | None:
    """The first line that is said there, `SENT_AWAY` or `SILENT`; None if nobody takes the connection."""
    host = _ON_THIS_MACHINE.get(settings.host, settings.host)
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(host, settings.port)
    except (OSError, UnicodeError):  # a timeout, too; a name that can be none
        return None
    try:
        async with asyncio.timeout(WITHIN_S):
            return (await reader.readline()).rstrip()
    except ConnectionError:
        return SENT_AWAY
    except (TimeoutError, ValueError):  # a line without an end
        return SILENT
    finally:
        writer.transport.abort()


async def why_not_served(settings: Sftp) -> str:
    """Empty if the service greets at its address; otherwise what is there instead."""
    found, where = await greeting(settings), f"{settings.host} port {settings.port}"
    if found in (OURS, SENT_AWAY):
        return ""
    if found is None:
        return f"the SFTP service is not at {where}: the log says why"
    return f"another program is at {where}: end it, or change sftp.port"
