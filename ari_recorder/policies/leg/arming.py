"""The two snoops on the leg's channel: one hears what its user says, the other what its user hears."""

from __future__ import annotations

from ari_recorder.policies.leg.effects import Snoop
from ari_recorder.policies.leg.inputs import SnoopEntered
from ari_recorder.policies.leg.state import Alarm, is_wide
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.table import may_record

ENTERED_WITHIN_S = 2.0
"""How long a snoop may take to enter the application."""
GONE_WITHIN_S = 0.25
"""How long it may take until a call is known to be gone of which a snoop has left."""
ARM_AGAIN_MAX_S = 60.0


def arm(t: Turn) -> None:
    """Ask for them, if they are wanted and have not been asked for yet."""
    leg = t.leg
    entering, writes = Alarm.ARM in leg.alarms, leg.running is not None and leg.running.asked_at is not None
    if leg.armed_at is not None and len(leg.entered) < len(leg.snoops) and not (entering or writes):
        t.alarm(Alarm.ARM, GONE_WITHIN_S)  # if something is written on it, the files tell
    if leg.armed_at is not None or Alarm.ARM in leg.alarms or not may_record(leg.standing):
        return
    t.keep(arming=leg.arming + 1)
    t.note(armed_at=t.now, entered=frozenset(), wide=None)
    inward, outward = leg.snoops
    t.ask(Snoop(inward, spy="in"))
    t.ask(Snoop(outward, spy="out"))
    t.alarm(Alarm.ARM, ENTERED_WITHIN_S)


def disarm(t: Turn) -> None:
    """Let go of the snoops; new ones are made when they are wanted."""
    if t.leg.armed_at is not None:
        for snoop in t.leg.snoops:
            t.let_go(snoop)
    t.note(armed_at=None, entered=frozenset(), wide=None)
    t.silence(Alarm.ARM)


def anew(t: Turn) -> None:
    """New ones are wanted. Those there are stay until then.

    A call to which nobody listens Asterisk may bridge natively, and take up again a moment later: for both
    phones that is another source of audio each time, and not everything at the far end follows.
    """
    t.note(held=t.leg.held | frozenset(t.leg.snoops if t.leg.armed_at is not None else ()))
    t.note(armed_at=None, entered=frozenset(), wide=None)
    t.silence(Alarm.ARM)


def entered(t: Turn, told: SnoopEntered) -> None:
    """A snoop can be recorded."""
    if told.snoop in t.leg.snoops and t.leg.armed_at is not None:
        t.note(entered=t.leg.entered | {told.snoop}, wide=t.leg.wide if told.wide is None else told.wide)
        if len(t.leg.entered) == len(t.leg.snoops):
            t.note(unarmed=0)
            t.silence(Alarm.ARM)
            _let_go_held(t)


def _let_go_held(t: Turn) -> None:
    held = t.leg.held
    t.note(held=frozenset())
    for snoop in sorted(held):
        t.let_go(snoop)


def left(t: Turn, snoop: str) -> None:
    """A snoop is gone."""
    t.note(leaving=t.leg.leaving - {snoop}, held=t.leg.held - {snoop})
    if snoop in t.leg.snoops and t.leg.armed_at is not None:
        t.note(entered=t.leg.entered - {snoop})


def again(t: Turn) -> None:
    """They came to nothing: they are made anew, the sooner if they are wanted now."""
    disarm(t)
    t.note(unarmed=t.leg.unarmed + 1)
    t.alarm(Alarm.ARM, min(2.0 ** min(t.leg.unarmed - 1, 10), ARM_AGAIN_MAX_S))


def arm_now(t: Turn) -> None:
    """Snoops are wanted at once: wait no longer with asking for them again."""
    if t.leg.armed_at is None:
        t.silence(Alarm.ARM)


def fit(t: Turn, newer_than: int = 0) -> bool:
    """Whether both snoops can be recorded: those that are too old, or too narrow, are made anew."""
    leg = t.leg
    if leg.armed_at is not None and leg.arming <= newer_than:
        anew(t)
        arm(t)
        return False
    if len(leg.entered) < len(leg.snoops):
        return False
    before_answer = (
        leg.armed_at is not None and leg.answered_at is not None and leg.armed_at < leg.answered_at
    )
    if is_wide(leg.codecs) and not leg.wide and before_answer:
        disarm(t)
        arm(t)
        return False
    return True
