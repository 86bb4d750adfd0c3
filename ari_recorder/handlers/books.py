"""The books: legs are written to the catalogue when it takes them, and until then to the journal.

Nothing in a call waits for either. Of each leg only the latest is written, so that what waits is never more
than the legs there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from ari_recorder.blocking import Patience
from ari_recorder.errors import NoAnswer, StoreError
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg, inputs
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.store import calls
from ari_recorder.store.database import Store
from ari_recorder.store.journal import Journal

HELD_BACK_S = 0.05
"""So long what nothing waits for is held back: most of what follows is written with it, and when calls begin
or end they have the processor before the books have it."""
BUSY_S = 1.0
"""So long it is held back at most while events wait to be told: to begin recordings comes first."""
IN_TIME_S = 0.25
"""A leg that the catalogue has not taken in this time, when it was due, is written to the journal."""
NOWHERE_S = 3.0
"""A leg that neither has taken in this time cannot be written."""
AGAIN_S = (0.5, 1.0, 2.0, 5.0)
"""How long after a failure it is tried again: by failures in a row."""
BATCH = 64
AT_ONCE = 8
"""So many files of the journal are written under one time limit."""
READ_WITHIN_S = 60.0
"""How long the journal may take to be read at a start."""
REFUSED_AGAIN_S = 60.0
"""How long after the catalogue refused one leg that is tried again, unless it changes before."""
LAST_WORDS_S = 5.0
"""How long the catalogue may take to take what waits when the recorder stops."""

Tell = Callable[[Input], None]

_log = structlog.get_logger(__name__)


@dataclass
class _Entry:
    """A leg. ``written`` is as the catalogue has it, ``journaled`` the version that the journal has.

    ``connected`` is `Store.connected` of then: after a failover the catalogue may lack it, or pieces of it.
    It is not written before ``due_s``. ``refused``: the catalogue does not take it, though it takes others.
    """

    leg: Leg
    tell: Tell
    since_s: float
    written: Leg | None = None
    connected: int = 0
    journaled: int = 0
    told: bool = False
    refused: bool = False
    due_s: float = 0.0

    @property
    def waits(self) -> bool:
        return self.written is None or self.written.version < self.leg.version

    def is_urgent(self, now_s: float) -> bool:
        """Whether somebody waits for it, or it was held back for long."""
        return self.due_s == 0.0 or now_s - self.since_s >= BUSY_S

    @property
    def safe(self) -> bool:
        return not self.waits or self.journaled >= self.leg.version


class Books:
    """Writes the legs of one Asterisk. ``due`` is called when a recording is ready to be finished; ``busy``
    says whether something else comes first."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        now: Callable[[], datetime],
        due: Callable[[], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._journal = journal
        self._now = now
        self._due = due
        self._busy = busy
        self._entries: dict[UUID, _Entry] = {}
        self._changed = asyncio.Event()
        self._unsafe = asyncio.Event()
        self._slow = False
        self._forgettable: set[UUID] = set()
        self._disk = Patience(f"the journal {journal.folder}", NOWHERE_S, threads=1)

    def put(self, leg: Leg, tell: Tell) -> None:
        """Write a leg as it is now; it is told when that has been done, or cannot be."""
        entry = self._entries.get(leg.id)
        if entry is None:
            entry = self._entries[leg.id] = _Entry(leg, tell, _clock_s())
        elif entry.safe:
            entry.since_s = _clock_s()
        entry.leg, entry.tell = leg, tell
        entry.due_s = 0.0 if leg.awaited else entry.since_s + HELD_BACK_S
        self._changed.set()
        self._unsafe.set()

    def has(self, leg: UUID) -> bool:
        """Whether something of that leg waits to be written."""
        return leg in self._entries

    def clear(self) -> None:
        """Forget what waits: it is another recorder's by now."""
        self._entries.clear()

    async def recover(self, pbx: str) -> list[Leg]:
        """At a start: the legs that were not over. What only the journal has of any is written again.

        Raises `StoreError`, and `NoAnswer` or `OSError` if the journal cannot be read.
        """
        reading = Patience(f"the journal {self._journal.folder}", READ_WITHIN_S, threads=1)
        journaled = await reading.call(self._journal.read)
        legs = {leg.id: leg for leg in await self._store.read(calls.open_legs, pbx)}
        known = await self._store.read(calls.known_legs, [leg.id for leg in journaled])
        for leg in journaled:
            if leg.id in self._entries:
                continue  # it is followed already
            if leg.id not in known or (leg.id in legs and legs[leg.id].version < leg.version):
                legs[leg.id] = leg
                self._entries[leg.id] = _Entry(leg, _ignore, _clock_s(), journaled=leg.version)
            else:
                self._forgettable.add(leg.id)
        self._changed.set()
        self._unsafe.set()
        return [leg for leg in legs.values() if not leg.over]

    async def run(self) -> None:
        """Work until cancelled; then what waits is written, if that does not take too long."""
        try:
            await asyncio.gather(self._keep_catalogue(), self._keep_journal())
        finally:
            await self._last_words()

    async def _last_words(self) -> None:
        """What the catalogue does not take now, each for itself, is for the journal."""
        waiting = {
            asyncio.ensure_future(self._save([(entry, entry.leg)])): entry
            for entry in self._entries.values()
            if entry.waits
        }
        if not waiting:
            return
        done, _ = await asyncio.wait(waiting, timeout=LAST_WORDS_S)
        taken = {write for write in done if not write.cancelled() and write.exception() is None}
        left = [entry.leg for write, entry in waiting.items() if write not in taken and not entry.safe]
        for write in waiting.keys() - done:
            write.cancel()
        try:
            if left:
                await self._disk.call(self._journal.write, left)
        except (OSError, NoAnswer) as error:
            _log.error("calls cannot be written before the end", calls=len(left), error=str(error))

    # The catalogue

    async def _keep_catalogue(self) -> None:
        failures = 0
        while True:
            batch = self._next_batch()
            if not batch:
                await self._until_changed()
                continue
            try:
                await self._catalogue(batch)
            except StoreError as error:
                if failures == 0:
                    _log.error("the catalogue cannot be written; the journal keeps it", error=str(error))
                self._slow = True
                self._unsafe.set()
                await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])
                failures += 1
            else:
                if failures:
                    _log.info("the catalogue can be written again", tries=failures)
                failures, self._slow = 0, False

    def _next_batch(self) -> list[tuple[_Entry, Leg]]:
        """What is to be written, as it is now."""
        now_s, busy = _clock_s(), self._busy()
        due = (one for one in self._entries.values() if one.waits and one.due_s <= now_s)
        return [(one, one.leg) for one in due if not busy or one.is_urgent(now_s)][:BATCH]

    async def _until_changed(self) -> None:
        self._changed.clear()
        due_s = min((entry.due_s for entry in self._entries.values() if entry.waits), default=None)
        with suppress(TimeoutError):
            async with asyncio.timeout(due_s and max(due_s - _clock_s(), HELD_BACK_S)):
                await self._changed.wait()

    async def _catalogue(self, batch: list[tuple[_Entry, Leg]]) -> None:
        """One that cannot be written keeps no other from being written. Raises `StoreError`."""
        try:
            await self._write(batch)
        except StoreError:
            raise
        except Exception as error:
            if len(batch) == 1:
                self._refuse(*batch[0], error)
            else:
                for one in batch:
                    await self._catalogue([one])

    def _refuse(self, entry: _Entry, leg: Leg, error: Exception) -> None:
        if entry.written is not None:
            _log.warning("the catalogue lacks what it had of a call: it is written anew", leg=str(leg.id))
            entry.written = None
            return
        if not entry.refused:
            _log.error("the catalogue does not take a call", leg=str(leg.id), exc_info=error)
        entry.refused = True
        if entry.leg is leg:  # else it has changed meanwhile, and is tried as it is now
            entry.due_s = _clock_s() + REFUSED_AGAIN_S

    async def _write(self, batch: list[tuple[_Entry, Leg]]) -> None:
        writing = asyncio.ensure_future(self._save(batch))
        await asyncio.wait([writing], timeout=IN_TIME_S)
        if not writing.done():
            self._slow = True
            self._unsafe.set()
        connected = await writing
        for entry, leg in batch:
            self._written(entry, leg, connected)

    async def _save(self, batch: list[tuple[_Entry, Leg]]) -> int:
        legs = [(leg, entry.written, entry.connected) for entry, leg in batch]
        return await self._store.write(_save_all, self._store, legs, self._now())

    def _written(self, entry: _Entry, leg: Leg, connected: int) -> None:
        entry.written, entry.connected, entry.told, entry.refused = leg, connected, False, False
        if entry.journaled:
            self._forgettable.add(leg.id)
            self._unsafe.set()
        if calls.is_over(leg) and not entry.waits:
            self._entries.pop(leg.id, None)
        if any(one.complete and one.state is not RecordingState.OPEN for one in leg.recordings):
            self._due()
        entry.tell(inputs.Saved(leg.version, catalogue=True))

    # The journal: everything that touches it is done here, one after the other

    async def _keep_journal(self) -> None:
        failures = 0
        while True:
            self._unsafe.clear()
            unsafe = [entry for entry in self._entries.values() if not entry.safe]
            in_time_s = IN_TIME_S + (BUSY_S if self._busy() else 0.0)
            late = [entry for entry in unsafe if self._slow or _clock_s() - entry.since_s >= in_time_s]
            try:
                await self._write_journal(late)
                await self._forget()
            except Exception as error:
                if not isinstance(error, OSError | NoAnswer):
                    _log.exception("a fault in ari_recorder: the journal cannot be written")
                self._tell_nowhere(late, str(error))
                await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])
                failures += 1
                self._unsafe.set()
            else:
                failures = 0
            first_s = min((entry.since_s for entry in self._entries.values() if not entry.safe), default=None)
            wait_s = None if first_s is None else max(first_s + in_time_s - _clock_s(), 0.01)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._unsafe.wait()

    async def _write_journal(self, late: list[_Entry]) -> None:
        for first in range(0, len(late), AT_ONCE):
            some = late[first : first + AT_ONCE]
            legs = [entry.leg for entry in some]
            await self._disk.call(self._journal.write, legs)
            for entry, leg in zip(some, legs, strict=True):
                self._journaled(entry, leg)

    def _journaled(self, entry: _Entry, leg: Leg) -> None:
        entry.journaled, entry.told = leg.version, False
        if entry.waits:
            entry.tell(inputs.Saved(leg.version, catalogue=False))
        else:
            self._forgettable.add(leg.id)

    async def _forget(self) -> None:
        """What the catalogue has by now need not be in the journal."""
        waiting = {leg for leg, entry in self._entries.items() if entry.waits}
        if gone := self._forgettable - waiting:
            await self._disk.call(self._journal.forget, list(gone))
            self._forgettable -= gone
            for leg in gone & self._entries.keys():
                self._entries[leg].journaled = 0

    def _tell_nowhere(self, late: list[_Entry], why: str) -> None:
        for entry in late:
            if not entry.safe and not entry.told and _clock_s() - entry.since_s >= NOWHERE_S:
                _log.error("a call can be written neither to the catalogue nor to the journal", error=why)
                entry.told = True
                entry.tell(inputs.NotSaved(why))


def _save_all(store: Store, legs: list[tuple[Leg, Leg | None, int]], now: datetime) -> int:
    """By which connection they were written; what was by another is written anew."""
    for leg, before, connected in legs:
        calls.save(leg, before if connected == store.connected else None, now)
    return store.connected


def _ignore(_: Input) -> None:
    """Nobody follows a leg that is over."""


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
