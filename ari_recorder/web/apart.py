"""The recorder's side of the pages and the API, which are a process of their own.

It binds, and hands the sockets over: while the process is not there, connections wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from prometheus_client import generate_latest

from ari_recorder.apart import Apart
from ari_recorder.blocking import in_thread
from ari_recorder.line import Line
from ari_recorder.live import Answer, Live
from ari_recorder.web import line
from ari_recorder.web.context import Part, Probe
from ari_recorder.web.opening import NAME, NICENESS, Opening, work
from ari_recorder.web.server import SHUTDOWN_S, Bound

ENDS_WITHIN_S = SHUTDOWN_S + 1.0

_log = structlog.get_logger(__name__)
_FromPages = Line[line.FromPages]


class Pages(Apart[line.FromPages]):
    """Serves what is ``bound`` until it is closed."""

    def __init__(self, opening: Opening, live: Live, probes: Mapping[str, Probe]) -> None:
        super().__init__(NAME, work, opening, line.FromPages, niceness=NICENESS, ends_within_s=ENDS_WITHIN_S)
        self.bound: Bound = opening.bound
        """What is served."""
        self._live = live
        self._probes = probes
        self._asked: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve, for ever; cancelled, the process is given a moment to end its answers."""
        try:
            await super().run()
        finally:
            self.bound.close()

    @contextmanager
    def attend(self, the_line: _FromPages) -> Iterator[Callable[[line.FromPages], None]]:
        """Tell it which calls go on, and do as it asks."""
        try:
            with self._live.likeness(lambda told: the_line.send(line.told(told))):
                yield partial(self._take, the_line)
        finally:
            for task in self._asked:
                task.cancel()

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
