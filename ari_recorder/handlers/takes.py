"""What is being written of a leg: the running take, and, for a moment at a roll-over, the one before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from ari_recorder.errors import AriUnreachable
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.take import Take
from ari_recorder.store import calls
from ari_recorder.store.rows import SegmentRow

GROWS_WITHIN_S = 10.0
"""In this time a running recording has to grow; Asterisk writes what it has every two seconds."""
ASK_AGAIN_S = 1.0
"""How long after Asterisk did not answer it is asked again."""

_log = structlog.get_logger(__name__)


class Takes:
    """The takes of one leg.

    ``full`` is called when the running segment has its longest length, ``lost`` when a file of it has ended
    unasked.
    """

    def __init__(
        self,
        context: Context,
        segment: SegmentRow | None,
        *,
        full: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._context = context
        self._running = Take(context, segment) if segment else None
        self._before: Take | None = None
        self._full = full
        self._lost = lost
        self._timers: list[asyncio.TimerHandle] = []
        self._failed = False

    @property
    def broken(self) -> bool:
        """Whether a segment runs, or was to begin, that Asterisk does not write."""
        return self._running is not None and (self._failed or bool(self._running.ended))

    def has(self, segment: SegmentRow) -> bool:
        """Whether it is being written, or being ended, here."""
        return bool(self._takes_with(segment.files[0]))

    def plan(self, segment: SegmentRow) -> None:
        """From now on this is the running segment; nothing is asked of Asterisk yet."""
        self._running = Take(self._context, segment)
        self._failed = True

    async def begin(self, snoops: tuple[str, str]) -> None:
        """Record the planned segment. Raises `AriError`."""
        assert self._running is not None
        await self._running.begin(snoops)
        self._failed = False
        self.stop()
        self.watch()

    async def end(self) -> datetime | None:
        """End the running segment, if there is one; returns when it ended, once its files are closed."""
        self.stop()
        if self._running is None:
            return None
        segment = await self._ended(self._running)
        await self._context.save(calls.end_segment, segment)
        self._running = None
        return segment.ended_at

    async def roll(self, segment: SegmentRow, snoops: tuple[str, str]) -> None:
        """Asterisk queues the next recording behind the running one: ending that begins this."""
        self._before = self._running
        self.plan(segment)
        try:
            await self.begin(snoops)
        finally:
            if self._before is not None:
                await self._context.save(calls.end_segment, await self._ended(self._before))
            self._before = None

    async def is_live(self) -> bool:
        """Whether Asterisk is writing the running segment."""
        self._failed = self._running is not None and not await self._running.is_live()
        return self._running is not None and not self._failed

    def watch(self) -> None:
        """Have `full` called when the running segment has its longest length, `lost` if it does not grow."""
        if self._timers or self._running is None:
            return
        age_s = (self._context.now() - self._running.segment.began_at).total_seconds()
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(max(0.0, self._context.segment_max_s - age_s), self._full),
            loop.call_later(GROWS_WITHIN_S, self._check_growth, self._sizes()),
        ]

    def stop(self) -> None:
        """Stop watching; what Asterisk writes goes on."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def started(self, name: str, at: datetime) -> None:
        """Asterisk has begun to write a file."""
        for take in self._takes_with(name):
            take.note_began(name, at)

    def ended(self, name: str, at: datetime) -> None:
        """Asterisk has closed a file, or could not write it."""
        for take in self._takes_with(name):
            take.note_ended(name, at)
            if not take.expected:
                self._lost()

    def _check_growth(self, before: dict[str, int]) -> None:
        """A recording that Asterisk holds for live may have stopped growing all the same."""
        sizes = self._sizes()
        if any(sizes.get(name, 0) <= then for name, then in before.items()):
            _log.error("a recording does not grow", sizes=sizes, within_s=GROWS_WITHIN_S)
            self._failed = True
            self._lost()
            return
        loop = asyncio.get_running_loop()
        self._timers[1] = loop.call_later(GROWS_WITHIN_S, self._check_growth, sizes)

    def _sizes(self) -> dict[str, int]:
        return self._running.sizes() if self._running else {}

    def _takes_with(self, name: str) -> list[Take]:
        takes = (self._running, self._before)
        return [take for take in takes if take is not None and name in take.segment.files]

    async def _ended(self, take: Take) -> SegmentRow:
        """The segment once its files are closed, however long Asterisk cannot be asked."""
        while True:
            try:
                return await take.end()
            except AriUnreachable as error:
                _log.warning("a segment's end is not known yet; asking again", error=str(error))
                await asyncio.sleep(ASK_AGAIN_S)
