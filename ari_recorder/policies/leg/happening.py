"""What happens to a leg, as the table of modes knows it: the answer, commands, the hang-up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ari_recorder.policies import announcements
from ari_recorder.policies.commands import Keys, Source
from ari_recorder.policies.leg import arming, segments, speaking, writing
from ari_recorder.policies.leg.effects import Agree, Reply, TellRefused
from ari_recorder.policies.leg.inputs import HungUp
from ari_recorder.policies.leg.state import Alarm
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.table import Action, Event, Reason, decide

REPLY_WITHIN_S = 2.5
"""How long the app waits for a command to be carried out; then it is told that it is still being tried."""
UNTOLD_MAX = 16
"""Commands that may wait to be carried out."""
MISSED_ANSWER = "The recorder was away when the call was answered: its beginning may be missing."
GONE = "The call has ended."
BUSY = "Earlier commands have not been carried out yet: try again."


def answer(t: Turn, at: datetime, cause: str = "", *, unknown: bool = False) -> None:
    """The channel is up. ``cause`` says why that is known late; ``unknown`` that since when is not known."""
    decision = decide(t.leg.standing, Event.ANSWERED, at)
    if decision.reason is not None:
        _correct(t, at)
        return
    t.keep(answered_at=at)
    arming.arm_now(t)
    writing.carry_out(t, Event.ANSWERED, at, decision, cause=cause or late(t, at))
    if unknown and t.leg.recording is not None:
        t.change_recording(t.leg.recording, problems=(MISSED_ANSWER,))


def _correct(t: Turn, at: datetime) -> None:
    """Word of the answer came after it had been seen: it tells when it was."""
    leg = t.leg
    if leg.answered_at is not None and at < leg.answered_at and leg.ended_at is None:
        first = leg.recording
        if first is not None and first.segments and first.segments[0].due_at == leg.answered_at:
            segments = (replace(first.segments[0], due_at=at), *first.segments[1:])
            t.change_recording(first, segments=segments, problems=())
        t.keep(answered_at=at)


def late(t: Turn, at: datetime) -> str:
    """Why what happened at ``at`` is acted upon late; empty if it is not."""
    late_by = t.now - at
    if late_by <= writing.LATE:
        return ""
    return f"the recorder was stopped or busy, and heard of it {late_by.total_seconds():.1f} s late"


def hung_up(t: Turn, told: HungUp) -> None:
    """Word has come that the channel is gone."""
    hang_up(t, told.at)


def hang_up(t: Turn, at: datetime) -> None:
    """The channel is gone."""
    decision = decide(t.leg.standing, Event.HANGUP, at)
    if decision.reason is not None:
        return
    spoke = t.leg.speaking is not None
    writing.carry_out(t, Event.HANGUP, at, decision)
    if spoke:
        speaking.stop(t)
    agree(t, GONE)
    t.note(armed_at=None, entered=frozenset(), leaving=frozenset(), held=frozenset(), meeting="")
    t.silence(Alarm.ARM, Alarm.MEET, Alarm.WARN, Alarm.SPEAK)


def agree(t: Turn, against: str = "") -> None:
    """Answer the dialplans that wait: what stands ``against`` it, in words."""
    for number in t.leg.agreeing:
        t.tell(Agree(number, against))
    t.note(agreeing=())


def press(t: Turn, pressed: tuple[Keys, Event | None], at: datetime, source: Source = Source.FEATURE) -> None:
    """The recorded user has pressed keys, which may be a command."""
    keys, event = pressed
    t.note(keys=keys)
    if event is not None:
        command(t, event, at, source)


def command(t: Turn, event: Event, at: datetime, source: Source, number: int | None = None) -> None:
    """The recorded user has given a command, the app's under ``number``.

    It counts from ``at`` on, but not from before what led to where the leg is, and was heard of earlier.
    """
    if len(t.leg.untold) >= UNTOLD_MAX:
        if number is not None:
            t.tell(Reply(number, problem=BUSY))
        speaking.refuse(t, announcements.refuse(event, None, source))
        return
    counts_from = max(at, segments.decided_at(t.leg))
    decision = decide(t.leg.standing, event, counts_from)
    if decision.reason is not None:
        _refuse(t, event, at, decision.reason, source, number)
        return
    if Action.BEGIN_SEGMENT in decision.actions:
        arming.arm_now(t)
    writing.carry_out(t, event, counts_from, decision, cause=late(t, counts_from), number=number)
    if number is not None:
        t.alarm(Alarm.REPLY, REPLY_WITHIN_S)


def _refuse(t: Turn, event: Event, at: datetime, reason: Reason, source: Source, number: int | None) -> None:
    t.tell(TellRefused(event, source, reason, at))
    if number is not None:
        t.tell(Reply(number, reason))
    speaking.refuse(t, announcements.refuse(event, reason, source))
