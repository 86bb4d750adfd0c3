"""How a recorded user's keys become commands: DTMF codes, and the same command coming twice.

Digits reach the recorder in two ways: as digits, and, where Asterisk's feature map swallows them, as a user
event. Both can arrive for the same keys; they are one command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ari_recorder.policies.table import Event

BETWEEN_DIGITS = timedelta(seconds=3)
"""A longer wait between two digits begins a new code."""
SAME_KEYS = timedelta(seconds=2)
"""Within this time the same command from the other source is the same keys."""

DEFAULT_CODES: dict[str, Event] = {
    "*44": Event.START,
    "*45": Event.STOP,
    "*48": Event.PAUSE,
    "*49": Event.RESUME,
}
"""The codes that users of hosted telephony know (row C2)."""


class Source(StrEnum):
    """How a command came."""

    DIGITS = "digits"
    FEATURE = "feature"


@dataclass(frozen=True)
class Given:
    """A command, how it came and when (UTC)."""

    command: Event
    source: Source
    at: datetime


@dataclass(frozen=True)
class Keys:
    """What a user has pressed so far: the beginning of a code, and the last command that was taken."""

    digits: str = ""
    pressed_at: datetime | None = None
    last: Given | None = None
    codes: dict[str, Event] = field(default_factory=lambda: DEFAULT_CODES)


def press(keys: Keys, digit: str, at: datetime) -> tuple[Keys, Event | None]:
    """One digit of the user's own: the keys afterwards, and the command if a code is complete."""
    waited = keys.pressed_at is not None and at - keys.pressed_at > BETWEEN_DIGITS
    digits = ("" if waited else keys.digits) + digit
    command = keys.codes.get(digits)
    if command is not None:
        return take(Keys(last=keys.last, codes=keys.codes), Given(command, Source.DIGITS, at))
    return Keys(_beginning(digits, keys.codes), at, keys.last, keys.codes), None


def take(keys: Keys, given: Given) -> tuple[Keys, Event | None]:
    """A complete command: taken, unless it is the echo of the one before from the other source."""
    last = keys.last
    same = last is not None and last.command is given.command and last.source is not given.source
    if same and last is not None and abs(given.at - last.at) <= SAME_KEYS:
        return Keys(keys.digits, keys.pressed_at, None, keys.codes), None
    return Keys(keys.digits, keys.pressed_at, given, keys.codes), given.command


def _beginning(digits: str, codes: dict[str, Event]) -> str:
    """The longest end of ``digits`` that is the beginning of a code."""
    ends = (digits[start:] for start in range(len(digits)))
    return next((end for end in ends if any(code.startswith(end) for code in codes)), "")
