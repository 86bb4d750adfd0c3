"""What does not answer costs its own threads and its own time, and nobody else's."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ari_recorder.blocking import Patience
from ari_recorder.errors import NoAnswer


async def test_what_is_done_and_what_is_raised_comes_back() -> None:
    patience = Patience("it", 5.0)
    assert await patience.call(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await patience.call(divmod, 7, 0)


async def test_what_does_not_answer_is_told_and_works_again_when_it_does() -> None:
    """Never more than ``threads`` are lost to it."""
    answering = threading.Event()
    patience = Patience("the folder", 0.05, threads=2)
    for _ in range(5):
        with pytest.raises(NoAnswer, match=r"the folder does not answer within 0\.05 s"):
            await patience.call(answering.wait)
    assert _busy_with("wait") == 2
    answering.set()
    async with asyncio.timeout(5):
        while _busy_with("wait"):
            await asyncio.sleep(0.005)
    assert await patience.call(answering.wait)


async def test_a_thread_that_has_come_back_is_used_again() -> None:
    patience = Patience("it", 5.0)
    threads = {await patience.call(threading.get_ident) for _ in range(20)}
    assert len(threads) == 1


def _busy_with(work: str) -> int:
    return sum(thread.name == work for thread in threading.enumerate())
