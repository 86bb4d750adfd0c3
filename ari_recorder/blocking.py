"""Blocking work that may never come back: a folder on a lost network share, a name that nobody resolves.

Not `asyncio.to_thread`: its few threads are everybody's, also those who look up names, and the program
would wait for each of them before it ends. Here one that comes back is used again, for starting another keeps
the event loop waiting until that runs; one that does not is left behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from ari_recorder.errors import NoAnswer

T = TypeVar("T")

_Job = Callable[[], Callable[[], None]]
"""Work to be done in a thread; what it returns tells the waiting loop."""

_idle: list[SimpleQueue[_Job]] = []
"""Where each thread that has nothing to do waits for its next job."""


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """What ``work`` returns or raises. Its thread is left behind if nobody waits any more."""
    return await _begin(work, *args)


def _begin(work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def job() -> Callable[[], None]:
        threading.current_thread().name = getattr(work, "__name__", "work")
        try:
            settle = _value(future, work(*args))
        except BaseException as error:
            settle = _failure(future, error)
        return lambda: _tell(loop, settle)

    try:
        _idle.pop().put(job)
    except IndexError:
        threading.Thread(target=_work_forever, args=(job,), daemon=True).start()
    return future


def _work_forever(job: _Job) -> None:
    jobs: SimpleQueue[_Job] = SimpleQueue()
    while True:
        tell = job()
        threading.current_thread().name = "idle"
        _idle.append(jobs)
        tell()
        del job, tell  # and with them what they hold
        job = jobs.get()


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # closed in this moment
        loop.call_soon_threadsafe(settle)


def _value(future: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(value)


def _failure(future: asyncio.Future[Any], error: BaseException) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)


class Patience:
    """Threads of its own for something that may not answer: at most ``threads``, each call ``limit_s``.

    ``name`` completes the sentence "… does not answer".
    """

    def __init__(self, name: str, limit_s: float, threads: int = 4) -> None:
        self.name = name
        self.limit_s = limit_s
        self._free = asyncio.Semaphore(threads)

    async def call(self, work: Callable[..., T], *args: Any) -> T:
        """What ``work`` returns or raises; `NoAnswer` after the limit, also if no thread got free by then."""
        try:
            async with asyncio.timeout(self.limit_s):
                await self._free.acquire()
                try:
                    running = _begin(work, *args)
                except BaseException:
                    self._free.release()
                    raise
                running.add_done_callback(self._ended)
                return await asyncio.shield(running)
        except TimeoutError as error:
            raise NoAnswer(
                f"{self.name} does not answer within {self.limit_s:g} s:"
                " see whether its disk or network share is there."
            ) from error

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._free.release()
        if not running.cancelled():
            running.exception()  # seen, though nobody may wait for it any more
