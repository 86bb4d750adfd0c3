"""The recorder is frozen or killed, the PBX is killed or gone, another recorder comes, during calls.

`docs/reference/outages.md` has a line for each.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from ari_recorder.policies.ledger import RecordingState
from lab import Lab
from lab.recorder import LabRecorder
from tests.asterisk.outage import TALK_S, Way, assert_kept, safely, scene
from tests.asterisk.station import Begin, until, wait_until

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
