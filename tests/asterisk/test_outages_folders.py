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
from tests.asterisk.hearing import connect_quietly, over, prefer, times
from tests.asterisk.outage import TALK_S, Way, assert_kept, scene
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
        station = begin(fresh=True)
        async with scene(station) as here:
            before, outliving = await here.begin(Way.KEYS), await here.begin(Way.APP)
            await asyncio.sleep(2.5)  # by then some of it is on disk
            with full(lab.pbx.spool):
                within = await here.begin(Way.DIGITS)
                await before.pause()
                await asyncio.sleep(TALK_S)
                await before.resume()
                await until(lambda: here.log("segment_lost") >= 3, 25)
                await asyncio.gather(*(talk.goes_on() for talk in (before, outliving, within)))
                await before.over()
            await until(lambda: here.growing(outliving) and here.growing(within), 30)
            await outliving.pause()
            await asyncio.sleep(TALK_S)
            await outliving.resume()
            await asyncio.sleep(TALK_S)
            await asyncio.gather(outliving.goes_on(), within.goes_on())
            await asyncio.gather(outliving.over(), within.over())
            talks = (before, outliving, within)
            for talk, row in zip(talks, await here.rows(*talks), strict=True):
                assert_kept(talk, row, missing_s=40.0, told_over_s=20.0)  # by files and by times
                assert row.problems
            await here.new_call()
        station.recorder.stop()


@pytest.mark.parametrize("how", ["read_only", "away"])
async def test_the_recording_folder_takes_nothing_new(begin: Begin, lab: Lab, how: str) -> None:
    """It is read-only, or away: what Asterisk has open goes on, what is begun is tried until it can be."""
    station = begin()
    async with scene(station) as here:
        before, outliving = await here.begin(Way.KEYS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        with (away if how == "away" else read_only)(lab.pbx.spool):
            await asyncio.gather(before.pause(), outliving.pause())
            await asyncio.sleep(TALK_S)
            await asyncio.gather(before.resume(), outliving.resume())
            within = await here.begin(Way.DIGITS)
            await asyncio.sleep(TALK_S)
            await asyncio.gather(*(talk.goes_on() for talk in (before, outliving, within)))
            await before.over()
        await until(lambda: here.growing(outliving) and here.growing(within), 20)
        await asyncio.sleep(TALK_S)
        await asyncio.gather(outliving.goes_on(), within.goes_on())
        await asyncio.gather(outliving.over(), within.over())
        talks = (before, outliving, within)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row, missing_s=12.0)
            assert row.problems
        await here.new_call()


@pytest.mark.parametrize("which", ["vault", "work"])
async def test_a_folder_for_what_is_over(begin: Begin, tmp_path: Path, which: str) -> None:
    """Full, read-only, away: calls do not notice. What is over waits where Asterisk wrote it."""
    disk = tmp_path / "disk"
    folder = disk / which
    disk.mkdir()
    with small_disk(disk, 512):
        station = begin(**{("vault__path" if which == "vault" else "media__work"): str(folder)})
        async with scene(station) as here:
            await here.new_call()
            talks = []
            for way, cannot in zip(Way, (full, read_only, away), strict=True):
                waits = here.log("cannot be finished yet")
                with cannot(disk if cannot is full else folder):
                    talks.append(talk := await here.begin(way))
                    await asyncio.sleep(TALK_S)
                    await talk.pause()
                    await asyncio.sleep(TALK_S)
                    await talk.resume()
                    await talk.goes_on()
                    await talk.over()
                    if which == "vault":
                        assert not (await asyncio.to_thread(station.recorder.readiness))["vault"]["ok"]
                    await until(lambda waits=waits: here.log("cannot be finished yet") > waits)  # type: ignore[misc]
            for talk, row in zip(talks, await here.rows(*talks), strict=True):
                assert_kept(talk, row)
            await here.new_call()
        station.recorder.stop()
        station.evidence.close()


async def test_neither_catalogue_nor_journal_can_be_written(begin: Begin, lab: Lab) -> None:
    """The failure setting is honoured: within five seconds both are told, or told and the call ended."""
    station = begin()
    journal = lab.pbx.spool / "ari_recorder-journal"
    await asyncio.to_thread(journal.mkdir, exist_ok=True)
    await prefer(station, "101", on_failure="end")
    async with scene(station) as here:
        async with locked(station, 0.0):
            with read_only(journal):
                told, other = await connect_quietly(station, "102", "104")
                calling, called = await connect_quietly(station, "101", "105")
                await calling.ended(15)
                await called.ended()
        await asyncio.sleep(TALK_S)
        await over(told, other)
        for call, kind in (
            (told, PromptKind.FAILURE_CONTINUE),
            (other, PromptKind.FAILURE_CONTINUE),
            (calling, PromptKind.FAILURE_END),
            (called, PromptKind.FAILURE_END),
        ):
            (heard_s,) = times(call, kind)
            print(f"{call.phone.number} heard {kind} after {heard_s:.1f} s")
            assert heard_s < TOLD_WITHIN_S
        await station.evidence.settled()
        for row in station.evidence.recordings():
            assert (row.problems, row.state) == ((), "stored")  # Asterisk has written them all the while
        await here.new_call()
