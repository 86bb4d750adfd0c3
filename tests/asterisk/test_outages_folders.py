"""The recording folder, the vault or the work folder is full, read-only or away during calls.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_recorder.policies.prompts import PromptKind
from lab import Lab
from lab.cases import over
from tests.asterisk.heard import known
from tests.asterisk.hearing import connect_quietly, prefer, times
from tests.asterisk.kept import assert_kept, assert_next_is_whole, for_want_of_time
from tests.asterisk.outage import LOSSLESS, TALK_S, Way, end, go_on, pause_and_resume, scene
from tests.asterisk.station import Begin, until
from tests.asterisk.test_failures import away, small_disk
from tests.asterisk.test_outages_catalogue import locked

pytestmark = [pytest.mark.asterisk, pytest.mark.outages]

TOLD_WITHIN_S = 5.0


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is left on the file system that the folder is on."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing new can be written there; what is open for writing goes on."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_the_recording_folder_is_full(begin: Begin, lab: Lab) -> None:
    """What was written before is kept, what could not be is told to the parties and with the recording."""
    with small_disk(lab.pbx.spool, 16 * 1024):
        station = begin(fresh=True, **LOSSLESS)
        async with scene(station) as here:
            before, outliving = await here.begin_each(Way.KEYS, Way.APP)
            await asyncio.sleep(2.5)  # by then some of it is on disk
            with full(lab.pbx.spool):
                within = await here.begin(Way.DIGITS)
                talks = (before, outliving, within)
                await pause_and_resume(*talks)
                await until(lambda: here.log("segment_lost") >= 3, 25)
                await go_on(*talks)
                await before.over()
            await until(lambda: here.growing(outliving) and here.growing(within), 30)
            await pause_and_resume(outliving, within)
            await go_on(outliving, within)
            await end(outliving, within)
            for talk, row in zip(talks, await here.rows(*talks), strict=True):
                assert_kept(talk, row, missing_s=40.0, told_over_s=20.0)  # by files and by times
                assert row.problems
            await assert_next_is_whole(here)
        station.recorder.stop()


@pytest.mark.parametrize("how", ["read_only", "away"])
async def test_the_recording_folder_takes_nothing_new(begin: Begin, lab: Lab, how: str) -> None:
    """It is read-only, or away: what Asterisk has open goes on, what is begun is tried until it can be."""
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        before, outliving = await here.begin_each(Way.KEYS, Way.APP)
        await asyncio.sleep(TALK_S)
        with (away if how == "away" else read_only)(lab.pbx.spool):
            within = await here.begin(Way.DIGITS)
            talks = (before, outliving, within)
            await pause_and_resume(*talks)
            await go_on(*talks)
            await before.over()
        await until(lambda: here.growing(outliving) and here.growing(within), 20)
        await asyncio.sleep(TALK_S)
        await go_on(outliving, within)
        await end(outliving, within)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row, missing_s=12.0)
            assert row.problems
        await assert_next_is_whole(here)


@pytest.mark.parametrize("which", ["vault", "work"])
async def test_a_folder_for_what_is_over(begin: Begin, tmp_path: Path, which: str) -> None:
    """Full, read-only, away: calls do not notice. What is over waits where Asterisk wrote it."""
    disk = tmp_path / "disk"
    folder = disk / which
    disk.mkdir()
    with small_disk(disk, 4 * 1024):
        station = begin(**LOSSLESS, **{("vault__path" if which == "vault" else "media__work"): str(folder)})
        async with scene(station) as here:
            await assert_next_is_whole(here)
            talks = []
            for cannot in (full, read_only, away):
                waits = here.log("cannot be finished yet")
                before, outliving = await here.begin_each(Way.KEYS, Way.APP)
                await asyncio.sleep(TALK_S)
                with cannot(disk if cannot is full else folder):
                    within = await here.begin(Way.DIGITS)
                    talks += [before, outliving, within]
                    await pause_and_resume(before, outliving, within)
                    await go_on(before, outliving, within)
                    await end(before, within)
                    if which == "vault":
                        assert not (await asyncio.to_thread(station.recorder.readiness))["vault"]["ok"]
                    await until(lambda waits=waits: here.log("cannot be finished yet") > waits)  # type: ignore[misc]
                await outliving.goes_on()
                await outliving.over()
            for talk, row in zip(talks, await here.rows(*talks), strict=True):
                assert_kept(talk, row)
            await assert_next_is_whole(here)
        station.recorder.stop()
        station.evidence.close()


async def test_neither_catalogue_nor_journal_can_be_written(begin: Begin, lab: Lab) -> None:
    """The failure setting is honoured: within five seconds both are told, or told and the call ended.

    What is to be told is heard in calls in which nothing else is. In the others a pause and a resume by keys
    hold, though they are not confirmed before they are on a disk.
    """
    station = begin(**LOSSLESS)
    journal = lab.pbx.spool / "ari_recorder-journal"
    await asyncio.to_thread(journal.mkdir, exist_ok=True)
    await prefer(station, "101", on_failure="end")
    async with scene(station) as here:
        before = await here.begin(Way.DIGITS)
        outliving = await here.begin(Way.KEYS)
        async with locked(station, 0.0):
            with read_only(journal):
                told, other = await connect_quietly(station, "103", "104")
                within = await here.begin(Way.KEYS)
                calling, called = await connect_quietly(station, "101", "105")
                await pause_and_resume(before, outliving, within)
                await go_on(before, outliving, within)
                await before.over()
                await calling.ended(15)
                await called.ended()
        await asyncio.sleep(TALK_S)
        await go_on(outliving, within)
        await end(outliving, within)
        await over(told, other)
        for call, kind in (
            (told, PromptKind.FAILURE_CONTINUE),
            (other, PromptKind.FAILURE_CONTINUE),
            (calling, PromptKind.FAILURE_END),
            (called, PromptKind.FAILURE_END),
        ):
            (heard_s,) = times(call, kind)
            after_s = heard_s - (known(call.answered_at) - known(call.kept_at)).total_seconds()
            print(f"{call.phone.number} heard {kind} {after_s:.1f} s after the answer")
            assert after_s < TOLD_WITHIN_S
        talks = (before, outliving, within)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row)
        for row in station.evidence.recordings():
            assert row.state == "stored"  # Asterisk has written them all the while
            assert all(for_want_of_time(problem) for problem in row.problems)
        await assert_next_is_whole(here)
