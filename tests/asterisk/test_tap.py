"""The tap way: what the dialplan asks for holds for its call, and no call is kept by it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Mode
from ari_recorder.store import catalogue, models, people
from lab import Lab
from lab.ari import Ari
from lab.call import PhoneCall
from lab.cases import connect, length_s, talk
from lab.directory import LAB, add_user
from lab.evidence import Expected
from tests.asterisk.station import Begin, Station

pytestmark = pytest.mark.asterisk

TALK_S = 1.0
TRUNK_USER = "0812345201"


DIALPLAN = (
    # 309 taps as the globals say, notes what came of it in TAPPED, waits for TAP_GO, and dials
    "309,1,Gosub(ari-recorder,${TAP_WAY},1(${TAP}))",
    '309,2,"Set(GLOBAL(TAPPED)=${RECORDER_STATUS}: ${RECORDER_REASON})"',
    "309,3,GotoIf(${TAP_GO}?6)",
    "309,4,Wait(0.1)",
    "309,5,Goto(3)",
    "309,6,Dial(${TAP_DIAL},25)",
    # without the subroutine nothing takes a channel out again
    "305,1,Stasis(ari_recorder,tap,101)",
    "305,2,Goto(309,2)",
    "304,1,Gosub(ari-recorder,tap,1(105,always))",
    "304,2,Goto(309,1)",
    "308,1,Answer()",
    "308,2,Goto(309,1)",
    "307,1,Dial(PJSIP/106,25,b(ari-recorder^tap^1(101)))",
    '306,1,"Set(TIMEOUT(absolute)=2)"',
    "306,2,Goto(309,1)",
)


@pytest.fixture(scope="module", autouse=True)
def dialplan(running_lab: Lab) -> None:
    for line in DIALPLAN:
        running_lab.pbx.rx(f"dialplan add extension {line} into users replace")


async def wish(lab: Lab, arguments: str, *, way: str = "tap", go: str = "1", dial: str = "PJSIP/106") -> None:
    """What 309 does from now on; without ``go`` it waits before it dials."""
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        wishes = {"TAP": arguments, "TAP_WAY": way, "TAP_GO": go, "TAP_DIAL": dial, "TAPPED": "-"}
        for name, value in wishes.items():
            await ari.post("/asterisk/variable", variable=name, value=value)


async def go(lab: Lab) -> None:
    """Let 309 dial."""
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        await ari.post("/asterisk/variable", variable="TAP_GO", value="1")


async def tapped(lab: Lab) -> str:
    """What the dialplan read after the last tap."""
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        return str((await ari.get("/asterisk/variable", variable="TAPPED"))["value"])


async def in_stasis(lab: Lab) -> None:
    """Return when a channel waits for the recorder."""
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari, asyncio.timeout(5):
        while not any(one["dialplan"]["app_name"] == "Stasis" for one in await ari.get("/channels")):
            await asyncio.sleep(0.02)  # polling: it happens in another process


async def talk_309(lab: Lab) -> PhoneCall:
    return (await talk(lab, "101", "106", TALK_S, dialled="309"))[0]


def legs(station: Station) -> list[Any]:
    return station.store.read_now(lambda: list(models.Leg.select()))


async def add_trunk_user(station: Station) -> None:
    await station.store.write(add_user, name="Gun", number="201", mode=Mode.ALWAYS)


async def test_each_argument_holds_for_this_call(begin: Begin, lab: Lab) -> None:
    station = begin()
    await wish(lab, "101,always_pause_resume,sv,announcement")
    await talk_309(lab)
    assert await tapped(lab) == "OK: "
    await station.evidence.settled()
    (leg,) = legs(station)
    assert leg.mode == Mode.ALWAYS_PAUSE_RESUME
    (said,) = station.store.read_now(lambda: list(models.Announcement.select()))
    assert (said.kind, said.sound, said.language) == ("start", "announcement", "sv")
    await wish(lab, "101")
    calling = await talk_309(lab)
    await station.evidence.settled()
    _, row = station.evidence.recordings()
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []
    await wish(lab, "105,always")
    calling, _ = await talk(lab, "105", "106", TALK_S, dialled="309")
    await station.evidence.settled()
    *_, row = station.evidence.recordings()
    assert station.evidence.faults(row, Expected("105", "106", length_s(calling), "outbound")) == []


async def test_each_status_and_the_call_goes_on(begin: Begin, lab: Lab) -> None:
    station = begin()

    def add() -> None:
        now = datetime.now(UTC)
        other = people.add_organisation({"name": "Second Co"}, actor=LAB, now=now)
        add_user(organisation=other.id, number="105", name="Other Eva", mode="always")

    await station.store.write(add)
    told = {
        "101,never": "OFF: The user has the mode never for this call.",
        "105@Default": "FAILED: PJSIP/101-",
        "999": "UNKNOWN: No user has the number '999'. See: ari-recorder user list",
        "101@Elsewhere": "UNKNOWN: No user has the number '101' in the organisation 'Elsewhere'.",
        "105": "UNKNOWN: Several organisations have the number 105: write one of 105@Default, 105@Second Co.",
        "101,sometimes": "FAILED: Mode 'sometimes' is unknown: use one of never, always,",
        "101,,xx": "FAILED: language: 'xx' has no prompts",
        "101,,,loud": "FAILED: Announcement 'loud' is unknown: use one of none, beep, announcement, before.",
        "": "FAILED: No user is given",
    }
    for arguments, status in told.items():
        await wish(lab, arguments)
        await talk(lab, "101", "106", talk_s=0.2, dialled="309")
        assert (await tapped(lab)).startswith(status)
    log = station.recorder.log.read_text()
    assert log.count("status=FAILED") + log.count("status=UNKNOWN") == len(told) - 1
    await station.evidence.settled()
    recorded = station.evidence.recordings()
    assert len(recorded) == len(told) - 1, "a watched user is recorded, whatever a tap says wrongly"
    for arguments, status in (("105@Default", "OFF: The user has the mode never"), ("105@Second Co", "OK: ")):
        await wish(lab, arguments)
        await talk(lab, "105", "106", talk_s=0.2, dialled="309")
        assert (await tapped(lab)).startswith(status)
    await station.evidence.settled()
    assert [row.user_name for row in station.evidence.recordings()[len(recorded) :]] == ["Other Eva"]


async def test_answered_before_the_tap(begin: Begin, lab: Lab) -> None:
    station = begin()
    await wish(lab, "101")
    await talk(lab, "101", "106", TALK_S, dialled="308")
    assert await tapped(lab) == "OK: "
    await wish(lab, "101,on_demand")
    await talk(lab, "101", "106", TALK_S, dialled="308")
    assert (await tapped(lab)).startswith("FAILED: The call is answered already")
    await station.evidence.settled()
    assert len(station.evidence.recordings()) == 2


async def test_absent_the_call_goes_on_or_is_ended_by_the_dialplan(begin: Begin, lab: Lab) -> None:
    station = begin()
    station.recorder.stop()
    await wish(lab, "101")
    await talk_309(lab)
    assert await tapped(lab) == "FAILED: The recorder does not answer."
    calling = await lab.phones["101"].call("3106")
    await calling.ended()
    assert (calling.answered_at, calling.cause) == (None, 34)
    assert lab.phones["106"].ringing.empty()


async def test_announced_before_anybody_is_rung(begin: Begin, lab: Lab) -> None:
    station = begin()
    calling = await lab.phones["105"].call("3106", play="tone")
    await calling.keep()
    called = await lab.phones["106"].incoming(15)
    assert abs(calling.heard_so_far()).max() > 0.05
    assert calling.answered_at is None
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await calling.hangup()
    await calling.ended()
    row = await station.only()
    assert station.evidence.faults(row, Expected("105", "106", length_s(calling), "outbound")) == []
    (said,) = station.store.read_now(catalogue.played, COMMAND_LINE, row.id)
    assert (said.kind, said.heard_by, said.outcome) == ("start", "user", "played")


async def test_what_the_caller_heard_before_is_kept_with_the_called_users_recording(
    begin: Begin, lab: Lab
) -> None:
    station = begin()
    await wish(lab, "101,,,before", way="tap_called", dial="PJSIP/101")
    calling, _ = await talk(lab, "106", "101", TALK_S, dialled="304")
    await station.evidence.settled()
    (row,) = [row for row in station.evidence.recordings() if row.user_number == "101"]
    (said,) = station.store.read_now(catalogue.played, COMMAND_LINE, row.id)
    assert (said.kind, said.heard_by, said.outcome) == ("start", "counterpart", "played")
    assert said.ended_at is not None
    assert calling.answered_at is not None
    assert said.ended_at < calling.answered_at


async def test_a_trunk_user_calls(begin: Begin, lab: Lab) -> None:
    station = begin()
    await add_trunk_user(station)
    calling, _ = await talk(lab, TRUNK_USER, "106", TALK_S, dialled="0850000106")
    row = await station.only()
    assert row.user_number == "201"
    expected = Expected(TRUNK_USER, "106", length_s(calling), "outbound")
    assert station.evidence.faults(row, expected) == []


async def test_a_trunk_user_is_called(begin: Begin, lab: Lab) -> None:
    station = begin()
    await add_trunk_user(station)
    _, called = await talk(lab, "106", TRUNK_USER, TALK_S, dialled="201")
    row = await station.only()
    assert row.user_number == "201"
    expected = Expected(TRUNK_USER, "106", length_s(called), "inbound")
    assert station.evidence.faults(row, expected) == []


async def test_both_sides_are_tapped_one_after_the_other(begin: Begin, lab: Lab) -> None:
    """The second comes at once after the first; the called user is watched, and has the tap's terms."""
    station = begin()
    await wish(lab, "101,on_demand", way="tap_called", dial="PJSIP/101")
    await talk(lab, "105", "101", TALK_S, dialled="304")
    assert await tapped(lab) == "OK: "
    await station.evidence.settled()
    modes = {leg.channel_name.partition("-")[0]: leg.mode for leg in legs(station)}
    assert modes == {"PJSIP/105": Mode.ALWAYS, "PJSIP/101": Mode.ON_DEMAND}
    assert sorted(outcome for outcome, _ in station.ledger()) == ["discarded", "recorded"]


async def test_no_call_is_kept_and_a_limit_of_the_dialplan_stays(begin: Begin, lab: Lab) -> None:
    begin()
    await talk(lab, "105", "106", talk_s=0.2, dialled="307")
    await wish(lab, "101")
    calling, called = await connect(lab, "101", "106", dialled="306")
    await called.ended(6)
    await calling.ended()
    assert length_s(calling) < 2.5


async def test_killed_while_a_channel_waits(begin: Begin, lab: Lab) -> None:
    """Stopped (SIGSTOP) it takes no event; then killed, so that the channel waits for nobody."""
    station = begin()
    await wish(lab, "101")
    await wait_in_stasis(station, "309")
    await (await lab.phones["106"].incoming(8)).answer()
    assert await tapped(lab) == "FAILED: The recorder does not answer."


async def test_killed_while_a_channel_waits_and_back_again(begin: Begin, lab: Lab) -> None:
    station = begin()
    await wish(lab, "101")
    calling = await wait_in_stasis(station, "305")
    await asyncio.to_thread(station.recorder.start)
    called = await lab.phones["106"].incoming(8)
    await called.answer(play="tone")
    await calling.answered()
    assert await tapped(lab) == "OK: "
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await calling.hangup()
    await calling.ended()
    row = await station.only()
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []


async def wait_in_stasis(station: Station, number: str) -> PhoneCall:
    """A call that waits for a recorder that has died."""
    station.recorder.freeze()
    calling = await station.lab.phones["101"].call(number, play="tone")
    await in_stasis(station.lab)
    station.recorder.kill()
    return calling


async def test_killed_between_the_tap_and_the_called_side(begin: Begin, lab: Lab) -> None:
    """What the caller has heard before is not forgotten."""
    station = begin()
    await add_trunk_user(station)
    await wish(lab, "201,,,before", way="tap_called", go="0", dial=f"PJSIP/{TRUNK_USER}@trunk")
    calling = await lab.phones["106"].call("309", play="tone")
    async with asyncio.timeout(15):
        while await tapped(lab) != "OK: ":
            await asyncio.sleep(0.02)  # polling: it happens in another process
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
    await go(lab)
    called = await lab.outside(TRUNK_USER).incoming(8)
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
    await asyncio.sleep(TALK_S)  # and after
    await calling.hangup()
    await calling.ended()
    row = await station.only()
    assert station.evidence.faults(row, Expected(TRUNK_USER, "106", length_s(called), "inbound")) == []
    (said,) = station.store.read_now(catalogue.played, COMMAND_LINE, row.id)[:1]
    assert (said.kind, said.heard_by, said.outcome) == ("start", "counterpart", "played")
    assert said.text


async def test_killed_while_the_called_side_rings(begin: Begin, lab: Lab) -> None:
    """Nobody saw that it was called."""
    station = begin()
    await add_trunk_user(station)
    await wish(lab, "201", way="tap_called", dial=f"PJSIP/{TRUNK_USER}@trunk", go="0")
    calling = await lab.phones["106"].call("309", play="tone")
    async with asyncio.timeout(5):
        while await tapped(lab) != "OK: ":
            await asyncio.sleep(0.02)  # polling: it happens in another process
    station.recorder.kill()
    await go(lab)
    called = await lab.outside(TRUNK_USER).incoming(8)
    await asyncio.to_thread(station.recorder.start)
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await calling.hangup()
    await calling.ended()
    row = await station.only()
    assert station.evidence.faults(row, Expected(TRUNK_USER, "106", length_s(called), "inbound")) == []
