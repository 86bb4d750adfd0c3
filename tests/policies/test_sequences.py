"""No sequence of events breaks a rule, whatever the order and the times between them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ari_recorder.policies.table import LOSSES_FORGOTTEN_AFTER, MAX_LOSSES, Event, Mode, Reason, State

from .executor import Executor

MODES = st.sampled_from(Mode)
EVENTS = st.sampled_from(Event)
GAPS_S = st.sampled_from([0.0, 0.02, 1.0, 30.0, 60.0, 3600.0])


class AnyCall(RuleBasedStateMachine):
    """A call in which anything may happen at any time; `Executor` objects to a broken rule."""

    @initialize(mode=MODES)
    def ring(self, mode: Mode) -> None:
        self.call = Executor(mode)
        self.answered = self.started = self.hung_up = False
        self.starts = 0

    @rule(event=EVENTS, gap_s=GAPS_S)
    def something_happens(self, event: Event, gap_s: float) -> None:
        before = self.call.leg
        decision = self.call.happens(event, after_s=gap_s)
        if decision.reason is not None:
            assert decision.leg == before
            assert not decision.actions
            return
        self.answered |= event is Event.ANSWERED
        self.started |= event is Event.START
        self.starts += event is Event.START
        self.hung_up |= event is Event.HANGUP

    @invariant()
    def the_ledger_has_one_line_for_an_answered_call_that_is_due(self) -> None:
        due = self.answered and self.call.mode is not Mode.NEVER
        assert self.call.ledger_lines == (1 if due else 0)

    @invariant()
    def a_provisional_recording_survives_only_by_start(self) -> None:
        if self.call.mode is Mode.ON_DEMAND and not self.started:
            assert not any(recording.kept for recording in self.call.taken)
            assert not any(recording.end == "closed" for recording in self.call.taken)

    @invariant()
    def each_start_of_user_start_is_its_own_recording(self) -> None:
        if self.call.mode is Mode.ON_DEMAND_USER_START:
            assert len(self.call.taken) == self.starts
        else:
            assert len(self.call.taken) <= 1

    @invariant()
    def never_touches_nothing(self) -> None:
        if self.call.mode is Mode.NEVER:
            assert not self.call.taken

    @invariant()
    def after_the_hang_up_nothing_is_left_open(self) -> None:
        assert (self.call.leg.state is State.ENDED) == self.hung_up
        if self.hung_up:
            assert not self.call.running
            assert all(recording.end for recording in self.call.taken)


AnyCall.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
TestAnyCall = AnyCall.TestCase


@given(MODES, st.lists(EVENTS, max_size=25))
@settings(max_examples=500, deadline=None)
def test_a_hang_up_ends_every_call(mode: Mode, events: list[Event]) -> None:
    call = Executor(mode)
    for event in (*events, Event.HANGUP):
        call.happens(event)
    ended = call.leg
    assert ended.state is State.ENDED
    for event in Event:
        assert call.happens(event).reason in (Reason.LATE, Reason.CALL_ENDED)
    assert call.leg == ended


@given(MODES.filter(lambda mode: mode is not Mode.NEVER), st.lists(EVENTS, max_size=10))
def test_losses_in_a_row_are_given_up_and_do_not_loop(mode: Mode, events: list[Event]) -> None:
    call = Executor(mode)
    call.happens(Event.ANSWERED, *events)
    for _ in range(MAX_LOSSES):
        call.happens(Event.SEGMENT_LOST, after_s=0.1)
    assert not call.running


@given(st.integers(min_value=1, max_value=50))
def test_losses_far_apart_are_never_given_up(count: int) -> None:
    call = Executor(Mode.ALWAYS)
    call.happens(Event.ANSWERED)
    for _ in range(count):
        call.happens(Event.SEGMENT_LOST, after_s=LOSSES_FORGOTTEN_AFTER.total_seconds())
        assert call.running
    assert call.leg.losses == 1
    call.now -= timedelta(microseconds=1)
    call.happens(Event.SEGMENT_LOST, after_s=LOSSES_FORGOTTEN_AFTER.total_seconds())
    assert call.leg.losses == 2
