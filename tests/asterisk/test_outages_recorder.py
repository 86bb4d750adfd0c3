"""The recorder is frozen or killed, the PBX is killed or gone, another recorder comes, during calls.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from lab import Lab
from tests.asterisk.outage import TALK_S, Talk, Way, assert_kept, safely, scene
from tests.asterisk.station import Begin, until

pytestmark = pytest.mark.asterisk

FROZEN_S = 6.0


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
        await here.new_call()


GONE_AFTER_S = 3.0


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
