"""A process of low priority that stitches: what it is asked comes through a pipe, and so do its answers."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ari_recorder.media.jobs import StitchJob
from ari_recorder.processes import end_with_parent, name_this, start

if TYPE_CHECKING:
    from ari_recorder.media.ahead import Desk

NAME = "stitch"
_NICENESS = 19
_END_WITHIN_S = 1.0


@dataclass(frozen=True)
class Advance:
    """Code what is certain of a recording that goes on (`Desk.advance`)."""

    job: StitchJob


@dataclass(frozen=True)
class Finish:
    """The recording is over (`Desk.finish`)."""

    job: StitchJob


@dataclass(frozen=True)
class Forget:
    """Take away what was made of a recording (`Desk.forget`)."""

    recording: str


Task = StitchJob | Advance | Finish | Forget


class Worker:
    """A process that does one task after another, until the pipe is closed."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name=NAME, daemon=True)
        start(self._process, _NICENESS)
        theirs.close()

    def ask(self, task: Task, limit_s: float) -> Any:
        """Wait for the outcome, which is an exception where it raised one.

        EOFError or OSError if the process is dead, TimeoutError if it is late.
        """
        late_at_s = time.monotonic() + limit_s
        killing = threading.Timer(
            limit_s, self.kill
        )  # that ends also a message which it took or gave half of
        killing.daemon = True
        killing.start()
        try:
            self._pipe.send(task)
            if not self._pipe.poll(limit_s + _END_WITHIN_S):
                raise TimeoutError
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise (TimeoutError if time.monotonic() > late_at_s else EOFError) from error
        finally:
            killing.cancel()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def reap(self) -> None:
        """Wait until it has ended; one that the kernel holds is left to it."""
        self._process.join(_END_WITHIN_S)


def _work(pipe: Connection) -> None:
    name_this(NAME)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the recorder, which closes the pool
    end_with_parent()
    from ari_recorder.media.ahead import Desk  # what codes audio is in this process only

    desk = Desk()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(desk, task))


def _outcome(desk: Desk, task: Task) -> object:
    from ari_recorder.media.stitch import stitch

    try:
        match task:
            case Advance(job):
                return desk.advance(job)
            case Finish(job):
                return desk.finish(job)
            case Forget(recording):
                desk.forget(recording)
                return None
            case job:
                return stitch(job)
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        return error
