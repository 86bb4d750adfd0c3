"""Recording is not to be had, at the start or in the middle: what the setting says is done (row C7)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ari_recorder.policies.prompts import PromptKind
from lab import Lab
from lab.cases import over
from tests.asterisk.hearing import announced, connect_quietly, played, prefer, times
from tests.asterisk.station import Begin, until

pytestmark = pytest.mark.asterisk


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[None]:
    """A file system of its own at ``folder``."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """The folder is not there: Asterisk refuses to record."""
    elsewhere = folder.with_name("away")
    folder.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(folder)


async def test_the_disk_is_full_in_the_middle_and_the_parties_are_told(begin: Begin, lab: Lab) -> None:
    with small_disk(lab.pbx.spool, 220):
        station = begin(fresh=True)
        calling, called = await connect_quietly(station, "101", "106")
        await played(station, 1)
        assert calling.ended_at is called.ended_at is None
        await over(calling, called)
        for call in (calling, called):
            assert len(times(call, PromptKind.FAILURE_CONTINUE)) == 1
        row = await station.only()
    assert announced(station) == [("failure_continue", "announcement", "both", "played")]
    assert row.duration_ms is not None
    assert row.duration_ms > 2000  # what there was is kept
    assert any("are missing" in problem for problem in row.problems)
    ((outcome, reason),) = station.ledger()
    assert outcome == "recorded"
    assert "are missing" in reason


async def test_asterisk_refuses_at_the_start_and_the_call_is_ended(begin: Begin, lab: Lab) -> None:
    station = begin()
    await prefer(station, "101", on_failure="end")
    with away(lab.pbx.spool):
        calling, called = await connect_quietly(station, "101", "106")
        await calling.ended(timeout_s=20)
        await called.ended()
    await station.evidence.settled()
    assert [one[:3] for one in announced(station)] == []  # the prompts are away as well
    ((outcome, reason),) = station.ledger()
    assert outcome == "not_recorded"
    assert "Asterisk refused to record" in reason


async def test_with_continue_nothing_is_told_and_recording_is_had_when_it_can_be(
    begin: Begin, lab: Lab
) -> None:
    station = begin()
    await prefer(station, "101", on_failure="continue")
    with away(lab.pbx.spool):
        calling, called = await connect_quietly(station, "101", "106")
        await until(lambda: station.recorder.log.read_text().count("segment_lost") >= 2)
    await until(lambda: list(lab.pbx.spool.glob("*.wav")))
    await asyncio.sleep(1)  # the length of what is recorded
    await over(calling, called)
    row = await station.only()
    assert announced(station) == []
    assert row.duration_ms is not None
    assert row.duration_ms >= 800


async def test_a_recording_that_does_not_grow_is_noticed_and_begun_anew(begin: Begin, lab: Lab) -> None:
    """Its file is deleted under Asterisk's hands, which therefore says nothing."""
    station = begin()
    calling, called = await connect_quietly(station, "101", "106")
    await until(lambda: list(lab.pbx.spool.glob("*-r1-in.wav")))
    for path in lab.pbx.spool.glob("*-r1-*.wav"):
        path.unlink()
    await until(lambda: "did not grow" in station.recorder.log.read_text(), 25)
    await until(lambda: list(lab.pbx.spool.glob("*-r2-in.wav")))
    await asyncio.sleep(1)  # the length of what is recorded anew
    await over(calling, called)
    row = await station.only()
    assert any("are missing" in problem for problem in row.problems)
