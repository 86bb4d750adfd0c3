"""Whether each part of a running recorder works: tried for real, at most every few seconds whoever asks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from ari_recorder.blocking import in_thread
from ari_recorder.errors import ARIRecorderError
from ari_recorder.handlers.session import Session
from ari_recorder.policies import finishing as waits
from ari_recorder.store import finishing
from ari_recorder.store.database import Store
from ari_recorder.store.vault import Vault
from ari_recorder.web import Part

KEPT_S = 3.0
"""How long what was found is taken as still so."""
LIMIT_S = 3.0
"""How long a part may take to answer."""
ROOM_BYTES = 16 * 1024**2
"""With less room SQLite may still get one write into its log, and the next one not."""


@dataclass(frozen=True)
class Found(Part):
    """``detail`` may name folders and addresses; ``public`` is for anybody."""

    public: str = ""


class Probe:
    """One part. ``look`` runs once at a time, and not again for ``kept_s`` (`KEPT_S`), however many ask.

    ``public`` is what anybody may know when the part does not work.
    """

    def __init__(self, public: str, look: Callable[[], Awaitable[Part]], *, kept_s: float = KEPT_S) -> None:
        self._public = public
        self._kept_s = kept_s
        self._look = look
        self._looking: asyncio.Task[Part] | None = None
        self._stale_at_s = 0.0

    async def __call__(self) -> Found:
        """What was found, now or a moment ago; not later than `LIMIT_S` from now."""
        now_s = asyncio.get_running_loop().time()
        if self._looking is None or (self._looking.done() and now_s >= self._stale_at_s):
            self._stale_at_s = now_s + self._kept_s
            self._looking = asyncio.create_task(self._found())
        done, _ = await asyncio.wait({self._looking}, timeout=LIMIT_S)
        part = self._looking.result() if done else Part(False, f"no answer within {LIMIT_S:g} s")
        return Found(part.ok, part.detail, part.detail if part.ok else self._public)

    async def _found(self) -> Part:
        try:
            return await self._look()
        except (ARIRecorderError, OSError) as error:
            return Part(False, str(error))


class Readiness:
    """Call it for every part by name: ``store``, ``vault``, ``pbx.NAME`` and ``spool.NAME``.

    ``probes`` has each of them to be asked alone.
    """

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        spools: Mapping[str, Path],
        sessions: Mapping[str, Session],
        now: Callable[[], datetime],
    ) -> None:
        self.probes = {
            "store": Probe("the catalogue cannot be written", partial(_look_at_store, store, now)),
            "vault": Probe("the vault cannot be written", partial(_look_at_vault, vault)),
        }
        for name, folder in spools.items():
            look = partial(_look_at_spool, folder)
            self.probes[f"spool.{name}"] = Probe("the recording folder is not there", look)
        for name, session in sessions.items():
            self.probes[f"pbx.{name}"] = Probe("not connected", partial(_look_at_pbx, session), kept_s=0.0)

    async def __call__(self) -> Mapping[str, Found]:
        """Look at all of them at once."""
        found = await asyncio.gather(*(probe() for probe in self.probes.values()))
        return dict(zip(self.probes, found, strict=True))


async def _look_at_pbx(session: Session) -> Part:
    return Part(session.ready, session.reason)


async def _look_at_store(store: Store, now: Callable[[], datetime]) -> Part:
    await in_thread(_look_for_room, store.url)
    waiting = await store.read(finishing.waiting)
    await store.write(finishing.prove_writable)
    oldest_s = (now() - waiting.since).total_seconds() if waiting.since else 0.0
    return Part(True, waits.waiting(waiting.count, oldest_s))


def _look_for_room(url: str) -> None:
    scheme, _, path = url.partition(":///")
    folder = Path(path).absolute().parent
    if scheme == "sqlite" and shutil.disk_usage(folder).free < ROOM_BYTES:
        raise OSError(f"the disk of the catalogue is full: make room on the file system of {folder}")


async def _look_at_vault(vault: Vault) -> Part:
    await in_thread(vault.probe)
    return Part(True)


async def _look_at_spool(folder: Path) -> Part:
    there = await in_thread(folder.is_dir)
    return Part(there, "" if there else f"the recording folder {folder} is not there")
