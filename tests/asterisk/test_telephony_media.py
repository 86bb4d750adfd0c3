"""Codecs, and what changes them in the middle of a call: each is a line of `docs/reference/telephony.md`."""

from __future__ import annotations

import asyncio

import pytest

from ari_recorder.store.catalogue import RecordingRow
from lab import PhoneCall
from lab.cases import connect, over
from tests.asterisk.heard import (
    TALK_S,
    assert_heard,
    assert_length,
    assert_met,
    recorded,
    throughout,
)
from tests.asterisk.station import Station, until

pytestmark = pytest.mark.asterisk


def codecs(station: Station) -> dict[str, str]:
    """The codec of each channel on the PBX, by the number of its phone."""
    lines = [line.split() for line in station.lab.pbx.rx("pjsip show channelstats").splitlines()]
    return {line[1].partition("-")[0]: line[3] for line in lines if len(line) > 6 and ":" in line[2]}


async def renew(station: Station, call: PhoneCall, codec: str) -> None:
    """A re-INVITE that offers one codec; returns when the PBX uses it."""
    await call.reinvite(codec)
    await until(lambda: codecs(station).get(call.phone.number) == codec)


def assert_whole(station: Station, row: RecordingRow, mine: PhoneCall, other: str) -> None:
    """Both are heard from the answer to the end, without a hole."""
    assert_length(row, mine.answered_at, mine.ended_at)
    assert_heard(station, row, [throughout(mine)], [throughout(mine, other)])
    assert_met(row, throughout(mine, other))


async def test_re_invite(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "106")
    for call in (mine, other):
        await asyncio.sleep(TALK_S / 2)
        await renew(station, call, "alaw")
    await asyncio.sleep(TALK_S / 2)
    await over(mine, other)
    (row,) = await recorded(station, "101")
    assert_whole(station, row, mine, "106")


async def test_codec_change_at_8_khz(station: Station) -> None:
    """By the user, then by the counterpart."""
    mine, other = await connect(station.lab, "101", "106")
    for call in (mine, other):
        await asyncio.sleep(TALK_S / 2)
        await renew(station, call, "ulaw")
    await asyncio.sleep(TALK_S / 2)
    await over(mine, other)
    (row,) = await recorded(station, "101")
    assert_whole(station, row, mine, "106")


async def test_codec_change_from_16_to_8_khz_and_back(station: Station) -> None:
    mine, other = await connect(station.lab, "103", "106")
    for codec in ("alaw", "g722"):
        await asyncio.sleep(TALK_S)
        await renew(station, mine, codec)
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    (row,) = await recorded(station, "103")
    assert row.sample_rate_hz == 16000
    assert_whole(station, row, mine, "106")


async def test_codec_change_from_8_to_16_khz(station: Station) -> None:
    mine = await station.lab.phones["103"].call("106", play="tone", codec="alaw")
    other = await station.lab.phones["106"].incoming()
    await other.answer(play="tone")
    await mine.answered()
    assert codecs(station)["103"] == "alaw"
    await asyncio.sleep(TALK_S)
    await renew(station, mine, "g722")
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    (row,) = await recorded(station, "103")
    assert row.sample_rate_hz == 8000
    assert_whole(station, row, mine, "106")


async def test_mixed_8_and_16_khz_legs(station: Station) -> None:
    mine, other = await connect(station.lab, "101", "103")
    await asyncio.sleep(TALK_S)
    await over(mine, other)
    await station.evidence.settled()
    rows = {row.user_number: row for row in station.evidence.recordings()}
    assert rows["101"].sample_rate_hz == 8000
    assert rows["103"].sample_rate_hz == 16000
    assert station.ledger() == [("recorded", "")] * 2
    assert_whole(station, rows["101"], mine, "103")
    assert_whole(station, rows["103"], other, "101")
