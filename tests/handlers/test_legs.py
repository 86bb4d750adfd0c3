"""A leg's runner while Asterisk refuses, does what it is asked without a word, or the books are closed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_recorder.handlers import legs as module
from ari_recorder.policies import announcements
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import arming, happening, inputs, machine, speaking, writing
from ari_recorder.policies.leg.machine import receive
from ari_recorder.policies.leg.state import Alarm
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, Reason, State
from ari_recorder.store import calls, models
from ari_recorder.store.database import Store

from . import world as worlds
from .world import CHANNEL, World

START = ("start", "both", "played")
GIVEN_UP = "this call's recording is given up; the call goes on"
Begin = Callable[..., Awaitable[World]]


@pytest.fixture
async def begin(tmp_path: Path, empty_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """A ringing leg in a mode, with preferences; what is waited for comes sooner than in earnest."""
    monkeypatch.setattr(machine, "LOOK_AFTER_S", 0.05)
    monkeypatch.setattr(writing, "LOSS_CHECKED_AFTER_S", (0.05,))
    monkeypatch.setattr(writing, "CLOSED_WITHIN_S", 0.1)
    monkeypatch.setattr(arming, "ENTERED_WITHIN_S", 0.3)
    store = Store(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'catalogue.db')}")
    async with AsyncExitStack() as stack:

        async def start(mode: Mode, **preferences: object) -> World:
            return await stack.enter_async_context(worlds.ringing(store, tmp_path, mode, **preferences))

        yield start
    store.close()


async def command(world: World, event: Event) -> tuple[str | None, str]:
    """The answer to a command: the reason against it, and what went wrong."""
    answer = await asyncio.wait_for(world.leg.command(event), 5)
    return answer.reason, answer.problem


async def test_a_call_from_ring_to_hang_up(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS)
    await world.recording()
    await world.until(lambda: world.announced() == [START])
    assert len(world.asterisk.live) == 2
    world.hangs_up()
    await world.until(lambda: world.over)
    assert world.told[-1] is State.ENDED
    assert world.context.live.find(world.leg.leg.id) is None
    (leg,), (recording,) = world.rows(models.Leg), world.rows(models.Recording)
    assert (leg.state, leg.machine, recording.state) == ("ended", "", "closing")
    (segment,) = world.rows(models.Segment)
    assert segment.name == f"{world.leg.leg.prefix}r1"
    assert world.asterisk.asked_for("stop", "hangup") == ["hangup"], "only the whisper is let go"


@pytest.mark.parametrize("comes_to", ["lost", "silent"])
async def test_the_answer_to_record_is_lost_and_all_the_same_it_is_told(begin: Begin, comes_to: str) -> None:
    world = await begin(Mode.ALWAYS)
    world.asterisk.next["record"] = [comes_to]
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    assert world.told[-1] is State.RECORDING
    assert len(world.asterisk.live) == 2
    assert world.asterisk.asked_for("record") == ["record"] * 2, "what runs goes on"


async def test_a_record_that_did_not_reach_asterisk_is_begun_anew(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    world.asterisk.next["record"] = ["unheard", "unheard"]
    await world.answered()
    await world.until(lambda: State.RECORDING in world.told)
    await world.until(lambda: len(world.asterisk.live) == 2)
    assert world.asterisk.asked_for("record") == ["record"] * 4


async def test_a_pause_that_is_refused_at_first_is_told_when_it_is_done(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happening, "REPLY_WITHIN_S", 0.1)
    monkeypatch.setattr(machine, "LOOK_AFTER_S", 0.3)
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    world.asterisk.next["stop"] = ["refused"]
    reason, problem = await command(world, Event.PAUSE)
    assert (reason, "tried again" in problem) == (None, True)
    assert State.PAUSED not in world.told
    await world.until(lambda: State.PAUSED in world.told)
    assert not world.asterisk.live


async def test_a_pause_of_which_no_word_comes_is_told_when_it_is_seen(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    world.asterisk.next["stop"] = ["silent", "silent"]
    assert await command(world, Event.PAUSE) == (None, "")
    assert world.told[-1] is State.PAUSED
    assert not world.asterisk.live
    assert await command(world, Event.RESUME) == (None, "")
    assert len(world.asterisk.live) == 2


async def test_an_end_that_asterisk_does_not_make_is_asked_for_and_leaves_nothing(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    await world.recording()
    world.asterisk.next["stop"] = ["refused", "refused"]
    world.asterisk.channels.clear()  # but the files are still being written
    world.leg.tell(inputs.HungUp(world.clock()))
    await world.until(lambda: State.ENDED in world.told)
    await world.until(lambda: world.over)
    assert not world.asterisk.live
    assert world.context.store.read_now(calls.open_legs, "main") == []


async def test_nobody_is_told_that_it_is_recorded_while_it_is_not(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS)
    world.asterisk.next["record"] = ["refused", "refused"]
    told_before = len(world.told)
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    asked = world.asterisk.asked_for("record", "play")
    assert asked == ["record"] * 4 + ["play"]
    assert State.RECORDING in world.told[told_before:]
    world.hangs_up()
    await world.until(lambda: world.over)
    (recording,) = world.rows(models.Recording)
    assert "missing" in recording.problems
    assert "as the test says" in recording.problems


async def test_snoops_that_do_not_enter_are_made_anew_under_other_names(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    world.asterisk.next["snoop"] = ["silent", "refused"]
    await world.recording()
    names = [name for operation, name in world.asterisk.asked if operation == "snoop"]
    assert len(names) == len(set(names))
    assert len(world.asterisk.live) == 2


async def test_each_start_is_a_recording_of_its_own_also_when_the_mode_was_changed_in_the_call(
    begin: Begin,
) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    await world.armed()
    agreed = await asyncio.wait_for(world.leg.agree_to(Mode.ON_DEMAND_USER_START, Preferences()), 5)
    assert agreed == ""
    world.asterisk.channels[CHANNEL] = "Up"
    world.leg.tell(inputs.Answered(world.clock(), "(ulaw)"))
    for event in (Event.START, Event.STOP, Event.START, Event.STOP):
        assert await command(world, event) == (None, "")
    await world.until(lambda: len(world.rows(models.Segment)) == 2)
    assert sorted(row.ordinal for row in world.rows(models.Recording)) == [1, 2]
    against = await asyncio.wait_for(world.leg.agree_to(Mode.NEVER, Preferences()), 5)
    assert against == machine.TOO_LATE


async def test_a_dialplan_is_told_what_stands_against_it(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS)
    world.asterisk.next["snoop"] = ["refused", "refused"]
    world.leg.tell(inputs.Begun("1795000000.0"))
    agreed = world.leg.agree_to(Mode.ALWAYS, Preferences())
    assert "as the test says" in await asyncio.wait_for(agreed, 5)


async def test_what_was_not_told_before_a_restart_is_told_after_it_and_only_then(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, warning_tone_s=10)
    world.asterisk.next["play"] = ["refused"]
    await world.answered()
    await world.until(lambda: world.announced() == [("start", "both", "failed")])
    await world.again()
    await world.until(lambda: world.announced()[1:] == [START])
    await world.again()
    await world.until(lambda: Alarm.WARN in world.leg.leg.alarms)
    assert len(world.announced()) == 2
    assert world.asterisk.asked_for("record") == ["record"] * 2, "what was being recorded went on"
    world.hangs_up()
    await world.until(lambda: world.over)
    assert [row.ordinal for row in world.rows(models.Segment)] == [1]


STATES: dict[str, tuple[Mode, tuple[Event, ...], State]] = {
    "idle": (Mode.ON_DEMAND_USER_START, (), State.IDLE),
    "provisional": (Mode.ON_DEMAND, (), State.PROVISIONAL),
    "provisional_paused": (Mode.ON_DEMAND, (Event.PAUSE,), State.PROVISIONAL_PAUSED),
    "recording": (Mode.ON_DEMAND, (Event.START,), State.RECORDING),
    "paused": (Mode.ON_DEMAND, (Event.START, Event.PAUSE), State.PAUSED),
    "user_started": (Mode.ON_DEMAND_USER_START, (Event.START,), State.RECORDING),
    "user_stopped": (Mode.ON_DEMAND_USER_START, (Event.START, Event.STOP), State.IDLE),
}


@pytest.mark.parametrize("name", STATES)
async def test_started_again_in_each_state_it_comes_back_to_it(begin: Begin, name: str) -> None:
    """And goes on from there: what was kept is kept, what was provisional is to be destroyed."""
    mode, given, state = STATES[name]
    world = await begin(mode, announce_external="none")
    await world.answered()
    for event in given:
        assert await command(world, event) == (None, "")
    await world.until(lambda: all(all(one.began) for one in world.leg.leg.files))
    running = set(world.asterisk.live)
    await world.again()
    await world.until(lambda: world.leg._seen and not world.leg.leg.requests)
    assert (world.leg.leg.standing.state, world.asterisk.live) == (state, running)
    world.hangs_up()
    await world.until(lambda: world.over)
    outcomes = [(row.state, row.kept) for row in world.rows(models.Recording)]
    if mode is Mode.ON_DEMAND:
        assert outcomes == [("closing", True) if Event.START in given else ("discarding", False)]
    else:
        assert outcomes == [("closing", True)] * len(given[:1])


async def test_a_hang_up_while_the_recorder_was_away_is_found(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    await world.recording()
    await world.leg.stop()
    world.hangs_up()
    await world.again()
    await world.until(lambda: world.over)
    (recording,), (segment,) = world.rows(models.Recording), world.rows(models.Segment)
    assert (recording.state, segment.file_ended_at is None) == ("closing", False)
    assert world.context.store.read_now(calls.open_legs, "main") == []


async def test_a_pause_counts_of_a_call_that_was_over_before_the_recorder_was_back(begin: Begin) -> None:
    """The dialplan has kept it beside the channel, which is gone; then it is cleared away."""
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    await world.until(lambda: all(one.began[0] for one in world.leg.leg.files))
    await world.leg.stop()
    given_at = world.clock()
    kept = f"RECORDER_COMMANDS_{CHANNEL}"
    world.asterisk.variables |= {kept: f"{given_at:%Y%m%dT%H%M%S.%f}Z:pause|", "another": "stays"}
    await asyncio.sleep(0.05)  # so long the files go on
    for path in world.asterisk.spool.glob("*.wav*"):
        path.touch()
    world.hangs_up()
    await world.again()
    await world.until(lambda: world.over)
    (segment,) = world.rows(models.Segment)
    assert abs(segment.ended_at - given_at) < timedelta(milliseconds=1)
    assert segment.file_ended_at - segment.ended_at > timedelta(milliseconds=40)
    await world.until(lambda: world.asterisk.variables == {"another": "stays"})


async def test_an_error_tone_does_not_cut_off_what_the_others_hear(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "PROMPT_S", 0.3)
    world = await begin(Mode.ALWAYS)
    await world.answered()
    await world.until(lambda: "play" in world.asterisk.asked_for("play"))
    for digit in "*44":
        world.leg.tell(inputs.Digit(digit, world.clock()))
    await world.until(lambda: world.refused == ["not_in_this_mode"])
    await world.until(lambda: world.announced() == [START])


async def test_an_error_tone_is_for_the_user_alone(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    await world.recording()
    for digit in "*44":
        world.leg.tell(inputs.Digit(digit, world.clock()))
    await world.until(lambda: world.announced() == [("error", "user", "played")])


@pytest.mark.parametrize(("number", "greeted"), [("0701234567", False), ("0709999999", True)])
async def test_only_somebody_else_is_greeted(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, number: str, greeted: bool
) -> None:
    monkeypatch.setattr(announcements, "SETTLED_AFTER", timedelta(0))
    world = await begin(Mode.ALWAYS)
    await world.answered()
    await world.until(lambda: world.announced() == [START])
    world.leg.tell(inputs.Connected(Counterpart(number, "Another name"), world.clock()))
    assert world.leg.row.counterpart.name == "Another name"
    if greeted:
        await world.until(lambda: world.announced()[1:] == [("start", "counterpart", "played")])
    else:
        assert not world.leg.leg.meeting
        assert world.leg.leg.speaking is None
        assert world.announced() == [START]


async def test_a_command_that_comes_with_the_hang_up_is_answered(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    world.hangs_up()
    assert await command(world, Event.PAUSE) == ("call_ended", "")
    await world.until(lambda: world.over)
    assert await command(world, Event.PAUSE) == ("call_ended", ""), "also when it has left"
    assert world.context.store.read_now(calls.open_legs, "main") == []


async def test_a_pause_and_at_once_the_hang_up_are_both_told(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    answer = world.leg.command(Event.PAUSE)
    world.hangs_up()
    assert (await asyncio.wait_for(answer, 5)).problem == ""
    await world.until(lambda: world.over)
    assert world.told[-1] is State.ENDED
    assert world.context.store.read_now(calls.open_legs, "main") == []
    (leg,) = world.rows(models.Leg)
    assert leg.state == State.ENDED


async def test_who_waits_for_an_answer_when_the_recorder_stops_does_not_wait_for_ever(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()
    world.asterisk.next["stop"] = ["refused"] * 100
    answer = world.leg.command(Event.PAUSE)
    await world.leg.stop()
    assert answer.cancelled()
    after = world.leg.command(Event.PAUSE)
    assert after.cancelled()


# The books


async def test_nothing_in_a_call_waits_for_a_catalogue_that_is_locked(begin: Begin) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    url = world.context.store.url
    holder = sqlite3.connect(url.partition(":///")[2], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began_s = time.monotonic()
    await world.recording()
    assert len(world.asterisk.live) == 2
    assert await command(world, Event.PAUSE) == (None, ""), "it is confirmed when it is in the journal"
    assert not world.asterisk.live
    assert time.monotonic() - began_s < 3
    assert [path.suffix for path in world.journal.iterdir()] == [".json"]
    world.hangs_up()
    await world.until(lambda: world.ended)
    assert world.rows(models.Leg) == []
    holder.rollback()
    holder.close()
    await world.until(lambda: not list(world.journal.iterdir()))
    (leg,), (recording,) = world.rows(models.Leg), world.rows(models.Recording)
    assert (leg.state, recording.state) == ("ended", "closing")
    assert len(world.rows(models.Segment)) == 1


@pytest.mark.parametrize(
    ("on_failure", "announced", "hangs_up"),
    [("continue", [], False), ("tell", ["play"], False), ("end", ["play"], True)],
)
async def test_what_can_be_written_nowhere_is_a_failure_as_the_user_wants_it(
    begin: Begin, on_failure: str, announced: list[str], hangs_up: bool
) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none", on_failure=on_failure)
    await world.context.prompts.prepare(world.leg.leg.organisation, world.leg.leg.preferences)
    world.journal.write_text("in place of the folder")
    holder = sqlite3.connect(world.context.store.url.partition(":///")[2], isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    await world.recording()
    await world.until(lambda: world.leg.leg.unsaved)
    await world.until(lambda: world.asterisk.asked_for("play") == announced)
    await world.until(lambda: (CHANNEL not in world.asterisk.channels) == hangs_up)
    assert len(world.asterisk.live) == 2, "it is recorded all the same"
    holder.rollback()
    holder.close()
    await world.until(lambda: len(world.rows(models.Leg)) == 1)


# Faults of our own


async def test_a_fault_of_the_machine_is_told_once_and_costs_not_the_recording(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await begin(Mode.ALWAYS_PAUSE_RESUME, announce_external="none")
    await world.recording()

    def faulty(leg: object, told: object, now: object) -> object:
        if isinstance(told, inputs.Digit):
            raise RuntimeError("a fault")
        return receive(leg, told, now)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "receive", faulty)
    with capture_logs() as logs:
        for digit in "123":
            world.leg.tell(inputs.Digit(digit, world.clock()))
        assert await command(world, Event.PAUSE) == (None, "")
    assert [log["told"] for log in logs if log["log_level"] == "error"] == ["Digit"]
    world.hangs_up()
    await world.until(lambda: world.over)


@pytest.mark.parametrize(
    ("mode", "state"), [(Mode.ALWAYS, RecordingState.CLOSING), (Mode.ON_DEMAND, RecordingState.DISCARDING)]
)
async def test_a_leg_that_is_given_up_ends_and_says_why(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, mode: Mode, state: RecordingState
) -> None:
    world = await begin(mode, announce_external="none")
    await world.answered()
    await world.until(lambda: len(world.asterisk.live) == 2)
    snoops = world.leg.leg.snoops
    await give_up(world, monkeypatch)
    await world.until(lambda: [row.state for row in world.rows(models.Recording)] == [state])
    (recording,), (segment,), (leg,) = map(world.rows, (models.Recording, models.Segment, models.Leg))
    assert recording.problems.startswith("A fault in ari_recorder: recording was given up at")
    assert segment.began_at < segment.ended_at
    assert (leg.state, leg.machine) == (State.ENDED, "")
    assert world.context.live.legs() == []
    await world.until(lambda: not world.asterisk.live)
    assert world.asterisk.channels.keys() >= set(snoops)
    assert (await world.leg.command(Event.PAUSE)).reason is Reason.RECORDING_FAILED
    assert not world.ended, "its channel is there, and must not be found anew"
    world.hangs_up()
    assert world.ended


async def test_a_call_that_is_answered_after_its_leg_was_given_up_is_accounted_for(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await begin(Mode.ALWAYS)
    await world.armed()
    await give_up(world, monkeypatch)
    world.leg.tell(inputs.Answered(world.clock(), "(ulaw)"))
    await world.until(lambda: world.rows(models.LedgerLine))
    (recording,) = world.rows(models.Recording)
    assert recording.state == RecordingState.CLOSING
    assert recording.problems.startswith("A fault in ari_recorder: recording was given up at")


async def test_a_call_that_ends_while_its_leg_is_given_up_is_accounted_for(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await begin(Mode.ALWAYS, announce_external="none")
    await world.recording()
    world.leg.tell(inputs.HungUp(world.clock()))
    await give_up(world, monkeypatch, command=False)
    await world.until(lambda: world.over)
    await world.until(lambda: [row.state for row in world.rows(models.Recording)] == [RecordingState.CLOSING])


async def give_up(world: World, monkeypatch: pytest.MonkeyPatch, command: bool = True) -> None:
    """Everything that the leg is told has a fault."""

    def faulty(*_: object) -> object:
        raise RuntimeError("a fault")

    monkeypatch.setattr(module, "receive", faulty)
    with capture_logs() as logs:
        waiting = world.leg.command(Event.PAUSE) if command else None
        for digit in "12345":
            world.leg.tell(inputs.Digit(digit, world.clock()))
    assert [log["event"] for log in logs if "given up" in log["event"]] == [GIVEN_UP]
    if waiting is not None:
        assert (await asyncio.wait_for(waiting, 5)).reason is Reason.RECORDING_FAILED


async def test_a_clock_that_is_set_back_takes_no_alarm_away(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "ANNOUNCED_AFTER_S", 1.0)
    world = await begin(Mode.ALWAYS)
    await world.armed()
    world.asterisk.channels[CHANNEL] = "Up"
    world.leg.tell(inputs.Answered(world.clock(), "(ulaw)"))
    await world.until(lambda: Alarm.MEET in world.leg.leg.alarms)
    world.clock.ahead = timedelta(seconds=-3)
    await world.until(lambda: world.announced() == [START])
