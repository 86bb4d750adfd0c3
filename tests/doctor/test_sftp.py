"""Whether the SFTP service is at its address: what doctor and readyz say, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ari_recorder.config import Sftp
from ari_recorder.delivery.greeting import OURS, why_not_served
from ari_recorder.doctor.report import Verdict
from ari_recorder.doctor.sftp import look_at_sftp


@asynccontextmanager
async def greeted(line: bytes) -> AsyncIterator[Sftp]:
    """Settings whose address somebody is at who says that."""

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield Sftp(host="127.0.0.1", port=server.sockets[0].getsockname()[1])


async def verdict(settings: Sftp) -> tuple[Verdict, str]:
    (check,) = await look_at_sftp(settings)
    return check.verdict, check.found


@pytest.mark.parametrize("line", [OURS + b"\r\n", b""])
async def test_the_service_is_known_by_what_it_says_and_may_send_us_away(line: bytes) -> None:
    async with greeted(line) as settings:
        assert await why_not_served(settings) == ""
        assert (await verdict(settings))[0] is Verdict.GOOD


@pytest.mark.parametrize("line", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"?", b"x" * 100_000])
async def test_another_program_in_its_place(line: bytes) -> None:
    async with greeted(line) as settings:
        where = f"127.0.0.1 port {settings.port}"
        assert f"another program is at {where}" in await why_not_served(settings)
        assert await verdict(settings) == (Verdict.BAD, f"another program is at {where}")


async def test_nobody_is_there() -> None:
    async with greeted(b"") as settings:
        pass
    assert f"the SFTP service is not at 127.0.0.1 port {settings.port}" in await why_not_served(settings)
    assert await verdict(settings) == (Verdict.GOOD, f"127.0.0.1 port {settings.port} can be bound")


async def test_an_address_that_is_not_this_machines() -> None:
    found, said = await verdict(Sftp(host="192.0.2.1", port=2022))
    assert found is Verdict.BAD
    assert "192.0.2.1 port 2022 cannot be bound: Cannot assign requested address" in said


async def test_where_there_is_to_be_none_nothing_is_said() -> None:
    assert await look_at_sftp(Sftp()) == []


async def test_another_program_that_waits_to_be_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as waits:
        settings = Sftp(host="127.0.0.1", port=waits.getsockname()[1])
        assert "another program" in await why_not_served(settings)
