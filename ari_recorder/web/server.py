"""Binding the application to its address, and refusing to where that would be careless."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from aiohttp import web

from ari_recorder.errors import SettingsError
from ari_recorder.store.accounts import logins_with_default_password
from ari_recorder.store.database import Store
from ari_recorder.web.context import WebContext
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.routes import create_app

SHUTDOWN_S = 5.0
NAMED_MAX = 5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Server:
    """The running pages and API."""

    runner: web.AppRunner
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
    settings = context.settings
    await check_exposure(settings.host, context.store)
    runner = web.AppRunner(create_app(context), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"web.host {settings.host}, web.port {settings.port}: cannot be bound: {error.strerror}."
            " Stop what uses the port, or set web.port to another (0 takes any free one)."
        ) from error
    server = Server(runner, settings.host, runner.addresses[0][1])
    _log.info("pages and API are being served", url=server.url)
    return server
