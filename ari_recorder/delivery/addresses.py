"""Connections to what customers have named: never to the inside of our network, unless it is allowed.

A name is looked up once for each connection, and what is looked at is the address that is then connected to:
a name that leads elsewhere the next time it is asked for (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ari_recorder.errors import InsideAddress
from ari_recorder.policies.addresses import may_be_reached
from ari_recorder.policies.proxies import Networks

LOOKED_UP_WITHIN_S = 5.0


def in_words(error: OSError) -> str:
    """Why there is no connection, in the system's words: asyncio's are *Connect call failed*."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


class Guard:
    """Lets connections through to addresses outside, and to those in ``allowed``."""

    def __init__(self, allowed: Networks | None = None) -> None:
        self.allowed = Networks() if allowed is None else allowed

    def check(self, address: str) -> None:
        """Raise `InsideAddress` unless that address may be connected to."""
        if not may_be_reached(address, self.allowed):
            raise InsideAddress(address)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a name, or the address that it is, that may be connected to, the best first.

        Connect to one of these, and not to the name again. Raises `InsideAddress` if none may, `OSError` if
        it has none, or is not found within `LOOKED_UP_WITHIN_S`.
        """
        found = await self._looked_up(host, port, socket.AF_UNSPEC)
        return [address for *_, (address, *_) in found]

    def connector(self, **more: Any) -> aiohttp.TCPConnector:
        """Of `aiohttp`, for one session; what it is given besides is aiohttp's."""
        return aiohttp.TCPConnector(
            resolver=_Resolver(self),
            use_dns_cache=False,
            socket_factory=self._socket,
            **more,
        )

    async def _looked_up(self, host: str, port: int, family: socket.AddressFamily) -> list[Any]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(LOOKED_UP_WITHIN_S):
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        allowed = [one for one in found if may_be_reached(str(one[4][0]), self.allowed)]
        if found and not allowed:
            raise InsideAddress(str(found[0][4][0]))
        return allowed

    def _socket(self, info: Any) -> socket.socket:
        """The socket for what is about to be connected to, whoever looked it up: the last word."""
        family, kind, proto, _, address = info
        self.check(str(address[0]))
        return socket.socket(family, kind, proto)


class _Resolver(AbstractResolver):
    """Names, for aiohttp; an address that stands in place of a name does not come here."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """What may be connected to. Raises `InsideAddress`, `OSError`."""
        found = await self._guard._looked_up(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""
