"""Everything that a bridged call can ask for. A `Request` has an outcome, which is told to it again."""

from __future__ import annotations

from ari_recorder.policies.machine import Effect as Effect
from ari_recorder.policies.machine import Request as Request
from ari_recorder.policies.machine import WakeAt as WakeAt


class Look(Request):
    """See which of the two channels and the bridge there are; see `inputs.Found`."""


class Prepare(Request):
    """Make the bridge: while it is there, the called side has been asked for."""


class Create(Request):
    """Make the called channel, which rings nobody yet."""


class Introduce(Request):
    """Have the called phone show who calls."""


class Dial(Request):
    """Ring the called side."""


class Answer(Request):
    """Answer the caller; from then on the dialplan's own limit holds."""


class Destroy(Request):
    """Let the bridge go."""


class Join(Request):
    """Put channels into the bridge."""

    channels: tuple[str, ...]


class HangUp(Request):
    """End a channel with a cause (Q.850)."""

    channel: str
    cause: int


class SendBack(Request):
    """Let the caller go on in the dialplan, which is told why."""

    reason: str
