"""The bridge way: the recorder connects two phones as `Dial()` does, and a call outlives the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lab import Lab
from lab.ari import Ari
from lab.call import PhoneCall
from lab.cases import OUTSIDE, connect, length_s
from lab.evidence import Expected
from tests.asterisk.station import Begin, Station

pytestmark = pytest.mark.asterisk

TALK_S = 1.0
DIALPLAN = (
    # 409 has whom the global BRIDGE says called; what came of it is in BRIDGED, if it comes back
    "409,1,Gosub(ari-recorder,bridge,1(${BRIDGE}))",
    '409,2,"Set(GLOBAL(BRIDGED)=${RECORDER_STATUS}: ${RECORDER_REASON})"',
    "409,3,Dial(PJSIP/106,25)",
    "408,1,Stasis(switchboard)",
)


@pytest.fixture(scope="module", autouse=True)
def dialplan(running_lab: Lab) -> None:
    for line in DIALPLAN:
        running_lab.pbx.rx(f"dialplan add extension {line} into users replace")


@asynccontextmanager
async def pbx(lab: Lab) -> AsyncIterator[Ari]:
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        yield ari


async def wish(lab: Lab, arguments: str) -> None:
    """What 409 does from now on."""
    async with pbx(lab) as ari:
        await ari.post("/asterisk/variable", variable="BRIDGE", value=arguments)


async def bridged(lab: Lab) -> str:
    """What the dialplan read when the last call came back to it."""
    async with pbx(lab) as ari:
        return str((await ari.get("/asterisk/variable", variable="BRIDGED"))["value"])


async def nothing_left(station: Station) -> None:
    """Neither a channel nor a bridge on the PBX, but for a parking lot's: it stays once it was used."""
    await station.lab.idle()
    async with pbx(station.lab) as ari, asyncio.timeout(5):
        while any(one["bridge_class"] != "parking" for one in await ari.get("/bridges")):
            await asyncio.sleep(0.02)  # polling: it happens in another process


async def assert_recorded(station: Station, calling: PhoneCall, called: PhoneCall) -> None:
    await station.evidence.settled()
    rows = {row.user_number: row for row in station.evidence.recordings()}
    assert sorted(rows) == ["101", "102"]
    outbound = Expected("101", "102", length_s(calling), "outbound")
    inbound = Expected("102", "101", length_s(called), "inbound")
    assert station.evidence.faults(rows["101"], outbound) == []
    assert station.evidence.faults(rows["102"], inbound) == []


async def test_rings_connects_and_both_legs_are_recorded(begin: Begin, lab: Lab) -> None:
    station = begin()
    calling = await lab.phones["101"].call("4102", play="tone")
    called = await lab.phones["102"].incoming()
    assert called.number == "101"
    await calling.ringing()
    await lab.phones.ari.post(f"/channels/{called.id}/progress")
    await called.play()
    await calling.keep()
    await calling.hears(lab.phones["102"].tone_hz)
    assert calling.answered_at is None, "early media"
    await called.stop_playing()
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await called.hangup()
    await calling.ended()
    assert calling.cause == 16
    await called.ended()
    await assert_recorded(station, calling, called)
    await nothing_left(station)


async def test_who_withholds_their_number_is_shown_to_nobody(begin: Begin, lab: Lab) -> None:
    station = begin()
    lab.pbx.rx("dialplan add extension 4102,1,Goto(users,4102,1) into from-trunk replace")
    calling = await lab.outside(OUTSIDE).call("4102", play="tone", withheld=True)
    called = await lab.phones["102"].incoming()
    assert called.number == "anonymous"
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await called.hangup()
    await calling.ended()
    row = await station.only()
    assert [(one.number, one.name) for one in row.counterparts] == [("", "")]


async def test_the_caller_is_told_how_it_ended(begin: Begin, lab: Lab) -> None:
    station = begin()
    for busy, cause in ((True, 17), (False, 21)):
        calling = await lab.phones["101"].call("4102")
        await (await lab.phones["102"].incoming()).reject(busy=busy)
        await calling.ended()
        assert (calling.answered_at, calling.cause) == (None, cause)
    await wish(lab, "PJSIP/102,1")
    calling = await lab.phones["101"].call("409")
    called = await lab.phones["102"].incoming()
    await calling.ended()
    assert (calling.answered_at, calling.cause) == (None, 19)
    await called.ended()
    calling = await lab.phones["101"].call("4102")
    called = await lab.phones["102"].incoming()
    await calling.ringing()
    await calling.hangup()
    await called.ended()
    assert called.answered_at is None
    await nothing_left(station)
    assert station.evidence.recordings() == []


async def test_what_cannot_be_goes_on_in_the_dialplan(begin: Begin, lab: Lab) -> None:
    station = begin()
    refusals = {
        "": "'' is no endpoint",
        "102": "'102' is no endpoint",
        "PJSIP/102&PJSIP/103": "'PJSIP/102&PJSIP/103' is no endpoint",
        "PJSIP/102,soon": "'soon' is no number of seconds",
        "PJSIP/999": "Asterisk: create_channel PJSIP/999",
    }
    for arguments, reason in refusals.items():
        await wish(lab, arguments)
        calling = await lab.phones["105"].call("409")
        await (await lab.phones["106"].incoming()).answer()
        await calling.answered()
        assert (await bridged(lab)).startswith(f"FAILED: {reason}")
        await calling.hangup()
        await calling.ended()
    assert station.recorder.log.read_text().count("not connected") == len(refusals)
    await nothing_left(station)
    station.recorder.stop()
    calling, called = await connect(lab, "101", "102", dialled="4102")
    await calling.hangup()
    await called.ended()


async def test_moved_here_by_a_switchboard_written_in_ari(begin: Begin, lab: Lab) -> None:
    begin()

    async def switchboard() -> None:
        async with pbx(lab) as ari:
            async for event in ari.events("switchboard"):
                if event["type"] == "StasisStart":
                    move = f"/channels/{event['channel']['id']}/move"
                    await ari.post(move, app="ari_recorder", appArgs="bridge,PJSIP/102,25")
                elif event["type"] == "Connected":
                    connected.set()

    connected = asyncio.Event()
    working = asyncio.create_task(switchboard())
    await connected.wait()
    calling, called = await connect(lab, "101", "102", dialled="408")
    await called.hangup()
    await calling.ended()
    assert calling.cause == 16
    working.cancel()


async def test_killed_while_it_rings_and_while_they_talk(begin: Begin, lab: Lab) -> None:
    station = begin()
    calling = await lab.phones["101"].call("4102", play="tone")
    called = await lab.phones["102"].incoming()
    await calling.ringing()
    await restart(station)
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation before
    await restart(station)
    await asyncio.sleep(TALK_S)  # and after
    await called.hangup()
    await calling.ended()
    assert calling.cause == 16
    await called.ended()
    await assert_recorded(station, calling, called)
    await nothing_left(station)


@pytest.mark.parametrize("answered", [True, False])
async def test_one_side_ends_while_the_recorder_is_away(begin: Begin, lab: Lab, answered: bool) -> None:
    station = begin()
    await wish(lab, "PJSIP/102,30")
    calling = await lab.phones["101"].call("409", play="tone")
    called = await lab.phones["102"].incoming()
    await calling.ringing()
    if answered:
        await called.answer()
        await calling.answered()
    station.recorder.kill()
    await called.hangup()
    await called.ended()
    assert calling.ended_at is None
    await asyncio.to_thread(station.recorder.start)
    if answered:
        await calling.ended()
        assert calling.cause == 16
    else:
        await (await lab.phones["106"].incoming()).answer()
        assert (await bridged(lab)).startswith("FAILED: The called side ended, and how is not known")
        await calling.hangup()
        await calling.ended()
    await nothing_left(station)


async def test_the_caller_gives_up_while_the_recorder_is_away(begin: Begin, lab: Lab) -> None:
    station = begin()
    calling = await lab.phones["101"].call("4102")
    called = await lab.phones["102"].incoming()
    await calling.ringing()
    station.recorder.kill()
    await calling.hangup()
    await calling.ended()
    assert called.ended_at is None
    await asyncio.to_thread(station.recorder.start)
    await called.ended()
    await nothing_left(station)


async def test_killed_before_anybody_is_called(begin: Begin, lab: Lab) -> None:
    """Stopped (SIGSTOP) it takes no event; then it is killed, and the dialplan goes on by itself."""
    station = begin()
    await wish(lab, "PJSIP/102,1")
    station.recorder.freeze()
    calling = await lab.phones["101"].call("409")
    async with pbx(lab) as ari, asyncio.timeout(5):
        while not any(one["dialplan"]["app_name"] == "Stasis" for one in await ari.get("/channels")):
            await asyncio.sleep(0.02)  # polling: it happens in another process
    station.recorder.kill()
    await (await lab.phones["106"].incoming(10)).answer()
    await calling.answered()
    assert await bridged(lab) == "FAILED: The recorder does not answer."
    await calling.hangup()
    await calling.ended()


async def restart(station: Station) -> None:
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
