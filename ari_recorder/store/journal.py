"""What the catalogue does not take at the moment: the latest document of each leg, as a file of its own.

The folder lies beside the recordings. A file is written whole, synced and put in its place, so that after a
crash at any line there is the one before it or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import structlog

from ari_recorder import files
from ari_recorder.errors import StoreError
from ari_recorder.policies.leg import Leg
from ari_recorder.store import documents

SUFFIX, PART = ".json", ".part"

_log = structlog.get_logger(__name__)


class Journal:
    """A folder of documents, which is made when it is needed. All of it blocks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, legs: Iterable[Leg]) -> None:
        """Keep these; returns when they are on disk. Raises `OSError`."""
        files.make_folder(self.folder, parents=False)
        for leg in legs:
            path = self._path(leg.id)
            part = path.with_suffix(PART)
            with files.created(part) as file:
                file.write(documents.encode(leg))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        self._sync()

    def forget(self, legs: Iterable[UUID]) -> None:
        """The catalogue has these. Raises `OSError`."""
        for leg in legs:
            self._path(leg).unlink(missing_ok=True)

    def read(self) -> list[Leg]:
        """All that are kept. What cannot be read is told, and left for people to look at."""
        legs = []
        with suppress(FileNotFoundError):
            for path in sorted(self.folder.glob(f"*{SUFFIX}")):
                try:
                    legs.append(documents.decode(path.read_bytes()))
                except (StoreError, OSError) as error:
                    _log.error("a leg in the journal cannot be read", file=str(path), error=str(error))
        return legs

    def _path(self, leg: UUID) -> Path:
        return self.folder / f"{leg}{SUFFIX}"

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
