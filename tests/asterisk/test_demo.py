"""The demo as a program of its own: how it ends, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.asterisk.station import wait_until

pytestmark = pytest.mark.asterisk

PROJECT = Path(__file__).parents[2]
BEGUN_S = 60.0
ENDED_S = 15.0


class Demo:
    """``python -m lab.demo`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output"
        self.lab = folder / ".lab/demo"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lab.demo"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=output,
            )

    def said(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    def programs(self) -> dict[int, str]:
        """What it has started and still runs: process ids with command lines."""
        found = {}
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in path.read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    found[int(pid)] = b" ".join(words).decode()
        return found

    def kill(self) -> None:
        """End it and what it has started, in whatever order."""
        for pid in (*self.programs(), self.process.pid) if self.process.poll() is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def recorder(self) -> int:
        """The process id of its recorder."""
        (pid,) = (pid for pid, command in self.programs().items() if "ari_recorder run" in command)
        return pid


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo while its first call goes on."""
    demo = Demo(tmp_path)
    try:
        wait_until(lambda: "calls 106" in demo.said() or demo.process.poll() is not None, BEGUN_S)
        assert demo.process.poll() is None, demo.said()
        yield demo
    finally:
        demo.kill()


def test_a_signal_to_the_demo_alone_ends_it_with_everything_stopped(demo: Demo) -> None:
    programs = demo.programs()
    assert len(programs) >= 3
    demo.process.send_signal(signal.SIGTERM)
    demo.process.send_signal(signal.SIGHUP)  # as a closing terminal does besides: it is ended once
    assert demo.process.wait(ENDED_S) in (128 + signal.SIGTERM, 128 + signal.SIGHUP)
    assert "Traceback" not in demo.said()
    assert "error" not in demo.said().lower()
    assert not [pid for pid in programs if Path(f"/proc/{pid}").exists()]
    assert not demo.lab.exists()


def test_the_demo_ends_when_its_recorder_has_died(demo: Demo) -> None:
    os.kill(demo.recorder(), signal.SIGKILL)
    assert demo.process.wait(ENDED_S) == 1
    assert "The recorder has ended (-9)" in " ".join(demo.said().split())
    assert "Traceback" not in demo.said()
    assert not demo.lab.exists()
