"""A bounded number of low-priority processes that stitch.

Not ``concurrent.futures.ProcessPoolExecutor``: its workers share a queue, so a killed one fails
the jobs of all, and a job handed in at that moment can start a worker that is never ended, for
which ``shutdown`` then waits for ever (seen in CPython 3.11). Here each worker has its own pipe.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from ari_recorder.errors import MediaError
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.stitch import stitch

_NICENESS = 19
_END_WITHIN_S = 5.0


class StitchPool:
    """Runs jobs in at most ``workers`` processes, which start when they are needed and stay.

    A job whose worker is killed (by the kernel for want of memory, say) is tried once more, in a
    new process. Workers end when this process ends, however it ends.
    """

    def __init__(self, workers: int = 1) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="stitch")
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._closed = False

    async def run(self, job: StitchJob) -> StitchResult:
        """Stitch; raises what :func:`stitch` raises, and MediaError if the worker dies twice.

        Cancelling stops the waiting, not a job that has begun. MediaError if the pool is closed
        before the job's turn comes.
        """
        self._refuse_if_closed()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._stitch, job)

    async def close(self) -> None:
        """Let the jobs that have begun finish, refuse the others, and end the workers."""
        self._closed = True
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._threads.shutdown(wait=True)
        while not self._idle.empty():
            self._idle.get().end()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise MediaError("the stitching processes are shut down; start the recorder again")

    def _stitch(self, job: StitchJob) -> StitchResult:
        """In a thread of its own: there are as many threads as there may be workers."""
        self._refuse_if_closed()
        for find in (self._idle_worker, _Worker):
            worker = find()
            try:
                outcome = worker.stitch(job)
            except (EOFError, OSError):
                worker.end()
                continue
            self._idle.put(worker)
            return _unwrap(outcome)
        raise MediaError(
            f"recording {job.recording_id}: the stitching process was killed twice;"
            " see the kernel's log, and whether memory ran out"
        )

    def _idle_worker(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _Worker()


class _Worker:
    """A process that stitches what comes through its pipe, until the pipe is closed."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name="stitch", daemon=True)
        self._process.start()
        theirs.close()

    def stitch(self, job: StitchJob) -> StitchResult | Exception:
        """Wait for the outcome; EOFError or OSError if the process is dead."""
        self._pipe.send(job)
        outcome: StitchResult | Exception = self._pipe.recv()
        return outcome

    def end(self) -> None:
        self._pipe.close()
        self._process.join(_END_WITHIN_S)
        self._process.kill()
        self._process.join()


def _unwrap(outcome: StitchResult | Exception) -> StitchResult:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _work(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the recorder, which closes the pool
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
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


def _end_with_parent() -> None:
    """Wait on the pipe that the parent holds open as long as it lives, also while stitching."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
