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
    """A thousand ports that no other lab uses, or several thousand in a row, until `release`.

    A call of two legs takes four of them for its audio: a thousand are enough for 247 calls. The one after
    ``http`` is for web pages, the next for health, the third for the softphone in the browser.
    """

    def __init__(self, thousands: int = 1) -> None:
        size = thousands * SIZE
        for first in range(FIRST, LAST - size + 1, SIZE):
            locks = _take_all(range(first, first + size, SIZE))
            if locks and _all_free(first):
                self._locks = locks
                super().__init__(first, first + 1, first + 2, (first + 10, first + size - 1))
                return
            _release(locks)
        raise LabError(
            f"No free block of {size} ports between {FIRST} and {LAST}. Stop a lab or what uses them."
        )

    def release(self) -> None:
        """Let others have the ports. Harmless a second time."""
        _release(self._locks)


def _take_all(blocks: range) -> list[TextIOWrapper]:
    """The locks of all these blocks, or none."""
    folder = cache_folder() / "ports"
    folder.mkdir(exist_ok=True)
    locks: list[TextIOWrapper] = []
    for first in blocks:
        if (lock := _take(folder / f"{first}.lock")) is None:
            _release(locks)
            return []
        locks.append(lock)
    return locks


def _release(locks: list[TextIOWrapper]) -> None:
    for lock in locks:
        lock.close()


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
        (socket.SOCK_STREAM, "127.0.0.3", first + 5),
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
