"""What is known of a bridged call, and its names in Asterisk.

The names follow from the caller's channel and the endpoint, and the called channel carries in its arguments
whom it is for: a recorder that is started again finds all of it in Asterisk. Nothing is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from ari_recorder.policies.bridging.effects import Request
from ari_recorder.policies.leg.state import id_of

DIAL_S = 30
"""How long it rings when nothing is said."""
NORMAL_CLEARING, NO_ANSWER = 16, 19
"""Causes (Q.850)."""
ENDPOINT_MAX = 200
"""Characters."""
SECONDS_MAX = 3600
CALLED = "bridged"
"""First argument with which the called channel enters the application."""


@dataclass(frozen=True)
class Bridging:
    """Whom to call, and how long to let it ring (s)."""

    endpoint: str
    dial_s: int = DIAL_S


def read(arguments: Sequence[str]) -> Bridging:
    """From ENDPOINT, SECONDS; empty is not given. Raises `ValueError` for what cannot be.

    A dialplan asks for it by ``Stasis(ari_recorder,bridge,PJSIP/102,25)``.
    """
    endpoint, seconds, *more = (*map(str.strip, arguments), *[""] * 2)
    technology, _, resource = endpoint.partition("/")
    if not technology or not resource or "&" in endpoint or len(endpoint) > ENDPOINT_MAX:
        raise ValueError(f"{endpoint[:50]!r} is no endpoint: one is wanted, such as PJSIP/102.")
    if any(more):
        raise ValueError(f"Too many arguments: {','.join(arguments)!r}; ENDPOINT,SECONDS.")
    if seconds and not (seconds.isascii() and seconds.isdigit() and 0 < int(seconds[:9]) <= SECONDS_MAX):
        raise ValueError(f"{seconds[:50]!r} is no number of seconds to ring, 1 to {SECONDS_MAX}.")
    return Bridging(endpoint, int(seconds) if seconds else DIAL_S)


def cause(cause: int, *, answered: bool) -> int:
    """The cause that the caller is told when the called side ends with ``cause``, 0 if that is unknown."""
    return cause or (NORMAL_CLEARING if answered else NO_ANSWER)


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
    taken: str = ""
    """Why the called side was not made, if Asterisk says that it is there; which it may only seem to be."""
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
