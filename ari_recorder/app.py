"""The one place where the parts are put together."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from ari_recorder.ari import Ari, EventSocket
from ari_recorder.config import Pbx, Settings
from ari_recorder.errors import ARIRecorderError, VaultError
from ari_recorder.handlers.books import Books
from ari_recorder.handlers.claim import Claim
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import Directory
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.handlers.prompts import Prompts
from ari_recorder.handlers.session import Session
from ari_recorder.handlers.spool import Spool
from ari_recorder.live import Live
from ari_recorder.store import finishing
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from ari_recorder.store.vault import LocalVault
from ari_recorder.web import Part, Probe, WebContext
from ari_recorder.web import start as start_web

_log = structlog.get_logger(__name__)


JOURNAL = "ari_recorder-journal"
"""Folder in Asterisk's recording folder: what the catalogue does not take at the moment."""

SWITCH_INTERVAL_S = 0.0005
"""How long the store's threads may keep the event loop from running; Python's default is ten times that."""


def utc_now() -> datetime:
    """The clock that everything is given."""
    return datetime.now(UTC)


class Recorder:
    """The whole program: one session for each Asterisk, the finisher, and the pages.

    ``async with Recorder(settings)`` starts it; calls go on, and go on being recorded, when it stops. Raises
    `StoreError`, `VaultError` or `SettingsError` where trying again would not help; an Asterisk that cannot
    be reached is tried for ever.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.live = Live()
        self.url = ""
        """Address of My Pages, once started."""

    async def __aenter__(self) -> Recorder:
        settings = self.settings
        self.store = await asyncio.to_thread(Store, settings.store.url)
        self.vault = LocalVault(settings.vault.path)
        self._aris = {name: self._ari(name, pbx) for name, pbx in settings.pbx.items()}
        self._finisher = Finisher(
            store=self.store,
            vault=self.vault,
            spools={name: pbx.spool for name, pbx in settings.pbx.items()},
            aris=self._aris,
            work=settings.media.work,
            audio_format=settings.media.format,
            workers=settings.media.workers,
            now=utc_now,
        )
        self.sessions = {name: self._session(name, pbx) for name, pbx in settings.pbx.items()}
        self._web = await start_web(
            WebContext(self.store, self.vault, settings.web, settings.web.key_file, self._probes(), self.live)
        )
        self.url = self._web.url
        self.tasks = [asyncio.create_task(self._finisher.run(), name="finisher")]
        self.tasks += [
            asyncio.create_task(session.run(), name=f"session {name}")
            for name, session in self.sessions.items()
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._web.close()
        for ari in self._aris.values():
            await ari.close()
        await asyncio.to_thread(self.store.close)

    def _probes(self) -> Mapping[str, Probe]:
        """How to ask each part whether it works: ``store``, ``vault``, ``pbx.NAME`` and ``spool.NAME``."""
        probes: dict[str, Probe] = {
            "store": self._store_part,
            "vault": partial(asyncio.to_thread, self._vault_part),
        }
        for name, session in self.sessions.items():
            probes[f"pbx.{name}"] = partial(_pbx_part, session)
            probes[f"spool.{name}"] = partial(asyncio.to_thread, _spool_part, self.settings.pbx[name].spool)
        return probes

    async def _store_part(self) -> Part:
        try:
            waiting = await self.store.read(finishing.waiting)
        except Exception as error:
            return Part(False, str(error))
        return Part(True, f"{waiting} recordings wait to be finished")

    def _vault_part(self) -> Part:
        try:
            self.vault.probe()
        except VaultError as error:
            return Part(False, str(error))
        return Part(True)

    def _ari(self, name: str, pbx: Pbx) -> Ari:
        return Ari(
            url=pbx.url,
            username=pbx.username,
            password=pbx.password,
            app=self.settings.app,
            timeout_s=pbx.timeout_s,
            connections=pbx.connections,
            pbx=name,
        )

    def _session(self, name: str, pbx: Pbx) -> Session:
        spool, ari = Spool(pbx.spool), self._aris[name]
        claim = Claim(ari)
        socket = EventSocket(
            url=pbx.url,
            username=pbx.username,
            password=pbx.password,
            app=self.settings.app,
            pbx=name,
            permit=claim.take,
        )
        context = Context(
            pbx=name,
            ari=ari,
            store=self.store,
            books=Books(self.store, Journal(pbx.spool / JOURNAL), utc_now, self._finisher.wake),
            spool=spool,
            prompts=Prompts(self.store, spool, utc_now),
            directory=Directory(name, ari, self.store, utc_now),
            segment_max_s=self.settings.media.segment_max_s,
            now=utc_now,
            live=self.live,
        )
        return Session(context, socket, claim)


async def _pbx_part(session: Session) -> Part:
    return Part(session.ready, session.reason)


def _spool_part(spool: Path) -> Part:
    there = spool.is_dir()
    return Part(there, "" if there else f"the recording folder {spool} is not there")


async def run(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises what `Recorder` raises, and what a part fails with."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Recorder(settings) as recorder:
        _log.info("recording", pages=recorder.url, pbx=sorted(settings.pbx))
        waiting = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait({waiting, *recorder.tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done - {waiting}:
            task.result()
            raise ARIRecorderError(f"{task.get_name()} ended by itself: this is a fault in ari_recorder.")
