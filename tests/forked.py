"""Programs that are killed on purpose: each in a process of its own, that need not import everything anew."""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from multiprocessing.connection import Connection

WITHIN_S = 60.0
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["ari_recorder.safes", "ari_recorder.store.moving", "ari_recorder.store.s3.vault"]
)


def run(program: str, *arguments: str) -> int:
    """As ``python -c PROGRAM ARGUMENTS`` from a fresh Python; its exit code, -9 if it was killed.

    Fails with what it raised, and kills what does not end in time.
    """
    ours, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=_run, args=(theirs, program, arguments), daemon=True)
    process.start()
    theirs.close()
    process.join(WITHIN_S)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"{arguments}: it does not end")
    with ours:
        assert process.exitcode <= 0, ours.recv()
    return process.exitcode


def _run(told: Connection, program: str, arguments: tuple[str, ...]) -> None:
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102 - the test's own
    except BaseException:
        told.send(traceback.format_exc())
        os._exit(1)
    os._exit(0)
