"""What is sent of a recording: its file as it is kept, or made into another format on the way."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from aiohttp import web

from ari_recorder.blocking import Patience, in_thread
from ari_recorder.errors import NoAnswer, VaultError
from ari_recorder.media import kinds
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.kinds import MEDIA_TYPES
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import bundle
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.evidence import Proof
from ari_recorder.store.safe import Place, Safe
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.ranges import Span

if TYPE_CHECKING:
    from ari_recorder.media.convert import Conversion

T = TypeVar("T")
CONVERTING = 2
"""How many blocks are made at the same time, of all that are asked for: what follows calls needs the rest."""
BLOCK_WITHIN_S = 30.0
THREADS = web.AppKey("converting_audio", Patience)


def threads() -> Patience:
    """Those that convert, of one application."""
    return Patience("The vault", BLOCK_WITHIN_S, CONVERTING)


def format_of(row: RecordingRow) -> AudioFormat | None:
    """What it is kept as; None if that is something else."""
    return kinds.format_of(row.media_type)


def content_of(request: web.Request, row: RecordingRow, wanted: AudioFormat | None = None) -> Content:
    """Its audio, as it is kept or as it is ``wanted``. Raises `Refused` (409) while there is none."""
    place, size_bytes = _place(row), row.size_bytes or 0
    if wanted is None or wanted == format_of(row):
        return Kept(row, place, size_bytes)
    return Converted(row, place, size_bytes, wanted, request.app[THREADS])


def evidence_of(row: RecordingRow, proof: Proof, name: str, at: datetime) -> Content:
    """Its audio, under that ``name``, with what proves it. Raises `Refused` (409) while there is none."""
    return Evidence(row, _place(row), proof, name, at)


def _place(row: RecordingRow) -> Place:
    if row.state is not RecordingState.STORED or row.place is None:
        raise Refused(
            409, N_("The recording has no audio: its state is %(state)s."), values={"state": row.state}
        )
    return row.place


class Content(Protocol):
    """``form`` is empty for the file itself; ``size_bytes`` of what is made is known once open, or never."""

    media_type: str
    etag: str
    form: str
    ranges: bool
    size_bytes: int | None

    async def open(self, safe: Safe, *, whole: bool) -> None:
        """Get ready. Raises `VaultError`, if it is to be ``whole`` also for a file that was changed."""

    def read(self, span: Span | None) -> AsyncGenerator[bytes, None]:
        """That part, or all of it. Raises `VaultError` when not all of it can be read."""

    def close(self) -> None:
        """Let go."""


class Kept(Content):
    """The file, byte for byte."""

    form = ""
    ranges = True

    def __init__(self, row: RecordingRow, place: Place, size_bytes: int) -> None:
        self.media_type = row.media_type or "application/octet-stream"
        self.etag = f'"{row.sha256}"'
        self.size_bytes: int = size_bytes
        self._place = place

    async def open(self, safe: Safe, *, whole: bool) -> None:
        """Nothing is opened before it is read; it has its hash beside it, to be compared."""
        self._safe = safe

    async def read(self, span: Span | None) -> AsyncGenerator[bytes, None]:
        """As `Content.read`."""
        part = span or Span(0, self.size_bytes)
        source, sent = await in_thread(self._safe.read, self._place, part.offset, part.length), 0
        try:
            while block := await in_thread(next, source, b""):
                sent += len(block)
                yield block
        finally:
            _end(source)
        if sent != part.length:
            raise VaultError(
                f"{self._place.key} is shorter than the catalogue says: {sent} of {part.length} bytes."
            )

    def close(self) -> None:
        """There is nothing to let go of."""


class Evidence(Content):
    """An archive of the file and what proves it, made while it is sent."""

    media_type = "application/zip"
    form = "evidence"
    ranges = False
    size_bytes = None

    def __init__(self, row: RecordingRow, place: Place, proof: Proof, name: str, at: datetime) -> None:
        self.etag = f'W/"{row.sha256}.{proof.head.size}"'
        self._place, self._proof, self._name, self._at = place, proof, name, at

    async def open(self, safe: Safe, *, whole: bool) -> None:
        """Nothing is opened before it is read; damage is for who verifies it to see."""
        self._safe = safe

    async def read(self, span: Span | None) -> AsyncGenerator[bytes, None]:
        """As `Content.read`."""
        audio = await in_thread(self._safe.read, self._place)
        made = bundle.archive(self._proof, self._name, audio, self._at)
        try:
            while block := await in_thread(_next_part, made):
                yield block
        finally:
            _end(made)

    def close(self) -> None:
        """There is nothing to let go of."""


def _next_part(made: Iterator[bytes]) -> bytes:
    """The next that has anything in it."""
    return next(filter(None, made), b"")


class Converted(Content):
    """Made block by block by the few threads that there are for it, for as long as somebody reads."""

    def __init__(
        self, row: RecordingRow, place: Place, size_bytes: int, wanted: AudioFormat, threads: Patience
    ) -> None:
        self._threads = threads
        self.form: str = wanted
        self.media_type = MEDIA_TYPES[wanted]
        self.etag = f'W/"{row.sha256}.{wanted}"'  # another release may make other bytes of the same sound
        self.ranges = wanted == "wav"
        self.size_bytes: int | None = None
        self._place, self._original_bytes, self._wanted = place, size_bytes, wanted
        self._sha256 = row.sha256
        self._conversion: Conversion | None = None

    async def open(self, safe: Safe, *, whole: bool) -> None:
        """As `Content.open`: in what it is made into, nobody would see damage any more."""
        if whole and self._place.lock is None:  # what is encrypted is found out anyway
            await self._compare(safe)

        def opened() -> Conversion:
            from ari_recorder.media.convert import Conversion  # what codes audio is not needed before

            return Conversion(
                lambda offset: safe.read(self._place, offset), self._original_bytes, self._wanted
            )

        self._conversion = await _within(self._threads, opened)
        self.size_bytes = self._conversion.size_bytes

    async def _compare(self, safe: Safe) -> None:
        hashed, blocks = hashlib.sha256(), safe.read(self._place)

        def hash_next() -> bool:
            block = next(blocks, b"")
            hashed.update(block)
            return bool(block)

        try:
            while await _within(self._threads, hash_next):
                pass
        finally:
            _end(blocks)
        if hashed.hexdigest() != self._sha256:
            raise VaultError(
                f"{self._place.key} is not what was put there: its SHA-256 is {hashed.hexdigest()}."
            )

    async def read(self, span: Span | None) -> AsyncGenerator[bytes, None]:
        """As `Content.read`."""
        assert self._conversion is not None, "not open"
        made = self._conversion.part(span.offset, span.length) if span else self._conversion.blocks()
        try:
            while block := await _within(self._threads, lambda: next(made, b"")):
                yield block
        finally:
            _end(made)

    def close(self) -> None:
        """Let go of the original, unless a thread is still busy with it: then that does."""
        self._conversion = None


async def _within(threads: Patience, work: Callable[[], T]) -> T:
    try:
        return await threads.call(work)
    except NoAnswer as error:
        raise VaultError(str(error)) from error


def _end(source: Iterator[bytes]) -> None:
    with contextlib.suppress(AttributeError, ValueError):  # ValueError: its thread still reads
        source.close()  # type: ignore[attr-defined]
