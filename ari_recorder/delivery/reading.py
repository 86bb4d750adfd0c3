"""A recording's file, read from anywhere while it is made: the same bytes as the page's download.

Clients read one piece after the other, some a little out of order, and go on from the middle after a broken
connection. What a file is made into has to be made from its beginning then, to be the same bytes as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from ari_recorder.blocking import Patience
from ari_recorder.errors import NoAnswer, VaultError
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.kinds import format_of
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.deliveries.view import Made
from ari_recorder.store.safe import Safe

if TYPE_CHECKING:
    from ari_recorder.media.convert import Conversion

T = TypeVar("T")
BEHIND_BYTES = 1024 * 1024
"""What is held of a file behind the place that was read last, for who reads out of order."""
BEGINNINGS_MAX = 32
"""How often a file is made anew from its beginning while it is open."""
CONVERTING, READING = 2, 4
"""Threads that convert, and that read files as they are kept."""
BLOCK_WITHIN_S = 30.0


class Threads:
    """Those that read and convert, of one process."""

    def __init__(self) -> None:
        self.converting = Patience("The vault", BLOCK_WITHIN_S, CONVERTING)
        self.reading = Patience("The vault", BLOCK_WITHIN_S, READING)


class Reading:
    """A file of ``size_bytes``. ``begin`` gives its bytes in blocks, from an offset on if it ``seeks``.

    Raises `VaultError` when it cannot be read, or becomes something else than it should.
    """

    def __init__(
        self, size_bytes: int, begin: Callable[[int], Iterator[bytes]], *, seeks: bool, threads: Patience
    ) -> None:
        self.size_bytes = size_bytes
        self._begin = begin
        self._seeks = seeks
        self._threads = threads
        self._turn = asyncio.Lock()
        self._made: Iterator[bytes] | None = None
        self._held = bytearray()
        self._held_from = 0
        self._beginnings = 0

    async def read(self, offset: int, length: int) -> bytes:
        """Those bytes, as far as there are any."""
        async with self._turn:
            end = min(offset + length, self.size_bytes)
            if offset >= end:
                return b""
            await self._go_to(offset)
            while self._held_until < end:
                await self._fill(offset)
            at = offset - self._held_from
            return bytes(self._held[at : at + end - offset])

    def close(self) -> None:
        """Let go of it; a thread that is still busy with it lets go by itself."""
        made, self._made = self._made, None
        _end(made)

    @property
    def _held_until(self) -> int:
        return self._held_from + len(self._held)

    async def _go_to(self, offset: int) -> None:
        """Have what is held reach that place, or be about to."""
        if self._made is not None and self._held_from <= offset:
            if offset <= self._held_until:
                return
            if not self._seeks:
                await self._skip_to(offset)
                return
        await self._begin_at(offset if self._seeks else 0)
        await self._skip_to(offset)

    async def _skip_to(self, offset: int) -> None:
        while self._held_until < offset:
            await self._fill(offset)

    async def _begin_at(self, offset: int) -> None:
        self._beginnings += 1
        if not self._seeks and self._beginnings > BEGINNINGS_MAX:
            raise VaultError("The file is read back and forth too often: open it again.")
        self.close()
        self._held.clear()
        self._held_from = offset
        self._made = await _within(self._threads, lambda: self._begin(offset))

    async def _fill(self, needed_from: int) -> None:
        """Hold a block more, and no more than is needed behind."""
        made = self._made
        assert made is not None, "not begun"
        block = await _within(self._threads, lambda: next(made, b""))
        self._held += block
        over = self._held_until > self.size_bytes
        if self._held_until == self.size_bytes:
            over = bool(await _within(self._threads, lambda: next(made, b"")))
        if not block or over:
            raise VaultError(
                f"The file has {self._held_until} bytes, or more, and should have {self.size_bytes}."
            )
        surplus = min(needed_from, self._held_until) - BEHIND_BYTES - self._held_from
        if surplus > 0:
            del self._held[:surplus]
            self._held_from += surplus


def reading(
    safe: Safe, row: RecordingRow, form: AudioFormat | None, size_bytes: int, threads: Threads
) -> Reading:
    """A recording's file, made into ``form``, or with None as it is kept.

    Raises `VaultError` if there is none.
    """
    place = row.place
    if place is None:
        raise VaultError(f"The recording {row.id} has no audio.")
    if form is None:
        return Reading(
            size_bytes, lambda offset: safe.read(place, offset), seeks=True, threads=threads.reading
        )
    exact = form == "wav" and format_of(row.media_type) in ("wav", "flac")

    def begin(offset: int) -> Iterator[bytes]:
        conversion = _opened(safe, row, form)
        return conversion.part(offset, size_bytes - offset) if exact else conversion.blocks()

    return Reading(size_bytes, begin, seeks=exact, threads=threads.converting)


async def measured(safe: Safe, row: RecordingRow, form: AudioFormat, threads: Threads) -> Made:
    """What a recording becomes: it is made once. One that cannot be made says why."""
    hashed, size_bytes = hashlib.sha256(), 0
    made: Iterator[bytes] | None = None
    try:
        made = await _within(threads.converting, lambda: _opened(safe, row, form).blocks())
        while block := await _within(threads.converting, lambda: next(made, b"")):
            hashed.update(block)
            size_bytes += len(block)
    finally:
        _end(made)
    return Made(size_bytes, hashed.hexdigest(), "")


def _opened(safe: Safe, row: RecordingRow, form: AudioFormat) -> Conversion:
    """It, opened to be made into that; blocks. In what it is made into, nobody would see damage any more."""
    place = row.place
    if place is None:
        raise VaultError(f"The recording {row.id} has no audio.")
    if place.lock is None and safe.look(place).content.sha256 != row.sha256:  # others are found out anyway
        raise VaultError(f"{place.key} is not what was put there.")
    from ari_recorder.media.convert import Conversion  # what codes audio is not needed before

    return Conversion(lambda offset: safe.read(place, offset), row.size_bytes or 0, form)


async def _within(threads: Patience, work: Callable[[], T]) -> T:
    try:
        return await threads.call(work)
    except NoAnswer as error:
        raise VaultError(str(error)) from error


def _end(source: Iterator[bytes] | None) -> None:
    with contextlib.suppress(AttributeError, ValueError):  # ValueError: its thread still reads
        source.close()  # type: ignore[union-attr]
