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
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(NoAnswer, match=r"the folder does not answer within 0\.05 s"):
            await patience.call(answering.wait)
    assert threading.active_count() - before == 2
    answering.set()
    async with asyncio.timeout(5):
        while threading.active_count() > before:
            await asyncio.sleep(0.005)
    assert await patience.call(answering.wait)
