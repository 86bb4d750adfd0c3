"""A bounded number of low-priority processes that stitch.

Not ``concurrent.futures.ProcessPoolExecutor``: its workers share a queue, so a killed one fails the jobs of
all, and a job handed in at that moment can start a worker that is never ended (seen in CPython 3.11). Not
``pebble``: a job's time limit begins when a worker takes it, which a stopped one never does. Here each worker
has its own pipe, and every wait for it has an end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import structlog

from ari_recorder.blocking import in_thread
from ari_recorder.errors import MediaError
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.process import Advance, Finish, Forget, Worker

LIMIT_S = 120.0
LIMIT_FACTOR = 0.5
"""A job may take `LIMIT_S`, and this much of the length of its files: a hundred times what it takes alone."""
FORGOTTEN_AFTER_S = 60.0
"""So long what was made ahead is kept of what does not go on any more, and is not being finished either: the
catalogue takes a moment to know of a call's end, or more while it cannot be written."""

_log = structlog.get_logger(__name__)


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
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
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
                outcome = worker.ask(job, limit_s)
            except (EOFError, OSError) as error:
                why = error
                worker.kill()
                worker.reap()
                self._give_back(worker, lost=True)
                continue
            self._give_back(worker)
            return _unwrap(outcome)
        raise _failed(job, why, limit_s)

    def _take(self, fresh: bool) -> Worker:
        with self._lock:
            if self._closed:
                raise MediaError("the stitching processes are shut down; start the recorder again")
            worker = self._idle.pop() if self._idle and not fresh else Worker()
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: Worker, lost: bool = False) -> None:
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


def _unwrap(outcome: StitchResult | Exception) -> StitchResult:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


class Ahead:
    """Has recordings made while their calls go on, in one process of its own that begins with the first.

    It is there to save time: whatever fails, the recording is stitched by the pool when it is over.
    """

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._one_at_a_time = asyncio.Lock()
        self._worker: Worker | None = None
        self._known: dict[str, float] = {}
        """When each recording in the making was last wanted."""

    async def advance(self, job: StitchJob) -> bool:
        """Code more of a recording that goes on; whether there is still more of it now."""
        self._known[job.recording_id] = _clock_s()
        return bool(await self._ask(Advance(job)))

    async def finish(self, job: StitchJob) -> StitchResult | None:
        """The finished file; None if it has to be stitched."""
        if self._known.pop(job.recording_id, None) is None:
            return None
        result: StitchResult | None = await self._ask(Finish(job))
        return result

    async def keep(self, recordings: Iterable[str]) -> None:
        """These are wanted; what was made of others is taken away `FORGOTTEN_AFTER_S` after they were."""
        now_s = _clock_s()
        self._known |= dict.fromkeys(self._known.keys() & set(recordings), now_s)
        for recording in [one for one, at_s in self._known.items() if now_s - at_s >= FORGOTTEN_AFTER_S]:
            del self._known[recording]
            await self._ask(Forget(recording))

    async def close(self) -> None:
        """End the process; what it has made is made again."""
        if self._worker is not None:
            self._worker.kill()
            await in_thread(self._worker.reap)

    async def _ask(self, task: Advance | Finish | Forget) -> Any:
        async with self._one_at_a_time:
            return await in_thread(self._asked, task)

    def _asked(self, task: Advance | Finish | Forget) -> Any:
        try:
            if self._worker is None:
                self._worker = Worker()
            outcome = self._worker.ask(task, self._limit_s)
        except (EOFError, OSError):
            self._lose()
            return None
        if isinstance(outcome, Exception):
            _log.warning("a recording is made when it is over, and not before", error=str(outcome))
            return None
        return outcome

    def _lose(self) -> None:
        """The process is dead or silent: what it had is not known any more."""
        self._known.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.reap()


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
