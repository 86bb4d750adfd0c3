"""What is known of a bridged call, and its names in Asterisk.

The names follow from the caller's channel and the endpoint, and the called channel carries in its arguments
whom it is for: a recorder that is started again finds all of it in Asterisk. Nothing is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from ari_recorder.policies.bridge import NORMAL_CLEARING, Bridging, read
from ari_recorder.policies.bridging.effects import Request
from ari_recorder.policies.leg.state import id_of

CALLED = "bridged"
"""First argument with which the called channel enters the application."""


def name(app: str, caller: str, created_at: datetime, endpoint: str) -> str:
    """Asterisk's id of the bridge of a caller's channel that was ``created_at``, and an endpoint."""
    return f"{app}-bridge-{id_of(created_at, caller, endpoint).hex}"


def arguments(wish: Bridging, caller: str) -> str:
    """With what the called channel enters the application."""
    return f"{CALLED},{wish.endpoint},{wish.dial_s},{caller}"


def caller_of(given: Sequence[str]) -> tuple[Bridging, str]:
    """The wish and the caller of a called channel's arguments. Raises `ValueError`."""
    return read(given[1:3]), ",".join(given[3:])


class Stage(IntEnum):
    """How far the called side is."""

    UNKNOWN = 0
    ABSENT = 1
    MADE = 2
    ENTERED = 3
    """It is in the application, and was not dialled yet."""
    UNSURE = 4
    """It may have been dialled."""
    DIALLED = 5
    UP = 6
    GONE = 7


class Alarm(StrEnum):
    """What it is to be woken for."""

    LOOK = "look"
    LATE = "late"
    """What is waited for has taken too long."""


@dataclass(frozen=True)
class Ending:
    """How it ends for the caller: with a ``cause``, or, if there is a ``reason``, in the dialplan."""

    cause: int = NORMAL_CLEARING
    reason: str = ""


@dataclass
class Bridged:
    """A caller, and whom it is to be connected with. A value: `receive` makes a new one."""

    caller: str
    bridge: str
    wish: Bridging
    stage: Stage = Stage.ABSENT
    blind: bool = False
    """What Asterisk has is not known: nothing is asked for before that was seen."""
    caller_there: bool = True
    called_left: bool = False
    """The called side is not in the application any more: it has ended, or was transferred away."""
    caller_up: bool = False
    bridged: bool = False
    joined: frozenset[str] = frozenset()
    introduced: bool = False
    carried: bool = False
    """The answer has been carried over to the caller."""
    made_at: datetime | None = None
    dialled_at: datetime | None = None
    ending: Ending | None = None
    trouble: str = ""
    """Why something was refused, or had no answer."""
    looks: int = 0
    """How often in a row it was not answered what Asterisk has."""
    requests: frozenset[Request] = frozenset()
    done: frozenset[Request] = frozenset()
    """What was asked to end it, and accepted."""
    changed_at: datetime | None = None
    """When it last changed: what was seen before is out of date."""
    alarms: Mapping[Alarm, datetime] = field(default_factory=dict)
    woken_at: datetime | None = None

    @property
    def called(self) -> str:
        """Asterisk's id of the called channel."""
        return f"{self.bridge}-out"

    @property
    def missing(self) -> tuple[str, ...]:
        """The channels that are not in the bridge."""
        return tuple(one for one in (self.caller, self.called) if one not in self.joined)

    @property
    def over(self) -> bool:
        """Whether nothing of it is left in Asterisk."""
        ended = not self.caller_there and self.stage is Stage.GONE and not self.bridged
        return self.ending is not None and ended


def begin(app: str, caller: str, created_at: datetime, wish: Bridging, *, found: bool = False) -> Bridged:
    """A new call; ``found``: the caller waits already, and it is to be seen what there is of it."""
    call = Bridged(caller, name(app, caller, created_at, wish.endpoint), wish)
    if found:
        call.stage, call.blind, call.bridged = Stage.UNKNOWN, True, True
    return call
