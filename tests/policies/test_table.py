"""Every (mode, state, event) against the modes table of the requirements, written down here once more."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ari_recorder.policies.table import (
    COMMANDS,
    MAX_LOSSES,
    RUNNING,
    TABLE,
    Action,
    Event,
    Mode,
    Reason,
    Standing,
    State,
    Step,
    commands,
    decide,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)

# One line a state: the state, then what each event leads to, in the order of EVENTS. A word alone is the
# state entered; behind ":" stand the actions; "no-…" is a refusal or a stated ignore.
EVENTS = ["answered", "start", "stop", "pause", "resume", "segment_full", "segment_lost", "hangup"]

NOT_DUE = """
ringing  idle no-ring no-ring no-ring no-ring no-late no-late ended
idle     no-late no-mode no-mode no-mode no-mode no-late no-late ended
"""
ALWAYS = """
ringing   recording:ledger+open+begin no-ring no-ring no-ring no-ring no-late no-late ended
recording no-late no-mode no-mode no-mode no-mode recording:roll recording:end+begin ended:end+close
"""
ALWAYS_PAUSE_RESUME = """
ringing   recording:ledger+open+begin no-ring no-ring no-ring no-ring no-late no-late ended
recording no-late no-mode no-mode paused:end no-already recording:roll recording:end+begin ended:end+close
paused    no-late no-mode no-mode no-already recording:begin no-late no-late ended:close
"""
ON_DEMAND = """
ringing     provisional:ledger+open+begin no-ring no-ring no-ring no-ring no-late no-late ended
provisional no-late recording:keep no-mode provisional_paused:end no-already provisional:roll \
provisional:end+begin ended:end+discard
provisional_paused no-late paused:keep no-mode no-already provisional:begin no-late no-late ended:discard
recording no-late no-already no-mode paused:end no-already recording:roll recording:end+begin ended:end+close
paused    no-late no-already no-mode no-already recording:begin no-late no-late ended:close
"""
USER_START = """
ringing   idle:ledger no-ring no-ring no-ring no-ring no-late no-late ended
idle      no-late recording:open+begin no-already no-idle no-idle no-late no-late ended
recording no-late no-already idle:end+close paused:end no-already recording:roll recording:end+begin \
ended:end+close
paused    no-late no-already idle:close no-already recording:begin no-late no-late ended:close
failed    no-late recording:close+open+begin no-fail no-fail no-fail no-late no-late ended:close
"""
GIVEN_UP = "failed no-late no-fail no-fail no-fail no-fail no-late no-late ended:close\n"
OVER = "ended no-late no-over no-over no-over no-over no-late no-late no-late\n"

EXPECTED = {
    Mode.NEVER: NOT_DUE + OVER,
    Mode.ALWAYS: ALWAYS + GIVEN_UP + OVER,
    Mode.ALWAYS_PAUSE_RESUME: ALWAYS_PAUSE_RESUME + GIVEN_UP + OVER,
    Mode.ON_DEMAND: ON_DEMAND + GIVEN_UP + OVER,
    Mode.ON_DEMAND_USER_START: USER_START + OVER,
}
REASONS = {
    "no-ring": Reason.NOT_ANSWERED,
    "no-mode": Reason.NOT_IN_THIS_MODE,
    "no-idle": Reason.NOT_RECORDING,
    "no-fail": Reason.RECORDING_FAILED,
    "no-already": Reason.ALREADY,
    "no-over": Reason.CALL_ENDED,
    "no-late": Reason.LATE,
}
ACTIONS = {
    "ledger": Action.OPEN_LEDGER,
    "open": Action.OPEN_RECORDING,
    "begin": Action.BEGIN_SEGMENT,
    "end": Action.END_SEGMENT,
    "roll": Action.ROLL_SEGMENT,
    "keep": Action.KEEP_RECORDING,
    "close": Action.CLOSE_RECORDING,
    "discard": Action.DISCARD_RECORDING,
}


def expectations() -> dict[tuple[Mode, State, Event], str]:
    """The lines above as single cells."""
    cells = {}
    for mode, text in EXPECTED.items():
        for line in text.strip().splitlines():
            state, *words = line.split()
            assert len(words) == len(EVENTS), line
            cells.update({(mode, State(state), Event(e)): w for e, w in zip(EVENTS, words, strict=True)})
    return cells


CELLS = expectations()


@pytest.mark.parametrize(("mode", "state", "event"), CELLS, ids=str)
def test_every_cell_is_what_the_requirements_say(mode: Mode, state: State, event: Event) -> None:
    leg = Standing(mode, state, NOW)
    word = CELLS[mode, state, event]
    decision = decide(leg, event, LATER)
    if word in REASONS:
        assert (decision.leg, decision.actions, decision.reason) == (leg, (), REASONS[word])
        return
    to, _, actions = word.partition(":")
    assert decision.reason is None
    assert decision.leg.state is State(to)
    assert decision.actions == tuple(ACTIONS[a] for a in actions.split("+") if a)


def test_the_table_has_these_cells_and_no_others() -> None:
    cells = {(m, s, e) for m, states in TABLE.items() for s, row in states.items() for e in row}
    assert cells == set(CELLS)
    assert set(TABLE) == set(Mode)
    assert {e for *_, e in cells} == set(Event)


@pytest.mark.parametrize("mode", Mode)
def test_every_state_of_the_table_can_be_reached_and_no_other(mode: Mode) -> None:
    assert reachable(mode) == set(TABLE[mode])


def reachable(mode: Mode) -> set[State]:
    """States that some sequence of events leads to, found by asking `decide` and nothing else."""
    seen: set[tuple[State, int]] = set()
    waiting = deque([Standing(mode, State.RINGING, NOW)])
    while waiting:
        leg = waiting.popleft()
        key = (leg.state, min(leg.losses, MAX_LOSSES))
        if key not in seen:
            seen.add(key)
            waiting.extend(decide(leg, event, NOW).leg for event in Event)
    return {state for state, _ in seen}


@pytest.mark.parametrize(("mode", "state"), dict.fromkeys((m, s) for m, s, _ in CELLS), ids=str)
def test_the_commands_on_offer_are_those_that_would_change_something(mode: Mode, state: State) -> None:
    leg = Standing(mode, state, NOW)
    assert commands(leg) == tuple(c for c in COMMANDS if not CELLS[mode, state, c].startswith("no-"))


def test_always_offers_no_command_at_any_time() -> None:
    assert not any(commands(Standing(Mode.ALWAYS, state, NOW)) for state in TABLE[Mode.ALWAYS])


def test_a_segment_grows_in_these_states_and_in_no_other() -> None:
    words = {state: CELLS[Mode.ON_DEMAND, state, Event.HANGUP] for state in TABLE[Mode.ON_DEMAND]}
    assert {state for state, word in words.items() if "end+" in word} == RUNNING


def test_since_tells_when_the_state_was_entered() -> None:
    recording = decide(Standing(Mode.ALWAYS_PAUSE_RESUME, State.RINGING, NOW), Event.ANSWERED, LATER).leg
    assert recording.since == LATER
    later = LATER + timedelta(hours=1)
    assert decide(recording, Event.SEGMENT_FULL, later).leg.since == LATER
    assert decide(recording, Event.PAUSE, later).leg.since == later


def test_a_hole_in_the_table_is_an_error_and_not_behaviour() -> None:
    with pytest.raises(KeyError):
        decide(Standing(Mode.ALWAYS, State.PAUSED, NOW), Event.HANGUP, NOW)


def test_giving_up_is_possible_from_every_state_in_which_a_segment_can_be_lost() -> None:
    for mode, states in TABLE.items():
        for state, row in states.items():
            if isinstance(row[Event.SEGMENT_LOST], Step):
                leg = replace(Standing(mode, state, NOW), losses=MAX_LOSSES - 1, lost_at=NOW)
                assert Action.BEGIN_SEGMENT not in decide(leg, Event.SEGMENT_LOST, NOW).actions
