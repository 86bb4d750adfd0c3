"""The recorder is frozen or killed, the PBX is killed or gone, another recorder comes, during calls.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from lab import Lab
from lab.recorder import LabRecorder
from tests.asterisk.outage import TALK_S, Talk, Way, assert_kept, safely, scene
from tests.asterisk.station import Begin, until

pytestmark = [pytest.mark.asterisk, pytest.mark.outages]

FROZEN_S = 6.0
GONE_AFTER_S = 3.0
TAKEN_OVER_WITHIN_S = 5.0


async def test_the_recorder_is_frozen(begin: Begin) -> None:
    """Its events wait in the socket: what was pressed counts from then, and what came after it is cut out."""
    station = begin()
    async with scene(station) as here:
        before, outliving = await here.begin(Way.DIGITS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        station.recorder.freeze()
        enough = asyncio.create_task(asyncio.sleep(FROZEN_S))  # the length of the outage
        within = await here.begin(Way.KEYS)
        paused_by_app = asyncio.create_task(outliving.pause())
        await asyncio.gather(before.pause(), within.pause())
        await asyncio.sleep(TALK_S)
        await asyncio.gather(before.resume(), within.resume())
        await asyncio.sleep(TALK_S)
        await asyncio.gather(before.goes_on(), within.goes_on())
        assert not paused_by_app.done()  # it is not confirmed before it is done
        await before.over()
        await enough
        station.recorder.thaw()
        await paused_by_app
        await asyncio.sleep(TALK_S)
        await outliving.resume()
        await asyncio.sleep(TALK_S)
        await asyncio.gather(outliving.goes_on(), within.goes_on())
        await asyncio.gather(outliving.over(), within.over())
        rows = await here.rows(before, outliving, within)
        assert_kept(before, rows[0])
        assert_kept(outliving, rows[1])
        assert_kept(within, rows[2], missing_s=FROZEN_S)
        assert "the recorder was stopped or busy, and heard of it" in rows[2].problems[0]
        await here.new_call()


async def test_the_recorder_is_killed_and_started_again(begin: Begin) -> None:
    """Keys of the feature map are kept by Asterisk, and count; plain digits and the app are not heard."""
    station = begin()
    async with scene(station) as here:
        before, outliving = await here.begin(Way.DIGITS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        station.recorder.kill()
        within = await here.begin(Way.KEYS)
        with pytest.raises(aiohttp.ClientError):
            await here.pages.command(outliving.id, "pause")
        await asyncio.sleep(TALK_S)
        await within.pause()
        await asyncio.gather(before.goes_on(), outliving.goes_on())
        await before.over()
        await asyncio.to_thread(station.recorder.start)
        await outliving.pause()
        await asyncio.sleep(TALK_S)
        await asyncio.gather(outliving.resume(), within.resume())
        await asyncio.sleep(TALK_S)
        await asyncio.gather(outliving.goes_on(), within.goes_on())
        await asyncio.gather(outliving.over(), within.over())
        rows = await here.rows(before, outliving, within)
        assert_kept(before, rows[0])
        assert_kept(outliving, rows[1])
        assert_kept(within, rows[2], missing_s=3.0)
        assert "the recorder was away until" in rows[2].problems[0]
        await here.new_call()


async def test_the_pbx_is_killed_and_started_again(begin: Begin, lab: Lab) -> None:
    """Its calls are gone with it: what it had written is finished, and what it had not is told."""
    station = begin()
    async with scene(station) as here:
        paused, running = await here.begin(Way.KEYS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        await paused.pause()
        await until(lambda: here.log("pause "))
        await asyncio.sleep(2 * TALK_S)
        await kill(lab, paused, running)
        await start(lab)
        rows = await here.rows(paused, running)
        assert_kept(paused, rows[0])
        assert_kept(running, rows[1], missing_s=2.5)
        for call in (paused.calling, paused.called, running.calling, running.called):
            await safely(call)
        await until(lambda: here.log("following endpoints") >= 3, 20)
        await here.new_call()


async def test_the_pbx_is_gone_for_good(begin: Begin, lab: Lab) -> None:
    """`pbx.NAME.gone_after_s` after it answered last, its calls are finished with what there is."""
    station = begin(pbx__main__gone_after_s=str(GONE_AFTER_S))
    async with scene(station) as here:
        paused, running = await here.begin(Way.KEYS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        await paused.pause()
        await until(lambda: here.log("pause "))
        await asyncio.sleep(2 * TALK_S)
        await kill(lab, paused, running)
        try:
            rows = await here.rows(paused, running)
        finally:
            await start(lab)
        assert_kept(paused, rows[0])
        assert_kept(running, rows[1], missing_s=2.5)
        assert "Asterisk could not be asked since" in rows[1].problems[0]
        for call in (paused.calling, paused.called, running.calling, running.called):
            await safely(call)
        await until(lambda: here.log("following endpoints") >= 3, 20)
        await here.new_call()


async def test_a_stitching_worker_hangs(begin: Begin) -> None:
    """Only what is over waits for it; once it is killed, its work is done by another."""
    station = begin(fresh=True)
    async with scene(station) as here:
        await here.new_call()  # by which a worker is there
        (worker,) = (pid for pid in station.recorder.workers() if _is_worker(pid))
        os.kill(worker, signal.SIGSTOP)
        before = await here.begin(Way.DIGITS)
        await asyncio.sleep(TALK_S)
        await before.over()
        within, outliving = await here.begin(Way.KEYS), await here.begin(Way.APP)
        await asyncio.sleep(TALK_S)
        await asyncio.gather(within.pause(), outliving.pause())
        await asyncio.sleep(TALK_S)
        await asyncio.gather(within.resume(), outliving.resume())
        await within.goes_on()
        await within.over()
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
        for talk, row in zip(
            (before, within, outliving, again), await here.rows(before, within, outliving, again), strict=True
        ):
            assert_kept(talk, row)
        await here.new_call()


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _is_worker(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_second_recorder_under_the_same_name(begin: Begin, lab: Lab, tmp_path: Path) -> None:
    """It stays away, says so, and takes nothing; each takes over when the other is killed, or stopped."""
    second = LabRecorder(lab, tmp_path / "second")
    second.url = f"http://127.0.0.1:{lab.phones_asterisk.ports.http + 1}"
    second.health_url = f"http://127.0.0.1:{lab.phones_asterisk.ports.http + 2}"
    second.environment["ARI_RECORDER_WEB__PORT"] = second.url.rpartition(":")[2]
    second.environment["ARI_RECORDER_WEB__HEALTH_PORT"] = second.health_url.rpartition(":")[2]
    second.add_users()
    station = begin(fresh=True)
    first = station.recorder
    async with scene(station) as here:
        try:
            talk = await here.begin(Way.KEYS)
            second.launch()
            await until(lambda: "another recorder" in second.log.read_text(), 20)
            part = (await asyncio.to_thread(second.readiness))["pbx.main"]
            assert not part["ok"]
            assert "stop one of the two" in part["detail"]
            await talk.pause()
            await asyncio.sleep(TALK_S)
            await talk.resume()
            await asyncio.sleep(TALK_S)
            await talk.goes_on()
            first.kill()
            await follows(second, 1)
            first.launch()
            await until(lambda: "another recorder" in first.log.read_text(), 20)
            await talk.goes_on()
            second.stop()
            await follows(first, 3)
            await asyncio.sleep(TALK_S)
            await talk.over()
            assert_kept(talk, (await here.rows(talk))[0])  # the second has taken nothing from it
            await here.new_call()
        finally:
            second.stop()


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
