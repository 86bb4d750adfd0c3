"""Faults put into the machine on purpose: the histories must find each of them.

What the histories do not find, they do not guard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ari_recorder.policies import commands
from ari_recorder.policies.leg import arming, machine, recovery, segments, speaking, writing
from ari_recorder.policies.leg.effects import Reply
from ari_recorder.policies.leg.state import Alarm
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.table import TABLE, Action, Event, Mode, State, Step

from .history import play
from .luck import Luck

WITHIN = 300
"""Histories."""

Patch = pytest.MonkeyPatch
PutIn = Callable[[Patch], None]
FAULTS: list[tuple[PutIn, Luck | None]] = []


def fault(**goes_wrong: float) -> Callable[[PutIn], PutIn]:
    """A fault; what goes wrong in the histories that are to find it, if not all sorts of things."""

    def known(put_in: PutIn) -> PutIn:
        FAULTS.append((put_in, Luck(**goes_wrong) if goes_wrong else None))
        return put_in

    return known


def nothing(*_: Any, **__: Any) -> None:
    pass


@fault()
def a_pause_bounds_nothing(patch: Patch) -> None:
    patch.setattr(segments, "bounded", lambda segment, _: segment)


@fault(event_late=0.5)
def a_pause_bounds_only_what_has_not_rolled_over(patch: Patch) -> None:
    original = segments.bounded
    patch.setattr(segments, "bounded", lambda one, at: one if one.continues else original(one, at))


@fault(request_lost=0.15)
def a_stop_is_not_asked_for_again(patch: Patch) -> None:
    def judge(t: Turn, seen: Any, written: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(writing, "ask_to_stop", nothing)
            original(t, seen, written)

    original = recovery._judge
    patch.setattr(recovery, "_judge", judge)


@fault(catalogue_slow=0.6)
def a_prompt_does_not_wait_for_its_evidence(patch: Patch) -> None:
    def placed(t: Turn, what: Any) -> None:
        original(t, what)
        if t.leg.speaking is not None:
            t.note(speaking=replace(t.leg.speaking, version=0))

    original = speaking.placed
    patch.setitem(machine._RECEIVERS, machine.inputs.Placed, placed)


@fault()
def what_is_provisional_is_kept(patch: Patch) -> None:
    kept = Step(State.ENDED, (Action.END_SEGMENT, Action.CLOSE_RECORDING))
    patch.setitem(TABLE[Mode.ON_DEMAND][State.PROVISIONAL], Event.HANGUP, kept)


@fault()
def no_line_is_opened_in_the_ledger(patch: Patch) -> None:
    answered = Step(State.RECORDING, (Action.OPEN_RECORDING, Action.BEGIN_SEGMENT))
    patch.setitem(TABLE[Mode.ALWAYS][State.RINGING], Event.ANSWERED, answered)


@fault(snoop_killed_a_minute=6.0)
def what_is_lost_is_not_begun_again(patch: Patch) -> None:
    patch.setattr(writing, "lose", nothing)


@fault(snoop_killed_a_minute=6.0)
def snoops_are_not_let_go(patch: Patch) -> None:
    def disarm(t: Turn) -> None:
        t.note(armed_at=None, entered=frozenset(), wide=None)
        t.silence(Alarm.ARM)

    patch.setattr(arming, "disarm", disarm)


@fault()
def the_app_is_answered_twice(patch: Patch) -> None:
    def tell_one(t: Turn, untold: Any) -> None:
        original(t, untold)
        if untold.number is not None and untold.event is Event.RESUME:
            t.tell(Reply(untold.number))

    original = machine._tell_one
    patch.setattr(machine, "_tell_one", tell_one)


@fault(unreachable_a_minute=6.0)
def the_app_is_not_answered_when_it_takes_long(patch: Patch) -> None:
    patch.setitem(machine._ALARMS, Alarm.REPLY, lambda t: t.note(untold=()))


@fault()
def a_pause_is_confirmed_at_once(patch: Patch) -> None:
    patch.setattr(machine, "_is_done", lambda *_: True)


@fault()
def what_is_missing_is_not_told(patch: Patch) -> None:
    patch.setattr(segments, "find_missing", lambda *_: ())


@fault(socket_lost_a_minute=12.0)
def an_echo_makes_the_command_forgotten(patch: Patch) -> None:
    def take(keys: Any, given: Any) -> Any:
        keys, command = original(keys, given)
        return (keys, command) if command else (replace(keys, last=None, echoed=False), None)

    original = commands.take
    for module in (commands, machine, recovery):
        patch.setattr(module, "take", take)


@fault(socket_lost_a_minute=6.0)
def commands_that_asterisk_keeps_are_not_read(patch: Patch) -> None:
    patch.setattr(recovery, "_command", nothing)


@fault(unreachable_a_minute=6.0)
def an_unanswered_look_is_not_repeated(patch: Patch) -> None:
    patch.setattr(recovery, "unanswered", nothing)


@fault(socket_lost_a_minute=6.0)
def a_hang_up_is_not_looked_for(patch: Patch) -> None:
    patch.setattr(recovery, "hang_up", nothing)


@fault(dies=0.03)
def files_that_were_not_written_down_are_not_adopted(patch: Patch) -> None:
    patch.setattr(recovery, "_adopt", nothing)


@fault(stops_growing_a_minute=5.0)
def a_file_that_does_not_grow_is_not_noticed(patch: Patch) -> None:
    patch.setitem(machine._RECEIVERS, machine.inputs.Measured, nothing)


@fault(dies=0.05, catalogue_slow=0.5)
def ids_do_not_follow_from_the_channel(patch: Patch) -> None:
    numbers = iter(range(10**9))
    original = machine.id_of
    patch.setattr(machine, "id_of", lambda at, *parts: original(at, *parts, next(numbers)))


@pytest.mark.parametrize(("put_in", "luck"), FAULTS, ids=[put_in.__name__ for put_in, _ in FAULTS])
def test_it_is_found(put_in: PutIn, luck: Luck | None, monkeypatch: Patch) -> None:
    put_in(monkeypatch)
    for seed in range(WITHIN):
        try:
            if play(seed, luck=luck).violations:
                return
        except AssertionError:  # of the machine's own
            return
    pytest.fail(f"not found in {WITHIN} histories")
