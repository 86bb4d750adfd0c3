"""What is known of a leg, and the names of everything that is made for it in Asterisk.

Names and ids follow from the leg's own id and its counters, and that from the PBX's name, the channel's id
and its time of creation, which Asterisk tells of every channel: so whatever is found in Asterisk or in the
recording folder says by its name whose it is, and nothing has to be written down before it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.commands import Keys
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg.effects import Request
from ari_recorder.policies.parties import Counterpart, OnHold, Stretch
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Decision, Event, Standing

INWARD, OUTWARD = SIDES = ("in", "out")
"""The two directions of a leg: what its user says, and what its user hears."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def id_of(at: datetime, *parts: object) -> UUID:
    """An id that sorts by ``at`` and follows from ``parts``: a UUIDv7 (RFC 9562) with a hash for chance."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    ms = (at - EPOCH) // timedelta(milliseconds=1)
    bits = int.from_bytes(digest[:10]) & ~(0xF << 76)
    value = (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | bits
    return UUID(int=value & ~(0xC << 60) | 0x8 << 60)


class Alarm(StrEnum):
    """What a leg is to be woken for."""

    ARM = "arm"
    """Both snoops should have entered by now, or may be asked for again."""
    LOOK = "look"
    """What Asterisk has is not known."""
    CLOSE = "close"
    """Files that were to end should be closed by now."""
    LOSS = "loss"
    """What ended by itself may have ended with its call; and what just failed may fail again."""
    FULL = "full"
    """The segment has its longest length."""
    GROWTH = "growth"
    """What is being written should have grown."""
    REPLY = "reply"
    """The app waits for an answer."""
    MEET = "meet"
    """Somebody should be at the other end by now."""
    SPEAK = "speak"
    """A prompt's time has come, or it should be over."""
    WARN = "warn"
    """The next warning tone."""


@dataclass(frozen=True)
class Files:
    """The two files that Asterisk writes side by side, the ``number``-th of a leg, on snoops of ``arming``.

    Times are those of both sides, None as long as they are not known. ``stopping``: their end is wanted.
    ``roll``: they are to follow on those before without a gap. ``broken`` says why they are not written as
    they should be, ``dry_at`` since when they did not grow, ``absent`` that there is nothing of them.
    ``newer_than``: they want snoops of an arming after this one.
    """

    number: int
    arming: int = 0
    format: str = ""
    asked_at: datetime | None = None
    began: tuple[datetime | None, datetime | None] = (None, None)
    ended: tuple[datetime | None, datetime | None] = (None, None)
    stopping: bool = False
    stop_asked: bool = False
    roll: bool = False
    broken: str = ""
    dry_at: datetime | None = None
    absent: bool = False
    newer_than: int = 0

    @property
    def over(self) -> bool:
        """Whether both are closed, and it is known since when they reach; or they never came to be."""
        if self.asked_at is None:
            return self.stopping
        return all(self.ended) and (self.absent or all(self.began))

    def closed_by(self, at: datetime) -> Files:
        """These, closed at ``at`` where it is not known when; of a side that never began nothing is kept."""
        ended = (self.ended[0] or at, self.ended[1] or at)
        return replace(self, began=(self.began[0] or ended[0], self.began[1] or ended[1]), ended=ended)


@dataclass(frozen=True)
class Segment:
    """An unbroken stretch of a recording, in the ``files`` of that number.

    It was ``due_at``; ``began_at`` and ``ended_at`` are what is kept of it, ``file_began_at`` and
    ``file_ended_at`` what its files cover. ``since`` and ``until`` are the times of commands that bound it.
    ``lost``: it ended by itself. ``cause``: why it began late, if it did. ``dry_at``: since when one of its
    files did not grow, though it was written.
    """

    ordinal: int
    files: int
    due_at: datetime
    began_at: datetime
    format: str = ""
    since: datetime | None = None
    until: datetime | None = None
    continues: bool = False
    lost: bool = False
    cause: str = ""
    ended_at: datetime | None = None
    dry_at: datetime | None = None
    file_began_at: datetime | None = None
    file_ended_at: datetime | None = None
    outward_late_ms: float = 0.0

    @property
    def nothing(self) -> bool:
        """Whether nothing of its files is to be kept, or nothing was written."""
        return self.ended_at == self.began_at or (self.since is not None and self.since == self.until)


@dataclass(frozen=True)
class Recording:
    """What is kept of a leg, the ``ordinal``-th. ``announced``: its parties have heard that it began.
    ``complete``: all its files are closed, and what is missing is in ``problems``.
    """

    ordinal: int
    opened_at: datetime
    kept: bool
    counterpart: Counterpart
    internal: bool
    state: RecordingState = RecordingState.OPEN
    ended_at: datetime | None = None
    segments: tuple[Segment, ...] = ()
    problems: tuple[str, ...] = ()
    announced: bool = False
    complete: bool = False


@dataclass(frozen=True)
class Announcement:
    """The evidence of a prompt: what was played to whom, when, and how it went."""

    id: UUID
    prompt: Prompt
    language: str
    text: str
    sha256: str
    planned_at: datetime
    recording: int = 0
    """The recording that ran then; 0 if none did."""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""

    def over(self, at: datetime, outcome: str) -> Announcement:
        """As it is when that went on until then, without more being told of it."""
        return replace(self, began_at=self.planned_at, ended_at=at, outcome=outcome)


@dataclass(frozen=True)
class Speaking:
    """The prompt that is being played, or is to be, the ``number``-th of the leg.

    It has ``media`` when Asterisk can play it; with ``version`` of the leg its evidence is on disk.
    ``entered``: its snoop is in the application; ``asked``: Asterisk has been asked to play.
    """

    number: int
    prompt: Prompt
    media: str = ""
    duration_ms: int = 0
    version: int = 0
    entered: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Untold:
    """What was decided, and is told when it has been carried out.

    ``closes`` are files that have to be closed before, ``begins`` says that some have to be written, and
    ``version`` is the one that has to be on disk. ``number`` is under which the app waits.
    """

    before: Standing
    event: Event
    decision: Decision
    at: datetime
    closes: tuple[int, ...] = ()
    begins: bool = False
    version: int = 0
    number: int | None = None


@dataclass
class Leg:
    """A recorded user's channel in a call. A value: `receive` makes a new one and leaves this as it is."""

    id: UUID
    app: str
    pbx: str
    channel: str
    channel_name: str
    user: UUID
    organisation: UUID
    user_number: str
    user_name: str
    created_at: datetime
    direction: str
    counterpart: Counterpart
    preferences: Preferences
    standing: Standing
    """Where it is by the table of modes."""
    told: Standing
    """Where it is as far as others have been told."""
    keys: Keys
    segment_max_s: float = 3600.0
    """How long a segment is before it is rolled over."""
    gone_after_s: float = 300.0
    """How long Asterisk may not answer before what does not grow any more is over."""
    linkedid: str = ""
    internal: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    due: bool = False
    """It has a line in the ledger."""
    recordings: tuple[Recording, ...] = ()
    counterparts: tuple[Stretch, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    arming: int = 0
    """How often snoops have been asked for."""
    unarmed: int = 0
    """How often in a row that came to nothing."""
    taken: int = 0
    """How many files have been begun."""
    said: int = 0
    """How many prompts have been begun."""
    files: tuple[Files, ...] = ()
    trouble: str = ""
    """What last went wrong, as it is told of what is missing."""
    version: int = 0
    holds: tuple[OnHold, ...] = ()
    """When the user had put the other on hold."""
    annotations: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FIELDS, ""))

    # From here on: how far it is just now. It is not kept.

    codecs: str = ""
    entered: frozenset[str] = frozenset()
    """Snoops of the current arming that are in the application."""
    wide: bool | None = None
    """Whether these carry 16 kHz."""
    armed_at: datetime | None = None
    leaving: frozenset[str] = frozenset()
    """Snoops that were let go, and may be there yet."""
    held: frozenset[str] = frozenset()
    """Snoops that have lost what they were to record, and are kept until others listen in their place."""
    strays: frozenset[str] = frozenset()
    """Files that were given up, and are being written nevertheless."""
    recorded_at: datetime | None = None
    """When an outcome of a request to write a file last came."""
    requests: frozenset[Request] = frozenset()
    """Those without an outcome yet."""
    alarms: Mapping[Alarm, datetime] = field(default_factory=dict)
    woken_at: datetime | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    measured: tuple[str, ...] = ()
    """The files of which it was last measured how much is on disk."""
    untold: tuple[Untold, ...] = ()
    speaking: Speaking | None = None
    meeting: str = ""
    """Why it is to be seen who is at the other end: ``answered`` or ``joined``."""
    meet_until: datetime | None = None
    agreeing: tuple[int, ...] = ()
    saved: int = 0
    unsaved: str = ""
    """Why neither catalogue nor journal can be written."""
    looks: int = 0
    """How often in a row it was not answered what Asterisk has, since `unanswered_at`."""
    unanswered_at: datetime | None = None
    grown_at: datetime | None = None
    """When what is being written was last seen to have grown."""
    named: Counterpart = field(default_factory=Counterpart)
    """Whose name Asterisk said last."""

    prefix: str = field(init=False, repr=False)
    """What the name of everything made in Asterisk for it begins with."""

    def __post_init__(self) -> None:
        self.prefix = f"{self.app}-{self.id.hex}-{self.user.hex}-"

    def __copy__(self) -> Leg:
        twin = object.__new__(Leg)
        twin.__dict__.update(self.__dict__)
        return twin

    @property
    def call(self) -> UUID:
        """The catalogue's id of the conversation: the same for all its legs of an organisation."""
        linkedid = self.linkedid or self.channel
        seconds, dot, _ = linkedid.rpartition("-")[2].partition(".")
        at = EPOCH + timedelta(seconds=int(seconds[:11])) if dot and seconds.isdecimal() else EPOCH
        return id_of(at, self.pbx, "call", self.organisation, linkedid)

    @property
    def snoops(self) -> tuple[str, str]:
        """The snoop channels of the current arming, the inward one first."""
        return f"{self.prefix}s{self.arming}-{INWARD}", f"{self.prefix}s{self.arming}-{OUTWARD}"

    @property
    def whisper(self) -> str:
        """The snoop channel that plays the current prompt, and the playback on it."""
        return f"{self.prefix}w{self.said}"

    @property
    def needed(self) -> frozenset[str]:
        """The snoop channels that are in use, or are about to be."""
        armed = frozenset(self.snoops if self.armed_at is not None else ()) | self.held
        return armed | {self.whisper} if self.speaking is not None else armed

    @property
    def recording(self) -> Recording | None:
        """The one that is open."""
        last = self.recordings[-1] if self.recordings else None
        return last if last is not None and last.state is RecordingState.OPEN else None

    @property
    def running(self) -> Files | None:
        """The files that are being written, or are to be."""
        return next((one for one in self.files if not one.stopping and not one.roll), None)

    @property
    def awaited(self) -> bool:
        """Whether something waits for this to be on disk: the confirmation of a command, or a prompt."""
        versions = [one.version for one in self.untold]
        return max([*versions, self.speaking.version if self.speaking else 0]) > self.saved

    @property
    def file_names(self) -> tuple[str, ...]:
        """Asterisk's names of all that is being written, or may be."""
        return tuple(name for one in self.files for name in file_names(self.prefix, one.number))

    def recording_id(self, ordinal: int) -> UUID:
        """The catalogue's id of a recording."""
        return id_of(self.created_at + timedelta(milliseconds=ordinal), self.id, "recording", ordinal)

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done, but to write it down."""
        return self.ended_at is not None and not (self.files or self.untold or self.speaking)


def file_names(prefix: str, number: int) -> tuple[str, str]:
    """Asterisk's names of both files of a number, the inward one first."""
    return f"{prefix}r{number}-{INWARD}", f"{prefix}r{number}-{OUTWARD}"


def number_of(name: str, prefix: str) -> int:
    """Of ``r12-in`` behind a prefix; 0 if it is none."""
    digits = name.removeprefix(prefix).partition("-")[0] if name.startswith(prefix) else ""
    return int(digits) if digits.isdecimal() else 0


def is_wide(codecs: str) -> bool:
    """Whether ``(g722|alaw)`` has a codec of more than 8 kHz in it."""
    names = codecs.strip("()").split("|")
    return any(name and name != "none" and name not in NARROW_CODECS for name in names)


NARROW, WIDE = "wav", "wav16"
"""Asterisk's file formats for 8 and 16 kHz."""

NARROW_CODECS = frozenset(
    {"ulaw", "alaw", "gsm", "g723", "g726", "g726aal2", "g729", "ilbc"}
    | {"slin", "adpcm", "lpc10", "speex", "codec2", "amr"}
)
"""Asterisk's names of the codecs of 8 kHz; every other carries more."""
