"""What the recorder and the process of the pages say to each other (see `ari_recorder.line`).

The recorder tells of the calls that go on and answers; the process gives commands and asks.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ari_recorder import live
from ari_recorder.line import Beat, Message, Unable
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Event, Reason
from ari_recorder.store.rows import LegRow
from ari_recorder.web.context import Part


class Command(Message):
    """A command for a leg; answered."""

    number: int
    leg: UUID
    command: Event


class Annotated(Message):
    """A leg's note, mark or tags have been changed in the store."""

    leg: UUID
    annotations: dict[str, str]


class AskPart(Message):
    """Whether a part of the recorder works; answered."""

    number: int
    name: str


class AskCounters(Message):
    """The recorder's counters; answered."""

    number: int


class Begun(Message):
    """A leg goes on, as it was last told."""

    leg: LegRow


class Over(Message):
    """A leg is over."""

    leg: UUID


class Changed(Message):
    """A leg as it has become."""

    leg: LegRow


class Refused(Message):
    """A command that changed nothing."""

    leg: LegRow
    command: Event
    source: Source
    reason: Reason
    at: datetime


class Answered(Message):
    """What became of a command; None where the recorder is stopping."""

    number: int
    leg: LegRow | None
    reason: Reason | None = None
    problem: str = ""


class NoSuchLeg(Message):
    """The leg of a command is over."""

    number: int


class TellPart(Message):
    """Whether the part works."""

    number: int
    part: Part


class TellCounters(Message):
    """The counters, as Prometheus reads them."""

    number: int
    text: bytes


FromPages = Beat | Unable | Command | Annotated | AskPart | AskCounters
FromRecorder = Beat | Begun | Over | Changed | Refused | Answered | NoSuchLeg | TellPart | TellCounters


def told(message: live.Told) -> FromRecorder:
    """What a `live.Live` tells, as a message."""
    match message:
        case live.Begun(row):
            return Begun(row)
        case live.Over(leg):
            return Over(leg)
        case live.Changed(row):
            return Changed(row)
        case live.Refused(row, command, source, reason, at):
            return Refused(row, command, source, reason, at)
