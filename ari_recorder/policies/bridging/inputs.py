"""Everything that a bridged call can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ari_recorder.policies.bridging.effects import Request


@dataclass(frozen=True)
class Begun:
    """It is followed from now on."""


@dataclass(frozen=True)
class Found:
    """What Asterisk had at ``asked_at``: the states of both channels, None for one that is not there.

    A caller that is not in the application is not there. ``entered``: the called one is in it. ``joined`` are
    the channels in the bridge, None if there is no bridge.
    """

    asked_at: datetime
    caller: str | None
    called: str | None
    entered: bool
    joined: frozenset[str] | None


@dataclass(frozen=True)
class Entered:
    """The called channel is in the application."""


@dataclass(frozen=True)
class Rung:
    """Asterisk has dialled the called side."""


@dataclass(frozen=True)
class Answered:
    """The called side is up."""


@dataclass(frozen=True)
class Gone:
    """The channel has ended, with a cause (Q.850); 0 if that is not known."""

    channel: str
    cause: int = 0


@dataclass(frozen=True)
class Left:
    """The channel is not in the application any more."""

    channel: str


@dataclass(frozen=True)
class Accepted:
    """What was asked has been done, or begun."""

    request: Request


@dataclass(frozen=True)
class Refused:
    """Asterisk has not done it. ``missing``: it is not there. ``conflict``: it is so already."""

    request: Request
    why: str
    missing: bool = False
    conflict: bool = False


@dataclass(frozen=True)
class Unknown:
    """No answer came: it may have been done, or not."""

    request: Request
    why: str


@dataclass(frozen=True)
class Time:
    """It is as late as it is."""


Input = Begun | Found | Entered | Rung | Answered | Gone | Left | Accepted | Refused | Unknown | Time
