"""What the recorder and the processes have in common that it starts and that stay."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the recorder in order; those that it has started are told by it."""
SWITCH_INTERVAL_S = 0.0005
"""How long other threads may keep an event loop from running; Python's default is ten times that."""


def start(process: BaseProcess, niceness: int) -> None:
    """Start it with a lower priority than this process has, and from its first moment on.

    What a new Python imports takes a processor for a second, which calls would wait for: one that lowers
    its own priority comes too late. On Linux it begins with the priority of the thread that starts it. Raises
    `OSError`.
    """
    failed: list[BaseException] = []

    def starts() -> None:
        try:
            least = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), least + niceness)
            process.start()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=starts, name="start")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def name_this(name: str) -> None:
    """Have this process called so by `ps -o comm` and `top`."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, whatever it is doing."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    """Wait on the pipe that the parent holds open as long as it lives."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
