"""What is played to whom when something happens to a leg (rows C2, C5-C7).

Nothing here says how: `policies/leg/speaking.py` has it played.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ari_recorder.policies.commands import Source
from ari_recorder.policies.preferences import Announce, HeardBy, OnFailure, Preferences
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import COMMANDS, Decision, Event, Mode, Reason, Standing, State, decide

TOLD_AFTER_LOSSES = 3
"""So many segments lost shortly after one another, and the parties are told; it is still being tried."""

SETTLED_AFTER = timedelta(seconds=2)
"""Until so long after the answer, another connected line is the same counterpart, better known."""

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_HARMLESS = frozenset({Reason.ALREADY, Reason.LATE, Reason.CALL_ENDED})


FAILURES = frozenset({PromptKind.FAILURE_CONTINUE, PromptKind.FAILURE_END})
"""What tells that a call cannot be recorded."""


class Audience(StrEnum):
    """Who hears a prompt."""

    BOTH = "both"
    USER = "user"
    COUNTERPART = "counterpart"


@dataclass(frozen=True)
class Prompt:
    """What to play, and to whom. ``beep`` plays a beep in its place; ``end`` hangs up afterwards."""

    kind: PromptKind
    audience: Audience
    beep: bool = False
    end: bool = False


def announce(
    before: Standing, event: Event, decision: Decision, preferences: Preferences, *, internal: bool
) -> Prompt | None:
    """What is played when ``decision`` has been carried out; None for nothing."""
    after = decision.leg
    if decision.reason is not None:
        return None
    if event is Event.SEGMENT_LOST:
        return _lost(after, preferences)
    kind = _kind(before, event, after)
    if kind is None:
        return None
    unknown_to_others = (
        before.state in (State.PROVISIONAL, State.PROVISIONAL_PAUSED) and event is not Event.START
    )
    audience = Audience.USER if unknown_to_others else Audience(preferences.heard_by)
    return _sounding(kind, audience, preferences, internal=internal)


def refuse(event: Event, reason: Reason | None, source: Source | None) -> Prompt | None:
    """The error tone for a command by keys that changes nothing; the app has its answer in words.

    No ``reason``: it could not even be looked at.
    """
    if event not in COMMANDS or reason in _HARMLESS or source in (None, Source.APP):
        return None
    return Prompt(PromptKind.ERROR, Audience.USER)


def begins_at_answer(mode: Mode) -> bool:
    """Whether what is recorded from the answer on is kept: only then may it be announced before."""
    return (
        decide(Standing(mode, State.RINGING, _ANY_TIME), Event.ANSWERED, _ANY_TIME).leg.state
        is State.RECORDING
    )


def greet(
    leg: Standing, preferences: Preferences, *, internal: bool, answered_for: timedelta
) -> Prompt | None:
    """What somebody hears who has joined a call that is being recorded."""
    if leg.state is not State.RECORDING or preferences.heard_by is not HeardBy.BOTH:
        return None
    if answered_for < SETTLED_AFTER:
        return None
    return _sounding(PromptKind.START, Audience.COUNTERPART, preferences, internal=internal)


def remind(leg: Standing, preferences: Preferences, *, internal: bool) -> Prompt | None:
    """What the user alone hears after the recorder was away: where the recording is now."""
    kinds = {
        State.RECORDING: PromptKind.RESUME,
        State.PROVISIONAL: PromptKind.RESUME,
        State.PAUSED: PromptKind.PAUSE,
        State.PROVISIONAL_PAUSED: PromptKind.PAUSE,
        State.IDLE: PromptKind.STOP,
    }
    kind = kinds.get(leg.state)
    return _sounding(kind, Audience.USER, preferences, internal=internal) if kind else None


def share(prompt: Prompt, others: Iterable[tuple[Standing, Preferences, bool]]) -> Prompt:
    """Of two recorded users in one call each tells their own, so that nobody hears the same twice.

    ``others`` are the call's other recorded legs, their preferences, and whether their counterpart is
    internal. A failure is told to both by whoever has it.
    """
    if prompt.audience is not Audience.BOTH or prompt.kind in FAILURES:
        return prompt
    told = any(
        leg.state is State.RECORDING and _tells(prompt, preferences, internal)
        for leg, preferences, internal in others
    )
    return replace(prompt, audience=Audience.USER) if told else prompt


def _tells(prompt: Prompt, preferences: Preferences, internal: bool) -> bool:
    """Whether a leg with these preferences plays such a prompt to its own user."""
    if prompt.kind is PromptKind.WARNING:
        return preferences.warning_tone_s > 0
    return preferences.announce(internal=internal) is not Announce.NONE


def warning_due_s(leg: Standing, preferences: Preferences) -> int:
    """Seconds until the next warning tone; 0 if there is to be none in this state."""
    return preferences.warning_tone_s if leg.state is State.RECORDING else 0


def warn(preferences: Preferences) -> Prompt:
    """The warning tone."""
    return Prompt(PromptKind.WARNING, Audience(preferences.heard_by))


def _kind(before: Standing, event: Event, after: Standing) -> PromptKind | None:
    if event is Event.ANSWERED:
        return PromptKind.START if after.state is State.RECORDING else None
    if event in COMMANDS and after.state is not before.state:
        return PromptKind(event)
    return None


def _sounding(
    kind: PromptKind, audience: Audience, preferences: Preferences, *, internal: bool
) -> Prompt | None:
    sound = preferences.announce(internal=internal)
    return None if sound is Announce.NONE else Prompt(kind, audience, beep=sound is Announce.BEEP)


def tell_failure(preferences: Preferences) -> Prompt | None:
    """What tells of a failure at once; None if nothing is to."""
    if preferences.on_failure is OnFailure.CONTINUE:
        return None
    ends = preferences.on_failure is OnFailure.END
    kind = PromptKind.FAILURE_END if ends else PromptKind.FAILURE_CONTINUE
    return Prompt(kind, Audience.BOTH, end=ends)


def _lost(leg: Standing, preferences: Preferences) -> Prompt | None:
    prompt = tell_failure(preferences)
    told = prompt is not None and leg.losses > TOLD_AFTER_LOSSES and not prompt.end
    return None if told or leg.losses < TOLD_AFTER_LOSSES else prompt
