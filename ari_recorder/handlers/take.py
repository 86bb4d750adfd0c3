"""A segment while Asterisk writes it: two live recordings, one of each direction."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog

from ari_recorder.errors import AriConflict, AriNotFound
from ari_recorder.handlers.context import Context
from ari_recorder.store.rows import SegmentRow

CLOSED_WITHIN_S = 2.0
"""How long Asterisk may take to report a recording that it was asked to end."""
WORD_WITHIN_S = 0.2
"""How long the report of a recording that is over already may still be on its way."""
LONGEST_DELAY_S = 30.0
WAV_HEADER_BYTES = 44
_RATES_HZ = {"wav": 8000, "wav16": 16000}


_log = structlog.get_logger(__name__)


@dataclass
class Take:
    """The two files of a segment, and what Asterisk has said of them.

    ``began`` and ``ended`` hold each file's times by Asterisk's clock; ``expected`` is set once its end has
    been asked for, so that an end without it is a loss.
    """

    context: Context
    segment: SegmentRow
    began: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    expected: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, snoops: tuple[str, str]) -> None:
        """Record both snoops. Raises `AriError` if one of them cannot be; a doubled request is harmless."""
        await asyncio.gather(*map(self._record, snoops, self.segment.files))

    async def end(self) -> SegmentRow:
        """End both files and return the segment as it became, once Asterisk has closed them."""
        self.expected = True
        if not self.closed.is_set():
            known = await asyncio.gather(*(self._stop(name) for name in self._open()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closed.wait(), CLOSED_WITHIN_S if any(known) else WORD_WITHIN_S)
        for name in self._open():
            await self._make_sure(name)
        return self._as_it_became()

    async def is_live(self) -> bool:
        """Whether Asterisk is still writing both files."""
        return all(await asyncio.gather(*map(self._is_live, self.segment.files)))

    def sizes(self) -> dict[str, int]:
        """How much is on disk of each file (bytes), of those that are seen here."""
        stats = {name: self._stat(name) for name in self.segment.files}
        return {name: stat.st_size for name, stat in stats.items() if stat is not None}

    def note_began(self, name: str, at: datetime) -> None:
        """Asterisk began to write a file."""
        self.began[name] = at

    def note_ended(self, name: str, at: datetime) -> None:
        """Asterisk has closed a file."""
        self.ended[name] = at
        if not self._open():
            self.closed.set()

    def _open(self) -> list[str]:
        return [name for name in self.segment.files if name not in self.ended]

    async def _record(self, snoop: str, name: str) -> None:
        try:
            await self.context.ari.record(snoop, name=name, format=self.segment.format)
        except AriConflict:
            if not await self._is_live(name):
                raise

    async def _stop(self, name: str) -> bool:
        """Whether there was something to stop."""
        try:
            await self.context.ari.stop_recording(name)
        except AriNotFound:
            return False
        return True

    async def _is_live(self, name: str) -> bool:
        try:
            await self.context.ari.live_recording(name)
        except AriNotFound:
            return False
        return True

    async def _make_sure(self, name: str) -> None:
        """No word came of this file's end: ask until it is over. Then its last change tells when."""
        delay_s = CLOSED_WITHIN_S / 10
        while await self._is_live(name):
            await self._stop(name)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)
            _log.warning("Asterisk does not end a recording; asking again", recording=name)
        self.note_ended(name, self._changed_at(name) or self.context.now())

    def _as_it_became(self) -> SegmentRow:
        ended_at = max(self.ended.values())
        began = [self.began.get(name) or self._begun_by(name) for name in self.segment.files]
        late_ms = (began[1] - began[0]).total_seconds() * 1000 if self._both_seen() else 0.0
        return replace(self.segment, began_at=min(began), outward_late_ms=late_ms, ended_at=ended_at)

    def _both_seen(self) -> bool:
        return all(name in self.began for name in self.segment.files)

    def written_since(self) -> datetime | None:
        """When the first of the files began, by its last change and length; None if there is none."""
        since = [self._written_since(name) for name in self.segment.files]
        return min((at for at in since if at is not None), default=None)

    def _begun_by(self, name: str) -> datetime:
        """When a file began whose beginning nobody saw: as planned, or earlier if it is too long for that."""
        return min(self.segment.began_at, self._written_since(name) or self.segment.began_at)

    def _written_since(self, name: str) -> datetime | None:
        stat = self._stat(name)
        if stat is None:
            return None
        length_s = max(stat.st_size - WAV_HEADER_BYTES, 0) / 2 / _RATES_HZ[self.segment.format]
        return _at(stat) - timedelta(seconds=length_s)

    def _changed_at(self, name: str) -> datetime | None:
        stat = self._stat(name)
        return _at(stat) if stat else None

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            return self.context.spool_file(name, self.segment.format).stat()
        except OSError:
            return None


def _at(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime, UTC)
