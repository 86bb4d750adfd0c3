"""The one place where the parts are put together."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from contextlib import suppress

import structlog

from ari_recorder import __version__, readiness
from ari_recorder.ari import Ari, EventSocket
from ari_recorder.blocking import Patience
from ari_recorder.clock import utc_now
from ari_recorder.config import Pbx, Settings
from ari_recorder.delivery.apart import delivery
from ari_recorder.errors import ARIRecorderError, KeyMissing, NoAnswer, VaultAway
from ari_recorder.handlers.books import Books
from ari_recorder.handlers.claim import Claim
from ari_recorder.handlers.context import Context, Heard
from ari_recorder.handlers.directory import Directory
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.handlers.prompts import Prompts
from ari_recorder.handlers.sealer import Sealer
from ari_recorder.handlers.session import Session
from ari_recorder.handlers.spool import Spool
from ari_recorder.handlers.traces import Traces
from ari_recorder.live import Live
from ari_recorder.processes import ENDING, SWITCH_INTERVAL_S
from ari_recorder.safes import safe
from ari_recorder.store import audit_key, search_index
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal
from ari_recorder.web.apart import Pages
from ari_recorder.web.opening import Opening
from ari_recorder.web.server import prepare

_log = structlog.get_logger(__name__)


JOURNAL = "ari_recorder-journal"
"""Folder in Asterisk's recording folder: what the catalogue does not take at the moment."""

SEALED_WITHIN_S = 5.0
"""How long the end waits for what is to be signed; otherwise the next start signs it."""
VAULT_S = 5.0
"""How long the start waits for the vault."""


class Recorder:
    """The whole program: one session for each Asterisk, the finisher, and, apart, the pages and the delivery.

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
        self._traces = Traces(settings.log.traces)
        self.store = await asyncio.to_thread(Store, settings.store.url)
        await self._search()
        key = await asyncio.to_thread(audit_key.made, settings.audit_key)
        self._sealer = Sealer(self.store, key, utc_now)
        self.safe = safe(settings.vault, self.store, utc_now)
        await self._look_at_vault()
        self._aris = {name: self._ari(name, pbx) for name, pbx in settings.pbx.items()}
        spools = {name: pbx.spool for name, pbx in settings.pbx.items()}
        self._finisher = Finisher(
            store=self.store,
            safe=self.safe,
            spools=spools,
            aris=self._aris,
            work=settings.media.work,
            audio_format=settings.media.format,
            workers=settings.media.workers,
            now=utc_now,
            going_on=lambda: [leg for session in self.sessions.values() for leg in session.legs],
            clock=lambda pbx: self.sessions[pbx].clock,
        )
        self.sessions = {name: self._session(name, pbx) for name, pbx in settings.pbx.items()}
        probes = readiness.probes(
            store=self.store,
            safe=self.safe,
            work=settings.media.work,
            spools=spools,
            sessions=self.sessions,
            sftp=settings.sftp,
            now=utc_now,
        )
        opening = Opening(
            settings.web,
            settings.log,
            settings.store.url,
            settings.vault,
            tuple(settings.pbx),
            key.public,
            tuple(probes),
            await prepare(settings.web, self.store),
            settings.webhooks,
            settings.sftp,
        )
        self.url = opening.bound.pages.url
        self.tasks = [
            asyncio.create_task(self._finisher.run(), name="finisher"),
            asyncio.create_task(self._sealer.run(), name="sealer"),
        ]
        self.tasks += [
            asyncio.create_task(session.run(), name=f"session {name}")
            for name, session in self.sessions.items()
        ]
        pages = Pages(opening, self.live, probes)
        self.tasks.append(asyncio.create_task(pages.run(), name="pages"))
        self.tasks.append(asyncio.create_task(delivery(settings).run(), name="delivery"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store.hurry()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(SEALED_WITHIN_S):
                await self._sealer.seal()
        for ari in self._aris.values():
            await ari.close()
        await asyncio.to_thread(self.store.close)
        await asyncio.to_thread(self._traces.close)

    async def _search(self) -> None:
        """Recordings of before there was a search come into it from now on."""
        if not await self.store.read(search_index.is_whole):
            _log.warning(
                "texts are searched without an index, which takes long where there is much",
                remedy="docs/reference/settings.md, store.url",
            )
        await asyncio.to_thread(self.store.catch_up)

    async def _look_at_vault(self) -> None:
        """One that is away or does not answer yet does not keep us from recording: what is over waits."""
        try:
            await Patience("the vault", VAULT_S).call(self.safe.probe)
        except (VaultAway, KeyMissing, NoAnswer) as error:
            _log.error("what is recorded waits to be finished", error=str(error))

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
        claim, heard = Claim(ari), Heard()
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
            books=Books(
                self.store,
                Journal(pbx.spool / JOURNAL),
                utc_now,
                self._finisher.wake,
                busy=lambda: heard.behind,
            ),
            heard=heard,
            spool=spool,
            prompts=Prompts(self.store, spool, utc_now),
            directory=Directory(name, ari, self.store, utc_now),
            segment_max_s=self.settings.media.segment_max_s,
            gone_after_s=pbx.gone_after_s,
            now=utc_now,
            live=self.live,
            traces=self._traces,
        )
        return Session(context, socket, claim)


async def run(settings: Settings) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP. Raises what `Recorder` raises, and what a part fails with."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stopping = _told_to_stop()
    async with Recorder(settings) as recorder:
        gc.freeze()  # what is there by now stays: no collection has to go through it in the middle of calls
        _log.info("started", version=__version__, pages=recorder.url, pbx=sorted(settings.pbx))
        waiting = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait({waiting, *recorder.tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done - {waiting}:
            task.result()
            raise ARIRecorderError(f"{task.get_name()} ended by itself: this is a fault in ari_recorder.")


def _told_to_stop() -> asyncio.Event:
    """Set by a signal that ends the program, which the log says; what was started by `nohup` stays."""
    told = asyncio.Event()

    def tell(number: signal.Signals) -> None:
        _log.info("stopping; calls go on, and go on being recorded", signal=number.name)
        told.set()

    for number in ENDING:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, tell, number)
    return told
