"""Everything that a leg can ask for. A `Request` has an outcome, which is told to the leg again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.commands import Source
from ari_recorder.policies.machine import Effect as Effect
from ari_recorder.policies.machine import Request as Request
from ari_recorder.policies.machine import WakeAt as WakeAt
from ari_recorder.policies.table import Event, Reason

Direction = Literal["none", "both", "out", "in"]
"""Seen from the channel: what comes in from its party, and what goes out to it."""


class Snoop(Request):
    """Listen (``spy``) or whisper to the leg's channel, with a channel named ``snoop``."""

    snoop: str
    spy: Direction = "none"
    whisper: Direction = "none"


class Record(Request):
    """Write what a snoop hears to a file."""

    snoop: str
    name: str
    format: str


class Stop(Request):
    """End a file and keep it."""

    name: str


class Release(Request):
    """Hang up a snoop."""

    snoop: str


class HangUp(Request):
    """End the call, as the failure setting says."""


class Place(Request):
    """Put a prompt where Asterisk can play it, for the parties that are there now; see `inputs.Placed`."""

    number: int
    prompt: Prompt


class Play(Request):
    """Play to a snoop that whispers."""

    snoop: str
    media: str


class Meet(Request):
    """See who is at the other end of the channel; see `inputs.Met`."""


class Inquire(Request):
    """Ask for the channel's variables; see `inputs.Inquired`."""


class Look(Request):
    """See what there is of the channel, its snoops, and ``files``; see `inputs.Snapshot`."""

    files: tuple[str, ...] = ()


class Measure(Request):
    """See how much is on disk of ``files``; see `inputs.Measured`."""

    files: tuple[str, ...]


class Save(Effect):
    """Write the leg down, as it is now; see `inputs.Saved`."""

    version: int


class Tell(Effect):
    """The leg has changed: tell who follows it. ``event`` is what has been carried out, if that is why."""

    event: Event | None = None


class TellRefused(Effect):
    """A command has changed nothing: tell who follows the leg."""

    command: Event
    source: Source
    reason: Reason
    at: datetime


class Reply(Effect):
    """Answer the app: ``reason`` says why nothing was changed, ``problem`` what went wrong."""

    number: int
    reason: Reason | None = None
    problem: str = ""


class Agree(Effect):
    """Answer the dialplan: what stands ``against`` it, in words; empty if nothing does."""

    number: int
    against: str = ""
