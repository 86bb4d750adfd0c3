"""How a ledger line ends, for every combination of what became of a leg's recordings."""

from __future__ import annotations

from itertools import product

import pytest

from ari_recorder.policies.ledger import FINAL, Closing, Outcome, RecordingState, close
from ari_recorder.policies.table import Mode

OPEN, CLOSING, STORED, DISCARDING, DISCARDED, EMPTY, _ = RecordingState


def test_a_stored_recording_is_a_recorded_call() -> None:
    assert close(Mode.ALWAYS, [(STORED, "")]) == Closing(Outcome.RECORDED)


def test_its_problems_are_told() -> None:
    assert close(Mode.ALWAYS, [(STORED, "late"), (EMPTY, ""), (STORED, "short")]) == Closing(
        Outcome.RECORDED, "late\nshort"
    )


def test_one_stored_recording_is_enough() -> None:
    closing = close(Mode.ON_DEMAND_USER_START, [(EMPTY, "nothing"), (STORED, "")])
    assert closing is not None
    assert closing.outcome is Outcome.RECORDED


def test_a_discarded_recording_says_why() -> None:
    assert close(Mode.ON_DEMAND, [(DISCARDED, "")]) == Closing(
        Outcome.DISCARDED, "start was not given during the call"
    )


def test_an_empty_recording_is_a_call_not_recorded_with_a_reason() -> None:
    assert close(Mode.ALWAYS, [(EMPTY, "")]) == Closing(Outcome.NOT_RECORDED, "no audio was written")
    assert close(Mode.ALWAYS, [(EMPTY, "disk full")]) == Closing(Outcome.NOT_RECORDED, "disk full")


def test_no_recording_is_the_users_choice_only_where_the_user_has_one() -> None:
    assert close(Mode.ON_DEMAND_USER_START, []) == Closing(
        Outcome.NOT_RECORDED, "the user did not start a recording"
    )
    assert close(Mode.ALWAYS, []) == Closing(Outcome.NOT_RECORDED, "no audio was written")


@pytest.mark.parametrize("mode", Mode)
def test_a_line_ends_exactly_when_every_recording_is_final(mode: Mode) -> None:
    for states in (s for n in (1, 2, 3) for s in product(RecordingState, repeat=n)):
        closing = close(mode, [(state, "") for state in states])
        assert (closing is not None) == all(state in (STORED, DISCARDED, EMPTY) for state in states), states
        if closing is not None:
            assert (closing.outcome is Outcome.RECORDED) == (STORED in states), states
            assert closing.reason or closing.outcome is Outcome.RECORDED, states


def test_final_states_are_these() -> None:
    assert {STORED, DISCARDED, EMPTY} == FINAL
