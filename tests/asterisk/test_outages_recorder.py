"""The recorder is frozen or killed, the PBX is killed or gone, another recorder comes, during calls.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from ari_recorder.media import process as stitching
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.web import opening
from lab import Lab
from lab.evidence import Evidence
from lab.recorder import LabRecorder
from tests.asterisk.kept import assert_kept, assert_next_is_whole, assert_no_secret
from tests.asterisk.outage import (
    LOSSLESS,
    TALK_S,
    Scene,
    Talk,
    Way,
    end,
    go_on,
    pause_and_resume,
    safely,
    scene,
)
from tests.asterisk.station import Begin, until

pytestmark = [pytest.mark.asterisk, pytest.mark.outages]

FROZEN_S = 6.0
GONE_AFTER_S = 3.0
TAKEN_OVER_WITHIN_S = 5.0


async def test_the_recorder_is_frozen(begin: Begin) -> None:
    """Its events wait in the socket: what was pressed counts from then, and what came after it is cut out."""
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        before, by_app, outliving = await here.begin_each(Way.DIGITS, Way.APP, Way.KEYS)
        await asyncio.sleep(TALK_S)
        station.recorder.freeze()
        enough = asyncio.create_task(asyncio.sleep(FROZEN_S))  # the length of the outage
        within = await here.begin(Way.KEYS)
        paused_by_app = asyncio.create_task(by_app.pause())
        await pause_and_resume(before, outliving, within)
        await go_on(before, outliving, within)
        assert not paused_by_app.done()  # it is not confirmed before it is done
        await before.over()
        await enough
        station.recorder.thaw()
        await paused_by_app
        await asyncio.sleep(TALK_S)
        await by_app.resume()
        await pause_and_resume(outliving, within)
        await go_on(by_app, outliving, within)
        await end(by_app, outliving, within)
        rows = await here.rows(before, by_app, outliving, within)
        for talk, row in zip((before, by_app, outliving), rows, strict=False):
            assert_kept(talk, row)
        assert_kept(within, rows[3], missing_s=FROZEN_S)
        assert "the recorder was stopped or busy, and heard of it" in rows[3].problems[0]
        await assert_next_is_whole(here)


async def test_the_recorder_is_killed_and_started_again(begin: Begin) -> None:
    """Keys of the feature map are kept by Asterisk, and count, also when the call is over before it is back.

    Plain digits and the app are not heard.
    """
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        before, by_app, outliving = await here.begin_each(Way.DIGITS, Way.APP, Way.KEYS)
        paused = await here.begin(Way.KEYS)
        await pause_and_resume(before)
        station.recorder.kill()
        killed_s = time.monotonic()
        within = await here.begin(Way.KEYS)
        with pytest.raises(aiohttp.ClientError):
            await here.pages.command(by_app.id, "pause")
        await pause_and_resume(outliving, paused)
        await asyncio.gather(within.pause(), paused.pause())
        await go_on(before, by_app, outliving)
        await end(before, paused)
        await asyncio.to_thread(station.recorder.start)
        away_s = time.monotonic() - killed_s
        await asyncio.sleep(TALK_S)
        await within.resume()
        await pause_and_resume(by_app, outliving)
        await go_on(by_app, outliving, within)
        await end(by_app, outliving, within)
        rows = await here.rows(before, by_app, outliving, paused, within)
        for talk, row in zip((before, by_app, outliving, paused), rows, strict=False):
            assert_kept(talk, row)
        assert_kept(within, rows[4], missing_s=away_s)
        assert "the recorder was away until" in rows[4].problems[0]
        await assert_next_is_whole(here)


async def test_the_pbx_is_killed_and_started_again(begin: Begin, lab: Lab) -> None:
    """Its calls are gone with it: what it had written is finished, and what it had not is told."""
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        talks = await until_the_pbx_is_killed(here)
        await start(lab)
        await assert_all_but_the_last_is_kept(here, *talks)
        await until(lambda: here.log("following endpoints") >= 3, 20)
        await assert_next_is_whole(here)


async def test_the_pbx_is_gone_for_good(begin: Begin, lab: Lab) -> None:
    """`pbx.NAME.gone_after_s` after it answered last, its calls are finished with what there is."""
    station = begin(**LOSSLESS, pbx__main__gone_after_s=str(GONE_AFTER_S))
    async with scene(station) as here:
        talks = await until_the_pbx_is_killed(here)
        try:
            rows = await assert_all_but_the_last_is_kept(here, *talks)
        finally:
            await start(lab)
        assert "Asterisk could not be asked since" in " ".join(rows[1].problems)
        await until(lambda: here.log("following endpoints") >= 3, 20)
        await assert_next_is_whole(here)


async def until_the_pbx_is_killed(here: Scene) -> list[Talk]:
    """Calls of which one is paused when the PBX is killed, and two go on, one after a pause."""
    talks = await here.begin_each(Way.KEYS, Way.APP, Way.DIGITS)
    await pause_and_resume(talks[2])
    await talks[0].pause()
    await until(lambda: here.log("pause ") >= 2)
    await here.written(talks[1])
    await asyncio.sleep(TALK_S)  # so much of it is in Asterisk's memory only
    await kill(here.lab, *talks)
    return talks


async def assert_all_but_the_last_is_kept(here: Scene, *talks: Talk) -> list[RecordingRow]:
    """Asterisk writes a file two seconds late at most."""
    rows = await here.rows(*talks)
    assert_kept(talks[0], rows[0])
    for talk, row in zip(talks[1:], rows[1:], strict=True):
        assert_kept(talk, row, missing_s=2.5, cut_off=True)
    for talk in talks:
        await safely(talk.calling)
        await safely(talk.called)
    return rows


async def test_a_stitching_worker_hangs(begin: Begin) -> None:
    """Only what is over waits for it; once it is killed, its work is done by another."""
    station = begin(fresh=True, **LOSSLESS)
    async with scene(station) as here:
        await assert_next_is_whole(here)  # by which a worker is there
        before, outliving = await here.begin_each(Way.DIGITS, Way.APP)
        (worker,) = (pid for pid in station.recorder.workers() if _is_worker(pid))
        os.kill(worker, signal.SIGSTOP)
        within = await here.begin(Way.KEYS)
        await pause_and_resume(before, outliving, within)
        await go_on(before, within)
        await end(before, within)
        since_s = time.monotonic()
        await asyncio.to_thread(station.recorder.stop)  # it waits for no worker
        assert time.monotonic() - since_s < 5
        assert not is_there(worker)
        await asyncio.to_thread(station.recorder.start)
        await outliving.goes_on()
        await outliving.over()
        await until(lambda: here.log("recording finished") >= 4, 30)
        (worker,) = (pid for pid in station.recorder.workers() if _is_worker(pid))
        os.kill(worker, signal.SIGSTOP)
        again = await here.begin(Way.DIGITS)
        await asyncio.sleep(TALK_S)
        await again.over()
        await asyncio.sleep(TALK_S)  # it is given the recording, and does not take it
        assert here.log("recording finished") == 4
        os.kill(worker, signal.SIGKILL)
        talks = (before, within, outliving, again)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row)
        await assert_next_is_whole(here)


async def test_the_pages_are_killed(begin: Begin) -> None:
    """Calls and keys do not notice. The app's next command waits until others are there, and is done."""
    station = begin(**LOSSLESS)
    async with scene(station) as here:
        before, by_app, outliving = await here.begin_each(Way.DIGITS, Way.APP, Way.KEYS)
        served = here.log("pages and API are being served")
        await asyncio.sleep(TALK_S)
        (pages,) = (pid for pid in station.recorder.workers() if _is_pages(pid))
        os.kill(pages, signal.SIGKILL)
        await until(lambda: not is_there(pages))
        assert here.log("pages and API are being served") == served
        within = await here.begin(Way.KEYS)
        await pause_and_resume(before, by_app, outliving, within)
        assert here.log("the process pages is started again") == 1
        await go_on(before, by_app, outliving, within)
        await end(before, by_app, outliving, within)
        talks = (before, by_app, outliving, within)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row)
        await assert_next_is_whole(here)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _is_pages(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == opening.NAME


def _is_worker(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().strip() == stitching.NAME


async def test_a_second_recorder_under_the_same_name(begin: Begin, lab: Lab, tmp_path: Path) -> None:
    """It stays away, says so, and takes nothing; each takes over when the other is killed, or stopped.

    Each keeps its own, and neither keeps anything of a pause that was given while the other was followed.
    """
    second = second_recorder(lab, tmp_path / "second")
    station = begin(fresh=True, **LOSSLESS)
    first = station.recorder
    async with scene(station) as here, ended(second):
        before, outliving = await here.begin_each(Way.DIGITS, Way.KEYS)
        second.launch()
        await until(lambda: "another recorder" in second.log.read_text(), 20)
        part = (await asyncio.to_thread(second.readiness))["pbx.main"]
        assert not part["ok"]
        assert "stop one of the two" in part["detail"]
        within = await here.begin(Way.KEYS)
        await pause_and_resume(before, outliving, within)
        await go_on(before, outliving, within)
        await before.over()
        first.kill()
        await outliving.pause()  # nobody has the application
        await follows(second, 1)
        await outliving.resume()
        first.launch()
        await until(lambda: "another recorder" in first.log.read_text(), 20)
        await pause_and_resume(outliving, within)  # the second has it
        await go_on(outliving, within)
        second.stop()
        await follows(first, 3)
        await asyncio.sleep(TALK_S)
        await end(outliving, within)
        talks = (before, outliving, within)
        for talk, row in zip(talks, await here.rows(*talks), strict=True):
            assert_kept(talk, row)  # the second has taken nothing from it
        await assert_next_is_whole(here)
        first.stop()
        station.evidence.close()
        await asyncio.to_thread(second.start)
        await assert_it_kept_no_pause(second, outliving, within)


def second_recorder(lab: Lab, folder: Path) -> LabRecorder:
    """Another on the same PBX, under the same name, with a catalogue of its own and the same users."""
    second = LabRecorder(lab, folder)
    second.url = f"http://127.0.0.1:{lab.phones_asterisk.ports.http + 1}"
    second.health_url = f"http://127.0.0.1:{lab.phones_asterisk.ports.http + 2}"
    second.environment["ARI_RECORDER_WEB__PORT"] = second.url.rpartition(":")[2]
    second.environment["ARI_RECORDER_WEB__HEALTH_PORT"] = second.health_url.rpartition(":")[2]
    second.add_users()
    return second


@contextlib.asynccontextmanager
async def ended(recorder: LabRecorder) -> AsyncIterator[None]:
    """It ends with this."""
    try:
        yield
    finally:
        recorder.stop()


async def assert_it_kept_no_pause(recorder: LabRecorder, *talks: Talk) -> None:
    """It has a recording of its own of these, and what was played in a pause is in none of them."""
    evidence = Evidence(recorder)
    try:
        await evidence.settled()
        rows = evidence.recordings()
        assert sorted(row.user_number for row in rows) == sorted(talk.user for talk in talks)
        for row in rows:
            print(f"the other recorder's: {row.duration_ms} ms", row.problems)
            assert_no_secret(*evidence.audio(row), "the other recorder's")
    finally:
        evidence.close()


async def follows(recorder: LabRecorder, times: int) -> None:
    """It takes over at once."""
    ended_s = time.monotonic()
    await until(lambda: recorder.log.read_text().count("following endpoints") >= times, 20)
    took_s = time.monotonic() - ended_s
    print(f"taken over after {took_s:.1f} s")
    assert took_s < TAKEN_OVER_WITHIN_S


async def kill(lab: Lab, *talks: Talk) -> None:
    """Kill the PBX, and with it the calls: since then they are over."""
    await asyncio.to_thread(lab.pbx.kill)
    for talk in talks:
        talk.seen.gone_at = datetime.now(UTC)


async def start(lab: Lab) -> None:
    """Start the PBX; returns when the phones are registered. It ends with the thread that started it."""
    lab.pbx.start()
    await asyncio.to_thread(lab.pbx.wait_booted)
    await asyncio.to_thread(lab.wait_registered)
