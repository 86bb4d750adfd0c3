"""Binding the application to its address, and refusing to where that would be careless.

Who binds and who serves may be two processes: the sockets are handed over (`apart.py`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import web

from ari_recorder import descriptors
from ari_recorder.config import Web
from ari_recorder.errors import SettingsError
from ari_recorder.store.accounts import logins_with_default_password
from ari_recorder.store.database import Store
from ari_recorder.web.client import is_exposed
from ari_recorder.web.context import WebContext
from ari_recorder.web.entrance import Entrance
from ari_recorder.web.health import HEALTH, create_health_app
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.malformed import RequestHandler
from ari_recorder.web.tls import Certificate, certificate_of

SHUTDOWN_S = 5.0
NAMED_MAX = 5
HEALTH_CONNECTIONS = 32
"""On the port for health."""
ACCEPTED_AT_ONCE = 32
"""In a turn of the loop: three times as many are accepted and not counted yet (`descriptors.RESERVE`).

A request is read some turns after its connection was made; more newcomers until then would put it out.
"""
WAITING_MAX = 1024
"""Connections that the kernel keeps until then; it makes one more wait for a second before it tries again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Address:
    """An address that is bound: connections can be made, and wait for who serves them."""

    host: str
    port: int
    """The port that was bound, also when 0 was asked for."""
    sockets: tuple[socket.socket, ...]
    tls: bool = False

    @property
    def url(self) -> str:
        """Address of the first page."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host  # noqa: S104
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def close(self) -> None:
        """Let it go."""
        for bound in self.sockets:
            bound.close()


@dataclass(frozen=True)
class Bound:
    """The address of the pages and the API, and that of health, if it has one of its own."""

    pages: Address
    health: Address | None

    def close(self) -> None:
        """Let both go."""
        for address in filter(None, (self.pages, self.health)):
            address.close()


@dataclass(frozen=True)
class Listening:
    """An application that is being served."""

    runner: web.AppRunner
    listening: tuple[asyncio.Server, ...]
    address: Address

    @property
    def url(self) -> str:
        """Address of the first page."""
        return self.address.url

    @property
    def port(self) -> int:
        """The port."""
        return self.address.port

    async def close(self) -> None:
        """Stop accepting, let running answers end for a moment, close."""
        for server in self.listening:
            server.close()
        await self.runner.cleanup()


@dataclass(frozen=True)
class Server:
    """The running pages and API, and health on a port of its own, if it has one."""

    pages: Listening
    health: Listening | None
    watch: asyncio.Task[None] | None
    """Looks after the certificate."""

    @property
    def url(self) -> str:
        """Address of the first page."""
        return self.pages.url

    @property
    def port(self) -> int:
        """The port of the pages."""
        return self.pages.port

    async def close(self) -> None:
        """Close both."""
        if self.watch is not None:
            self.watch.cancel()
            await asyncio.gather(self.watch, return_exceptions=True)
        await self.pages.close()
        if self.health is not None:
            await self.health.close()


def check_encryption(settings: Web) -> None:
    """Raise `SettingsError` when others reach the pages, and what is said there can be overheard."""
    if (
        is_loopback(settings.host)
        or settings.tls_certificate
        or settings.trusted_proxies
        or settings.unencrypted
    ):
        return
    raise SettingsError(
        f"web.host is {settings.host}, which others can reach, and passwords and recordings would cross the"
        " network unencrypted. Give a certificate (web.tls_certificate, web.tls_key); or put a proxy with TLS"
        " in front and name it (web.trusted_proxies); or set web.host to 127.0.0.1. For a container"
        " whose port is published on its own machine alone there is web.unencrypted. The guide:"
        " docs/guide/on-a-network.md."
    )


async def check_exposure(settings: Web, store: Store) -> None:
    """Raise `SettingsError` when others reach the pages and somebody has a default password."""
    if not is_exposed(settings):
        return
    logins = await store.read(logins_with_default_password)
    if logins:
        named = ", ".join(logins[:NAMED_MAX]) + (" and others" if len(logins) > NAMED_MAX else "")
        how = (
            f"web.host is {settings.host}, which others can reach"
            if not is_loopback(settings.host)
            else "web.trusted_proxies names a proxy, through which others can come"
        )
        raise SettingsError(
            f"{how}, but these logins have a default password: {named}."
            " Give them passwords of their own, or set web.host to 127.0.0.1 and name no proxy."
        )


async def start(context: WebContext) -> Server:
    """Bind and serve, in this process. Raises `SettingsError` as `prepare` does."""
    return await serve(context, await prepare(context.settings, context.store))


async def prepare(settings: Web, store: Store) -> Bound:
    """Bind what is to be served.

    Raises `SettingsError`: address, certificate or key cannot be used, or are careless.
    """
    descriptors.raise_limit()
    tls = certificate_of(settings) is not None
    check_encryption(settings)
    await check_exposure(settings, store)
    pages = await _bind("", settings.host, settings.port, tls=tls)
    if settings.health_port is None:
        return Bound(pages, None)
    try:
        return Bound(pages, await _bind("health_", settings.health_host, settings.health_port))
    except SettingsError:
        pages.close()
        raise


async def serve(context: WebContext, bound: Bound) -> Server:
    """Serve on what was bound, which is let go in the end."""
    settings = bounded(context.settings, descriptors.raise_limit())
    certificate = certificate_of(settings)
    from ari_recorder.web.routes import create_app  # in this process only: who binds does without the pages

    app = create_app(replace(context, settings=settings))
    pages = await _serve(app, settings, bound.pages, settings.connections_max, certificate)
    _log.info("pages and API are being served", url=bound.pages.url)
    health = None
    if bound.health is not None:
        of_health = create_health_app(app[HEALTH], bound.health.host)
        health = await _serve(of_health, settings, bound.health, HEALTH_CONNECTIONS, None)
        _log.info("health and counters are being served", url=bound.health.url)
    watch = asyncio.create_task(certificate.watch(), name="certificate") if certificate else None
    return Server(pages, health, watch)


def bounded(settings: Web, limit: int) -> Web:
    """The settings, with no more connections than ``limit`` open descriptors leave for the web."""
    most = descriptors.for_web(limit)
    if most >= settings.connections_max:
        return settings
    _log.warning(
        "the limit of open files is low, so that fewer can see the pages at once",
        limit=limit,
        connections=most,
        wanted=settings.connections_max,
    )
    return msgspec.structs.replace(settings, connections_max=most)


async def _serve(
    app: web.Application, settings: Web, address: Address, most: int, certificate: Certificate | None
) -> Listening:
    """Its timer of idle connections begins with the connection, and headers in part do not stop it."""
    handling: dict[str, Any] = {
        "access_log": None,
        "logger": logging.getLogger("aiohttp.server"),
        "keepalive_timeout": settings.idle_s,
        "lingering_time": settings.idle_s,  # for the rest of a body that was not wanted
    }
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S, **handling)
    await runner.setup()
    assert runner.server is not None
    entrance = Entrance(
        runner.server,
        partial(RequestHandler, runner.server, loop=asyncio.get_running_loop(), **handling),
        most,
        settings.connections_per_address_max,
        settings.trusted_proxies.hold,
        certificate,
        settings.idle_s,
    )
    return Listening(runner, tuple([await _listen(entrance, one) for one in address.sockets]), address)


async def _bind(prefix: str, host: str, port: int, *, tls: bool = False) -> Address:
    try:
        server = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, host, port, start_serving=False
        )
        sockets = tuple(bound.dup() for bound in server.sockets)
        server.close()
        for bound in sockets:
            bound.listen(WAITING_MAX)
    except OSError as error:
        raise SettingsError(
            f"web.{prefix}host {host}, web.{prefix}port {port}: cannot be bound: {error.strerror}."
            f" Stop what uses the port, or set web.{prefix}port to another (0 takes any free one)."
        ) from error
    return Address(host, sockets[0].getsockname()[1], sockets, tls)


async def _listen(entrance: Entrance, bound: socket.socket) -> asyncio.Server:
    server = await asyncio.get_running_loop().create_server(entrance, sock=bound, backlog=ACCEPTED_AT_ONCE)
    bound.listen(WAITING_MAX)
    return server
