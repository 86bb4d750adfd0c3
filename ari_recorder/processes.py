"""What the recorder and the processes have in common that it starts and that stay."""

from __future__ import annotations

import multiprocessing
import os
import threading

SWITCH_INTERVAL_S = 0.0005
"""How long other threads may keep an event loop from running; Python's default is ten times that."""


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, whatever it is doing."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    """Wait on the pipe that the parent holds open as long as it lives."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
