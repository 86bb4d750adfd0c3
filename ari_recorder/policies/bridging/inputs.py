"""Everything that a bridged call can be told."""

from __future__ import annotations

from datetime import datetime

from ari_recorder.policies.machine import Accepted as Accepted
from ari_recorder.policies.machine import Input as Input
from ari_recorder.policies.machine import Refused as Refused
from ari_recorder.policies.machine import Time as Time
from ari_recorder.policies.machine import Unknown as Unknown


class Begun(Input):
    """It is followed from now on."""


class Entered(Input):
    """The called channel is in the application."""


class Rung(Input):
    """Asterisk has dialled the called side."""


class Answered(Input):
    """The called side is up."""


class Found(Input):
    """What Asterisk had at ``asked_at``: the states of both channels, None for one that is not there.

    A caller that is not in the application is not there. ``entered``: the called one is in it. ``joined`` are
    the channels in the bridge, None if there is no bridge.
    """

    asked_at: datetime
    caller: str | None
    called: str | None
    entered: bool
    joined: frozenset[str] | None


class Gone(Input):
    """The channel has ended, with a cause (Q.850); 0 if that is not known."""

    channel: str
    cause: int = 0


class Left(Input):
    """The channel is not in the application any more."""

    channel: str
