"""Processes of their own beside the recorder's: what they compute takes nothing from what follows calls.

Here is the recorder's side, and what such a process begins with. One that has ended, or says nothing, is
ended and another started, for as long as it takes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

import structlog

from ari_recorder import log
from ari_recorder.blocking import in_thread
from ari_recorder.config import Log
from ari_recorder.line import Line, Unable
from ari_recorder.processes import ENDING, SWITCH_INTERVAL_S, end_with_parent, name_this, start

SILENT_S = 60.0
"""A process that says nothing for so long is ended: it may have been kept from running by what goes first."""
WELL_S = 60.0
"""One that was there for so long was well: what ended it is another matter than what ended the one before."""
AGAIN_AFTER_S = (0.25, 1.0, 5.0)
"""How long it is waited before another is started; the last counts for all further ones."""
HEARD_WITHIN_S = 10.0
"""A process that has not heard of the recorder for so long ends: nobody looks after it."""
_REAPED_WITHIN_S = 1.0

_log = structlog.get_logger(__name__)
M = TypeVar("M")


class Apart(Generic[M]):
    """Has one process at a time: ``work(opening, socket)``, which sends messages that ``takes`` describes.

    Its priority is lower by ``niceness``. When it is to stop, it has ``ends_within_s`` to end by itself.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Any, socket.socket], None],
        opening: Any,
        takes: Any,
        *,
        niceness: int,
        ends_within_s: float,
    ) -> None:
        self.name = name
        self._work = work
        self._opening = opening
        self._takes = takes
        self._niceness = niceness
        self._ends_within_s = ends_within_s
        self._failures = 0
        self.process: BaseProcess | None = None
        """The one that works now, or is about to."""

    async def run(self) -> None:
        """Have the process, for ever; cancelled, it is given a moment to end what it does."""
        while True:
            since_s = asyncio.get_running_loop().time()
            try:
                why = await self._have()
            except Exception:
                _log.exception("a fault in ari_recorder")
                why = "a fault in ari_recorder"
            well = asyncio.get_running_loop().time() - since_s >= WELL_S
            self._failures = 1 if well else self._failures + 1
            if self._failures == 1:
                _log.error(f"the process {self.name} is started again; calls are not concerned", why=why)
            await asyncio.sleep(AGAIN_AFTER_S[min(self._failures, len(AGAIN_AFTER_S)) - 1])

    @contextmanager
    def attend(self, _line: Line[M]) -> Iterator[Callable[[M], None]]:
        """What is done as long as this process is there: gives what takes its messages."""
        yield lambda _message: None

    async def _have(self) -> str:
        """Have one process; why it is gone."""
        ours, theirs = socket.socketpair()
        try:
            process = await in_thread(self._start, theirs)
        except OSError as error:
            ours.close()
            return f"it cannot be started: {error}"
        self.process = process
        the_line: Line[M] = await Line.over(ours, self._takes)
        beating = asyncio.create_task(the_line.beat())
        within_s = self._ends_within_s
        try:
            with self.attend(the_line) as take:
                why = await _listen(the_line, take)
                within_s = 0.0
                return why
        finally:
            beating.cancel()
            the_line.close()
            self.process = None
            await _end(process, within_s)

    def _start(self, theirs: socket.socket) -> BaseProcess:
        context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
        process = context.Process(target=self._work, args=(self._opening, theirs), name=self.name)
        with theirs:
            start(process, self._niceness)
        return process


async def _listen(the_line: Line[M], take: Callable[[M], None]) -> str:
    """Take what it says, until it is gone; why it is."""
    try:
        while True:
            message = await the_line.receive(SILENT_S)
            if isinstance(message, Unable):
                return message.why
            take(message)
    except OSError as error:
        return str(error)


async def _end(process: BaseProcess, within_s: float) -> None:
    """Wait so long for it to end by itself, and then end it, whatever it does."""
    await in_thread(process.join, within_s)
    process.kill()
    await in_thread(process.join, _REAPED_WITHIN_S)
    if process.exitcode is not None:
        process.close()  # or its pipes stay until it is collected


def begin(name: str, logging: Log) -> None:
    """What such a process does first. ``name`` is what `ps -o comm` and `top` say.

    That it is to stop is for the recorder to say, which has got the signal, too.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    name_this(name)
    end_with_parent()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    log.configure(logging)
