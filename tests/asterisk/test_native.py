"""A call that is taken up in the middle keeps the source of its audio, so no party's phone loses the other.

Asterisk changes it where it had bridged the call natively; `asterisk_conf` has two ways to keep it from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from ari_recorder.policies.table import Mode
from lab import Lab, PhoneCall
from lab.call import WAV_HEADER_BYTES
from lab.cases import OUTSIDE, phone_of
from lab.directory import change_user
from lab.tones import frequency_hz
from tests.asterisk.station import Begin, Station, until

pytestmark = pytest.mark.asterisk

CALLS = 3
WITH_FEATURES, WITHOUT = "102", "106"
Parties = tuple[PhoneCall, PhoneCall]


@contextmanager
def native(lab: Lab) -> Iterator[None]:
    """As without `modules_native_ari_recorder.conf`, which the lab has."""
    lab.pbx.rx("module load bridge_native_rtp.so")
    try:
        yield
    finally:
        lab.pbx.rx("module unload bridge_native_rtp.so")


@asynccontextmanager
async def begun_while_away(station: Station, user: str) -> AsyncIterator[list[Parties]]:
    """Calls of this user that began while the recorder was away; they are over afterwards."""
    await recorded(station, user)
    station.recorder.kill()
    calls = [await call(station.lab, user) for _ in range(CALLS)]
    await asyncio.gather(*(hear_each_other(one) for one in calls))
    yield calls
    for calling, called in calls:
        await calling.hangup()
        await calling.ended()
        await called.ended()
    await station.evidence.settled()


async def recorded(station: Station, user: str) -> None:
    followed = station.recorder.log.read_text().count("following endpoints")
    await station.store.write(lambda: change_user(user, mode=Mode.ALWAYS))
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)


async def call(lab: Lab, user: str) -> Parties:
    calling = await lab.phones[user].call(OUTSIDE, play="tone")
    called = await phone_of(lab, OUTSIDE).incoming()
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.gather(calling.keep(), called.keep())
    return calling, called


async def hear_each_other(parties: Parties) -> None:
    for one, other in (parties, parties[::-1]):
        await one.hears(frequency_hz(other.phone.number))


async def sources(calls: list[Parties]) -> list[int]:
    return [await one.source() for parties in calls for one in parties]


def written(station: Station) -> int:
    """How many files have audio in them."""
    files = station.lab.pbx.spool.glob("*-r1-*.wav*")
    return sum(path.stat().st_size > WAV_HEADER_BYTES for path in files)


async def test_with_the_feature_map(begin: Begin) -> None:
    station = begin()
    with native(station.lab):
        async with begun_while_away(station, WITH_FEATURES) as calls:
            await assert_taken_up_unharmed(station, calls)


async def test_without_the_module(begin: Begin) -> None:
    station = begin()
    async with begun_while_away(station, WITHOUT) as calls:
        await assert_taken_up_unharmed(station, calls)


async def assert_taken_up_unharmed(station: Station, calls: list[Parties]) -> None:
    before = await sources(calls)
    assert all(before)
    await asyncio.to_thread(station.recorder.start)
    await until(lambda: written(station) == 2 * len(calls))
    assert await sources(calls) == before
    await asyncio.gather(*(hear_each_other(one) for one in calls))
