"""The local vault: a folder of finished recordings, written once, read as streams with ranges.

A file in it says that this is the folder. Without that, a disk that is not mounted would be an empty folder
like any other: recordings would be kept where nobody looks for them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ari_recorder import files
from ari_recorder.errors import VaultAway, VaultError

BLOCK_BYTES = 256 * 1024
PART = ".part"
MARKER = ".ari_recorder-vault"
MARKER_SAYS = "ari_recorder keeps its recordings in this folder, and in none that lacks this file.\n"


@dataclass(frozen=True)
class Stored:
    """Hash and size of a file."""

    sha256: str
    size_bytes: int


class Vault(Protocol):
    """Where finished audio is kept. Keys are relative paths with ``/``."""

    def probe(self) -> None:
        """Raise `VaultError` unless something can be put."""

    def look(self) -> None:
        """Raise `VaultError` unless it can be looked at; writes nothing."""

    def put(self, key: str, blocks: Iterable[bytes]) -> Stored:
        """Keep a file of these blocks; returns what was written when it is safe. Raises `VaultError`."""

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a range, in blocks. Raises `VaultError` if there is no such file."""

    def digest(self, key: str) -> Stored:
        """Hash and size of what is there now. Raises `VaultError` if it cannot be read."""

    def keys(self) -> Iterator[str]:
        """Every file that is there. Raises `VaultError` if a folder cannot be listed."""


def key_for(organisation: UUID, started_at: datetime, recording: UUID, suffix: str) -> str:
    """Where a recording is kept: by organisation and UTC day, named by its id."""
    return f"{organisation}/{started_at.astimezone(UTC):%Y/%m/%d}/{recording}{suffix}"


class LocalVault:
    """A vault in a folder, which is made and marked by the first `put` or `probe`.

    ``newest`` tells the key of the catalogue's newest stored recording, None if there is none: with it, a
    folder without a mark is known to be the right one. It may block.
    """

    def __init__(self, root: Path, newest: Callable[[], str | None] = lambda: None) -> None:
        self.root = root.absolute()
        self._newest = newest

    def probe(self) -> None:
        """Raise `VaultAway` if the folder is not the vault, `VaultError` if it cannot be written."""
        try:
            self._mark()
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".probe-", suffix=PART) as probe:
                probe.write(b"probe")
                probe.flush()
        except OSError as error:
            raise VaultError(
                f"The vault {self.root} cannot be written: {error.strerror}."
                " Make the folder and give it to the user that runs ari_recorder, or set vault.path."
            ) from error

    def look(self) -> None:
        """Raise `VaultAway` if the folder is not the vault; writes nothing."""
        try:
            if (self.root / MARKER).exists():
                return
            newest = self._newest()
            lost = newest is not None and not self._path(newest).exists()
        except OSError as error:
            raise VaultError(
                f"The vault {self.root} cannot be looked at: {error.strerror}. Run this as the user that runs"
                " the recorder, or give that user the folder."
            ) from error
        if lost:
            raise VaultAway(
                f"The folder {self.root} does not hold the catalogue's recordings: mount its disk, or set"
                f" vault.path. If it is to be the vault all the same: touch {self.root / MARKER}"
            )

    def _mark(self) -> None:
        self.look()
        marker = self.root / MARKER
        if not marker.exists():
            files.make_folder(self.root)
            with files.created(marker) as file:
                file.write(MARKER_SAYS.encode())
            _sync_folders(self.root, self.root)

    def put(self, key: str, blocks: Iterable[bytes]) -> Stored:
        """See `Vault.put`: written, synced, renamed, synced."""
        target = self._path(key)
        part = target.with_name(target.name + PART)
        try:
            self._mark()
            files.make_folder(target.parent)
            written = _write_synced(blocks, part)
            part.replace(target)
            _sync_folders(target.parent, self.root.resolve())
        except OSError as error:
            raise VaultError(
                f"{key} cannot be written to the vault {self.root}: {error.strerror} ({error.filename})."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return written

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `Vault.read`."""
        try:
            with self._path(key).open("rb") as file:
                file.seek(offset)
                left = length
                while left is None or left > 0:
                    block = file.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
                    if not block:
                        return
                    left = None if left is None else left - len(block)
                    yield block
        except OSError as error:
            raise VaultError(f"{key} cannot be read from the vault {self.root}: {error.strerror}.") from error

    def digest(self, key: str) -> Stored:
        """See `Vault.digest`."""
        return digest(self.read(key))

    def keys(self) -> Iterator[str]:
        """See `Vault.keys`; unfinished writes and the marker are not in it."""
        for folder, subfolders, names in os.walk(self.root, onerror=self._unlistable):
            subfolders.sort()
            for name in sorted(names):
                key = Path(folder, name).relative_to(self.root).as_posix()
                if not name.endswith(PART) and key != MARKER:
                    yield key

    def _unlistable(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            return  # never used yet, or removed meanwhile
        raise VaultError(
            f"{error.filename} in the vault {self.root} cannot be listed: {error.strerror}."
        ) from error

    def _path(self, key: str) -> Path:
        try:
            path = (self.root / key).resolve()
        except ValueError:  # a null byte
            path = Path("/")
        if not path.is_relative_to(self.root.resolve()):
            raise VaultError(f"{key!r} is not a key of the vault {self.root}.")
        return path


def _write_synced(blocks: Iterable[bytes], target: Path) -> Stored:
    hashed, size_bytes = hashlib.sha256(), 0
    with files.created(target) as writer:
        for block in blocks:
            hashed.update(block)
            size_bytes += len(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
        os.posix_fadvise(writer.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # so that it is read from the disk
    return Stored(hashed.hexdigest(), size_bytes)


def _sync_folders(folder: Path, root: Path) -> None:
    """Sync ``folder`` and those above it up to ``root``: any of them may be new."""
    for level in (folder, *folder.parents):
        files.sync_folder(level)
        if level == root:
            return


def digest(blocks: Iterable[bytes]) -> Stored:
    """Hash and size of what these blocks are a file of."""
    hashed, size_bytes = hashlib.sha256(), 0
    for block in blocks:
        hashed.update(block)
        size_bytes += len(block)
    return Stored(hashed.hexdigest(), size_bytes)
