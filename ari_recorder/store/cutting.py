"""Connections to a database that does not answer, cut off, so that no end of a program waits for it."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Any

from ari_recorder.errors import StoreError


class Cutting:
    """Knows the connection of each thread; from `cut` on there are none."""

    def __init__(self) -> None:
        self._open: dict[int, Any] = {}
        self._cut = False

    def check(self) -> None:
        """Raises `StoreError` if there are to be none any more."""
        if self._cut:
            raise StoreError("The catalogue does not answer, and the program is stopping.")

    def opened(self, connection: Any) -> None:
        """This thread has that one from now on. Raises as `check` does."""
        self._open[threading.get_ident()] = connection
        self.check()

    def cut(self) -> None:
        """What waits for PostgreSQL's answer fails at once; SQLite has its own limit (`busy_timeout`)."""
        self._cut = True
        for connection in list(self._open.values()):
            with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)  # one that is closed meanwhile, and SQLite's, has none
