"""The local vault: a folder of finished recordings, written once, read as streams with ranges.

A file in it says that this is the folder, and which of the vaults that the catalogue knows. Without that, a
disk that is not mounted would be an empty folder like any other: recordings would be kept where nobody looks
for them. (`store/s3/` is the vault in an S3-compatible store.)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from uuid6 import uuid7

from ari_recorder import files
from ari_recorder.errors import VaultAway, VaultError

BLOCK_BYTES = 256 * 1024
PART = ".part"
MARKER = ".ari_recorder-vault"
MARKER_SAYS = "ari_recorder keeps its recordings here, and nowhere where this is not.\n"
_MARK = re.compile(rb"^vault ([0-9a-f-]{36})$", re.MULTILINE)
FIRST = UUID(int=0)
"""Which vault it is, if its mark does not say: one of before there could be several."""


@dataclass(frozen=True)
class Stored:
    """Hash and size of a file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Known:
    """What the catalogue knows of a vault: which it is, and where its newest recording is in it."""

    id: UUID
    newest: str | None


class Vault(Protocol):
    """Where finished audio is kept. Keys are relative paths with ``/``."""

    @property
    def address(self) -> str:
        """Where it is, without secrets: a folder, or the address of an S3-compatible store."""

    def probe(self) -> UUID:
        """Which it is, by its mark, made if need be. Raises `VaultError` unless something can be put."""

    def look(self) -> UUID | None:
        """Which it is; None if it was never used. Writes nothing. Raises `VaultError` if it is not known."""

    def put(self, key: str, blocks: Iterable[bytes], until: datetime | None = None) -> Stored:
        """Keep a file of these blocks; returns what was written when it is safe. Raises `VaultError`.

        Where the vault can hold a file against its removal, it does, ``until`` then.
        """

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a range, in blocks. Raises `VaultError` if there is no such file."""

    def digest(self, key: str) -> Stored:
        """Hash and size of what is there now. Raises `VaultError` if it cannot be read."""

    def keys(self) -> Iterator[str]:
        """Every file that is there. Raises `VaultError` if a folder cannot be listed."""

    def remove(self, key: str) -> None:
        """Remove a file for good; fine if there is none. Raises `VaultError`, `VaultLocked`."""


def new_mark(known: Known | None) -> UUID:
    """What a vault without a mark is to be."""
    return known.id if known else UUID(int=uuid7().int)


def mark_says(vault: UUID) -> bytes:
    """The mark of that vault."""
    return f"{MARKER_SAYS}vault {vault}\n".encode()


def mark_of(text: bytes) -> UUID:
    """Which vault has that mark."""
    found = _MARK.search(text)
    return UUID(found[1].decode()) if found else FIRST


def key_for(organisation: UUID, started_at: datetime, recording: UUID, suffix: str) -> str:
    """Where a recording is kept: by organisation and UTC day, named by its id."""
    return f"{organisation}/{started_at.astimezone(UTC):%Y/%m/%d}/{recording}{suffix}"


class LocalVault:
    """A vault in a folder, which is made and marked by the first `put` or `probe`.

    ``known`` tells what the catalogue knows of a vault at this address, None if nothing: with its newest
    recording a folder without a mark is known to be the right one. It may block.
    """

    def __init__(self, root: Path, known: Callable[[], Known | None] = lambda: None) -> None:
        self.root = root.absolute()
        self._known = known

    @property
    def address(self) -> str:
        """As `Vault.address`."""
        return str(self.root)

    def probe(self) -> UUID:
        """As `Vault.probe`. Raises `VaultAway` if the folder is not the vault."""
        try:
            found = self._mark()
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".probe-", suffix=PART) as probe:
                probe.write(b"probe")
                probe.flush()
        except OSError as error:
            raise VaultError(
                f"The vault {self.root} cannot be written: {error.strerror}."
                " Make the folder and give it to the user that runs ari_recorder, or set vault.path."
            ) from error
        return found

    def look(self) -> UUID | None:
        """As `Vault.look`. Raises `VaultAway` if the folder is not the vault."""
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return mark_of((self.root / MARKER).read_bytes())
            known = self._known()
            lost = known and known.newest and not self._path(known.newest).exists()
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
        return None

    def _mark(self) -> UUID:
        """Two that do so at once get the same: whose comes first."""
        if found := self.look():
            return found
        marker, part = self.root / MARKER, self.root / f"{MARKER}-{uuid7()}{PART}"
        files.make_folder(self.root)
        try:
            with files.created(part) as file:
                file.write(mark_says(new_mark(self._known())))
                file.flush()
                os.fsync(file.fileno())
            _place(part, marker)
        finally:
            part.unlink(missing_ok=True)
        _sync_folders(self.root, self.root)
        return mark_of(marker.read_bytes())

    def put(self, key: str, blocks: Iterable[bytes], until: datetime | None = None) -> Stored:
        """See `Vault.put`: written, synced, renamed, synced. A folder holds no file against its removal."""
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

    def remove(self, key: str) -> None:
        """See `Vault.remove`. Raises `VaultAway` for a folder without a mark: the file may be elsewhere."""
        target = self._path(key)
        if self.look() is None:
            raise VaultAway(
                f"{key} cannot be removed from the vault {self.root}: there is no {MARKER} in it. Is its disk"
                " mounted?"
            )
        try:
            target.unlink(missing_ok=True)
            target.with_name(target.name + PART).unlink(missing_ok=True)
            if target.parent.exists():
                files.sync_folder(target.parent)
        except OSError as error:
            raise VaultError(
                f"{key} cannot be removed from the vault {self.root}: {error.strerror}."
            ) from error

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


def _place(part: Path, target: Path) -> None:
    """Under its name, unless there is one; on a file system without links whoever comes last."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        return
    except OSError:
        part.replace(target)


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
