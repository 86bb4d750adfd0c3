"""`receive`: one input, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ari_recorder.policies.commands import Given, Keys, Source, press, take
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import (
    arming,
    effects,
    happening,
    inputs,
    recovery,
    segments,
    speaking,
    writing,
)
from ari_recorder.policies.leg.effects import Effect, Record, Release, Request, Snoop, Tell
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Alarm, Leg, Untold, id_of
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.parties import Counterpart, follow, hold, stale, take_off
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import RUNNING, Event, Mode, Standing, State, may_record

LOOK_AFTER_S = 1.0
"""How long after a request had no answer it is seen what came of it."""
SEEN_WITHIN_S = 10.0
"""How long after a leg was found it may take to be seen what there is of it."""
NOT_DONE = "Asterisk does not do it just now; it is being tried again, and the live feed tells."
TOO_LATE = "The call is answered already, so that its mode stays: tap it before Answer()."


def begin(
    *,
    pbx: str,
    channel: str,
    created_at: datetime,
    mode: Mode,
    preferences: Preferences,
    again: int = 0,
    **given: Any,
) -> Leg:
    """A new leg; nothing has been asked for yet. ``given`` are the other fields of `Leg` that are known.

    ``created_at`` is the channel's time of creation by Asterisk. ``again`` counts the legs of this channel
    before it: only one that was given up for lost, and came back, has any.
    """
    standing = Standing(mode, State.RINGING, created_at)
    return Leg(
        id=id_of(created_at, pbx, channel, created_at.isoformat(), again),
        pbx=pbx,
        channel=channel,
        created_at=created_at,
        preferences=preferences,
        standing=standing,
        told=standing,
        keys=Keys(preferences.commands),
        **given,
    )


def receive(leg: Leg, told: Input, now: datetime) -> tuple[Leg, list[Effect]]:
    """The leg after it was told something, and what it asks for, in the order in which that is to be done."""
    turn = Turn(leg, now)
    _RECEIVERS[type(told)](turn, told)
    writing.settle(turn)
    segments.complete(turn)
    _tell(turn)
    _agree(turn)
    speaking.settle(turn)
    return turn.finish()


# What is told, when it has been carried out


def _tell(t: Turn) -> None:
    while t.leg.untold:
        first = next((one for one in t.leg.untold if one.event is Event.SEGMENT_LOST), t.leg.untold[0])
        if first.event is not Event.SEGMENT_LOST and not _is_done(t, first):
            return
        t.note(untold=tuple(one for one in t.leg.untold if one is not first))
        _tell_one(t, first)


def _is_done(t: Turn, untold: Untold) -> bool:
    open_files = {files.number for files in t.leg.files}
    rests = untold.decision.leg.state not in RUNNING
    if open_files.intersection(untold.closes) or (rests and t.leg.strays):
        return False
    if t.leg.saved < untold.version and not t.leg.unsaved:
        return False
    return not untold.begins or t.leg.standing.state not in RUNNING or _is_written(t)


def _is_written(t: Turn) -> bool:
    running = t.leg.running
    if running is None or running.asked_at is None or running.broken:
        return False
    return all(running.began) or not any(isinstance(one, Record) for one in t.leg.requests)


def _tell_one(t: Turn, untold: Untold) -> None:
    if not any(one.event is not Event.SEGMENT_LOST for one in t.leg.untold):
        t.note(told=t.leg.standing)
    else:
        t.note(told=untold.decision.leg)
    t.tell(Tell(untold.event))
    if untold.number is not None:
        t.tell(effects.Reply(untold.number))
    if t.leg.ended_at is None:
        speaking.announce(t, untold)


def _agree(t: Turn) -> None:
    leg = t.leg
    if len(leg.entered) == len(leg.snoops) or not may_record(leg.standing):
        happening.agree(t)


# What is received


def _begun(t: Turn, told: inputs.Begun) -> None:
    t.tell(Tell())
    if told.found:
        t.alarm(Alarm.ARM, SEEN_WITHIN_S)
    if told.linkedid:
        t.keep(linkedid=told.linkedid)
    else:
        t.ask(effects.Inquire())


def _inquired(t: Turn, told: inputs.Inquired) -> None:
    t.keep(linkedid=told.linkedid or t.leg.channel)
    t.note(codecs=t.leg.codecs or told.codecs)


def _answered(t: Turn, told: inputs.Answered) -> None:
    if told.codecs is not None:
        t.note(codecs=told.codecs)
    happening.answer(t, told.at)


def _snoop_entered(t: Turn, told: inputs.SnoopEntered) -> None:
    arming.entered(t, told)
    speaking.entered(t, told.snoop)
    _let_go_unneeded(t, told.snoop)


def _let_go_unneeded(t: Turn, snoop: str) -> None:
    """It was given up for lost, and is there after all: whoever let it go may have found nothing yet."""
    if snoop not in t.leg.needed and t.leg.ended_at is None:
        t.note(leaving=t.leg.leaving | {snoop})
        t.ask_again(Release(snoop))


def _snoop_left(t: Turn, told: inputs.SnoopLeft) -> None:
    arming.left(t, told.snoop)
    speaking.failed(t, told.snoop)


def _have_outcome(t: Turn, request: Request) -> None:
    t.note(requests=t.leg.requests - {request})
    if isinstance(request, Record):
        t.note(recorded_at=t.now)


def _accepted(t: Turn, told: inputs.Accepted) -> None:
    _have_outcome(t, told.request)
    match told.request:
        case Record(name=name):
            writing.recorded(t, name)
        case Snoop(snoop=snoop):
            _let_go_unneeded(t, snoop)
        case effects.Measure(files=files):
            t.note(measured=files)
        case Release(snoop=snoop):
            t.note(leaving=t.leg.leaving - {snoop})


def _refused(t: Turn, told: inputs.Refused) -> None:
    _have_outcome(t, told.request)
    match told.request:
        case Snoop(snoop=snoop) if snoop in t.leg.snoops and t.leg.armed_at is not None:
            writing.not_armed(t, f"Asterisk refused to let the channel be listened to: {told.why}")
            happening.agree(t, told.why)
        case Snoop(snoop=snoop) | effects.Play(snoop=snoop):
            speaking.failed(t, snoop)
        case effects.Place(number=number):
            speaking.failed(t, number)
        case Record(name=name):
            writing.refused(t, name, told.why)
        case effects.Stop():
            t.alarm(Alarm.LOOK, writing.WORD_WITHIN_S if told.missing else LOOK_AFTER_S)
        case Release(snoop=snoop) if told.missing:
            t.note(leaving=t.leg.leaving - {snoop})
        case _:
            _not_done(t, told)


def _unknown(t: Turn, told: inputs.Unknown) -> None:
    _have_outcome(t, told.request)
    match told.request:
        case Snoop() | Record() | effects.Stop():
            t.alarm(Alarm.LOOK, LOOK_AFTER_S)
        case effects.Meet() if t.leg.meeting:
            t.alarm(Alarm.MEET, LOOK_AFTER_S)
        case _:
            _not_done(t, told)


def _not_done(t: Turn, told: inputs.Refused | inputs.Unknown) -> None:
    match told.request:
        case effects.Look():
            recovery.unanswered(t, told.why)
        case effects.Measure():
            writing.measure_later(t)
        case effects.Inquire():
            t.keep(linkedid=t.leg.linkedid or t.leg.channel)
        case Release() if t.leg.leaving:
            t.alarm(Alarm.LOOK, LOOK_AFTER_S)


def _saved(t: Turn, told: inputs.Saved) -> None:
    """What is over, and is in the catalogue, need not be carried along any more."""
    leg = t.leg
    t.note(saved=max(leg.saved, told.version), unsaved="")
    if told.catalogue and told.version == leg.version and leg.ended_at is None:
        t.note(
            announcements=tuple(one for one in leg.announcements if not one.outcome),
            recordings=tuple(
                replace(one, segments=()) if one.complete and one.state is not RecordingState.OPEN else one
                for one in leg.recordings
            ),
        )


def _not_saved(t: Turn, told: inputs.NotSaved) -> None:
    leg = t.leg
    if not leg.unsaved and leg.due and leg.ended_at is None:
        t.note(unsaved=told.why)
        speaking.fail(t)


def _digit(t: Turn, told: inputs.Digit) -> None:
    happening.press(t, press(t.leg.keys, told.digit, told.at), told.at, Source.DIGITS)


def _featured(t: Turn, told: inputs.Featured) -> None:
    happening.press(t, take(t.leg.keys, Given(told.command, told.at)), told.at)


def _asked(t: Turn, told: inputs.Asked) -> None:
    happening.command(t, told.command, told.at, Source.APP, told.number)


def _annotated(t: Turn, told: inputs.Annotated) -> None:
    t.note(annotations={**t.leg.annotations, **told.annotations})
    t.tell(Tell())


def _connected(t: Turn, told: inputs.Connected) -> None:
    leg = t.leg
    new = _named(t, told.counterpart)
    before, direction = leg.counterpart, _direction(leg, told)
    known = new.number or direction != leg.direction  # it is another call, of somebody who is not shown
    if not known or (new, direction) == (before, leg.direction) or leg.ended_at is not None:
        return
    t.keep(counterpart=new, direction=direction)
    if leg.counterparts:
        t.keep(counterparts=follow(leg.counterparts, new, told.at))
    if leg.recording is not None:
        t.change_recording(leg.recording, counterpart=new)
    t.tell(Tell())
    if new.number != before.number and leg.answered_at is not None:
        speaking.joined(t)


def _direction(leg: Leg, told: inputs.Connected) -> str:
    """Whom a program has called first is the caller when they dial. Not who was called and talked to
    somebody: a transfer has them dial."""
    numbers = {one.counterpart.number for one in leg.counterparts} - {"", told.counterpart.number}
    return leg.direction if numbers and leg.direction == "inbound" else told.direction or leg.direction


def _named(t: Turn, new: Counterpart) -> Counterpart:
    """The counterpart without the name of one before."""
    leg = t.leg
    known = (*(one.counterpart for one in leg.counterparts), leg.counterpart, leg.named)
    whose = stale(new.name, new.number, known)
    t.note(named=whose or new)
    return replace(new, name="") if whose else new


def _held(t: Turn, told: inputs.Held) -> None:
    """What is said meanwhile is recorded; when it was is shown on the time line."""
    if t.leg.ended_at is not None or t.leg.answered_at is None:
        return
    holds = hold(t.leg.holds, told.at) if told.on else take_off(t.leg.holds, told.at)
    if holds != t.leg.holds:
        t.keep(holds=holds)


def _agreed(t: Turn, told: inputs.Agreed) -> None:
    leg = t.leg
    if leg.standing.state is not State.RINGING and told.mode is not leg.standing.mode:
        t.tell(effects.Agree(told.number, TOO_LATE))
        return
    standing = replace(leg.standing, mode=told.mode)
    t.keep(
        standing=standing,
        told=replace(leg.told, mode=told.mode),
        preferences=told.preferences,
        keys=replace(leg.keys, codes=told.preferences.commands),
    )
    t.note(agreeing=(*leg.agreeing, told.number))
    if not may_record(standing):
        arming.disarm(t)
    t.tell(Tell())


def _said(t: Turn, told: inputs.Said) -> None:
    others = tuple(one for one in t.leg.announcements if one.id != told.evidence.id)
    t.keep(announcements=(*others, told.evidence))


def _time(t: Turn, _: inputs.Time) -> None:
    for alarm, at in list(t.leg.alarms.items()):
        if at <= t.now and alarm in t.leg.alarms:
            t.silence(alarm)
            _ALARMS[alarm](t)


def _arm_late(t: Turn) -> None:
    if t.leg.armed_at is not None and len(t.leg.entered) < len(t.leg.snoops):
        writing.not_armed(t, "the snoops did not enter the application")


def _reply(t: Turn) -> None:
    """The app has waited long enough; what it asked for is still being tried."""
    for one in t.leg.untold:
        if one.number is not None:
            t.tell(effects.Reply(one.number, problem=NOT_DONE))
    t.note(untold=tuple(replace(one, number=None) for one in t.leg.untold))


_ALARMS: dict[Alarm, Callable[[Turn], None]] = {
    Alarm.ARM: _arm_late,
    Alarm.LOOK: recovery.look,
    Alarm.CLOSE: recovery.close_late,
    Alarm.LOSS: recovery.look,
    Alarm.FULL: writing.full,
    Alarm.GROWTH: writing.measure,
    Alarm.REPLY: _reply,
    Alarm.MEET: speaking.meet,
    Alarm.SPEAK: speaking.stop,
    Alarm.WARN: speaking.warn,
}

_RECEIVERS: dict[type, Callable[[Turn, Any], None]] = {
    inputs.Begun: _begun,
    inputs.Inquired: _inquired,
    inputs.Answered: _answered,
    inputs.HungUp: happening.hung_up,
    inputs.SnoopEntered: _snoop_entered,
    inputs.SnoopLeft: _snoop_left,
    inputs.FileBegan: writing.began,
    inputs.FileClosed: writing.closed,
    inputs.Accepted: _accepted,
    inputs.Refused: _refused,
    inputs.Unknown: _unknown,
    inputs.Saved: _saved,
    inputs.NotSaved: _not_saved,
    inputs.Digit: _digit,
    inputs.Featured: _featured,
    inputs.Asked: _asked,
    inputs.Annotated: _annotated,
    inputs.Connected: _connected,
    inputs.Held: _held,
    inputs.Met: speaking.met,
    inputs.Agreed: _agreed,
    inputs.Placed: speaking.placed,
    inputs.PlaybackBegan: speaking.playback_began,
    inputs.PlaybackEnded: speaking.playback_ended,
    inputs.Said: _said,
    inputs.Snapshot: recovery.compare,
    inputs.Measured: writing.measured,
    inputs.Time: _time,
}
"""What each input does. Nothing else leads into a leg."""
