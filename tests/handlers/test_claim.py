"""One recorder for each application: a second one says so and stays away, until the first is dead."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from ari_recorder.ari import Ari
from ari_recorder.errors import AriNotFound, AriUnreachable
from ari_recorder.handlers import claim as module
from ari_recorder.handlers.claim import Claim

VARIABLE = "ARI_RECORDER_app"
HERE = module._machine()


@dataclass
class Asterisk:
    """Its global variables, as ARI has them: one that is empty is not found."""

    app: str = "app"
    variables: dict[str, str] = field(default_factory=dict)
    away: bool = False

    @property
    def holder(self) -> str:
        return self.variables.get(VARIABLE, "")

    async def variable(self, name: str) -> str:
        self._answers(name)
        if not self.variables.get(name):
            raise AriNotFound("variable", name, 404, "not found")
        return self.variables[name]

    async def set_variable(self, name: str, value: str) -> None:
        self._answers(name)
        self.variables[name] = value

    def _answers(self, name: str) -> None:
        if self.away:
            raise AriUnreachable("variable", name, 0, "timed out")


@pytest.fixture
def asterisk(monkeypatch: pytest.MonkeyPatch) -> Asterisk:
    monkeypatch.setattr(module, "RENEW_EVERY_S", 0.02)
    monkeypatch.setattr(module, "DEAD_AFTER_S", 0.2)
    monkeypatch.setattr(module, "SETTLES_S", 0.05)
    return Asterisk()


def claim(asterisk: Asterisk) -> Claim:
    return Claim(cast("Ari", asterisk))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[Asterisk], Claim]:
    """A claim of a recorder on another machine."""

    def make(asterisk: Asterisk) -> Claim:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "gethostname", lambda: "elsewhere")
            return claim(asterisk)

    return make


@contextmanager
def another_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def started(pid: int) -> str:
    """The time of its start in ticks: field 22 of proc(5)'s stat."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


async def keep(claim: Claim, times: int = 5) -> None:
    """Keep a claim until it has been renewed so often."""
    keeping = asyncio.create_task(claim.keep())
    before = claim._count
    async with asyncio.timeout(5):
        while claim._count < before + times:
            await asyncio.sleep(0.005)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_a_name_that_nobody_has_is_taken_and_kept(asterisk: Asterisk) -> None:
    own = claim(asterisk)
    assert await own.take() == ""
    assert asterisk.holder.startswith(f"{HERE}/{os.getpid()}/{started(os.getpid())}/")
    first = asterisk.holder
    await keep(own)
    assert asterisk.holder != first
    assert await own.take() == "", "again at the next connect"


async def test_a_name_that_is_let_go_is_free_at_once(
    asterisk: Asterisk, elsewhere: Callable[[Asterisk], Claim]
) -> None:
    first, second = claim(asterisk), elsewhere(asterisk)
    assert await first.take() == ""
    await second.release()
    assert asterisk.holder != "", "only its holder lets go of it"
    await first.release()
    assert asterisk.holder == ""
    async with asyncio.timeout(module.DEAD_AFTER_S):
        assert await second.take() == ""


async def test_while_a_recorder_elsewhere_counts_a_second_one_stays_away_and_says_so(
    asterisk: Asterisk, elsewhere: Callable[[Asterisk], Claim]
) -> None:
    first, second = elsewhere(asterisk), claim(asterisk)
    assert await first.take() == ""
    keeping = asyncio.create_task(first.keep())
    for _ in range(2):
        against = await second.take()
        assert f"process {os.getpid()} on elsewhere" in against
        assert "the application app" in against
        assert "stop one of the two" in against
    assert asterisk.holder.startswith("elsewhere@")
    assert not keeping.done(), "the first does not notice"
    keeping.cancel()
    await asyncio.wait([keeping])
    assert await second.take() == "", "the counter stands still: the first is dead"
    assert asterisk.holder.startswith(f"{HERE}/")


async def test_a_recorder_on_the_same_machine_has_it_as_long_as_its_process_lives(
    asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEAD_AFTER_S", 3600.0)
    own = claim(asterisk)
    with another_process() as process:
        asterisk.variables[VARIABLE] = f"{HERE}/{process.pid}/{started(process.pid)}/7"
        assert f"process {process.pid} on {socket.gethostname()}" in await own.take(), (
            "whether it counts or not"
        )
        process.kill()
        async with asyncio.timeout(5):  # a recorder that was killed is followed without delay
            while await own.take():
                await asyncio.sleep(0.005)
        assert process.returncode is None, "though nobody has waited for its end yet"
    assert asterisk.holder.startswith(f"{HERE}/{os.getpid()}/")


async def test_another_process_under_the_number_of_a_dead_one_is_not_the_holder(asterisk: Asterisk) -> None:
    with another_process() as process:
        asterisk.variables[VARIABLE] = f"{HERE}/{process.pid}/1/7"
        assert await claim(asterisk).take() == ""
    asterisk.variables[VARIABLE] = f"{HERE}/{os.getpid()}/1/7"
    assert await claim(asterisk).take() == "", "as after a restart of a container"


@pytest.mark.parametrize("found", ["x", "//", "a/b/c/d/e", "elsewhere/-1/x/1", "HERE/x/y/1", "ö" * 200])
async def test_what_is_no_claim_does_not_keep_us_away(asterisk: Asterisk, found: str) -> None:
    asterisk.variables[VARIABLE] = found.replace("HERE", HERE)
    assert await claim(asterisk).take() == ""


async def test_of_two_that_begin_in_the_same_moment_one_has_it(
    asterisk: Asterisk, elsewhere: Callable[[Asterisk], Claim]
) -> None:
    answers = await asyncio.gather(claim(asterisk).take(), elsewhere(asterisk).take())
    assert sorted(map(bool, answers)) == [False, True]


async def test_who_has_lost_it_stands_back_and_does_not_take_it_back(
    asterisk: Asterisk, elsewhere: Callable[[Asterisk], Claim]
) -> None:
    first = claim(asterisk)
    assert await first.take() == ""
    keeping = asyncio.create_task(first.keep())
    asterisk.variables[VARIABLE] = "elsewhere/1/2/3"
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            await keeping
    assert asterisk.holder == "elsewhere/1/2/3"
    assert "has taken the application app" in logs[-1]["reason"]
    assert "has taken" in await first.check()


async def test_an_asterisk_that_is_restarted_has_forgotten_it_and_is_told_again(asterisk: Asterisk) -> None:
    first = claim(asterisk)
    assert await first.take() == ""
    asterisk.variables.clear()
    await keep(first, 1)
    assert asterisk.holder.startswith(f"{HERE}/")


async def test_an_asterisk_that_does_not_answer_takes_nothing_away(asterisk: Asterisk) -> None:
    first = claim(asterisk)
    assert await first.take() == ""
    asterisk.away = True
    keeping = asyncio.create_task(first.keep())
    with pytest.raises(AriUnreachable):
        await first.take()
    await asyncio.wait([keeping], timeout=10 * module.RENEW_EVERY_S)
    assert not keeping.done()
    asterisk.away = False
    await keep(first, 1)
    keeping.cancel()
    await asyncio.wait([keeping])
