"""Everything that a bridged call can ask for. A `Request` has an outcome, which is told to it again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ari_recorder.policies.machine import Effect as Effect
from ari_recorder.policies.machine import Request as Request
from ari_recorder.policies.machine import WakeAt as WakeAt


class Step(Request, Enum):
    """A request that needs no more words."""

    LOOK = "look"
    """See which of the two channels and the bridge there are; see `inputs.Found`."""
    PREPARE = "prepare"
    """Make the bridge: while it is there, the called side has been asked for."""
    CREATE = "create"
    """Make the called channel, which rings nobody yet."""
    INTRODUCE = "introduce"
    """Have the called phone show who calls."""
    DIAL = "dial"
    """Ring the called side."""
    ANSWER = "answer"
    """Answer the caller; from then on the dialplan's own limit holds."""
    DESTROY = "destroy"
    """Let the bridge go."""


@dataclass(frozen=True)
class Join(Request):
    """Put channels into the bridge."""

    channels: tuple[str, ...]


@dataclass(frozen=True)
class HangUp(Request):
    """End a channel with a cause (Q.850)."""

    channel: str
    cause: int


@dataclass(frozen=True)
class SendBack(Request):
    """Let the caller go on in the dialplan, which is told why."""

    reason: str
