"""The pages and the API in a process of their own: what computes pages takes nothing from what follows calls.

Here is the recorder's side. It binds, and hands the sockets over: while the process is not there, connections
wait. A process that has ended, or says nothing, is ended and another started, for as long as it takes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Coroutine, Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

import structlog
from prometheus_client import generate_latest

from ari_recorder.blocking import in_thread
from ari_recorder.live import Answer, Live
from ari_recorder.web import line
from ari_recorder.web.context import Part, Probe
from ari_recorder.web.line import Line
from ari_recorder.web.opening import Opening, work
from ari_recorder.web.server import SHUTDOWN_S, Bound

SILENT_S = 60.0
"""A process that says nothing for so long is ended: it may have been kept from running by what goes first."""
WELL_S = 60.0
"""One that was there for so long was well: what ended it is another matter than what ended the one before."""
AGAIN_AFTER_S = (0.25, 1.0, 5.0)
"""How long it is waited before another is started; the last counts for all further ones."""
ENDS_WITHIN_S = SHUTDOWN_S + 1.0
_REAPED_WITHIN_S = 1.0

_log = structlog.get_logger(__name__)
_FromPages = Line[line.FromPages]


class Pages:
    """Serves what is ``bound`` until it is closed."""

    def __init__(self, opening: Opening, live: Live, probes: Mapping[str, Probe]) -> None:
        self._opening = opening
        self._live = live
        self._probes = probes
        self._asked: set[asyncio.Task[None]] = set()
        self._failures = 0
        self.process: BaseProcess | None = None
        """The one that serves now, or is about to."""

    @property
    def bound(self) -> Bound:
        """What is served."""
        return self._opening.bound

    async def run(self) -> None:
        """Have the process, for ever; cancelled, it is given a moment to end its answers."""
        try:
            while True:
                since_s = asyncio.get_running_loop().time()
                try:
                    why = await self._serve()
                except Exception:
                    _log.exception("a fault in ari_recorder")
                    why = "a fault in ari_recorder"
                well = asyncio.get_running_loop().time() - since_s >= WELL_S
                self._failures = 1 if well else self._failures + 1
                if self._failures == 1:
                    _log.error("the pages' process is started again; calls are not concerned", why=why)
                await asyncio.sleep(AGAIN_AFTER_S[min(self._failures, len(AGAIN_AFTER_S)) - 1])
        finally:
            self.bound.close()

    async def _serve(self) -> str:
        """Have one process; why it is gone."""
        ours, theirs = socket.socketpair()
        try:
            process = await in_thread(_start, self._opening, theirs)
        except OSError as error:
            ours.close()
            return f"it cannot be started: {error}"
        self.process = process
        the_line: _FromPages = await Line.over(ours, line.FromPages)
        beating = asyncio.create_task(the_line.beat())
        within_s = ENDS_WITHIN_S
        try:
            with self._live.likeness(lambda told: the_line.send(line.told(told))):
                why = await self._listen(the_line)
                within_s = 0.0
                return why
        finally:
            for task in (beating, *self._asked):
                task.cancel()
            the_line.close()
            await _end(process, within_s)

    async def _listen(self, the_line: _FromPages) -> str:
        """Do as asked, until the process is gone; why it is."""
        try:
            while True:
                message = await the_line.receive(SILENT_S)
                if isinstance(message, line.Unable):
                    return message.why
                self._take(the_line, message)
        except OSError as error:
            return str(error)

    def _take(self, the_line: _FromPages, message: line.FromPages) -> None:
        match message:
            case line.Command():
                self._command(the_line, message)
            case line.Annotated(leg, annotations):
                if (followed := self._live.find(leg)) is not None:
                    followed.annotated(annotations)
            case line.AskPart(number, name):
                self._ask(self._tell_part(the_line, number, name))
            case line.AskCounters(number):
                self._ask(_tell_counters(the_line, number))

    def _command(self, the_line: _FromPages, asked: line.Command) -> None:
        followed = self._live.find(asked.leg)
        if followed is None:
            the_line.send(line.NoSuchLeg(asked.number))
            return
        followed.command(asked.command).add_done_callback(partial(_answer, the_line, asked.number))

    def _ask(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _tell_part(self, the_line: _FromPages, number: int, name: str) -> None:
        probe = self._probes.get(name)
        part = Part(False, "there is no such part") if probe is None else await _tried(probe)
        the_line.send(line.TellPart(number, part))


async def _tried(probe: Probe) -> Part:
    try:
        return await probe()
    except Exception:
        _log.exception("a readiness probe failed")
        return Part(False, "the probe failed; the reason is in the log")


async def _tell_counters(the_line: _FromPages, number: int) -> None:
    the_line.send(line.TellCounters(number, await in_thread(generate_latest)))


def _answer(the_line: _FromPages, number: int, done: asyncio.Future[Answer]) -> None:
    if done.cancelled() or done.exception() is not None:
        the_line.send(line.Answered(number, None))
        return
    answer = done.result()
    the_line.send(line.Answered(number, answer.leg, answer.reason, answer.problem))


def _start(opening: Opening, theirs: socket.socket) -> BaseProcess:
    context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
    process = context.Process(target=work, args=(opening, theirs), name="pages")
    with theirs:
        process.start()
    return process


async def _end(process: BaseProcess, within_s: float) -> None:
    """Wait so long for it to end by itself, and then end it, whatever it does."""
    await in_thread(process.join, within_s)
    process.kill()
    await in_thread(process.join, _REAPED_WITHIN_S)
