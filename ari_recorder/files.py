"""Files and folders made with the mode that they are to have, whatever the umask of who makes them.

Recordings, the catalogue, keys and what is being worked on are their owner's alone. What lies in Asterisk's
recording folder for Asterisk to play is for that folder's group, too, in which both programs are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Readable and writable by the owner alone."""
GROUP_FILE, GROUP_FOLDER = 0o640, 0o750
"""Readable by the group, too."""


def make_folder(path: Path, mode: int = PRIVATE_FOLDER, *, parents: bool = True) -> None:
    """Make a folder of that mode, and with ``parents`` those missing above it (`PRIVATE_FOLDER`).

    One that is there stays as it is: whoever made it may have meant to. Raises `OSError`.
    """
    if path.is_dir():
        return
    if parents and not path.parent.exists():
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(mode)


@contextmanager
def created(path: Path, mode: int = PRIVATE_FILE) -> Iterator[BinaryIO]:
    """A file of that mode to write into, emptied if it is there. Raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        yield file


def why_not_writable(folder: Path) -> str:
    """Empty if a file can be made, read and removed in ``folder``, otherwise the reason; blocking."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".ari_recorder-probe-", suffix=".part") as probe:
            probe.write(b"probe")
            probe.flush()
            return "" if Path(probe.name).read_bytes() == b"probe" else "what was written reads differently"
    except OSError as error:
        return error.strerror or str(error)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in it is on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def touch(path: Path, mode: int = PRIVATE_FILE) -> None:
    """Make an empty file of that mode, unless there is one. Raises `OSError`."""
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def give_to_group_of(folder: Path, path: Path) -> None:
    """Give ``path`` to the group of ``folder``, as far as this program may: it has to be in that group."""
    with suppress(PermissionError):
        os.chown(path, -1, folder.stat().st_gid)
