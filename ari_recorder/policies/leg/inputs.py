"""Everything that a leg can be told. Each is a plain value; times are UTC.

``at`` is Asterisk's own time of what happened, where it has one. The time it is told at is given beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.commands import Given
from ari_recorder.policies.leg.state import Announcement
from ari_recorder.policies.machine import Accepted as Accepted
from ari_recorder.policies.machine import Input as Input
from ari_recorder.policies.machine import Refused as Refused
from ari_recorder.policies.machine import Time as Time
from ari_recorder.policies.machine import Unknown as Unknown
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode


class Begun(Input):
    """The leg is followed from now on. ``linkedid`` is Asterisk's name of the call, empty if it did not say.

    ``found``: it began before, so that a `Snapshot` follows, and nothing is asked for until then.
    """

    linkedid: str = ""
    found: bool = False


class Inquired(Input):
    """What the channel's variables say: the call's name, and the codecs it offers or uses."""

    linkedid: str
    codecs: str


class Answered(Input):
    """The channel is up. ``codecs`` are those in use, such as ``(alaw)``; None if Asterisk did not say."""

    at: datetime
    codecs: str | None = None


class HungUp(Input):
    """The channel is gone."""

    at: datetime


class SnoopEntered(Input):
    """A snoop of ours is in the application. ``wide``: whether it carries 16 kHz; None if it is not known."""

    snoop: str
    wide: bool | None = None


class SnoopLeft(Input):
    """A snoop of ours is gone."""

    snoop: str


class FileBegan(Input):
    """Asterisk has begun to write a file."""

    name: str
    at: datetime


class FileClosed(Input):
    """Asterisk has closed a file, or could not write it."""

    name: str
    at: datetime


class Saved(Input):
    """This ``version`` is on disk: in the ``catalogue``, or else in the journal."""

    version: int
    catalogue: bool


class NotSaved(Input):
    """Neither catalogue nor journal can be written."""

    why: str


class Digit(Input):
    """The recorded user has pressed a key."""

    digit: str
    at: datetime


class Featured(Input):
    """Asterisk's feature map has swallowed the recorded user's keys and says what they mean."""

    command: Event
    at: datetime


class Asked(Input):
    """A command from the app, which waits for an answer under ``number``."""

    command: Event
    at: datetime
    number: int


class Annotated(Input):
    """The call's note, mark or tags have been changed."""

    annotations: Mapping[str, str]


class Connected(Input):
    """Who the user talks to has become known, or has changed; ``direction`` if that has, too."""

    counterpart: Counterpart
    at: datetime
    direction: str = ""


class Held(Input):
    """The user has put the other on hold, or with ``on`` False has taken them off it."""

    at: datetime
    on: bool


class Met(Input):
    """Who is at the other end of the channel just now: ``peer``, empty if nobody; ``internal`` if of ours."""

    peer: str
    internal: bool


class Agreed(Input):
    """A dialplan wants this call to have ``mode`` and ``preferences``; it waits under ``number``."""

    mode: Mode
    preferences: Preferences
    number: int


class Placed(Input):
    """A prompt lies where Asterisk can play it. ``number`` as in `effects.Place`; what was put there."""

    number: int
    prompt: Prompt
    media: str
    language: str
    text: str
    sha256: str
    duration_ms: int


class PlaybackBegan(Input):
    """Asterisk has begun to play."""

    snoop: str
    at: datetime


class PlaybackEnded(Input):
    """Asterisk has played, or could not."""

    snoop: str
    at: datetime
    ok: bool


class Said(Input):
    """A prompt was played, or is about to be, before the call is connected."""

    evidence: Announcement


@dataclass(frozen=True)
class Written:
    """What lies in the recording folder under a name: since when, until when, in which format."""

    began_at: datetime
    changed_at: datetime
    format: str


class Snapshot(Input):
    """What Asterisk has, and the recording folder, as asked at ``asked_at``.

    ``state`` is the channel's, None if it is gone. ``answered_at`` and ``ended_at`` are known only where
    Asterisk's call detail records tell. ``live`` are files that are being written, ``queued`` those that wait
    for another of their snoop to end; ``written`` those of the leg's that lie in the folder. ``away`` says
    that events may have been lost before it, ``revived`` that the recorder was started since.
    """

    asked_at: datetime
    state: str | None
    snoops: frozenset[str] = frozenset()
    live: frozenset[str] = frozenset()
    queued: frozenset[str] = frozenset()
    written: Mapping[str, Written] | None = None
    commands: tuple[Given, ...] = ()
    codecs: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    away: bool = False
    revived: bool = False


class Measured(Input):
    """How much is on disk of files (bytes), of those that are seen, and when one of them last changed."""

    sizes: Mapping[str, int]
    changed_at: datetime | None = None
