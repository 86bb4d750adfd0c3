"""Where things are in a recording whose pauses are not in its audio: between the clock and the player.

The audio of a recording is its parts, one behind the other. What lies between two of them was paused, or is
missing; in the audio it is a place without a length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ari_recorder.policies.leg.missing import TOLD_FROM
from ari_recorder.policies.table import Mode

PAUSING = frozenset(set(Mode) - {Mode.NEVER, Mode.ALWAYS})
"""Modes in which the user can pause; in others what is not there is missing."""


@dataclass(frozen=True)
class Part:
    """An unbroken stretch: when it was spoken, and where it is in the audio."""

    began_at: datetime
    ended_at: datetime
    offset_ms: int
    duration_ms: int

    @property
    def end_ms(self) -> int:
        """Where it ends in the audio."""
        return self.offset_ms + self.duration_ms


@dataclass(frozen=True)
class Gap:
    """What is not in the audio: paused, or ``missing``. ``position_ms`` is where it would be."""

    began_at: datetime
    ended_at: datetime
    position_ms: int
    missing: bool

    @property
    def length_ms(self) -> int:
        """How long it lasted."""
        return (self.ended_at - self.began_at) // timedelta(milliseconds=1)


def gaps(parts: Sequence[Part], ended_at: datetime | None, mode: str, problems: Iterable[str]) -> list[Gap]:
    """What lies between the parts, and between the last one and ``ended_at``, if it is worth telling.

    One whose beginning a sentence in ``problems`` names is missing, as `leg.missing` words it.
    """
    told = " ".join(problems)
    between = [(one.ended_at, after.began_at, after.offset_ms) for one, after in pairwise(parts)]
    if parts and ended_at is not None:
        between.append((parts[-1].ended_at, ended_at, parts[-1].end_ms))
    return [
        Gap(
            began_at,
            until,
            position_ms,
            mode not in PAUSING or f"are missing from {began_at:%H:%M:%S} UTC on" in told,
        )
        for began_at, until, position_ms in between
        if until - began_at > TOLD_FROM
    ]


def position_ms(parts: Sequence[Part], at: datetime) -> int | None:
    """Where in the audio that moment is: of one in a gap where that is; None before the first part."""
    found = None
    for part in parts:
        if at < part.began_at:
            break
        inside = (at - part.began_at) // timedelta(milliseconds=1)
        found = part.offset_ms + min(inside, part.duration_ms)
    return found


def stretch_ms(
    parts: Sequence[Part], began_at: datetime, ended_at: datetime | None, duration_ms: int
) -> tuple[int, int] | None:
    """From where to where in the audio that time is; None where nothing of it is there."""
    first = position_ms(parts, began_at) or 0
    last = duration_ms if ended_at is None else position_ms(parts, ended_at)
    return (first, last) if last is not None and last > first else None
