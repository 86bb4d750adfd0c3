"""A leg while Asterisk refuses, or does what it is asked without a word."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, State
from ari_recorder.store import calls, models
from ari_recorder.store.rows import Counterpart

from .conftest import Begin, World, now

START = ("start", "both", "played")


def open_intents(world: World) -> int:
    return world.context.store.read_now(models.Intent.select().where(models.Intent.done_at.is_null()).count)


async def test_the_answer_to_record_is_lost_and_all_the_same_it_is_told(begin: Begin) -> None:
    world = begin(Mode.ALWAYS)
    world.asterisk.next["record"] = ["lost"]
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    assert world.told[-1] is State.RECORDING
    assert len(world.asterisk.live) == 2


async def test_a_pause_that_is_refused_at_first_is_told_when_it_is_done(begin: Begin) -> None:
    world = begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.answered()
    await world.until(lambda: State.RECORDING in world.told)
    world.asterisk.next["stop"] = ["refused"]
    answer = await asyncio.wait_for(world.leg.command(Event.PAUSE), 5)
    assert "tried again" in answer.problem
    assert State.PAUSED not in world.told
    await world.until(lambda: State.PAUSED in world.told)
    assert not world.asterisk.live


async def test_an_end_that_is_refused_at_first_leaves_nothing(begin: Begin) -> None:
    world = begin(Mode.ALWAYS, announce_external="none")
    await world.answered()
    await world.until(lambda: State.RECORDING in world.told)
    world.asterisk.next["stop"] = ["refused"]
    world.asterisk.channels.clear()
    world.leg.hung_up(now())
    await world.until(lambda: State.ENDED in world.told)
    await world.until(lambda: open_intents(world) == 0)
    await world.until(lambda: world.context.live.find(world.leg.row.id) is None)
    assert not world.asterisk.live


async def test_nobody_is_told_that_it_is_recorded_while_it_is_not(begin: Begin) -> None:
    world = begin(Mode.ALWAYS)
    world.asterisk.next["record"] = ["refused", "refused"]
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    assert world.asterisk.asked[-1][0] != "record"
    assert [asked for asked, _ in world.asterisk.asked].index("play") > 4  # after it was begun anew


async def test_each_start_is_a_recording_of_its_own_also_when_the_mode_was_changed_in_the_call(
    begin: Begin,
) -> None:
    world = begin(Mode.ALWAYS, announce_external="none")
    world.leg.arm()
    await world.until(lambda: world.leg.snoops.armed)
    assert await world.leg.agree_to(Mode.ON_DEMAND_USER_START, Preferences()) == ""
    world.leg.answered(now())
    committed: list[int] = []

    async def look() -> None:
        committed.append(await world.context.store.read(models.Segment.select().count))

    world.asterisk.at_record = look
    for command in (Event.START, Event.STOP, Event.START, Event.STOP):
        answer = await asyncio.wait_for(world.leg.command(command), 5)
        assert (answer.reason, answer.problem) == (None, "")
    assert world.context.store.read_now(models.Recording.select().count) == 2
    assert committed == [1, 1, 2, 2]  # each was written down before Asterisk was asked


async def test_what_was_not_told_before_a_restart_is_told_after_it_and_only_then(begin: Begin) -> None:
    world = begin(Mode.ALWAYS, warning_tone_s=10)
    world.asterisk.next["play"] = ["refused"]
    await world.answered()
    await world.until(lambda: world.announced() == [("start", "both", "failed")])
    await world.again()
    await world.until(lambda: world.announced()[1:] == [START])
    await world.again()
    await world.until(lambda: world.leg.telling._warning is not None)
    assert len(world.announced()) == 2


async def test_an_error_tone_does_not_cut_off_what_the_others_hear(begin: Begin) -> None:
    world = begin(Mode.ALWAYS)
    await world.answered()
    await world.until(lambda: world.leg.telling.announcer.playing)
    for digit in "*44":
        world.leg.digit(digit, now())
    await world.until(lambda: world.announced() == [START])


@pytest.mark.parametrize(("number", "greeted"), [("0701234567", False), ("0709999999", True)])
async def test_only_somebody_else_is_greeted(begin: Begin, number: str, greeted: bool) -> None:
    world = begin(Mode.ALWAYS)
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    world.leg.row = replace(world.leg.row, answered_at=world.leg.row.created_at.replace(year=2020))
    world.leg.counterpart(Counterpart(number, "Another name"), now())
    await world.until(lambda: world.leg.row.counterpart.name == "Another name")
    if greeted:
        await world.until(lambda: world.announced()[1:] == [("start", "counterpart", "played")])
    else:
        assert not world.leg.telling.announcer.playing
        assert world.announced() == [START]


async def test_a_command_that_comes_with_the_hang_up_is_answered(begin: Begin) -> None:
    world = begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.answered()
    await world.until(lambda: State.RECORDING in world.told)
    world.leg.hung_up(now())
    answer = await asyncio.wait_for(world.leg.command(Event.PAUSE), 5)
    assert answer.reason == "call_ended"
    await world.until(lambda: world.context.store.read_now(calls.open_legs, "main") == [])
