"""A bounded number of low-priority processes that stitch.

Not ``concurrent.futures.ProcessPoolExecutor``: its workers share a queue, so a killed one fails the jobs of
all, and a job handed in at that moment can start a worker that is never ended (seen in CPython 3.11). Not
``pebble``: a job's time limit begins when a worker takes it, which a stopped one never does. Here each worker
has its own pipe, and every wait for it has an end.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
import traceback
from multiprocessing.connection import Connection

from ari_recorder.blocking import in_thread
from ari_recorder.errors import MediaError
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.stitch import stitch
from ari_recorder.processes import end_with_parent

LIMIT_S = 120.0
LIMIT_FACTOR = 0.5
"""A job may take `LIMIT_S`, and this much of the length of its files: a hundred times what it takes alone."""

_NICENESS = 19
_END_WITHIN_S = 1.0


class StitchPool:
    """Runs jobs in at most ``workers`` processes, which start when they are needed and stay.

    A job whose worker is killed (by the kernel for want of memory, say) or gives no answer in time (it is
    stopped, a disk hangs) is tried once more, in a new process. ``limit_s`` is the least time that a job
    has. Workers end when this process ends, however it ends.
    """

    def __init__(self, workers: int = 1, limit_s: float = LIMIT_S) -> None:
        self._slots = asyncio.Semaphore(workers)
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    async def run(self, job: StitchJob) -> StitchResult:
        """Stitch; raises what :func:`stitch` raises, and MediaError if its process fails twice.

        Cancelling stops the waiting, not a job that has begun. MediaError if the pool is closed meanwhile.
        """
        async with self._slots:
            return await in_thread(self._stitch, job)

    async def close(self) -> None:
        """End every process, whatever it does, and refuse further jobs: a job is done again at any time."""
        with self._lock:
            self._closed = True
            workers = [*self._idle, *self._busy]
        for worker in workers:
            worker.kill()
        await asyncio.gather(*(in_thread(worker.reap) for worker in workers))

    def _stitch(self, job: StitchJob) -> StitchResult:
        limit_s = self._limit_s + LIMIT_FACTOR * sum(max(0.0, s.clock_s) for s in job.segments)
        for fresh in (False, True):
            worker = self._take(fresh)
            try:
                outcome = worker.stitch(job, limit_s)
            except (EOFError, OSError) as error:
                why = error
                worker.kill()
                worker.reap()
                self._give_back(worker, lost=True)
                continue
            self._give_back(worker)
            return _unwrap(outcome)
        raise _failed(job, why, limit_s)

    def _take(self, fresh: bool) -> _Worker:
        with self._lock:
            if self._closed:
                raise MediaError("the stitching processes are shut down; start the recorder again")
            worker = self._idle.pop() if self._idle and not fresh else _Worker()
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: _Worker, lost: bool = False) -> None:
        with self._lock:
            self._busy.discard(worker)
            if not lost:
                self._idle.append(worker)


def _failed(job: StitchJob, why: Exception, limit_s: float) -> MediaError:
    if isinstance(why, TimeoutError):
        remedy = "see whether the disks of the recording folder and of media.work answer"
        return MediaError(
            f"recording {job.recording_id}: the stitching process gave no answer within {limit_s:g} s,"
            f" twice; {remedy}"
        )
    return MediaError(
        f"recording {job.recording_id}: the stitching process was killed twice;"
        " see the kernel's log, and whether memory ran out"
    )


class _Worker:
    """A process that stitches what comes through its pipe, until the pipe is closed."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name="stitch", daemon=True)
        self._process.start()
        theirs.close()

    def stitch(self, job: StitchJob, limit_s: float) -> StitchResult | Exception:
        """Wait for the outcome; EOFError or OSError if the process is dead, TimeoutError if it is late."""
        late_at_s = time.monotonic() + limit_s
        killing = threading.Timer(
            limit_s, self.kill
        )  # that ends also a message which it took or gave half of
        killing.daemon = True
        killing.start()
        try:
            self._pipe.send(job)
            if not self._pipe.poll(limit_s + _END_WITHIN_S):
                raise TimeoutError
            outcome: StitchResult | Exception = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise (TimeoutError if time.monotonic() > late_at_s else EOFError) from error
        finally:
            killing.cancel()
        return outcome

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def reap(self) -> None:
        """Wait until it has ended; one that the kernel holds is left to it."""
        self._process.join(_END_WITHIN_S)


def _unwrap(outcome: StitchResult | Exception) -> StitchResult:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the recorder, which closes the pool
    os.nice(_NICENESS)
    end_with_parent()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(job))


def _outcome(job: StitchJob) -> StitchResult | Exception:
    try:
        return stitch(job)
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        return error
