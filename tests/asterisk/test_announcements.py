"""What the parties hear of recording, kept by their phones: prompts, tones, and who does not hear them."""

from __future__ import annotations

import asyncio

import pytest

from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.policies.table import Mode
from ari_recorder.store import catalogue
from lab.cases import OUTSIDE, over
from lab.directory import change_user
from tests.asterisk.hearing import announced, connect_quietly, played, prefer, quiet, times
from tests.asterisk.station import Begin, until

pytestmark = pytest.mark.asterisk

START, STOP, PAUSE, RESUME = PromptKind.START, PromptKind.STOP, PromptKind.PAUSE, PromptKind.RESUME
BEEP, ERROR, WARNING = PromptKind.BEEP, PromptKind.ERROR, PromptKind.WARNING


async def test_start_pause_and_resume_are_announced_to_both(begin: Begin) -> None:
    """With the feature map the counterpart hears the announcement, and not the keys."""
    station = begin()
    calling, called = await connect_quietly(station, "102", OUTSIDE)
    await played(station, 1)
    for count, code in enumerate(("*48", "*49"), start=2):
        await calling.dtmf(code)
        await played(station, count)
    await over(calling, called)
    for call in (calling, called):
        (start,), (pause,), (resume,) = times(call, START), times(call, PAUSE), times(call, RESUME)
        assert start < pause < resume
    assert called.digits == ""
    assert announced(station) == [
        (kind, "announcement", "both", "played") for kind in ("start", "pause", "resume")
    ]
    row = await station.only()
    samples, _ = station.evidence.audio(row)
    assert abs(samples).max() < 0.02  # both said nothing: what was whispered is not in the recording
    kept = station.store.read_now(catalogue.played, COMMAND_LINE, row.id)
    assert [(one.kind, one.language) for one in kept] == [("start", "en"), ("pause", "en"), ("resume", "en")]
    assert all(one.text and len(one.sha256) == 64 and one.began_at for one in kept)


async def test_a_beep_to_the_user_alone_and_inside_nothing(begin: Begin) -> None:
    station = begin()
    await prefer(station, "104", announce_external="beep", heard_by="user", language="sv")
    calling, called = await connect_quietly(station, "104", OUTSIDE)
    for count, code in enumerate(("*44", "*45"), start=1):
        await calling.dtmf(code)
        await played(station, count)
    await over(calling, called)
    assert (len(times(calling, BEEP)), times(called, BEEP)) == (2, [])
    inside = await connect_quietly(station, "104", "106")
    await inside[0].dtmf("*44")
    await until(lambda: station.recorder.log.read_text().count("start ") == 2)
    await over(*inside)
    assert announced(station) == [("start", "beep", "user", "played"), ("stop", "beep", "user", "played")]


async def test_in_the_users_language(begin: Begin) -> None:
    station = begin()
    await prefer(station, None, language="sv", announce_internal="announcement")
    await prefer(station, "102", language="en")
    calling, called = await connect_quietly(station, "101", "106")
    await played(station, 1)
    await over(calling, called)
    for call in (calling, called):
        assert (len(times(call, START, "sv")), times(call, START, "en")) == (1, [])


async def test_a_key_that_is_refused_gives_the_user_alone_a_tone(begin: Begin) -> None:
    station = begin()
    calling, called = await connect_quietly(station, "101", "106")
    await calling.dtmf("*48")
    await played(station, 1)
    await over(calling, called)
    assert (len(times(calling, ERROR)), times(called, ERROR)) == (1, [])
    assert announced(station) == [("error", "beep", "user", "played")]
    row = await station.only()
    assert row.problems == ()


async def test_warning_tones_come_while_recording_and_not_in_a_pause(begin: Begin) -> None:
    station = begin()
    await prefer(station, "102", warning_tone_s=10)
    calling, called = await connect_quietly(station, "102", "106")
    await played(station, 1)
    await calling.dtmf("*48")
    await until(lambda: "pause " in station.recorder.log.read_text())
    await asyncio.sleep(10.5)  # the next one would come in this time
    await over(calling, called)
    assert announced(station) == [("warning", "beep", "both", "played")]
    for call in (calling, called):
        (at,) = times(call, WARNING)
        assert at == pytest.approx(10, abs=1)
    row = await station.only()
    samples, _ = station.evidence.audio(row)
    assert abs(samples).max() < 0.02


async def test_the_codes_are_the_users_own(begin: Begin) -> None:
    station = begin()
    await prefer(station, "102", codes={"start": "*1", "stop": "*2", "pause": "*33", "resume": "*34"})
    calling, called = await connect_quietly(station, "102", "106")
    await calling.dtmf("*33")
    await until(lambda: "pause " in station.recorder.log.read_text())
    await calling.dtmf("*34")
    await until(lambda: "resume " in station.recorder.log.read_text())
    await over(calling, called)
    await station.only()


async def test_two_recorded_users_are_each_told_once(begin: Begin) -> None:
    station = begin()
    await prefer(station, None, announce_internal="announcement")
    calling, called = await connect_quietly(station, "101", "102")
    await played(station, 2)
    await over(calling, called)
    for call in (calling, called):
        assert len(times(call, START)) == 1
    assert announced(station) == [("start", "announcement", "user", "played")] * 2


async def test_who_joins_by_transfer_is_told_and_nobody_else(begin: Begin) -> None:
    station = begin()
    await station.store.write(change_user, "101", mode=Mode.ALWAYS)
    await prefer(station, "101", announce_internal="announcement")
    calling, called = await connect_quietly(station, "106", "101")
    await played(station, 1)
    await station.lab.bridged()
    await asyncio.sleep(2)  # a change of who is connected sooner is no newcomer
    await calling.transfer("105")
    joining = await station.lab.phones["105"].incoming()
    await joining.keep()
    await joining.answer(play=quiet(station))
    await calling.transferred()
    await played(station, 2)
    await over(called, joining)
    assert len(times(called, START)) == 1
    assert len(times(joining, START)) == 1
    assert announced(station)[1] == ("start", "announcement", "counterpart", "played")
