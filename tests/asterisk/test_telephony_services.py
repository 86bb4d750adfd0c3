"""Ring groups, queues, conferences and the rest: each is a line of `docs/reference/telephony.md`."""

from __future__ import annotations

import asyncio

import pytest

from ari_recorder.store import models
from lab.ari import Ari
from lab.cases import OUTSIDE, connect, over
from lab.directory import change_user
from lab.tones import HOLD_HZ
from tests.asterisk.heard import (
    HOLD,
    TALK_S,
    Heard,
    assert_heard,
    assert_length,
    assert_met,
    change,
    known,
    now,
    recorded,
    throughout,
)
from tests.asterisk.station import Station

pytestmark = pytest.mark.asterisk


async def test_ring_group(station: Station) -> None:
    caller = await station.lab.outside(OUTSIDE).call("0850000600", play="tone")
    ringing = [await station.lab.phones[number].incoming() for number in ("101", "102", "106")]
    await ringing[1].answer(play="tone")
    await ringing[0].ended()
    await asyncio.sleep(TALK_S)
    await over(caller, ringing[1])
    (row,) = await recorded(station, "102")
    assert_length(row, ringing[1].answered_at, ringing[1].ended_at)
    assert_heard(station, row, [throughout(ringing[1])], [throughout(ringing[1], OUTSIDE)])
    assert_met(row, throughout(ringing[1], OUTSIDE))


async def test_ring_group_through_local_channels(station: Station) -> None:
    caller = await station.lab.phones["105"].call("610", play="tone")
    mine = await station.lab.phones["101"].incoming()
    losing = await station.lab.phones["106"].incoming()
    await mine.answer(play="tone")
    await losing.ended()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, "105")])
    assert_met(row, throughout(mine, "105"))


async def test_queue(station: Station) -> None:
    """Caller and agent are recorded users; the agent's phone is wide-band.

    A queue is nobody of the organisation's, so that it is announced that the caller is recorded.
    """
    mine = await station.lab.phones["101"].call("700", play="tone")
    await mine.answered()
    await asyncio.sleep(TALK_S)
    agents = [await station.lab.phones[number].incoming() for number in ("103", "104")]
    await agents[0].answer(play="tone")
    await agents[1].ended()
    await asyncio.sleep(TALK_S)
    await over(mine, agents[0])
    caller, agent = await recorded(station, "101", "103")
    assert_length(caller, mine.answered_at, mine.ended_at)
    waiting = Heard(HOLD, known(mine.answered_at), known(agents[0].answered_at))
    assert_heard(station, caller, [throughout(mine)], [waiting, throughout(agents[0])], prompts=True)
    assert_met(
        caller, Heard("700", known(mine.answered_at), known(agents[0].answered_at)), throughout(agents[0])
    )
    assert_length(agent, agents[0].answered_at, agents[0].ended_at)
    assert_heard(station, agent, [throughout(agents[0])], [throughout(agents[0], "101")], prompts=True)
    assert_met(agent, throughout(agents[0], "101"))
    assert (caller.sample_rate_hz, agent.sample_rate_hz) == (8000, 16000)


async def test_conference(station: Station) -> None:
    """It is announced that they are recorded, for a conference is nobody of the organisation's."""
    calls = [await station.lab.phones[number].call("800", play="tone") for number in ("101", "102", "106")]
    for call in calls:
        await call.answered()
    mine, other, guest = calls
    await asyncio.sleep(TALK_S)
    await over(guest)
    await asyncio.sleep(TALK_S)
    await over(other)
    await over(mine)
    first, second = await recorded(station, "101", "102")
    for row, me, also in ((first, mine, other), (second, other, mine)):
        assert_length(row, me.answered_at, me.ended_at)
        spoken = throughout(also)
        spoken = Heard(spoken.who, spoken.since, min(spoken.to, known(me.ended_at)))
        assert_heard(station, row, [throughout(me)], [spoken, throughout(guest)], prompts=True)
        assert_met(row, throughout(me, "800"))


async def test_forwarding_by_the_recorded_user(station: Station) -> None:
    caller = await station.lab.outside(OUTSIDE).call("0850000101", play="tone")
    ringing = await station.lab.phones["101"].incoming()
    await ringing.forward("106")
    other = await station.lab.phones["106"].incoming()
    await other.answer(play="tone")
    await caller.answered()
    await asyncio.sleep(TALK_S / 2)
    await over(caller, other)
    await recorded(station)


async def test_forwarding_to_the_recorded_user(station: Station) -> None:
    caller = await station.lab.outside(OUTSIDE).call("0850000106", play="tone")
    ringing = await station.lab.phones["106"].incoming()
    await ringing.forward("101")
    mine = await station.lab.phones["101"].incoming()
    await mine.answer(play="tone")
    await caller.answered()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, OUTSIDE)])
    assert_met(row, throughout(mine, OUTSIDE))


async def test_voicemail_that_the_recorded_user_reaches(station: Station) -> None:
    mine = await station.lab.phones["101"].call("900", play="tone")
    await mine.answered()
    await asyncio.sleep(TALK_S)
    await over(mine)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [], prompts=True)
    assert_met(row, throughout(mine, "900"))


async def test_voicemail_of_the_recorded_user(station: Station) -> None:
    station.lab.pbx.rx("dialplan set global RING_S 1")
    try:
        caller = await station.lab.outside(OUTSIDE).call("0850000101", play="tone")
        ringing = await station.lab.phones["101"].incoming()
        await caller.answered()
        await ringing.ended()
        await asyncio.sleep(TALK_S)
        await over(caller)
    finally:
        station.lab.pbx.rx("dialplan set global RING_S 25")
    await recorded(station)


async def test_two_phones_of_one_user(station: Station) -> None:
    await station.store.write(change_user, "106", endpoints=[])
    await change(station, "101", endpoints=[("main", "PJSIP/101"), ("main", "PJSIP/106")])
    try:
        for answering, losing in (("106", "101"), ("101", "106")):
            caller = await station.lab.phones["105"].call("630", play="tone")
            mine = await station.lab.phones[answering].incoming()
            other = await station.lab.phones[losing].incoming()
            await mine.answer(play="tone")
            await other.ended()
            await asyncio.sleep(TALK_S)
            await over(caller, mine)
            await station.evidence.settled()
            row = station.evidence.recordings()[-1]
            assert_length(row, mine.answered_at, mine.ended_at)
            assert_heard(station, row, [throughout(mine)], [throughout(mine, "105")])
            assert_met(row, throughout(mine, "105"))
        await recorded(station, "101", "101")
    finally:
        await change(station, "101", endpoints=[("main", "PJSIP/101")])


async def test_two_recorded_users_in_one_call(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "102")
    await asyncio.sleep(TALK_S)
    await over(other, mine)
    rows = {row.user_number: row for row in await recorded(station, *await by_answer(station))}
    for me, also in ((mine, other), (other, mine)):
        row = rows[me.phone.number]
        assert_length(row, me.answered_at, me.ended_at)
        assert_heard(station, row, [throughout(me)], [throughout(me, also.phone.number)])
        assert_met(row, throughout(me, also.phone.number))
    assert rows["101"].call == rows["102"].call
    assert (rows["101"].direction, rows["102"].direction) == ("outbound", "inbound")


async def by_answer(station: Station) -> list[str]:
    """Both are answered at once: which is first is chance."""
    await station.evidence.settled()
    order = [str(row.user_number) for row in station.evidence.recordings()]
    assert sorted(order) == ["101", "102"]
    return order


async def test_a_caller_who_withholds_their_number(station: Station) -> None:
    """The provider's trunk tells Asterisk the number, and that nobody is to be shown it."""
    caller = await station.lab.outside(OUTSIDE).call("0850000101", play="tone", withheld=True)
    mine = await station.lab.phones["101"].incoming()
    await mine.answer(play="tone")
    await caller.answered()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert [(one.number, one.name) for one in row.counterparts] == [("", "")]
    assert OUTSIDE not in "\n".join(station.store.read_now(everything_written))


def everything_written() -> list[str]:
    """All rows of all tables, as text."""
    return [str(row) for table in models.TABLES for row in table.select().tuples()]


@pytest.mark.parametrize("caller_id", ["", OUTSIDE], ids=["nobody's number", "the number that is dialled"])
async def test_click_to_call(station: Station, caller_id: str) -> None:
    """A program has the user called first; what their phone shows is for the program to say."""
    pbx = station.lab.pbx
    async with Ari(pbx.http_url, pbx.ari_user, pbx.ari_password) as ari:
        place = {"context": "users", "extension": OUTSIDE, "priority": 1}
        await ari.post("/channels", endpoint="PJSIP/101", callerId=caller_id, **place)
    mine = await station.lab.phones["101"].incoming()
    await mine.answer(play="tone")
    other = await station.lab.outside(OUTSIDE).incoming()
    await other.answer(play="tone")
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    (row,) = await recorded(station, "101")
    assert row.direction == "outbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(other)], prompts=True)
    assert row.counterpart_number == OUTSIDE


async def test_call_waiting(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await asyncio.sleep(TALK_S)
    caller = await station.lab.outside(OUTSIDE).call("0850000101", play="tone")
    waiting = await station.lab.phones["101"].incoming()
    await mine.hold()
    held_at = now()
    await waiting.answer(play="tone")
    await caller.answered()
    await asyncio.sleep(TALK_S)
    await over(waiting, caller)
    await mine.unhold()
    back_at = now()
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    first, second = await recorded(station, "101", "101")
    assert_length(first, mine.answered_at, mine.ended_at)
    talked = [Heard("101", known(mine.answered_at), held_at), Heard("101", back_at, known(mine.ended_at))]
    assert_heard(station, first, talked, [throughout(mine, "106")])
    assert_met(first, throughout(mine, "106"))
    assert_length(second, waiting.answered_at, waiting.ended_at)
    assert_heard(station, second, [throughout(waiting)], [throughout(waiting, OUTSIDE)])
    assert_met(second, throughout(waiting, OUTSIDE))
    assert first.call != second.call


async def test_early_media(station: Station) -> None:
    mine = await station.lab.phones["101"].call("620", play="tone")
    await mine.keep()
    await mine.hears(HOLD_HZ)
    assert mine.answered_at is None
    other = await station.lab.phones["106"].incoming()
    await other.answer(play="tone")
    await mine.answered()
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(other)])
    assert_met(row, throughout(mine, "106"))
