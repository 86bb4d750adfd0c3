"""Blocking work that may never come back: a folder on a lost network share, a name that nobody resolves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """What ``work`` returns or raises. Its thread is left behind if nobody waits any more.

    Not `asyncio.to_thread`: the program would wait for such a thread before it ends.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = _value(future, work(*args))
        except BaseException as error:
            settle = _failure(future, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=f"doctor {work.__name__}", daemon=True).start()
    return await future


def _value(future: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(value)


def _failure(future: asyncio.Future[Any], error: BaseException) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)
