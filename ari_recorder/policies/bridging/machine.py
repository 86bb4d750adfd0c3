"""`receive`: one input, and what follows from it.

Every wait has an end: what nobody tells of is looked for, and what takes too long ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ari_recorder.policies import machine
from ari_recorder.policies.bridging import effects, inputs
from ari_recorder.policies.bridging.effects import Effect, Request
from ari_recorder.policies.bridging.inputs import Input
from ari_recorder.policies.bridging.state import (
    NO_ANSWER,
    NORMAL_CLEARING,
    Alarm,
    Bridged,
    Ending,
    Stage,
    cause,
)

CONNECT_WITHIN_S = 10.0
"""How long it may take until the called side is rung, and to carry its answer over."""
ENTERED_WITHIN_S = 2.0
"""How long a new channel may take to enter the application."""
RINGS_WITHIN_S = 5.0
"""How long a channel that may have been dialled already may take to show it: dialled twice, it would end."""
GRACE_S = 2.0
"""How much longer than asked Asterisk may let it ring."""
ENDED_WITHIN_S = 2.0
"""How long the called side and the bridge may take to end before the caller goes on in the dialplan."""
LOOK_CONNECTING_S = 5.0
LOOK_TALKING_S = 60.0
"""How often it is seen what Asterisk has, though nothing seems to be wrong."""
LOOK_AFTER_S = 1.0
"""How long after word was lost it is seen what Asterisk has; doubled each time that is not answered."""
LOOK_AFTER_MAX_S = 8.0

LOST = "The called side ended, and how is not known: no word of it came."
NOT_ENTERED = "The called side did not enter the application."
NOT_RUNG = "The called side could not be rung in time."
UNSURE = "It is not known whether the called side was rung."


def receive(call: Bridged, told: Input, now: datetime) -> tuple[Bridged, list[Effect]]:
    """The call after it was told something, and what it asks for."""
    t = _Turn(call, now)
    _hear(t, told)
    if t.call.ending is not None:
        _end(t)
    elif not t.call.requests and not t.call.blind:
        _go_on(t)
    return t.finish()


class _Turn(machine.Turn[Bridged]):
    """A call in the middle of one `receive`. ``call`` is a copy, to be changed."""

    def __init__(self, call: Bridged, now: datetime) -> None:
        super().__init__(call, now)
        self.call = self._machine


# What follows


def _go_on(t: _Turn) -> None:
    """Ask for the next step on the way to a call, one at a time."""
    call = t.call
    if call.stage <= Stage.ENTERED and Alarm.LATE not in call.alarms:
        t.alarm(Alarm.LATE, CONNECT_WITHIN_S)
    match call.stage:
        case Stage.ABSENT:
            t.ask(effects.Create() if call.bridged else effects.Prepare())
        case Stage.ENTERED | Stage.UNSURE | Stage.DIALLED | Stage.UP if call.missing:
            t.ask(effects.Join(call.missing))
            if call.stage is Stage.UP and Alarm.LATE not in call.alarms:
                t.alarm(Alarm.LATE, CONNECT_WITHIN_S)
        case Stage.ENTERED:
            t.ask(effects.Dial() if call.introduced else effects.Introduce())
        case Stage.UP if not call.carried:
            t.ask(effects.Answer())
        case Stage.UP:
            t.silence(Alarm.LATE)


def _end(t: _Turn) -> None:
    """Ask for what is left to be ended; the caller goes on in the dialplan when the rest has ended."""
    call, ending = t.call, t.call.ending
    assert ending is not None, f"{call.caller} does not end"
    if call.requests & {effects.Prepare(), effects.Create()}:
        return  # it is about to be there
    rest = call.stage is not Stage.GONE or call.bridged
    if call.stage is not Stage.GONE and not call.called_left:
        _ask_once(t, effects.HangUp(call.called, NORMAL_CLEARING))
    if call.bridged:
        _ask_once(t, effects.Destroy())
    if call.caller_there and not ending.reason:
        _ask_once(t, effects.HangUp(call.caller, ending.cause))
    elif call.caller_there and (not rest or Alarm.LATE not in call.alarms):
        _ask_once(t, effects.SendBack(ending.reason))


def _ask_once(t: _Turn, request: Request) -> None:
    if request not in t.call.done and not t.call.blind:
        t.ask(request)


def _finish(t: _Turn, ending: Ending) -> None:
    """It is over; how it ends for the caller is decided once."""
    if t.call.ending is None:
        t.note(ending=ending, blind=False, done=frozenset(), looks=0)
        t.alarm(Alarm.LATE, ENDED_WITHIN_S)
        t.alarm(Alarm.LOOK, LOOK_AFTER_S)


def _fail(t: _Turn, why: str) -> None:
    """It does not come about: the dialplan goes on, unless the called side has answered already."""
    _finish(t, Ending() if t.call.stage is Stage.UP else Ending(reason=why))


def _look_later(t: _Turn, why: str = "") -> None:
    """What Asterisk has is not known: see, before anything else is asked for."""
    call = t.call
    t.note(blind=True, looks=call.looks + 1, trouble=why or call.trouble)
    t.alarm(Alarm.LOOK, min(LOOK_AFTER_S * 2.0 ** (call.looks - 1), LOOK_AFTER_MAX_S))


# What is told


def _hear(t: _Turn, told: Input) -> None:
    call = t.call
    if not isinstance(told, inputs.Time | inputs.Found) and getattr(told, "request", None) != effects.Look():
        t.note(changed_at=t.now)
    match told:
        case inputs.Begun():
            t.note(changed_at=None if call.blind else t.now)
            t.alarm(Alarm.LOOK, 0.0 if call.blind else LOOK_CONNECTING_S)
        case inputs.Found():
            _found(t, told)
        case inputs.Entered():
            _reach(t, Stage.ENTERED)
        case inputs.Rung():
            _reach(t, Stage.DIALLED)
        case inputs.Answered():
            _reach(t, Stage.UP)
        case inputs.Gone(channel, why) if channel == call.called:
            _called_gone(t, why)
        case inputs.Gone() | inputs.Left() if told.channel == call.caller:
            t.note(caller_there=False)
            _finish(t, Ending())
        case inputs.Left():  # it has ended, and its cause is still to come; or it was transferred away
            t.note(called_left=True)
            t.alarm(Alarm.LOOK, LOOK_AFTER_S)
        case inputs.Accepted(request):
            t.note(requests=call.requests - {request})
            _accepted(t, request)
        case inputs.Refused(request):
            t.note(requests=call.requests - {request})
            _refused(t, told)
        case inputs.Unknown(request, why):
            t.note(requests=call.requests - {request})
            if request == effects.Prepare():
                t.note(bridged=True)
            elif request == effects.Dial():
                _reach(t, Stage.UNSURE)
            _look_later(t, why)
        case inputs.Time():
            _time(t)


def _reach(t: _Turn, stage: Stage) -> None:
    """The called side is that far; it does not go back."""
    if stage <= t.call.stage:
        return
    t.note(stage=stage)
    if t.call.ending is not None:
        return
    if stage is Stage.UNSURE:
        t.alarm(Alarm.LATE, RINGS_WITHIN_S)
    elif stage is Stage.DIALLED:
        t.note(dialled_at=t.now)
        t.alarm(Alarm.LATE, t.call.wish.dial_s + GRACE_S)
    elif stage is Stage.UP:
        t.alarm(Alarm.LATE, CONNECT_WITHIN_S)


def _called_gone(t: _Turn, why: int) -> None:
    before = t.call.stage
    t.note(stage=Stage.GONE, joined=t.call.joined - {t.call.called})
    if Stage.ABSENT <= before <= Stage.ENTERED:
        _finish(t, Ending(reason=NOT_RUNG))
    else:
        _finish(t, Ending(cause(why, answered=before is Stage.UP)))


def _accepted(t: _Turn, request: Request) -> None:
    match request:
        case effects.Prepare():
            t.note(bridged=True)
        case effects.Create():
            t.note(made_at=t.now)
            _reach(t, Stage.MADE)
            t.alarm(Alarm.LOOK, ENTERED_WITHIN_S)
        case effects.Join(channels):
            t.note(joined=t.call.joined.union(channels))
        case effects.Introduce():
            t.note(introduced=True)
        case effects.Dial():
            _reach(t, Stage.DIALLED)
        case effects.Answer():
            t.note(carried=True, caller_up=True)
        case effects.Destroy():
            t.note(bridged=False, joined=frozenset())
        case effects.HangUp() | effects.SendBack():
            t.note(done=t.call.done | {request})


def _refused(t: _Turn, told: inputs.Refused) -> None:
    request, call = told.request, t.call
    match request:
        case effects.Introduce():
            t.note(introduced=True)
        case effects.Dial() if told.conflict:
            _reach(t, Stage.DIALLED)
        case effects.Create() if told.conflict:  # it is there, and not known whether it was dialled
            t.note(stage=Stage.UNKNOWN, taken=told.why)
            _look_later(t, told.why)
        case effects.Create() | effects.Prepare():
            _fail(t, told.why)
        case effects.Dial() if not told.missing:
            _fail(t, told.why)
        case effects.HangUp(channel) if told.missing and channel == call.called:
            t.note(stage=Stage.GONE)
        case effects.HangUp() if told.missing:
            t.note(caller_there=False)
        case effects.SendBack() if told.missing or told.conflict:
            t.note(caller_there=False)
        case effects.Destroy() if told.missing:
            t.note(bridged=False, joined=frozenset())
        case _:
            _look_later(t, told.why)


def _time(t: _Turn) -> None:
    call = t.call
    for alarm, at in list(call.alarms.items()):
        if at <= t.now:
            t.silence(alarm)
            if alarm is Alarm.LOOK and call.requests:
                t.alarm(Alarm.LOOK, LOOK_AFTER_S)  # what would be seen now is about to change
            elif alarm is Alarm.LOOK:
                t.ask(effects.Look())
            elif call.ending is None:
                _late(t)


def _late(t: _Turn) -> None:
    call = t.call
    if call.stage is Stage.DIALLED:
        _finish(t, Ending(NO_ANSWER))
    else:
        _fail(t, UNSURE if call.stage is Stage.UNSURE else call.trouble or NOT_RUNG)


# What Asterisk has


def _found(t: _Turn, seen: inputs.Found) -> None:
    call = t.call
    stale = call.changed_at is not None and seen.asked_at < call.changed_at
    if stale or any(one != effects.Look() for one in call.requests):
        t.alarm(Alarm.LOOK, LOOK_AFTER_S)
        return
    t.note(blind=False, looks=0, done=frozenset(), caller_up=seen.caller == "Up")
    t.note(bridged=seen.joined is not None, joined=seen.joined or frozenset())
    if seen.caller is None:
        t.note(caller_there=False)
    _see_called(t, seen)
    if seen.caller is None:
        _finish(t, Ending())
    connected = t.call.stage is Stage.UP and t.call.carried
    t.alarm(Alarm.LOOK, LOOK_AFTER_S if call.ending else LOOK_TALKING_S if connected else LOOK_CONNECTING_S)


def _see_called(t: _Turn, seen: inputs.Found) -> None:
    call = t.call
    if seen.called is None or (call.stage >= Stage.ENTERED and not seen.entered):
        _not_seen(t)
    elif not seen.entered:
        t.note(made_at=call.made_at or t.now)
        _reach(t, Stage.MADE)
        if call.made_at and t.now - call.made_at >= timedelta(seconds=ENTERED_WITHIN_S):
            _fail(t, NOT_ENTERED)
    elif seen.called == "Up":
        _reach(t, Stage.UP)
    elif seen.called == "Down":
        _reach(t, Stage.UNSURE if call.stage is Stage.UNKNOWN else Stage.ENTERED)
    else:
        _reach(t, Stage.DIALLED)


def _not_seen(t: _Turn) -> None:
    """The called side is not there: not yet, or not any more."""
    call = t.call
    if call.ending is not None:
        t.note(stage=Stage.GONE)
    elif call.stage is Stage.UNKNOWN and call.taken:
        t.note(stage=Stage.GONE)
        _fail(t, call.taken)
    elif call.stage is Stage.ABSENT or (call.stage is Stage.UNKNOWN and not call.bridged):
        t.note(stage=Stage.ABSENT)
    else:
        rung_out = call.dialled_at and t.now - call.dialled_at >= timedelta(seconds=call.wish.dial_s)
        t.note(stage=Stage.GONE)
        if call.caller_up:
            _finish(t, Ending())
        else:
            _finish(t, Ending(NO_ANSWER) if rung_out else Ending(reason=LOST))
