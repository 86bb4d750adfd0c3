"""The recorder dies, or loses Asterisk, at every moment of a call: the call goes on and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Mode
from ari_recorder.store import catalogue
from lab import Lab
from lab.call import PhoneCall
from lab.cases import connect, length_s, over, talk
from lab.crash import run_once
from lab.directory import change_user
from lab.evidence import Expected
from tests.asterisk.station import Begin, Station, until

pytestmark = pytest.mark.asterisk


async def assert_complete(station: Station, calling: PhoneCall) -> None:
    row = await station.only()
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []
    assert station.ledger() == [("recorded", "")]


@pytest.mark.parametrize("killed_s", [0.1, 1.3, 3.5])
async def test_killed_and_started_again_during_a_call(begin: Begin, killed_s: float) -> None:
    station = begin()
    run = await run_once(station.lab, station.recorder, station.evidence, killed_s, down_s=0.5)
    assert run.faults == ()


async def test_stopped_in_good_order_during_a_call(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "101", "106")
    await asyncio.sleep(1)  # the length of the conversation before
    await asyncio.to_thread(station.recorder.stop)
    await asyncio.to_thread(station.recorder.start)
    await asyncio.sleep(1)  # and after
    await over(calling, called)
    await assert_complete(station, calling)


async def test_a_counterpart_who_came_while_the_recorder_was_down_is_noted(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "101", "106")
    await station.lab.bridged()
    await asyncio.sleep(1)  # the length of the conversation before
    station.recorder.kill()
    await called.transfer("105")
    third = await station.lab.phones["105"].incoming()
    await third.answer(play="tone")
    await called.transferred()
    await asyncio.to_thread(station.recorder.start)
    back_at = datetime.now(UTC)
    await asyncio.sleep(1)  # and after
    await over(calling, third)
    row = await station.only()
    assert row.duration_ms == pytest.approx(length_s(calling) * 1000, abs=250)
    first, second = row.counterparts
    assert (first.number, second.number, row.counterpart_number) == ("106", "105", "105")
    assert first.left_at == second.joined_at <= back_at
    assert second.left_at == pytest.approx(calling.ended_at, abs=timedelta(seconds=0.3))


async def test_the_call_ends_while_the_recorder_is_down(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "101", "106")
    await asyncio.sleep(1)  # the length of the conversation before
    station.recorder.kill()
    await asyncio.sleep(1)  # and after
    await over(calling, called)
    await asyncio.to_thread(station.recorder.start)
    await assert_complete(station, calling)


async def test_answered_while_the_recorder_is_down(begin: Begin) -> None:
    """What was said until the restart is lost; that is said, and the rest is there."""
    station = begin()
    calling = await station.lab.phones["101"].call("106", play="tone")
    called = await station.lab.phones["106"].incoming()
    await calling.ringing()
    station.recorder.kill()
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.to_thread(station.recorder.start)
    await asyncio.sleep(1)  # the length of the conversation that is recorded
    await over(calling, called)
    row = await station.only()
    (problem,) = row.problems
    assert re.fullmatch(r"The first \d+\.\d s are missing: the recorder was away until .* UTC\.", problem)
    assert row.duration_ms is not None
    assert 1000 <= row.duration_ms < length_s(calling) * 1000
    ((outcome, reason),) = station.ledger()
    assert outcome == "recorded"
    assert reason == problem


async def test_begun_while_the_recorder_is_down(begin: Begin) -> None:
    station = begin()
    station.recorder.kill()
    calling, called = await connect(station.lab, "101", "106")
    await asyncio.to_thread(station.recorder.start)
    await asyncio.sleep(1)  # the length of the conversation that is recorded
    await over(calling, called)
    row = await station.only()
    assert (row.user_number, row.counterpart_number, row.direction) == ("101", "106", "outbound")
    assert re.match(r"The first \d+\.\d s are missing: the recorder was away", row.problems[0])


async def test_killed_while_recordings_are_being_finished(begin: Begin) -> None:
    station = begin()
    lengths = [length_s((await talk(station.lab, "101", "106", talk_s=0.5))[0]) for _ in range(3)]
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
    await station.evidence.settled()
    rows = station.evidence.recordings()
    assert len(rows) == len(lengths)
    for row, seconds in zip(rows, lengths, strict=True):
        assert station.evidence.faults(row, Expected("101", "106", seconds, "outbound")) == []
    assert list(station.lab.pbx.spool.glob("*.wav*")) == []


async def test_a_lost_socket_does_not_put_off_the_next_segment(begin: Begin, lab: Lab) -> None:
    async with line_to(lab) as line:
        station = await asyncio.to_thread(begin, pbx__main__url=line.url, media__segment_max_s="4")
        calling, called = await connect(lab, "101", "106")
        await asyncio.sleep(2)  # half of the first segment
        await line.cut()
        await until(lambda: "event socket lost" in station.recorder.log.read_text())
        line.mend()
        await until(lambda: list(lab.pbx.spool.glob("*-r2-in.wav")))
        await over(calling, called)
        row = await station.only()
        first, *_ = station.store.read_now(catalogue.timeline, COMMAND_LINE, row.id)
    assert first.duration_ms is not None
    assert first.duration_ms < 5500  # two seconds more if the cut had begun it anew


async def test_the_event_socket_is_lost_during_a_call(begin: Begin, lab: Lab) -> None:
    async with line_to(lab) as line:
        station = await asyncio.to_thread(begin, pbx__main__url=line.url)
        calling, called = await connect(lab, "101", "106")
        await asyncio.sleep(1)  # the length of the conversation before
        await line.cut()
        await until(lambda: "event socket lost" in station.recorder.log.read_text())
        line.mend()
        await until(lambda: station.recorder.log.read_text().count("following endpoints") == 2)
        await asyncio.sleep(1)  # and after
        await over(calling, called)
        await assert_complete(station, calling)


async def test_the_call_ends_while_the_event_socket_is_lost(begin: Begin, lab: Lab) -> None:
    async with line_to(lab) as line:
        station = await asyncio.to_thread(begin, pbx__main__url=line.url)
        calling, called = await connect(lab, "101", "106")
        await asyncio.sleep(1)  # the length of the conversation
        await line.cut()
        await over(calling, called)
        line.mend()
        await assert_complete(station, calling)


class Line:
    """A TCP proxy in front of Asterisk's HTTP server, which can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self.url = ""
        self._to = (host, port)
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._open |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._open -= {writer, far_writer}

    async def cut(self) -> None:
        self._cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False


@contextlib.asynccontextmanager
async def line_to(lab: Lab) -> AsyncIterator[Line]:
    there = urlsplit(lab.pbx.http_url)
    assert there.hostname
    assert there.port
    line = Line(there.hostname, there.port)
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield line
    server.close()
    await line.cut()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_another_program_under_our_name_does_not_leave_us_deaf(begin: Begin, lab: Lab) -> None:
    station = begin()
    login = {"Authorization": aiohttp.encode_basic_auth(lab.pbx.ari_user, lab.pbx.ari_password)}
    address = f"{lab.pbx.http_url}/ari/events?app=ari_recorder"
    async with aiohttp.ClientSession(headers=login) as session, session.ws_connect(address):
        await until(lambda: "another program" in station.recorder.log.read_text())
    await until(lambda: station.recorder.log.read_text().count("following endpoints") == 2, timeout_s=30)
    calling, called = await connect(lab, "101", "106")
    await asyncio.sleep(1)  # the length of the conversation
    await over(calling, called)
    await assert_complete(station, calling)


async def test_a_service_that_ends_during_a_call_ends_with_the_call(begin: Begin) -> None:
    """The mode holds from the next call: this one is recorded to its end, and accounted for."""
    station = begin()
    calling, called = await connect(station.lab, "101", "106")
    await station.store.write(change_user, "101", mode=Mode.NEVER)
    await until(lambda: "known=6" in station.recorder.log.read_text())
    await asyncio.sleep(1)  # the length of the conversation after
    await over(calling, called)
    await assert_complete(station, calling)
