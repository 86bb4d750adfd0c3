"""Histories of a leg: whatever goes wrong, the invariants hold. `invariants` says which they are.

A history that breaks one names its seed; ``python -m tests.histories.show SEED`` tells it from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ari_recorder.policies.leg import inputs
from ari_recorder.policies.leg.missing import BRIEF
from ari_recorder.policies.table import COMMANDS, Event

from . import luck as lucks
from . import people
from .asterisk import LIVE
from .history import History, play
from .luck import Luck
from .people import WAYS, Deed

PARTS = 8
HISTORIES = 60
"""In each part."""
EFFECTS_MAX = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_invariants_hold_whatever_goes_wrong(part: int) -> None:
    for seed in range(part * HISTORIES, (part + 1) * HISTORIES):
        outcome = play(seed)
        assert not outcome.violations, f"seed {seed}"


def test_when_all_is_well_nothing_is_missing() -> None:
    for seed in range(100):
        history = History(seed, luck=Luck())
        history.run()
        assert not history.observer.violations, f"seed {seed}"
        recordings = () if history.recorder.late else history.books.recordings.values()
        for recording in recordings:
            problems = [one for one in recording.problems if BRIEF not in one]
            assert not problems, f"seed {seed}"


@pytest.mark.parametrize("seed", [3, 8, 12, 21])
def test_the_recorder_may_die_before_any_effect(seed: int) -> None:
    effects = play(seed, luck=Luck()).effects
    for number in range(1, min(effects, EFFECTS_MAX) + 1):
        outcome = play(seed, luck=Luck(), die_before=number)
        assert not outcome.violations, f"seed {seed}, died before effect {number}"
        assert outcome.crashes == 1


def test_a_history_follows_from_its_seed() -> None:
    assert play(7) == play(7)


def _troubles() -> Iterator[str]:
    yield from ("kill_snoop", "stop_growing", "end_file", "lose_socket", "unreachable", "die", "moody")


class AnyHistory(RuleBasedStateMachine):
    """People, and whatever goes wrong, in an order that hypothesis chooses; time goes on in between."""

    @initialize(seed=st.integers(0, 2**32))
    def ring(self, seed: int) -> None:
        random = Random(seed)
        plot = replace(people.draw(random), deeds=(), answered_after_s=None, quiet_at_end=False)
        self.history = History(seed, plot=plot, luck=replace(lucks.draw(random), dies_a_minute=0.0))
        self.history.recorder.begin()

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.2, 1.0, 3.0, 15.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.history.run_on(seconds)

    @rule()
    def answers(self) -> None:
        self.history.answer()

    @rule(command=st.sampled_from(COMMANDS), way=st.sampled_from(WAYS))
    def commands(self, command: Event, way: str) -> None:
        self.history.do(Deed(0.0, way, command))

    @rule(what=st.sampled_from(["connected", "annotated", "agreed", "peer"]))
    def something_else_happens(self, what: str) -> None:
        self.history.do(Deed(0.0, what))

    @rule(what=st.sampled_from(sorted(_troubles())))
    def something_goes_wrong(self, what: str) -> None:
        history, asterisk = self.history, self.history.asterisk
        snoops = sorted(asterisk.snoops)
        live = sorted(file.name for file in asterisk.files.values() if file.state == LIVE)
        if what == "kill_snoop" and snoops:
            asterisk.kill_snoop(history.random.choice(snoops))
        elif what in ("stop_growing", "end_file") and live:
            getattr(asterisk, what)(history.random.choice(live))
        elif what == "lose_socket":
            history.recorder.lose_socket(1.0)
        elif what == "unreachable":
            history.unreachable_for(3.0)
        elif what == "die":
            history.recorder.die()
        elif what == "moody":
            history.books.change_mood()

    @rule()
    def tells_that_it_is_annotated(self) -> None:
        self.history.recorder.tell(inputs.Annotated({"mark": "red"}))

    @invariant()
    def nothing_is_violated(self) -> None:
        if hasattr(self, "history"):
            assert not self.history.observer.violations

    def teardown(self) -> None:
        if hasattr(self, "history"):
            self.history.end()
            assert not self.history.observer.violations


AnyHistory.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestAnyHistory = AnyHistory.TestCase
