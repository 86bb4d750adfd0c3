"""The pool with real processes, killed for real."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ari_recorder.errors import MediaError
from ari_recorder.media import pool as pool_module
from ari_recorder.media.jobs import StitchJob
from ari_recorder.media.pool import StitchPool
from lab import recorder

from .conftest import Spool, header


def children(of: int) -> dict[int, str]:
    """Process id → command line of the stitching workers a process has begun."""
    found = {}
    for pid in recorder.begun_by(of):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text()
    return {pid: line for pid, line in found.items() if "spawn_main" in line}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def long_job(spool: Spool) -> StitchJob:
    """Several seconds of encoding."""
    paths = [spool.raw(f"{side}.wav", header(16000, 0)) for side in ("in", "out")]
    for path in paths:
        os.truncate(path, 44 + 4 * 3600 * 32000)
    return spool.job(spool.segment(*paths, 4 * 3600.0), audio_format="opus")


def short_job(spool: Spool, name: str) -> StitchJob:
    segment = spool.tones(name, 2.0)
    return StitchJob(name, (segment,), spool.target_folder / f"{name}.opus", "opus")


@pytest.fixture
async def pool() -> AsyncIterator[StitchPool]:
    pool = StitchPool(workers=2)
    yield pool
    await pool.close()


async def test_jobs_run_in_few_processes_that_start_with_the_first(spool: Spool, pool: StitchPool) -> None:
    before = set(children(os.getpid()))
    jobs = [short_job(spool, f"j{number}") for number in range(8)]
    results = await asyncio.gather(*(pool.run(job) for job in jobs))
    workers = set(children(os.getpid())) - before
    assert before == set()
    assert {result.duration_ms for result in results} == {2000}
    assert 1 <= len(workers) <= 2
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in workers} == {
        min(19, os.getpriority(os.PRIO_PROCESS, 0) + 19)
    }


async def test_errors_come_back_as_they_were(spool: Spool, pool: StitchPool) -> None:
    with pytest.raises(MediaError, match="There is no audio at all"):
        await pool.run(spool.job())


async def test_an_interrupt_is_not_for_workers(spool: Spool, pool: StitchPool) -> None:
    await pool.run(short_job(spool, "a"))
    (worker,) = children(os.getpid())
    os.kill(worker, signal.SIGINT)
    await pool.run(short_job(spool, "b"))
    assert worker in children(os.getpid())


async def signalling(pool: StitchPool, spool: Spool, number: int, times: int) -> Awaitable[object]:
    """Begin a long job, and send its worker a signal as soon as it writes, so many times."""
    job = long_job(spool)
    running = asyncio.ensure_future(pool.run(job))
    signalled: set[int] = set()
    for _ in range(times):
        await until(lambda: job.target.exists() and set(children(os.getpid())) - signalled)
        job.target.unlink()
        for pid in set(children(os.getpid())) - signalled:
            signalled.add(pid)
            os.kill(pid, number)
    return running


async def test_a_killed_worker_costs_one_more_try(spool: Spool, pool: StitchPool) -> None:
    await pool.run(short_job(spool, "before"))
    (worker,) = children(os.getpid())
    os.kill(worker, signal.SIGKILL)
    await until(
        lambda: worker not in children(os.getpid()) or b"Z" in Path(f"/proc/{worker}/stat").read_bytes()
    )
    results = await asyncio.gather(*(pool.run(short_job(spool, f"after{n}")) for n in range(3)))
    assert {result.duration_ms for result in results} == {2000}


async def test_killed_twice_is_an_error_and_the_pool_goes_on(spool: Spool, pool: StitchPool) -> None:
    running = await signalling(pool, spool, signal.SIGKILL, times=2)
    with pytest.raises(MediaError, match="r1: the stitching process was killed twice"):
        await running
    assert (await pool.run(short_job(spool, "after"))).duration_ms == 2000


async def test_killing_at_any_moment_never_hangs_and_never_spoils_the_others(spool: Spool) -> None:
    """Workers are killed whenever they are seen, at their start, at work and idle, for four rounds."""
    pool = StitchPool(workers=2)
    for round_number in range(4):
        jobs = [short_job(spool, f"r{round_number}-{number}") for number in range(2)]
        running = asyncio.gather(*(pool.run(job) for job in jobs))
        await until(lambda: children(os.getpid()))
        os.kill(next(iter(children(os.getpid()))), signal.SIGKILL)
        async with asyncio.timeout(20):
            assert {result.duration_ms for result in await running} == {2000}
    async with asyncio.timeout(20):
        await pool.close()
    assert children(os.getpid()) == {}


async def test_an_idle_worker_that_was_stopped_costs_one_more_try(spool: Spool) -> None:
    pool = StitchPool(limit_s=5.0)
    await pool.run(short_job(spool, "before"))
    (worker,) = children(os.getpid())
    os.kill(worker, signal.SIGSTOP)
    async with asyncio.timeout(60):
        assert (await pool.run(short_job(spool, "after"))).duration_ms == 2000
    assert worker not in children(os.getpid())
    await pool.close()


async def test_a_worker_that_gives_no_answer_twice_is_an_error(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "LIMIT_FACTOR", 0.0)
    pool = StitchPool(limit_s=6.0)
    running = await signalling(pool, spool, signal.SIGSTOP, times=2)
    async with asyncio.timeout(60):
        with pytest.raises(MediaError, match=r"r1: the stitching process gave no answer within 6 s, twice"):
            await running
        assert (await pool.run(short_job(spool, "after"))).duration_ms == 2000
        await pool.close()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGCONT])
async def test_closing_ends_whatever_the_workers_do(spool: Spool, number: int) -> None:
    pool = StitchPool()
    running = await signalling(pool, spool, number, times=1)
    async with asyncio.timeout(10):
        await pool.close()
        with pytest.raises(MediaError, match="shut down"):
            await running
    assert children(os.getpid()) == {}


async def test_a_closed_pool_refuses(spool: Spool) -> None:
    pool = StitchPool()
    await pool.run(short_job(spool, "a"))
    await pool.close()
    assert children(os.getpid()) == {}
    with pytest.raises(MediaError, match="shut down"):
        await pool.run(short_job(spool, "b"))


PARENT = """
import asyncio, pickle, sys
from ari_recorder.media.pool import StitchPool
from lab import recorder
if __name__ == "__main__":
    asyncio.run(StitchPool(workers=1).run(pickle.load(sys.stdin.buffer)))
"""


async def test_workers_do_not_outlive_a_killed_parent(spool: Spool) -> None:
    job = long_job(spool)
    script = spool.folder / "parent.py"
    script.write_text(textwrap.dedent(PARENT))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    parent = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, env=environment)  # noqa: ASYNC220
    assert parent.stdin is not None
    parent.stdin.write(pickle.dumps(job))
    parent.stdin.close()
    await until(job.target.exists)
    (worker,) = children(parent.pid)
    parent.kill()
    parent.wait()
    await until(lambda: not Path(f"/proc/{worker}").exists())
