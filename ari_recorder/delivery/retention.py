"""Disposes of recordings: those that are due by retention, and whatever else was begun and is not gone yet.

In steps of a few recordings, each its own transaction, with pauses: calls that are being recorded have the
catalogue between any two. What is interrupted, by a crash or a vault that is away, is found again in the
store and done again; two that do it at once find what the other has done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from ari_recorder.blocking import in_thread
from ari_recorder.errors import ARIRecorderError, VaultLocked
from ari_recorder.policies.finishing import Failure, failed, held_back, is_news
from ari_recorder.policies.retention import Clock, Rule
from ari_recorder.store import disposal, forgetting, people, retention
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Waiting, Why
from ari_recorder.store.retention import Holding
from ari_recorder.store.safe import Safe

if TYPE_CHECKING:
    from ari_recorder.delivery.process import DeliveryContext

LOOKED_S = 10.0
"""How often it is looked whether anything was begun: somebody has removed a recording, say."""
RETENTION_S = 300.0
"""How often it is looked what is due, and what the settings say."""
AT_ONCE = 10
"""Recordings in a transaction."""
CALLS_AT_ONCE = 100
"""Calls without a recording that lose whom they were with in a transaction."""
PAUSE_S = 0.1
"""Between two transactions."""
FAILING_MAX = 100
"""With so many whose files cannot be removed nothing more is begun: the vault is away."""
USERS = 200
"""Of whom it is looked at once whether anything is due."""

_log = structlog.get_logger(__name__)


async def run(context: DeliveryContext) -> None:
    """Dispose of what is to be disposed of, for ever."""
    await Disposer(context.store, context.safe, context.now).run()


def passing_s() -> float:
    """Seconds by a clock that nobody can set, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Done:
    """What a run has done: begun by retention, held back by a legal hold, and gone."""

    due: int = 0
    held: int = 0
    gone: int = 0


@dataclass
class Disposer:
    """What disposes of recordings, of every organisation. ``pause_s`` is between two transactions."""

    store: Store
    safe: Safe
    now: Callable[[], datetime]
    passing_s: Callable[[], float] = passing_s
    pause_s: float = PAUSE_S
    _failures: dict[UUID, Failure] = field(default_factory=dict)
    _locked: set[UUID] = field(default_factory=set)
    """Of these: those that the vault itself does not let go yet, which is no reason to begin no others."""
    _looked_s: float | None = None
    _told_ahead: bool = False

    async def look_at_clock(self) -> Clock:
        """How far time has come, by what was seen of it."""
        at_s = self.passing_s()
        passed = None if self._looked_s is None else timedelta(seconds=at_s - self._looked_s)
        clock = await self.store.write(retention.look_at_clock, self.now(), passed)
        self._looked_s = at_s
        if clock.ahead and not self._told_ahead:
            _log.warning(
                "the clock was put forward, or nobody looked at it for long: recordings are kept for longer"
                " by as much. If the clock is right: ari-recorder retention trust-clock",
                ahead_s=round(clock.ahead.total_seconds()),
            )
        self._told_ahead = bool(clock.ahead)
        return clock

    async def retain(self) -> Done:
        """Settle what holds for each user, and begin with everything that is due."""
        done = Done()
        clock = await self.look_at_clock()
        for organisation in await self.store.read(retention.organisations):
            holdings = await self.store.write(retention.settle, organisation, clock.now)
            zone = (await self.store.read(people.organisation, organisation)).timezone
            for first in range(0, len(holdings), USERS):
                some = holdings[first : first + USERS]
                for one in await self.store.read(retention.with_due, some, clock.now):
                    await self._retain_user(one, zone, clock.now, done)
                await asyncio.sleep(0)
        if done.due:
            _log.info("recordings are disposed of by retention", due=done.due, held=done.held)
        return done

    async def _retain_user(self, one: Holding, zone: str, now: datetime, done: Done) -> None:
        why = Why(Rule.RETENTION, _detail(one))
        for kept in (True, False):
            behind = None
            while len(self._failures.keys() - self._locked) < FAILING_MAX:
                page = await self.store.read(
                    retention.due, one, zone, now, AT_ONCE, behind, kept=kept
                )  # fmt: skip
                if page.ids:
                    begun = await self.store.write(disposal.begin, page.ids, why, self.now())
                    done.due += len(begun.begun)
                    done.held += len(begun.held)
                    await self.clear(limit=AT_ONCE, done=done)
                    await asyncio.sleep(self.pause_s)
                if (behind := page.behind) is None:
                    break
        await self._forget_calls(one, why, zone, now)

    async def _forget_calls(self, one: Holding, why: Why, zone: str, now: datetime) -> None:
        behind = None
        while True:
            page = await self.store.read(retention.calls_due, one, zone, now, CALLS_AT_ONCE, behind)
            if page.ids:
                await self.store.write(disposal.forget_calls, page.ids, why, self.now())
                await asyncio.sleep(self.pause_s)
            if (behind := page.behind) is None:
                return

    async def clear(self, *, limit: int | None = None, done: Done | None = None) -> int:
        """Go on with what was begun, until nothing is left or ``limit`` are gone; returns how many are
        gone.
        """
        gone = 0
        while limit is None or gone < limit:
            skip = held_back(self._failures, self.passing_s())
            found = await self.store.read(disposal.waiting, AT_ONCE, skip)
            if not found:
                await self._forget_failures()
                break
            gone_now = await self._clear(found)
            gone += gone_now
            await asyncio.sleep(self.pause_s)
        if done is not None:
            done.gone += gone
        return gone

    async def _forget_failures(self) -> None:
        """Of what is gone by now: another program has done it."""
        if self._failures:
            there = await self.store.read(disposal.not_gone, list(self._failures))
            self._failures = {one: failure for one, failure in self._failures.items() if one in there}
            self._locked &= there

    async def _clear(self, found: list[Waiting]) -> int:
        there = [one for one in found if await self._remove(one)]
        gone = await self.store.write(disposal.complete, [one.id for one in there], self.now())
        return len(gone)

    async def _remove(self, one: Waiting) -> bool:
        """Its file in the vault; one that cannot be removed is tried again later."""
        try:
            if one.place is not None:
                await in_thread(self.safe.remove, one.place)
        except (ARIRecorderError, OSError) as error:
            before = self._failures.get(one.id)
            self._failures[one.id] = failed(before, str(error), self.passing_s())
            if isinstance(error, VaultLocked):
                self._locked.add(one.id)
            if is_news(before, str(error)):
                _log.error(
                    "the file of a recording that is disposed of cannot be removed; it is tried again",
                    recording=str(one.id), error=str(error),
                )  # fmt: skip
            return False
        self._failures.pop(one.id, None)
        self._locked.discard(one.id)
        return True

    async def forget(self) -> None:
        """Take what is gone out of the index of texts, once a day at most, if anything is."""
        began_at = self.now()
        if not await self.store.read(forgetting.is_due, began_at):
            return
        for _ in range(await self.store.read(forgetting.steps)):
            if not await self.store.write(forgetting.step):
                break
            await asyncio.sleep(self.pause_s)
        await self.store.write(forgetting.done, began_at)
        await in_thread(forgetting.empty_log, self.store.url)

    async def run(self) -> None:
        """Work until cancelled."""
        retained_s: float | None = None
        while True:
            if retained_s is None or self.passing_s() - retained_s >= RETENTION_S:
                await self.retain()
                retained_s = self.passing_s()
            await self.clear()
            await self.forget()
            await asyncio.sleep(LOOKED_S)


def _detail(one: Holding) -> Mapping[str, object]:
    """What the disposal log tells of it: how many days held, and of which group, if it was one's."""
    holds = one.kept.days == one.days.days
    group = {"group": one.days.group} if holds and one.days.group else {}
    return {"days": one.kept.days, **group}
