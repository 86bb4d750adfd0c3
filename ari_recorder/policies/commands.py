"""How a recorded user's keys become commands: DTMF codes, and the same command coming twice.

Digits reach the recorder in two ways: as digits, and, where Asterisk's feature map swallows them, as a user
event. Both can arrive for the same keys; they are one command. The feature map also keeps what was given on
the channel, all of it and with its time. What was read there has been carried out: its user events and
digits, which may have been on their way longer, are no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ari_recorder.policies.table import Event

BETWEEN_DIGITS = timedelta(seconds=3)
"""A longer wait between two digits begins a new code."""
SAME_KEYS = timedelta(seconds=2)
"""Within this time the same command from the other source is the same keys."""
SAME_EVENT = timedelta(seconds=0.25)
"""So much later than it was kept a command's user event may be; nobody presses a code twice in this time."""
KEPT_MAX = 16
"""So many of the commands on the channel are remembered."""


class Source(StrEnum):
    """How a command came."""

    DIGITS = "digits"
    FEATURE = "feature"
    APP = "app"


@dataclass(frozen=True)
class Given:
    """A command, when (UTC) and how it came."""

    command: Event
    at: datetime
    source: Source = Source.FEATURE


@dataclass(frozen=True)
class Keys:
    """What a user has pressed so far: the beginning of a code, and the last command that was taken.

    ``codes`` is the command of each DTMF code; none is another's beginning. ``echoed``: the echo of the last
    command has come, too, and its time is the later of both. ``kept`` are the latest commands that were read
    on the channel.
    """

    codes: Mapping[str, Event]
    digits: str = ""
    pressed_at: datetime | None = None
    last: Given | None = None
    echoed: bool = False
    kept: tuple[Given, ...] = ()


def press(keys: Keys, digit: str, at: datetime) -> tuple[Keys, Event | None]:
    """One digit of the user's own: the keys afterwards, and the command if a code is complete."""
    waited = keys.pressed_at is not None and at - keys.pressed_at > BETWEEN_DIGITS
    digits = ("" if waited else keys.digits) + digit
    command = keys.codes.get(digits)
    if command is not None:
        return take(replace(keys, digits="", pressed_at=None), Given(command, at, Source.DIGITS))
    return replace(keys, digits=_beginning(digits, keys.codes), pressed_at=at), None


def take(keys: Keys, given: Given) -> tuple[Keys, Event | None]:
    """A complete command: taken, unless it is an echo of the one before from the other source, or of one that
    was read on the channel.
    """
    last = keys.last
    if _was_read(keys.kept, given):
        return keys, None
    if last is not None and not keys.echoed and _same(last, given):
        return replace(keys, last=replace(last, at=max(last.at, given.at)), echoed=True), None
    return replace(keys, last=given, echoed=False), given.command


def read(keys: Keys, kept: Iterable[Given]) -> Keys:
    """These are on the channel, and have been carried out."""
    return replace(keys, kept=tuple(sorted(kept, key=lambda one: one.at)[-KEPT_MAX:]))


def _was_read(kept: tuple[Given, ...], given: Given) -> bool:
    """Whether a command is one of those on the channel, of which none is missing up to the last.

    Digits may also be such as the feature map let through: these it has not kept.
    """
    if not kept or given.at > kept[-1].at + SAME_EVENT:
        return False
    if given.source is Source.FEATURE:
        return given.at <= kept[-1].at or given.command is kept[-1].command
    same = (one for one in kept if one.command is given.command)
    return given.at <= kept[-1].at and any(abs(given.at - one.at) <= SAME_KEYS for one in same)


def _same(last: Given, given: Given) -> bool:
    same = last.command is given.command and last.source is not given.source
    return same and abs(given.at - last.at) <= SAME_KEYS


def _beginning(digits: str, codes: Mapping[str, Event]) -> str:
    """The longest end of ``digits`` that is the beginning of a code."""
    ends = (digits[start:] for start in range(len(digits)))
    return next((end for end in ends if any(code.startswith(end) for code in codes)), "")
