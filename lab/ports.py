"""Free loopback ports for several labs side by side: blocks of 1000, each held by a file lock."""

from __future__ import annotations

import fcntl
import socket
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from lab.errors import LabError
from lab.tree import cache_folder

FIRST, LAST, SIZE = 12000, 32000, 1000
"""Below Linux's ephemeral ports (32768 and up)."""


@dataclass
class Ports:
    """Of one Asterisk: ``sip`` and ``trunk`` (UDP), ``http`` (TCP), the first and last for ``rtp``."""

    sip: int
    trunk: int
    http: int
    rtp: tuple[int, int]


class PortBlock(Ports):
    """A thousand ports that no other lab uses, until `release`; the one after ``http`` is for web pages."""

    def __init__(self) -> None:
        folder = cache_folder() / "ports"
        folder.mkdir(exist_ok=True)
        for first in range(FIRST, LAST, SIZE):
            lock = _take(folder / f"{first}.lock")
            if lock is None:
                continue
            if _all_free(first):
                self._lock = lock
                super().__init__(first, first + 1, first + 2, (first + 10, first + SIZE - 1))
                return
            lock.close()
        raise LabError(
            f"No free block of {SIZE} ports between {FIRST} and {LAST}. Stop a lab or what uses them."
        )

    def release(self) -> None:
        """Let others have the block. Harmless a second time."""
        self._lock.close()


def _take(path: Path) -> TextIOWrapper | None:
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _all_free(first: int) -> bool:
    wanted = [
        (socket.SOCK_DGRAM, "127.0.0.1", first),
        (socket.SOCK_DGRAM, "127.0.0.2", first + 1),
        (socket.SOCK_STREAM, "127.0.0.1", first + 2),
        (socket.SOCK_STREAM, "127.0.0.1", first + 3),
    ]
    return all(_is_free(*one) for one in wanted)


def _is_free(kind: socket.SocketKind, address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
