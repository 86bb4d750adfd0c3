"""What a leg's machine and a bridged call's have in common.

Each is a value that is told something, and asks for something. Time comes in with each input, and goes out as
"wake me at".
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar, dataclass_transform


@dataclass_transform(frozen_default=True)
class Value:
    """What is said to a machine, or by it: each kind is a frozen dataclass of its fields."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)


class Input(Value):
    """Something that a machine can be told."""


class Effect(Value):
    """Something that a machine can ask for."""


class Request(Effect):
    """Something to be asked of Asterisk or of the disk. Its outcome is told to the machine again."""


class Accepted(Input):
    """What was asked has been done, or begun. What it has found comes after it, as an input of its own."""

    request: Request


class Refused(Input):
    """What was asked has not been done.

    ``missing``: what it was asked of is not there. ``conflict``: it is as asked already.
    """

    request: Request
    why: str
    missing: bool = False
    conflict: bool = False


class Unknown(Input):
    """No answer came: it may have been done, or not."""

    request: Request
    why: str


class Time(Input):
    """It is as late as it is."""


class WakeAt(Effect):
    """Tell the time at ``at``; this replaces what was asked before. None: not at all."""

    at: datetime | None


class Machine(Protocol):
    """What is known. ``requests`` have no outcome yet; ``alarms`` is when it is to be woken, and what for."""

    requests: frozenset[Request]
    alarms: Mapping[Any, datetime]
    woken_at: datetime | None


M = TypeVar("M", bound=Machine)


class Turn(Generic[M]):
    """One step at ``now``: what is changed, and what is asked for, in the order in which it is to be done."""

    def __init__(self, machine: M, now: datetime) -> None:
        self.now = now
        self._machine = copy(machine)
        self._effects: list[Effect] = []

    def note(self, **changes: Any) -> None:
        """Change what is known."""
        for name, value in changes.items():
            setattr(self._machine, name, value)

    def ask(self, request: Request) -> None:
        """Ask for something, unless it has been asked for and no answer has come yet."""
        if request not in self._machine.requests:
            self.ask_again(request)

    def ask_again(self, request: Request) -> None:
        """Ask for something, also if it was asked for: that may have been too early."""
        self._machine.requests |= {request}
        self._effects.append(request)

    def alarm(self, alarm: Any, after_s: float) -> None:
        """Be woken for this after so many seconds."""
        self._machine.alarms = {**self._machine.alarms, alarm: self.now + timedelta(seconds=after_s)}

    def silence(self, *alarms: Any) -> None:
        """Not be woken for these."""
        if any(alarm in self._machine.alarms for alarm in alarms):
            self._machine.alarms = {one: at for one, at in self._machine.alarms.items() if one not in alarms}

    def finish(self) -> tuple[M, list[Effect]]:
        """What is known afterwards, and the effects."""
        wake_at = min(self._machine.alarms.values(), default=None)
        if wake_at != self._machine.woken_at:
            self._machine.woken_at = wake_at
            self._effects.append(WakeAt(wake_at))
        return self._machine, self._effects
