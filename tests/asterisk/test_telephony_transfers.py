"""Calls that are held and handed on: each is a line of `docs/reference/telephony.md`."""

from __future__ import annotations

import asyncio

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue
from ari_recorder.store.filters import Wanted
from lab import LabError
from lab.cases import OUTSIDE, connect, over
from tests.asterisk.heard import (
    HOLD,
    TALK_S,
    Heard,
    assert_heard,
    assert_length,
    assert_met,
    known,
    now,
    recorded,
    throughout,
)
from tests.asterisk.station import Station

pytestmark = pytest.mark.asterisk


def found(station: Station, number: str) -> list[str]:
    """Whose recordings are found by a counterpart's number."""
    page = station.store.read_now(catalogue.recordings, COMMAND_LINE, wanted=Wanted(number=number))
    here = {row.id for row in station.evidence.recordings()}
    return sorted(str(row.user_number) for row in page.recordings if row.id in here)


async def test_hold_by_the_recorded_user(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await asyncio.sleep(TALK_S)
    await mine.hold()
    held_at = now()
    await asyncio.sleep(TALK_S)
    await mine.unhold()
    back_at = now()
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    before = Heard("101", known(mine.answered_at), held_at)
    after = Heard("101", back_at, known(mine.ended_at))
    assert_heard(station, row, [before, after], [throughout(other)])
    assert_met(row, throughout(other))


async def test_hold_by_the_counterpart(station: Station) -> None:
    """Several times: what one phone numbers its packets with must not silence the next (codecs.conf)."""
    for _ in range(3):
        mine, other = await connect(station.lab, "101", "106")
        await asyncio.sleep(TALK_S)
        await other.hold()
        held_at = now()
        await asyncio.sleep(TALK_S)
        await other.unhold()
        back_at = now()
        await asyncio.sleep(TALK_S)
        await over(mine, other)
        await station.evidence.settled()
        row = station.evidence.recordings()[-1]
        assert_length(row, mine.answered_at, mine.ended_at)
        heard = [
            Heard("106", known(mine.answered_at), held_at),
            Heard(HOLD, held_at, back_at),
            Heard("106", back_at, known(mine.ended_at)),
        ]
        assert_heard(station, row, [throughout(mine)], heard)
        assert_met(row, throughout(other))
    await recorded(station, "101", "101", "101")


async def test_blind_transfer_by_the_recorded_user(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await mine.transfer("102")
    sent_at = now()
    third = await station.lab.phones["102"].incoming()
    await third.answer(play="tone")
    await mine.transferred()
    await asyncio.sleep(TALK_S)
    await over(other, third)
    first, second = await recorded(station, "101", "102")
    assert_length(first, mine.answered_at, sent_at)
    assert_heard(
        station,
        first,
        [Heard("101", known(mine.answered_at), sent_at)],
        [Heard("106", known(mine.answered_at), sent_at)],
    )
    assert_met(first, Heard("106", known(mine.answered_at), sent_at))
    assert_length(second, third.answered_at, third.ended_at)
    assert_heard(station, second, [throughout(third)], [throughout(third, "106")])
    assert_met(second, throughout(third, "106"))
    assert (first.direction, second.direction) == ("outbound", "inbound")
    assert first.call == second.call
    assert found(station, "106") == ["101", "102"]


async def test_blind_transfer_to_the_recorded_user(station: Station) -> None:
    caller, other = await connect(station.lab, OUTSIDE, "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S / 2)
    await other.transfer("101")
    mine = await station.lab.phones["101"].incoming()
    await mine.answer(play="tone")
    await other.transferred()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, OUTSIDE)])
    assert_met(row, throughout(mine, OUTSIDE))


async def test_blind_transfer_by_the_counterpart(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await other.transfer("105")
    sent_at = now()
    third = await station.lab.phones["105"].incoming()
    await third.answer(play="tone")
    await other.transferred()
    await asyncio.sleep(TALK_S)
    await over(mine, third)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    before, after = Heard("106", known(mine.answered_at), sent_at), throughout(third)
    assert_heard(station, row, [throughout(mine)], [before, after])
    assert_met(row, before, after)
    assert found(station, "106") == found(station, "105") == ["101"]


async def test_blind_transfer_to_the_outside_by_the_counterpart(station: Station) -> None:
    """Who has a number and no name has not the name of who transferred, as Asterisk says."""
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await other.transfer(OUTSIDE)
    third = await station.lab.outside(OUTSIDE).incoming()
    await third.answer(play="tone")
    await other.transferred()
    await asyncio.sleep(TALK_S)
    await over(mine, third)
    (row,) = await recorded(station, "101")
    assert [(one.number, one.name) for one in row.counterparts] == [("106", "Fredrik"), (OUTSIDE, "")]


async def test_attended_transfer_by_the_recorded_user(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await asyncio.sleep(TALK_S)
    await mine.hold()
    held_at = now()
    asking, third = await connect(station.lab, "101", "105")
    await station.lab.bridged(2)
    await asyncio.sleep(TALK_S)
    await mine.attended_transfer(asking)
    sent_at = now()
    await mine.transferred()
    await asking.ended()
    await asyncio.sleep(TALK_S)
    await over(other, third)
    first, second = await recorded(station, "101", "101")
    assert_length(first, mine.answered_at, sent_at)
    assert_heard(
        station,
        first,
        [Heard("101", known(mine.answered_at), held_at)],
        [Heard("106", known(mine.answered_at), sent_at)],
    )
    assert_met(first, Heard("106", known(mine.answered_at), sent_at))
    assert_length(second, asking.answered_at, sent_at)
    consulted = Heard("105", known(asking.answered_at), sent_at)
    assert_heard(station, second, [Heard("101", known(asking.answered_at), sent_at)], [consulted])
    assert_met(second, consulted)


async def test_attended_transfer_into_a_queue_by_the_recorded_user(station: Station) -> None:
    """Asterisk has the caller take the user's place in the queue, and with it those who listened there."""
    mine, other = await connect(station.lab, "101", "106")
    await mine.hold()
    asking = await station.lab.phones["101"].call("700", play="tone")
    await asking.answered()
    await asyncio.sleep(TALK_S)
    await mine.attended_transfer(asking)
    sent_at = now()
    await mine.transferred()
    await asking.ended()
    agent = await station.lab.phones["103"].incoming()
    await agent.answer(play="tone")
    await asyncio.sleep(TALK_S)
    await over(other, agent)
    first, second, third = await recorded(station, "101", "101", "103")
    assert_length(first, mine.answered_at, sent_at)
    assert_length(second, asking.answered_at, sent_at)
    waited = Heard(HOLD, known(asking.answered_at), sent_at)
    assert_heard(station, second, [Heard("101", known(asking.answered_at), sent_at)], [waited])
    assert_met(second, Heard("700", known(asking.answered_at), sent_at))
    assert_met(third, throughout(agent, "106"))


async def test_attended_transfer_into_a_queue_by_the_counterpart(station: Station) -> None:
    """It is the user who takes a place there: their recording goes on, to what the agent says."""
    mine, other = await connect(station.lab, "101", "106")
    await asyncio.sleep(TALK_S)
    await other.hold()
    held_at = now()
    asking = await station.lab.phones["106"].call("700", play="tone")
    await asking.answered()
    await asyncio.sleep(TALK_S)
    await other.attended_transfer(asking)
    await other.transferred()
    agent = await station.lab.phones["103"].incoming()
    await agent.answer(play="tone")
    await asyncio.sleep(TALK_S)
    await over(mine, agent)
    row, _ = await recorded(station, "101", "103")
    assert_length(row, mine.answered_at, mine.ended_at)
    answered_at = known(agent.answered_at)
    heard = [
        Heard("106", known(mine.answered_at), held_at),
        Heard(HOLD, held_at, answered_at),
        Heard("103", answered_at, known(mine.ended_at)),
    ]
    assert_heard(station, row, [throughout(mine)], heard)
    assert_met(row, Heard("106", known(mine.answered_at), answered_at), heard[-1])


async def test_attended_transfer_to_the_recorded_user(station: Station) -> None:
    caller, other = await connect(station.lab, OUTSIDE, "106")
    await asyncio.sleep(TALK_S / 2)
    await other.hold()
    asking, mine = await connect(station.lab, "106", "101")
    await station.lab.bridged(2)
    await asyncio.sleep(TALK_S)
    await other.attended_transfer(asking)
    sent_at = now()
    await other.transferred()
    await asking.ended()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    before = Heard("106", known(mine.answered_at), sent_at)
    after = Heard(OUTSIDE, sent_at, known(mine.ended_at))
    assert_heard(station, row, [throughout(mine)], [before, after])
    assert_met(row, before, after)
    assert found(station, "106") == found(station, OUTSIDE[2:]) == ["101"]


async def test_attended_transfer_by_the_counterpart(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await asyncio.sleep(TALK_S)
    await other.hold()
    held_at = now()
    asking, third = await connect(station.lab, "106", "105")
    await station.lab.bridged(2)
    await asyncio.sleep(TALK_S)
    await other.attended_transfer(asking)
    sent_at = now()
    await other.transferred()
    await asking.ended()
    await asyncio.sleep(TALK_S)
    await over(mine, third)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    before, after = (
        Heard("106", known(mine.answered_at), held_at),
        Heard("105", sent_at, known(mine.ended_at)),
    )
    assert_heard(station, row, [throughout(mine)], [before, Heard(HOLD, held_at, sent_at), after])
    assert_met(row, Heard("106", known(mine.answered_at), sent_at), after)


async def test_transfer_between_two_others(station: Station) -> None:
    caller, other = await connect(station.lab, OUTSIDE, "106")
    await station.lab.bridged()
    await other.transfer("105")
    third = await station.lab.phones["105"].incoming()
    await third.answer(play="tone")
    await other.transferred()
    await asyncio.sleep(TALK_S / 2)
    await over(caller, third)
    await recorded(station)


async def test_a_transfer_that_is_refused(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await mine.transfer("nobody")
    with pytest.raises(LabError, match="refused"):
        await mine.transferred()
    await over(other, mine)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_met(row, throughout(mine, "106"))


async def test_parking_by_the_recorded_user(station: Station) -> None:
    """102, who fetches the call, is a recorded user too."""
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await mine.transfer("750")
    parked_at = now()
    await mine.transferred()
    fetching = await station.lab.phones["102"].call("751", play="tone")
    await fetching.answered()
    await asyncio.sleep(TALK_S)
    await over(other, fetching)
    first, second = await recorded(station, "101", "102")
    assert_length(first, mine.answered_at, mine.ended_at)
    talked = Heard("106", known(mine.answered_at), parked_at)
    assert_heard(station, first, [throughout(mine)], [talked], prompts=True)
    assert_met(first, throughout(mine, "106"))
    assert_length(second, fetching.answered_at, fetching.ended_at)
    assert_heard(station, second, [throughout(fetching)], [throughout(fetching, "106")])
    assert_met(second, throughout(fetching, "106"))


async def test_parking_of_the_recorded_user(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(TALK_S)
    await other.transfer("750")
    parked_at = now()
    await other.transferred()
    fetching = await station.lab.phones["105"].call("751", play="tone")
    await fetching.answered()
    await asyncio.sleep(TALK_S)
    await over(mine, fetching)
    (row,) = await recorded(station, "101")
    assert_length(row, mine.answered_at, mine.ended_at)
    heard = [
        Heard("106", known(mine.answered_at), parked_at),
        Heard(HOLD, parked_at, known(fetching.answered_at)),
        throughout(fetching),
    ]
    assert_heard(station, row, [throughout(mine)], heard)
    before = Heard("106", known(mine.answered_at), known(fetching.answered_at))
    assert_met(row, before, throughout(fetching))


@pytest.mark.parametrize("code", ["*8", "640"], ids=["feature code", "Pickup()"])
async def test_pick_up_by_the_recorded_user(station: Station, code: str) -> None:
    caller = await station.lab.outside(OUTSIDE).call("0850000106", play="tone")
    ringing = await station.lab.phones["106"].incoming()
    mine = await station.lab.phones["101"].call(code, play="tone")
    await mine.answered()
    await caller.answered()
    await ringing.ended()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, OUTSIDE)])
    assert_met(row, throughout(mine, OUTSIDE))


async def test_pick_up_by_the_recorded_users_phone(station: Station) -> None:
    """As the keys of desk phones do that show who rings; Asterisk does not say whose call it is."""
    caller = await station.lab.outside(OUTSIDE).call("0850000106", play="tone")
    ringing = await station.lab.phones["106"].incoming()
    mine = await station.lab.phones["101"].call("106", play="tone", instead_of=ringing)
    await mine.answered()
    await caller.answered()
    await ringing.ended()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, OUTSIDE)], prompts=True)
    assert_met(row, throughout(mine, OUTSIDE))


@pytest.mark.parametrize("code", ["*8", ""], ids=["feature code", "phone"])
async def test_pick_up_of_a_caller_who_withholds_their_number(station: Station, code: str) -> None:
    """It is not the call to the colleague, or to the code, that the user's phone has made."""
    caller = await station.lab.outside(OUTSIDE).call("0850000106", play="tone", withheld=True)
    ringing = await station.lab.phones["106"].incoming()
    mine = await station.lab.phones["101"].call(
        code or "106", play="tone", instead_of=None if code else ringing
    )
    await mine.answered()
    await caller.answered()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    (row,) = await recorded(station, "101")
    assert row.direction == "inbound"
    assert [(one.number, one.name) for one in row.counterparts] == [("", "")]


async def test_the_recorded_users_phone_takes_the_call_of_another(station: Station) -> None:
    """Of another recorded user, in the middle of it."""
    caller = await station.lab.outside(OUTSIDE).call("0850000102", play="tone")
    first = await station.lab.phones["102"].incoming()
    await first.answer(play="tone")
    await caller.answered()
    await asyncio.sleep(TALK_S)
    mine = await station.lab.phones["101"].call("102", play="tone", instead_of=first)
    await mine.answered()
    await first.ended()
    await asyncio.sleep(TALK_S)
    await over(caller, mine)
    before, after = await recorded(station, "102", "101")
    assert_length(before, first.answered_at, first.ended_at)
    assert_length(after, mine.answered_at, mine.ended_at)
    assert_heard(station, after, [throughout(mine)], [throughout(mine, OUTSIDE)], prompts=True)
    assert_met(after, throughout(mine, OUTSIDE))


async def test_pick_up_of_the_recorded_users_call(station: Station) -> None:
    caller = await station.lab.outside(OUTSIDE).call("0850000101", play="tone")
    ringing = await station.lab.phones["101"].incoming()
    taking = await station.lab.phones["106"].call("*8", play="tone")
    await taking.answered()
    await caller.answered()
    await ringing.ended()
    await over(caller, taking)
    await recorded(station)
