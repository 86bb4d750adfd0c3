"""A day's folder, as it is fetched and pushed: its files with their sizes, and the manifest that lists them.

It is made of the catalogue anew each time: nothing is copied, and what was disposed of is not in it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ari_recorder.media.jobs import AudioFormat
from ari_recorder.media.kinds import ending_of, format_of
from ari_recorder.policies import delivery, spreadsheet
from ari_recorder.policies.delivery import Named
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import view
from ari_recorder.store.deliveries.view import Item, Terms

PART_ROWS = 500
"""Recordings that are read at a time."""
DELIVERED, NOT_READY, UNREADABLE = "delivered", "not ready", "unreadable"
"""What a manifest says of a recording."""
_BOM = "\ufeff"
"""Tells spreadsheets that it is UTF-8."""


@dataclass(frozen=True)
class File:
    """A recording's file: ``form`` is what it is made into, None for the file as it is kept."""

    name: str
    recording: UUID
    size_bytes: int
    form: AudioFormat | None
    modified_at: datetime
    duration_ms: int


@dataclass(frozen=True)
class Folder:
    """A day: its files by name, in the order of time, and its manifest.

    ``waiting`` is how many recordings are not ready yet, ``unreadable`` how many never will be.
    """

    day: date
    files: Mapping[str, File]
    manifest: bytes
    modified_at: datetime
    waiting: int
    unreadable: int

    @property
    def manifest_name(self) -> str:
        """What the manifest is called."""
        return delivery.manifest_name(self.day)

    @property
    def manifest_sha256(self) -> str:
        """Its hash."""
        return hashlib.sha256(self.manifest).hexdigest()


async def folder(store: Store, of: Terms, day: date) -> Folder:
    """The folder of a day as it is now, whether or not its window is open. Raises `StoreError`."""
    from ari_recorder.media.convert import MADE_BY  # what codes audio is not needed before

    zone = ZoneInfo(of.zone)
    begins, ends = delivery.span(day, zone)
    items: list[Item] = []
    after: tuple[datetime, UUID] | None = None
    while True:
        read = await store.read(view.part, of, begins, ends, MADE_BY, after, PART_ROWS)
        items += read
        if len(read) < PART_ROWS:
            break
        after = read[-1].row.started_at, read[-1].row.id
    return await asyncio.to_thread(_made, of, day, items, zone)


def _made(of: Terms, day: date, items: Sequence[Item], zone: ZoneInfo) -> Folder:
    forms = [_form(item.row, of.form) for item in items]
    endings = [ending_of(item.row.media_type, form) for item, form in zip(items, forms, strict=True)]
    names = delivery.file_names([_named(item.row) for item in items], zone, endings)
    files = [_file(name, item, form) for name, item, form in zip(names, items, forms, strict=True)]
    rows = [_line(item, form, file, zone) for item, form, file in zip(items, forms, files, strict=True)]
    manifest = _BOM + spreadsheet.write(delivery.MANIFEST, rows)
    opens_at = delivery.window(day, zone).opens_at
    unreadable = sum(_is_unreadable(item) for item in items)
    return Folder(
        day,
        {file.name: file for file, item in zip(files, items, strict=True) if file and not item.acknowledged},
        manifest.encode(errors="replace"),
        max([opens_at, *(at for item in items for at in (item.row.stored_at, item.noted_at) if at)]),
        sum(file is None for file in files) - unreadable,
        unreadable,
    )


def _form(row: RecordingRow, wanted: str) -> AudioFormat | None:
    """What it has to be made into; None if it stays as it is."""
    return None if not wanted or wanted == format_of(row.media_type) else wanted  # type: ignore[return-value]


def _file(name: str, item: Item, form: AudioFormat | None) -> File | None:
    """Its file, if it is ready and its size is known: clients rely on that."""
    row = item.row
    size_bytes = row.size_bytes if form is None else item.made.size_bytes if item.made else None
    if row.state is not RecordingState.STORED or row.place is None or size_bytes is None:
        return None
    return File(name, row.id, size_bytes, form, row.ended_at or row.started_at, row.duration_ms or 0)


def _is_unreadable(item: Item) -> bool:
    return item.made is not None and item.made.size_bytes is None


def _named(row: RecordingRow) -> Named:
    return Named(
        row.id,
        row.started_at,
        row.user_number or row.user_name,
        row.counterpart_number or row.counterpart_name,
        row.direction,
    )


def _line(item: Item, form: AudioFormat | None, file: File | None, zone: ZoneInfo) -> tuple[str, ...]:
    row = item.row
    state = DELIVERED if file else UNREADABLE if _is_unreadable(item) else NOT_READY
    sha256 = (row.sha256 if form is None else item.made and item.made.sha256) if file else ""
    problems = [*row.problems, *([item.made.problem] if item.made and item.made.problem else [])]
    return (
        file.name if file else "",
        state,
        str(file.size_bytes) if file else "",
        sha256 or "",
        str(row.id),
        delivery.written(row.started_at, zone),
        delivery.written(row.ended_at, zone),
        f"{row.duration_ms / 1000:.1f}" if row.duration_ms is not None else "",
        row.user_name,
        row.user_number or "",
        row.counterpart_name,
        row.counterpart_number,
        row.direction,
        "yes" if row.internal else "no",
        row.mode,
        row.mark,
        row.note,
        *row.tags,
        " ".join(problems),
        format_of(row.media_type) or row.media_type or "",
        str(row.size_bytes) if row.size_bytes is not None else "",
        row.sha256 or "",
    )
