"""Writing a file so that a crash at any line leaves the old one, the new one, or none: never half.

1. ``NAME.part`` is opened and locked, and what an earlier try left in it is dropped;
2. the audio is written, then flushed and fsynced;
3. the file is read back from the disk, checked and hashed;
4. it is renamed to ``NAME`` and the folder is fsynced.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ari_recorder.errors import VaultError

_BLOCK_BYTES = 1 << 20


def part_path(target: Path) -> Path:
    """The file's temporary name, in the same folder."""
    return target.with_name(target.name + ".part")


@contextmanager
def part_file(target: Path) -> Iterator[BinaryIO]:
    """An empty ``.part`` open for reading and writing, readable by its owner alone.

    It is removed when the body raises. Raises VaultError if somebody else is writing it.
    """
    path = part_path(target)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "w+b") as file:
        _lock(file, path)
        try:
            file.truncate()
            yield file
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def _lock(file: BinaryIO, path: Path) -> None:
    busy = VaultError(f"{path} is being written by another process; try again when it is done")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise busy from error
    if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
        raise busy  # renamed or removed between our opening and our locking it


def settle(file: BinaryIO) -> None:
    """Put what was written on the disk, and drop it from the cache so that it is read from there."""
    file.flush()
    os.fsync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def digest(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 in hexadecimal and size in bytes, read from the file's beginning."""
    file.seek(0)
    hashed, size_bytes = hashlib.sha256(), 0
    while content := file.read(_BLOCK_BYTES):
        hashed.update(content)
        size_bytes += len(content)
    return hashed.hexdigest(), size_bytes


def land(target: Path) -> None:
    """Give the ``.part`` its final name, replacing an earlier file, for good."""
    part_path(target).replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
