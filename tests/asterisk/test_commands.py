"""Keys on real phones start, stop, pause and resume recordings, as the modes table says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import soundfile as sf

from ari_recorder.policies.table import Mode
from lab.call import PhoneCall
from lab.cases import connect, length_s, over
from lab.commanded import SECRET_HZ
from lab.directory import change_user
from lab.tones import frequency_hz, sine, tone_found, tone_s, tone_spans
from tests.asterisk.station import Begin, Station, until

pytestmark = pytest.mark.asterisk

STRETCH_S = 1.0


async def press(station: Station, call: PhoneCall, code: str, then: str) -> None:
    """Press a code, and return when the recorder has said that it did ``then``."""
    done = station.recorder.log.read_text().count(then)
    await call.dtmf(code)
    await until(lambda: station.recorder.log.read_text().count(then) > done)


async def enable(station: Station, number: str, mode: Mode) -> None:
    """106 is not recorded in the lab: change that."""
    followed = station.recorder.log.read_text().count("following endpoints")
    await station.store.write(change_user, number, mode=mode)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)


def write_tone(folder: Path, hz: float) -> Path:
    path = folder / f"{hz}.wav"
    sf.write(path, sine(hz, 10, 8000), 8000)
    return path


@pytest.mark.parametrize("user", ["102", "106"], ids=["feature map", "plain digits"])
async def test_what_is_said_during_a_pause_is_nowhere(begin: Begin, tmp_path: Path, user: str) -> None:
    """102's endpoint has the feature map; 106's has not, so its digits arrive as digits."""
    station = begin(media__format="wav")
    if user == "106":
        await enable(station, user, Mode.ALWAYS_PAUSE_RESUME)
    other = "101" if user == "106" else "106"
    calling, called = await connect(station.lab, user, other)
    await asyncio.sleep(STRETCH_S)
    await press(station, calling, "*48", "pause ")
    paths = [write_tone(tmp_path, hz) for hz in SECRET_HZ]
    for call, path in zip((calling, called), paths, strict=True):
        await call.play(path)
    await asyncio.sleep(STRETCH_S)
    for call in (calling, called):
        await call.play("tone")
    await asyncio.sleep(0.3)  # what was played is on its way
    await press(station, calling, "*49", "resume ")
    await asyncio.sleep(STRETCH_S)
    await over(calling, called)
    await station.evidence.settled()
    (row,) = [row for row in station.evidence.recordings() if row.user_number == user]
    assert row.problems == ()
    samples, rate_hz = station.evidence.audio(row)
    for side in samples.T:
        for hz in SECRET_HZ:
            assert tone_found(side, rate_hz, hz) == []
    assert tone_s(samples[:, 0], rate_hz, frequency_hz(user)) >= 2 * STRETCH_S - 0.3
    assert tone_s(samples[:, 1], rate_hz, frequency_hz(other)) >= 2 * STRETCH_S - 0.3
    assert len(samples) / rate_hz < 4 * STRETCH_S


async def test_a_paused_recording_stays_paused_through_a_kill(begin: Begin) -> None:
    station = begin(media__format="wav")
    calling, called = await connect(station.lab, "102", "106")
    await asyncio.sleep(STRETCH_S)
    await press(station, calling, "*48", "pause ")
    station.recorder.kill()
    await asyncio.sleep(STRETCH_S)  # nothing of this may be written
    await asyncio.to_thread(station.recorder.start)
    assert list(station.lab.pbx.spool.glob("*-r2-in.wav")) == []
    await press(station, calling, "*49", "resume ")
    await asyncio.sleep(STRETCH_S)
    await over(calling, called)
    row = await station.only()
    assert row.problems == ()
    assert row.duration_ms is not None
    assert row.duration_ms < (length_s(calling) - STRETCH_S) * 1000
    assert len(list(station.lab.pbx.spool.glob("*.wav*"))) == 0


async def test_on_demand_keeps_the_whole_call_once_start_is_given(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "103", "106")
    await asyncio.sleep(STRETCH_S)
    await press(station, calling, "*44", "start ")
    await asyncio.sleep(STRETCH_S)
    await over(calling, called)
    row = await station.only()
    assert row.kept
    assert row.duration_ms == pytest.approx(length_s(calling) * 1000, abs=100)
    samples, rate_hz = station.evidence.audio(row)
    for side, number in enumerate(("103", "106")):
        first_s, *_ = tone_spans(samples[:, side], rate_hz, frequency_hz(number))[0]
        assert first_s < STRETCH_S / 2  # from the answer on, not from the start
    assert station.ledger() == [("recorded", "")]


async def test_each_start_of_the_user_makes_a_recording_of_its_own(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "104", "106")
    for _ in range(2):
        await press(station, calling, "*44", "start ")
        await asyncio.sleep(STRETCH_S)
        await press(station, calling, "*45", "stop ")
    await over(calling, called)
    await station.evidence.settled()
    first, second = station.evidence.recordings()
    assert first.call == second.call
    assert first.ended_at is not None
    assert first.ended_at <= second.started_at
    for row in (first, second):
        assert row.duration_ms == pytest.approx(1000 * STRETCH_S + 600, abs=600)
    assert station.ledger() == [("recorded", "")]


async def test_digits_of_the_counterpart_and_commands_the_mode_has_not_change_nothing(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "101", "106")
    await asyncio.sleep(STRETCH_S)
    await called.dtmf("*48")
    await calling.heard_digits("*48")
    await press(station, calling, "*48", "not_in_this_mode")
    await over(calling, called)
    row = await station.only()
    assert row.problems == ()
    assert row.duration_ms == pytest.approx(length_s(calling) * 1000, abs=100)
    assert station.recorder.log.read_text().count("changes nothing") == 1


async def test_the_record_key_of_a_desk_phone_starts_and_stops(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "104", "106")
    assert await calling.record_key(on=True) == "SIP/2.0 200 OK"
    await until(lambda: "start " in station.recorder.log.read_text())
    await asyncio.sleep(STRETCH_S)
    assert await calling.record_key(on=False) == "SIP/2.0 200 OK"
    await until(lambda: "stop " in station.recorder.log.read_text())
    await over(called, calling)
    row = await station.only()
    assert row.duration_ms == pytest.approx(1000 * STRETCH_S + 300, abs=500)
    assert called.digits == ""


async def test_a_flood_of_digits_and_half_a_code_do_nothing(begin: Begin) -> None:
    """With plain digits, so that the recorder reads each of them."""
    station = begin()
    await enable(station, "106", Mode.ALWAYS_PAUSE_RESUME)
    calling, called = await connect(station.lab, "106", "105")
    await calling.dtmf("1234567890*0#*4#8*4" * 2, length_ms=50, between_ms=50)
    await called.heard_digits("8*41234567890*0#*4#8*4", 15)
    await press(station, calling, "*48", "pause ")
    await over(calling, called)
    row = await station.only()
    assert row.problems == ()
    assert station.recorder.log.read_text().count("changes nothing") == 0
