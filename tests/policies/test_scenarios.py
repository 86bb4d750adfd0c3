"""Calls told from beginning to end, one mode after the other."""

from __future__ import annotations

import pytest

from ari_recorder.policies.table import MAX_LOSSES, Event, Mode, Reason, State, commands

from .executor import Executor, Taken

ANSWERED, START, STOP, PAUSE, RESUME = (
    Event.ANSWERED,
    Event.START,
    Event.STOP,
    Event.PAUSE,
    Event.RESUME,
)
FULL, LOST, HANGUP = Event.SEGMENT_FULL, Event.SEGMENT_LOST, Event.HANGUP

CLOSED = "closed"
DISCARDED = "discarded"


def called(mode: Mode, *events: Event) -> Executor:
    """A call of that mode in which these events happen."""
    call = Executor(mode)
    call.happens(*events)
    return call


def test_never_records_nothing_and_owes_nothing() -> None:
    call = called(Mode.NEVER, ANSWERED, START, HANGUP)
    assert (call.taken, call.ledger_lines) == ([], 0)


@pytest.mark.parametrize("mode", Mode)
def test_a_call_that_nobody_answers_leaves_nothing(mode: Mode) -> None:
    call = called(mode, START, HANGUP)
    assert (call.taken, call.ledger_lines, call.leg.state) == ([], 0, State.ENDED)


def test_always_keeps_the_call_and_listens_to_nobody() -> None:
    call = called(Mode.ALWAYS, ANSWERED, PAUSE, STOP, RESUME, START, HANGUP)
    assert call.taken == [Taken(kept=True, segments=1, end=CLOSED)]


def test_a_long_call_rolls_over_in_the_same_recording() -> None:
    call = called(Mode.ALWAYS, ANSWERED, FULL, FULL, HANGUP)
    assert call.taken == [Taken(kept=True, segments=3, end=CLOSED)]


def test_a_pause_ends_the_segment_and_resume_begins_the_next() -> None:
    call = called(Mode.ALWAYS_PAUSE_RESUME, ANSWERED, PAUSE)
    assert not call.running
    assert commands(call.leg) == (RESUME,)
    call.happens(RESUME)
    assert call.running
    call.happens(HANGUP)
    assert call.taken == [Taken(kept=True, segments=2, end=CLOSED)]


def test_a_call_hung_up_while_paused_keeps_what_came_before() -> None:
    call = called(Mode.ALWAYS_PAUSE_RESUME, ANSWERED, PAUSE, HANGUP)
    assert call.taken == [Taken(kept=True, segments=1, end=CLOSED)]


def test_a_second_pause_is_harmless() -> None:
    call = called(Mode.ALWAYS_PAUSE_RESUME, ANSWERED, PAUSE)
    assert call.happens(PAUSE).reason is Reason.ALREADY


def test_on_demand_without_start_is_destroyed() -> None:
    call = called(Mode.ON_DEMAND, ANSWERED, PAUSE, RESUME, HANGUP)
    assert call.taken == [Taken(kept=False, segments=2, end=DISCARDED)]


def test_on_demand_with_start_keeps_all_of_it_from_the_answer_on() -> None:
    call = called(Mode.ON_DEMAND, ANSWERED, PAUSE, RESUME, START, HANGUP)
    assert call.taken == [Taken(kept=True, segments=2, end=CLOSED)]


def test_on_demand_start_during_a_pause_keeps_it_and_stays_paused() -> None:
    call = called(Mode.ON_DEMAND, ANSWERED, PAUSE, START)
    assert (call.leg.state, call.running) == (State.PAUSED, False)
    call.happens(HANGUP)
    assert call.taken == [Taken(kept=True, segments=1, end=CLOSED)]


def test_on_demand_cannot_be_stopped() -> None:
    call = called(Mode.ON_DEMAND, ANSWERED, START)
    assert call.happens(STOP).reason is Reason.NOT_IN_THIS_MODE


def test_user_start_without_start_has_no_recording_but_a_ledger_line() -> None:
    call = called(Mode.ON_DEMAND_USER_START, ANSWERED, PAUSE, HANGUP)
    assert (call.taken, call.ledger_lines) == ([], 1)


def test_user_start_makes_a_recording_of_each_start() -> None:
    call = called(Mode.ON_DEMAND_USER_START, ANSWERED, START, STOP, START, PAUSE, STOP, START, HANGUP)
    assert call.taken == [Taken(kept=True, segments=1, end=CLOSED)] * 3


def test_a_lost_segment_is_begun_again_in_the_same_recording() -> None:
    call = called(Mode.ALWAYS, ANSWERED, LOST, HANGUP)
    assert call.taken == [Taken(kept=True, segments=2, end=CLOSED)]


def test_losses_in_a_row_are_given_up_and_what_there_is_is_kept() -> None:
    call = called(Mode.ALWAYS, ANSWERED, *[LOST] * MAX_LOSSES)
    assert (call.leg.state, call.running) == (State.FAILED, False)
    assert call.happens(RESUME).reason is Reason.RECORDING_FAILED
    call.happens(HANGUP)
    assert call.taken == [Taken(kept=True, segments=MAX_LOSSES, end=CLOSED)]


def test_giving_up_a_provisional_recording_still_lets_start_keep_it() -> None:
    call = called(Mode.ON_DEMAND, ANSWERED, *[LOST] * MAX_LOSSES)
    assert (call.leg.state, call.running) == (State.PROVISIONAL_PAUSED, False)
    call.happens(START, HANGUP)
    assert call.taken == [Taken(kept=True, segments=MAX_LOSSES, end=CLOSED)]
