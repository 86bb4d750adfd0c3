"""What people do in a history: they ring, answer, press keys, use the app, transfer, and hang up."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ari_recorder.policies.preferences import Announce, HeardBy, OnFailure, Preferences
from ari_recorder.policies.table import COMMANDS, Event, Mode

_MODES = (
    (Mode.ALWAYS,) * 2
    + (Mode.ALWAYS_PAUSE_RESUME,) * 3
    + (Mode.ON_DEMAND,) * 3
    + (Mode.ON_DEMAND_USER_START,) * 3
)
_COMMANDS = {
    Mode.ALWAYS: COMMANDS,
    Mode.ALWAYS_PAUSE_RESUME: (Event.PAUSE, Event.RESUME, Event.PAUSE, Event.RESUME, Event.STOP),
    Mode.ON_DEMAND: (Event.START, Event.PAUSE, Event.RESUME, Event.PAUSE, Event.RESUME, Event.STOP),
    Mode.ON_DEMAND_USER_START: (Event.START, Event.START, Event.STOP, Event.PAUSE, Event.RESUME),
}
WAYS = ("digits", "feature", "both", "app", "app")


@dataclass(frozen=True)
class Deed:
    """Somebody does ``what`` so many seconds after the channel was created."""

    after_s: float
    what: str
    command: Event | None = None


@dataclass(frozen=True)
class Plot:
    """A call as its people make it. Times are in seconds; ``answered_after_s`` is None if nobody answers."""

    mode: Mode
    preferences: Preferences
    segment_max_s: float
    answered_after_s: float | None
    hung_up_after_s: float
    wide: bool
    deeds: tuple[Deed, ...]
    quiet_at_end: bool
    """Before the hang-up everything goes well for a long time."""


def draw(random: Random) -> Plot:
    """A call."""
    mode = random.choice(_MODES)
    rings_s = random.choice((0.0, 0.05, 1.0, 5.0))
    talks_s = random.choice((2.0, 10.0, 40.0, 120.0)) * random.uniform(0.5, 1.0)
    deeds = [_deed(random, mode, rings_s, talks_s) for _ in range(random.choice((0, 1, 2, 4, 8, 16)))]
    return Plot(
        mode=mode,
        preferences=_preferences(random),
        segment_max_s=random.choice((3600.0, 3600.0, 15.0, 40.0)),
        answered_after_s=rings_s if random.random() < 0.95 else None,
        hung_up_after_s=rings_s + talks_s,
        wide=random.random() < 0.3,
        deeds=tuple(sorted(deeds, key=lambda one: one.after_s)),
        quiet_at_end=random.random() < 0.4,
    )


def _deed(random: Random, mode: Mode, rings_s: float, talks_s: float) -> Deed:
    after_s = random.uniform(0.0, rings_s + talks_s)
    if random.random() < 0.1:
        return Deed(after_s, random.choice(("connected", "annotated", "agreed", "peer")))
    return Deed(after_s, random.choice(WAYS), random.choice(_COMMANDS[mode]))


def _preferences(random: Random) -> Preferences:
    return Preferences(
        announce_internal=random.choice(tuple(Announce)),
        announce_external=random.choice(tuple(Announce)),
        heard_by=random.choice(tuple(HeardBy)),
        warning_tone_s=random.choice((0, 0, 10, 15)),
        on_failure=random.choice(tuple(OnFailure)),
    )
