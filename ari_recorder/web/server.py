"""Binding the application to its address, and refusing to where that would be careless."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

import msgspec
import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError

from ari_recorder import descriptors
from ari_recorder.config import Web
from ari_recorder.errors import SettingsError
from ari_recorder.store.accounts import logins_with_default_password
from ari_recorder.store.database import Store
from ari_recorder.web.context import WebContext
from ari_recorder.web.entrance import Entrance
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.routes import create_app

SHUTDOWN_S = 5.0
NAMED_MAX = 5
ACCEPTED_AT_ONCE = 32
"""In a turn of the loop: three times as many are accepted and not counted yet (`descriptors.RESERVE`).

A request is read some turns after its connection was made; more newcomers until then would put it out.
"""
WAITING_MAX = 1024
"""Connections that the kernel keeps until then; it makes one more wait for a second before it tries again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Server:
    """The running pages and API."""

    runner: web.AppRunner
    listening: asyncio.Server
    host: str
    port: int
    """The port that was bound, also when 0 was asked for."""

    @property
    def url(self) -> str:
        """Address of the first page."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    async def close(self) -> None:
        """Stop accepting, let running answers end for a moment, close."""
        self.listening.close()
        await self.runner.cleanup()


async def check_exposure(host: str, store: Store) -> None:
    """Raise `SettingsError` when others reach ``host`` and somebody has a default password."""
    if is_loopback(host):
        return
    logins = await store.read(logins_with_default_password)
    if logins:
        named = ", ".join(logins[:NAMED_MAX]) + (" and others" if len(logins) > NAMED_MAX else "")
        raise SettingsError(
            f"web.host is {host}, which others can reach, but these logins have a default password: {named}."
            " Give them passwords of their own, or set web.host to 127.0.0.1."
        )


async def start(context: WebContext) -> Server:
    """Bind and serve. Raises `SettingsError`: the address is taken or careless, or the key is no key."""
    settings = bounded(context.settings, descriptors.raise_limit())
    await check_exposure(settings.host, context.store)
    runner = _runner(replace(context, settings=settings))
    await runner.setup()
    try:
        listening = await _listen(runner, settings)
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"web.host {settings.host}, web.port {settings.port}: cannot be bound: {error.strerror}."
            " Stop what uses the port, or set web.port to another (0 takes any free one)."
        ) from error
    server = Server(runner, listening, settings.host, listening.sockets[0].getsockname()[1])
    _log.info("pages and API are being served", url=server.url)
    return server


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


def _runner(context: WebContext) -> web.AppRunner:
    """Its timer of idle connections begins with the connection, and headers in part do not stop it."""
    return web.AppRunner(
        create_app(context),
        access_log=None,
        logger=_http_log(),
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=context.settings.idle_s,
        lingering_time=context.settings.idle_s,  # for the rest of a body that was not wanted
    )


async def _listen(runner: web.AppRunner, settings: Web) -> asyncio.Server:
    assert runner.server is not None
    entrance = Entrance(runner.server, settings.connections_max, settings.connections_per_address_max)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(entrance, settings.host, settings.port, backlog=ACCEPTED_AT_ONCE)
    for bound in server.sockets:
        with bound.dup() as same:
            same.listen(WAITING_MAX)
    return server


def _http_log() -> logging.Logger:
    """aiohttp's log, without what is no HTTP: anybody can send that, and would fill the disk."""
    log = logging.getLogger("aiohttp.server")
    if _is_our_fault not in log.filters:
        log.addFilter(_is_our_fault)
    return log


def _is_our_fault(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
