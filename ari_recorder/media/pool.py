"""A bounded number of low-priority processes that stitch."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from ari_recorder.errors import MediaError
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.stitch import stitch

_NICENESS = 10


class StitchPool:
    """Runs jobs in at most ``workers`` processes, which start with the first job.

    A worker that is killed (by the kernel for want of memory, say) takes the jobs of all workers
    with it. Each of them is tried once more, one after another, in a process of its own, so that
    one bad job cannot fail the others. Workers end when this process ends, however it ends.
    Belongs to one event loop.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._retrying = asyncio.Lock()
        self._closed = False

    async def run(self, job: StitchJob) -> StitchResult:
        """Stitch; raises what :func:`stitch` raises, and MediaError if the worker dies twice.

        Cancelling stops the waiting, not a job that has begun.
        """
        executor = self._running()
        try:
            return await _stitch_in(executor, job)
        except BrokenProcessPool:
            await self._put_away(executor)
        return await self._once_more(job)

    async def close(self) -> None:
        """Let the jobs that have begun finish, drop the others, and end the workers."""
        self._closed = True
        if self._executor:
            await self._put_away(self._executor)

    def _running(self) -> ProcessPoolExecutor:
        if self._closed:
            raise MediaError("the stitching processes are shut down; start the recorder again")
        if self._executor is None:
            self._executor = _new_executor(self._workers)
        return self._executor

    async def _put_away(self, executor: ProcessPoolExecutor) -> None:
        if self._executor is executor:
            self._executor = None
        await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    async def _once_more(self, job: StitchJob) -> StitchResult:
        async with self._retrying:
            executor = _new_executor(1)
            try:
                return await _stitch_in(executor, job)
            except BrokenProcessPool as error:
                raise MediaError(
                    f"recording {job.recording_id}: the stitching process was killed twice;"
                    " see the kernel's log, and whether memory ran out"
                ) from error
            finally:
                await self._put_away(executor)


async def _stitch_in(executor: ProcessPoolExecutor, job: StitchJob) -> StitchResult:
    return await asyncio.get_running_loop().run_in_executor(executor, stitch, job)


def _new_executor(workers: int) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")  # the recorder has threads: forking is unsafe
    return ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin_worker)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the recorder, which closes the pool
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait on the pipe that the parent holds open as long as it lives."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
