"""Everything that a bridged call can ask for. A `Request` has an outcome, which is told to it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Look:
    """See which of the two channels and the bridge there are; see `Found`."""


@dataclass(frozen=True)
class Prepare:
    """Make the bridge: while it is there, the called side has been asked for."""


@dataclass(frozen=True)
class Create:
    """Make the called channel, which rings nobody yet."""


@dataclass(frozen=True)
class Join:
    """Put channels into the bridge."""

    channels: tuple[str, ...]


@dataclass(frozen=True)
class Introduce:
    """Have the called phone show who calls."""


@dataclass(frozen=True)
class Dial:
    """Ring the called side."""


@dataclass(frozen=True)
class Answer:
    """Answer the caller; from then on the dialplan's own limit holds."""


@dataclass(frozen=True)
class HangUp:
    """End a channel with a cause (Q.850)."""

    channel: str
    cause: int


@dataclass(frozen=True)
class Destroy:
    """Let the bridge go."""


@dataclass(frozen=True)
class SendBack:
    """Let the caller go on in the dialplan, which is told why."""

    reason: str


Request = Look | Prepare | Create | Join | Introduce | Dial | Answer | HangUp | Destroy | SendBack


@dataclass(frozen=True)
class WakeAt:
    """Tell the time at ``at``; this replaces what was asked before. None: not at all."""

    at: datetime | None


@dataclass(frozen=True)
class Over:
    """Nothing of it is left: it can be forgotten."""


Effect = Request | WakeAt | Over
