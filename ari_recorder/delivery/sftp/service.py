"""The running service: what it is bound to, who is there, and who has to go."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncssh
import structlog
from asyncssh import SFTPServer

from ari_recorder.config import Sftp
from ari_recorder.delivery.greeting import VERSION
from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.reading import Threads
from ari_recorder.delivery.sftp.entrance import Entrance
from ari_recorder.delivery.sftp.files import View
from ari_recorder.delivery.sftp.host_key import host_key
from ari_recorder.delivery.sftp.limits import Pace, Sessions
from ari_recorder.delivery.sftp.listing import Listing
from ari_recorder.delivery.sftp.visit import Visit
from ari_recorder.errors import SettingsError, StoreError
from ari_recorder.policies.slowdown import Slowdown, origin
from ari_recorder.store.audit import PROVIDER, Actor, ActorKind
from ari_recorder.store.deliveries import accounts
from ari_recorder.store.deliveries.accounts import Account

LOGIN_WITHIN_S = 30
STRANGERS_MAX, STRANGERS_EACH_MAX = 32, 8
"""Connections of who is not let in yet, in total and of one address."""
KEEPALIVE_S = 60
LOOKS_EVERY_S = 2.0
"""How often it is looked who is idle, or may not be here any more."""
UNREAD_ABORTED_BYTES = 16 * 1024 * 1024
"""Who leaves so much unread is cut off."""
WRITTEN_EVERY = timedelta(minutes=1)
"""Of one address; those between are counted."""
ADDRESSES_MAX = 10_000

_log = structlog.get_logger(__name__)


class Service:
    """Who is there, and what there is only so much of."""

    def __init__(self, context: Needed, settings: Sftp) -> None:
        self.context = context
        self.settings = settings
        self.sessions = Sessions(settings.sessions_max, settings.sessions_per_account_max)
        self.pace = Pace(settings.bytes_per_s_max)
        self.threads = Threads()
        self.hashing = asyncio.Lock()
        """A password is checked at a time: it takes tens of milliseconds of the processor that calls need."""
        self.port = 0
        self._slow = Slowdown(free=5, first_s=1, most_s=300)
        self._here: set[Entrance] = set()
        self._visits: dict[Entrance, tuple[Visit, Any]] = {}
        self._listings: dict[UUID, Listing] = {}
        self._written: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    # Who comes and goes

    def has_come(self, entrance: Entrance) -> bool:
        """Whether a connection may try to come in."""
        why = self._why_not(entrance.origin)
        if not why:
            self._here.add(entrance)
        elif (unwritten := self._unwritten(f"sent away {entrance.origin}")) is not None:
            _log.warning(
                "an SFTP connection is sent away", address=entrance.address, why=why, unwritten=unwritten
            )
        return not why

    def _why_not(self, where: str) -> str:
        if self._slow.wait_s(where, self.context.now()):
            return "who has failed to come in has to wait"
        strangers = Counter(one.origin for one in self._here if not one.is_let_in)
        if strangers.total() >= STRANGERS_MAX or strangers[where] >= STRANGERS_EACH_MAX:
            return "too many that have not come in yet are there already"
        return ""

    def _unwritten(self, what: str) -> int | None:
        """How often it was not written since the last time; None if it is too soon to write it again."""
        now = self.context.now()
        last, unwritten = self._written.get(what, (datetime.min.replace(tzinfo=now.tzinfo), 0))
        if now - last < WRITTEN_EVERY:
            self._written[what] = last, unwritten + 1
            return None
        self._written[what] = now, 0
        self._written.move_to_end(what)
        while len(self._written) > ADDRESSES_MAX:
            self._written.popitem(last=False)
        return unwritten

    def has_gone(self, entrance: Entrance) -> None:
        """A connection has ended."""
        self._here.discard(entrance)
        if entrance in self._visits:
            visit, _ = self._visits.pop(entrance)
            self.sessions.give_back(visit.organisation)
            visit.listing.sessions -= 1
            if not visit.listing.sessions:
                self._listings.pop(visit.organisation, None)

    def let_in(
        self, entrance: Entrance, connection: Any, account: Account, key: UUID | None, actor: Actor
    ) -> str:
        """Somebody has shown what they have; why there is no room for them, if so."""
        if why := self.sessions.take(account.organisation):
            return why
        context = self.context
        listing = self._listings.get(account.organisation)
        if listing is None:
            listing = Listing(context.store, account.organisation, context.now)
            self._listings[account.organisation] = listing
        listing.sessions += 1
        coming_in = asyncio.create_task(
            context.store.write(accounts.came_in, account.organisation, key, actor, context.now())
        )
        visit = Visit(
            account.organisation, account.login, key, account.password_hash, actor, context.store,
            context.safe, context.now, listing, self.pace, self.threads, self.settings.handles_max, coming_in,
        )  # fmt: skip
        visit.is_active()
        self._visits[entrance] = visit, connection
        connection.set_extra_info(visit=visit)
        return ""

    def came_in(self, address: str) -> None:
        """Who has come in is no longer slowed down."""
        self._slow.forget(origin(address))

    def failed(self, address: str, login: str) -> None:
        """Somebody was not let in: the next time they wait, and it is written down, not too often."""
        now, where = self.context.now(), origin(address)
        self._slow.failed(where, now)
        if (unwritten := self._unwritten(where)) is None:
            return
        _log.warning("somebody was not let in by SFTP", login=login, address=address, unwritten=unwritten)
        actor = Actor(ActorKind.NOBODY, "", login, PROVIDER, address)
        task = asyncio.create_task(self._write_failure(login, actor, now, unwritten))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write_failure(self, login: str, actor: Actor, now: datetime, unwritten: int) -> None:
        try:
            await self.context.store.write(accounts.refused, login, actor, now, unwritten)
        except StoreError as error:
            _log.error("it cannot be written down who was not let in", error=str(error))

    def view(self, channel: Any) -> SFTPServer:
        """A session of somebody who was let in."""
        return View(channel, channel.get_extra_info("visit"))

    # Who has to go

    async def watch(self) -> None:
        """Look, for ever, who asks for nothing, reads nothing, or may not be here any more."""
        while True:
            await asyncio.sleep(min(LOOKS_EVERY_S, self.settings.idle_s / 4))
            now_s = asyncio.get_running_loop().time()
            for visit, connection in list(self._visits.values()):
                if now_s - visit.active_s > self.settings.idle_s:
                    _log.info("an SFTP session is idle, and ended", login=visit.login)
                    connection.abort()
            try:
                await self._end_refused()
            except StoreError:
                continue  # a catalogue that does not answer takes no rights away, and gives nothing

    async def _end_refused(self) -> None:
        for login in {visit.login for visit, _ in self._visits.values()}:
            account = await self.context.store.read(accounts.account, login)
            for visit, connection in list(self._visits.values()):
                if visit.login == login and not _may_stay(visit, account):
                    _log.info("an SFTP session may not go on, and is ended", login=login)
                    connection.abort()

    async def close(self) -> None:
        """Let everybody go, and what is being written be written."""
        for _, connection in list(self._visits.values()):
            connection.abort()
        await asyncio.gather(*self._writing, return_exceptions=True)


@asynccontextmanager
async def serve(context: Needed, settings: Sftp) -> AsyncIterator[Service]:
    """Serve for as long as it is wanted. Raises `SettingsError` if address or key cannot be used."""
    key = await asyncio.to_thread(host_key, settings.host_key_file)
    service = Service(context, settings)
    try:
        acceptor = await asyncssh.listen(
            settings.host,
            settings.port,
            server_factory=lambda: Entrance(service),
            server_host_keys=[key],
            server_version=VERSION,
            sftp_factory=service.view,
            sftp_version=3,
            allow_scp=False,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            encoding=None,
            line_editor=False,
            compression_algs=["none"],
            login_timeout=LOGIN_WITHIN_S,
            keepalive_interval=KEEPALIVE_S,
            gss_host=None,
        )
    except OSError as error:
        raise SettingsError(
            f"The SFTP service cannot be bound to {settings.host} port {settings.port}"
            f" (sftp.host, sftp.port): {error.strerror or error}."
        ) from error
    service.port = acceptor.get_port()
    _log.info("recordings can be fetched by SFTP", host=settings.host, port=service.port,
              host_key=key.get_fingerprint())  # fmt: skip
    watching = asyncio.create_task(service.watch(), name="sftp watch")
    try:
        yield service
    finally:
        watching.cancel()
        acceptor.close()
        await service.close()
        await asyncio.gather(watching, return_exceptions=True)


def _may_stay(visit: Visit, account: Account | None) -> bool:
    """Whether what they came in by still opens the same account."""
    if account is None or account.organisation != visit.organisation:
        return False
    if visit.key is None:
        return account.password_hash == visit.password_hash
    return any(key == visit.key for key, _ in account.keys)
