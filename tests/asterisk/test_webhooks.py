"""A real call, told to a real receiver: started, paused, resumed and ready, in order, and signed."""

from __future__ import annotations

import asyncio

import pytest

from lab.cases import connect, over
from lab.my_pages import signed_in
from lab.recorder import ADMINISTRATOR
from tests.asterisk.station import Begin, until
from tests.asterisk.test_app_commands import the_call
from tests.asterisk.test_commands import STRETCH_S
from tests.delivery.receiver import receiver

pytestmark = pytest.mark.asterisk
WHOLE = ["ping", "started", "paused", "resumed", "ready"]
READY_WITHIN_S = 20.0


async def test_a_call_is_told_in_order(begin: Begin) -> None:
    station = begin(webhooks__allow_inside="127.0.0.0/8", webhooks__allow_http="true")
    async with (
        receiver() as there,
        signed_in(station.recorder.url, *ADMINISTRATOR) as admin,
        signed_in(station.recorder.url, "102", "demo-102") as pages,
    ):
        wanted = {"started", "paused", "resumed", "ready", "failed"}
        events = [f"recording.{one}" for one in sorted(wanted)]
        given = {"name": "CRM", "url": there.url, "events": events, "personal": True}
        status, hook = await admin.send("POST", "/api/v1/webhooks", given)
        assert status == 201, hook
        there.secrets.append(hook["secret"])
        status, _ = await admin.send("POST", f"/api/v1/webhooks/{hook['id']}/ping")
        assert status == 202
        await until(lambda: there.types == ["ping"])
        calling, _ = await connect(station.lab, "102", "106")
        call = await the_call(pages)
        await until(lambda: there.types == WHOLE[:2])
        await asyncio.sleep(STRETCH_S)
        assert (await pages.command(call["id"], "pause"))[0] == 200
        await until(lambda: there.types == WHOLE[:3])
        assert (await pages.command(call["id"], "resume"))[0] == 200
        await until(lambda: there.types == WHOLE[:4])
        await asyncio.sleep(STRETCH_S)
        await over(calling)
        await until(lambda: there.types == WHOLE, READY_WITHIN_S)
        row = await station.only()
        assert there.unsigned == 0
        assert [one["subject"] for one in there.events[1:]] == [f"recordings/{row.id}"] * 4
        times = [one["time"] for one in there.events[1:]]
        assert times == sorted(times)
        ready = there.events[-1]["data"]
        assert ready["counterpart"]["number"] == "106"
        assert (ready["sha256"], ready["problems"]) == (row.sha256, [])
