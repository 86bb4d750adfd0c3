"""The recording modes as one table: ``TABLE[mode][state][event]``.

A *leg* is the recorded user's own channel in one call. `decide()` takes where it is, one event and the
time, and answers with where it is afterwards and what is to be done, in order. Every pair of
a mode's reachable state and an event has an entry: a step, a refusal, a harmless repetition or a stated
ignore. A missing entry raises `KeyError`, so a hole in the table cannot pass as behaviour.

Source: the modes table of the requirements (rows C1-C3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Mode(StrEnum):
    """A user's recording mode."""

    NEVER = "never"
    ALWAYS = "always"
    ALWAYS_PAUSE_RESUME = "always_pause_resume"
    ON_DEMAND = "on_demand"
    ON_DEMAND_USER_START = "on_demand_user_start"


class State(StrEnum):
    """Where a leg is."""

    RINGING = "ringing"
    """Not answered yet."""
    IDLE = "idle"
    """Answered; nothing is being recorded."""
    PROVISIONAL = "provisional"
    """Recording, to be destroyed at the end unless start is given."""
    PROVISIONAL_PAUSED = "provisional_paused"
    RECORDING = "recording"
    """Recording, to be kept."""
    PAUSED = "paused"
    FAILED = "failed"
    """Answered; recording broke off and was given up. What there is of it is closed at the hang-up."""
    ENDED = "ended"
    """Hung up."""


RUNNING = frozenset({State.PROVISIONAL, State.RECORDING})
"""States in which a segment grows; in every other nothing is written."""


class Event(StrEnum):
    """What can happen to a leg."""

    ANSWERED = "answered"
    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    SEGMENT_FULL = "segment_full"
    """The running segment has reached its longest length."""
    SEGMENT_LOST = "segment_lost"
    """The running segment ended, or could not begin, without our asking; the call goes on."""
    HANGUP = "hangup"


COMMANDS = (Event.START, Event.STOP, Event.PAUSE, Event.RESUME)
"""The events a user can give."""


class Action(StrEnum):
    """What a handler has to do, in the order given."""

    OPEN_LEDGER = "open_ledger"
    """The call is due: it gets its line in the ledger."""
    OPEN_RECORDING = "open_recording"
    BEGIN_SEGMENT = "begin_segment"
    END_SEGMENT = "end_segment"
    ROLL_SEGMENT = "roll_segment"
    """Begin the next segment where this one ends, without a gap."""
    KEEP_RECORDING = "keep_recording"
    """A provisional recording becomes one that is kept."""
    CLOSE_RECORDING = "close_recording"
    """Nothing more will be added: make its file."""
    DISCARD_RECORDING = "discard_recording"
    """Destroy its audio at once; only the fact stays."""


class Reason(StrEnum):
    """Why a command changes nothing."""

    NOT_IN_THIS_MODE = "not_in_this_mode"
    NOT_ANSWERED = "not_answered"
    NOT_RECORDING = "not_recording"
    RECORDING_FAILED = "recording_failed"
    ALREADY = "already"
    """The leg is already as the command asks; harmless."""
    CALL_ENDED = "call_ended"
    LATE = "late"
    """The event has nothing to say in this state any more."""


@dataclass(frozen=True)
class Standing:
    """Where a leg is by its mode's table.

    ``losses`` counts the segments lost shortly after one another, the last at ``lost_at``. ``since`` is when
    ``state`` was entered. Times are UTC.
    """

    mode: Mode
    state: State
    since: datetime
    losses: int = 0
    lost_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """Where the leg is afterwards, what to do, and, when nothing changes, why."""

    leg: Standing
    actions: tuple[Action, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True)
class Step:
    """An entry that leads to ``to`` and asks for ``actions``."""

    to: State
    actions: tuple[Action, ...] = ()


Entry = Step | Reason
Row = dict[Event, Entry]

MAX_LOSSES = 6
"""So many segments lost shortly after one another, and recording is given up."""
LOSSES_FORGOTTEN_AFTER = timedelta(minutes=2)
"""A loss this long after the previous one counts as the first."""

_NOT_IN_MODE: Row = dict.fromkeys(COMMANDS, Reason.NOT_IN_THIS_MODE)
_NO_SEGMENT: Row = {Event.SEGMENT_FULL: Reason.LATE, Event.SEGMENT_LOST: Reason.LATE}

_RINGING: Row = {
    **dict.fromkeys(COMMANDS, Reason.NOT_ANSWERED),
    **_NO_SEGMENT,
    Event.HANGUP: Step(State.ENDED),
}
_ENDED: Row = {
    **dict.fromkeys(COMMANDS, Reason.CALL_ENDED),
    **_NO_SEGMENT,
    Event.ANSWERED: Reason.LATE,
    Event.HANGUP: Reason.LATE,
}
_FAILED: Row = {
    **dict.fromkeys(COMMANDS, Reason.RECORDING_FAILED),
    **_NO_SEGMENT,
    Event.ANSWERED: Reason.LATE,
    Event.HANGUP: Step(State.ENDED, (Action.CLOSE_RECORDING,)),
}

_BEGIN = (Action.OPEN_RECORDING, Action.BEGIN_SEGMENT)
_END_AND_CLOSE = (Action.END_SEGMENT, Action.CLOSE_RECORDING)


def _running(state: State) -> Row:
    """A state in which a segment grows, and whose recording is kept at the end."""
    return {
        **_NOT_IN_MODE,
        Event.ANSWERED: Reason.LATE,
        Event.SEGMENT_FULL: Step(state, (Action.ROLL_SEGMENT,)),
        Event.SEGMENT_LOST: Step(state, (Action.END_SEGMENT, Action.BEGIN_SEGMENT)),
        Event.HANGUP: Step(State.ENDED, _END_AND_CLOSE),
    }


def _paused() -> Row:
    """A state in which nothing grows, and whose recording is kept at the end."""
    return {
        **_NOT_IN_MODE,
        **_NO_SEGMENT,
        Event.ANSWERED: Reason.LATE,
        Event.PAUSE: Reason.ALREADY,
        Event.HANGUP: Step(State.ENDED, (Action.CLOSE_RECORDING,)),
    }


def _idle() -> Row:
    return {
        **_NOT_IN_MODE,
        **_NO_SEGMENT,
        Event.ANSWERED: Reason.LATE,
        Event.HANGUP: Step(State.ENDED),
    }


def _pause_to(state: State) -> Row:
    return {Event.PAUSE: Step(state, (Action.END_SEGMENT,)), Event.RESUME: Reason.ALREADY}


def _resume_to(state: State) -> Row:
    return {Event.RESUME: Step(state, (Action.BEGIN_SEGMENT,))}


TABLE: dict[Mode, dict[State, Row]] = {
    Mode.NEVER: {
        State.RINGING: {**_RINGING, Event.ANSWERED: Step(State.IDLE)},
        State.IDLE: _idle(),
        State.ENDED: _ENDED,
    },
    Mode.ALWAYS: {
        State.RINGING: {**_RINGING, Event.ANSWERED: Step(State.RECORDING, (Action.OPEN_LEDGER, *_BEGIN))},
        State.RECORDING: _running(State.RECORDING),
        State.FAILED: _FAILED,
        State.ENDED: _ENDED,
    },
    Mode.ALWAYS_PAUSE_RESUME: {
        State.RINGING: {**_RINGING, Event.ANSWERED: Step(State.RECORDING, (Action.OPEN_LEDGER, *_BEGIN))},
        State.RECORDING: {**_running(State.RECORDING), **_pause_to(State.PAUSED)},
        State.PAUSED: {**_paused(), **_resume_to(State.RECORDING)},
        State.FAILED: _FAILED,
        State.ENDED: _ENDED,
    },
    Mode.ON_DEMAND: {
        State.RINGING: {**_RINGING, Event.ANSWERED: Step(State.PROVISIONAL, (Action.OPEN_LEDGER, *_BEGIN))},
        State.PROVISIONAL: {
            **_running(State.PROVISIONAL),
            **_pause_to(State.PROVISIONAL_PAUSED),
            Event.START: Step(State.RECORDING, (Action.KEEP_RECORDING,)),
            Event.HANGUP: Step(State.ENDED, (Action.END_SEGMENT, Action.DISCARD_RECORDING)),
        },
        State.PROVISIONAL_PAUSED: {
            **_paused(),
            **_resume_to(State.PROVISIONAL),
            Event.START: Step(State.PAUSED, (Action.KEEP_RECORDING,)),
            Event.HANGUP: Step(State.ENDED, (Action.DISCARD_RECORDING,)),
        },
        State.RECORDING: {
            **_running(State.RECORDING),
            **_pause_to(State.PAUSED),
            Event.START: Reason.ALREADY,
        },
        State.PAUSED: {**_paused(), **_resume_to(State.RECORDING), Event.START: Reason.ALREADY},
        State.FAILED: _FAILED,
        State.ENDED: _ENDED,
    },
    Mode.ON_DEMAND_USER_START: {
        State.RINGING: {**_RINGING, Event.ANSWERED: Step(State.IDLE, (Action.OPEN_LEDGER,))},
        State.IDLE: {
            **_idle(),
            Event.START: Step(State.RECORDING, _BEGIN),
            Event.STOP: Reason.ALREADY,
            Event.PAUSE: Reason.NOT_RECORDING,
            Event.RESUME: Reason.NOT_RECORDING,
        },
        State.RECORDING: {
            **_running(State.RECORDING),
            **_pause_to(State.PAUSED),
            Event.START: Reason.ALREADY,
            Event.STOP: Step(State.IDLE, _END_AND_CLOSE),
        },
        State.PAUSED: {
            **_paused(),
            **_resume_to(State.RECORDING),
            Event.START: Reason.ALREADY,
            Event.STOP: Step(State.IDLE, (Action.CLOSE_RECORDING,)),
        },
        State.FAILED: {**_FAILED, Event.START: Step(State.RECORDING, (Action.CLOSE_RECORDING, *_BEGIN))},
        State.ENDED: _ENDED,
    },
}

_GIVEN_UP: dict[State, Step] = {
    State.RECORDING: Step(State.FAILED, (Action.END_SEGMENT,)),
    State.PROVISIONAL: Step(State.PROVISIONAL_PAUSED, (Action.END_SEGMENT,)),
}
"""What the last of `MAX_LOSSES` leads to. A provisional recording keeps what it has: start may still come."""


def commands(leg: Standing) -> tuple[Event, ...]:
    """The commands that would change something now, for the app to offer (row C3)."""
    row = TABLE[leg.mode][leg.state]
    return tuple(command for command in COMMANDS if isinstance(row[command], Step))


def is_recorded(mode: Mode) -> bool:
    """Whether calls of this mode are due, and anything of them may be recorded."""
    entries = [entry for row in TABLE[mode].values() for entry in row.values()]
    return any(isinstance(one, Step) and Action.OPEN_LEDGER in one.actions for one in entries)


def may_record(leg: Standing) -> bool:
    """Whether something of it is to be recorded, or may still be: it has to be listened to."""
    gone = leg.state is State.ENDED or (leg.state is State.FAILED and not commands(leg))
    return is_recorded(leg.mode) and not gone


def has_commands(mode: Mode) -> bool:
    """Whether the user of this mode can give commands at all."""
    return any(isinstance(row[command], Step) for row in TABLE[mode].values() for command in COMMANDS)


def decide(leg: Standing, event: Event, now: datetime) -> Decision:
    """What ``event`` at ``now`` (UTC) means for ``leg``. Raises `KeyError` for a hole in the table."""
    entry = TABLE[leg.mode][leg.state][event]
    if isinstance(entry, Reason):
        return Decision(leg, reason=entry)
    if event is Event.SEGMENT_LOST:
        leg = _lose(leg, now)
        if leg.losses >= MAX_LOSSES:
            entry = _GIVEN_UP[leg.state]
    elif leg.state is State.FAILED:
        leg = replace(leg, losses=0)
    since = now if entry.to is not leg.state else leg.since
    return Decision(replace(leg, state=entry.to, since=since), entry.actions)


def _lose(leg: Standing, now: datetime) -> Standing:
    in_a_row = leg.lost_at is not None and now - leg.lost_at < LOSSES_FORGOTTEN_AFTER
    return replace(leg, losses=leg.losses + 1 if in_a_row else 1, lost_at=now)
