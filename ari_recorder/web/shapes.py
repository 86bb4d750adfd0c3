"""What the API shows of recordings and of calls, and how it writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.annotations import MARKS, NOTE_MAX, TAG_MAX
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Event, Mode, State

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, in UTC, with milliseconds."""
Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Direction = Literal["inbound", "outbound"]
"""As seen from the recorded user."""
ZeroOrOne = Literal["0", "1"]
Mark = Literal[("", *MARKS)]  # type: ignore[valid-type]


def time(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_or_none(at: datetime | None) -> str | None:
    """As `time`."""
    return None if at is None else time(at)


class Party(msgspec.Struct):
    """Somebody who takes part: empty where it is not known."""

    number: str | None
    name: str


class RecordedUser(msgspec.Struct):
    """Whose leg it is."""

    id: Id
    number: str | None
    name: str


class CounterpartSpan(msgspec.Struct):
    """Whom the user was connected to, and when, by Asterisk's clock; `left_at` is null while they talk."""

    number: str
    name: str
    joined_at: Time
    left_at: Time | None


class Recording(msgspec.Struct):
    """What is kept of one recorded user's leg of a call, for one stretch of time."""

    id: Id
    state: Annotated[
        RecordingState,
        Meta(
            description="`open` while the call goes on, `closing` while it is prepared, `stored` when ready;"
            " `discarding`, `discarded` and `empty` have no audio."
        ),
    ]
    mode: Mode
    kept: Annotated[bool, Meta(description="False while it is provisional.")]
    user: RecordedUser
    counterpart: Annotated[Party, Meta(description="The last of `counterparts`.")]
    counterparts: Annotated[
        list[CounterpartSpan],
        Meta(description="Whom the user was connected to meanwhile, in the order of time."),
    ]
    direction: Annotated[Direction, Meta(description="As seen from the recorded user.")]
    internal: Annotated[bool, Meta(description="Whether the counterpart is of the same organisation.")]
    answered_at: Time
    started_at: Time
    ended_at: Time | None
    stored_at: Time | None
    duration_ms: Annotated[int, Meta(description="Length of the audio: pauses are not in it.")] | None
    problems: Annotated[
        list[str], Meta(description="Sentences about what is missing or not as it should be.")
    ]
    media_type: str | None
    sample_rate_hz: int | None
    size_bytes: int | None
    sha256: Annotated[str, Meta(description="Of the audio file.")] | None
    left_dbfs: Annotated[float, Meta(description="Level of the user; null when silent throughout.")] | None
    right_dbfs: (
        Annotated[float, Meta(description="Level of the counterpart; null when silent throughout.")] | None
    )
    note: str
    mark: str
    tag1: str
    tag2: str
    tag3: str
    pbx: str
    call: Annotated[
        str,
        Meta(
            description="Names the conversation, the same for each user that was recorded in it.",
            extra_json_schema={"format": "uuid"},
        ),
    ]
    leg: Annotated[Id, Meta(description="The `id` that the call had in `/calls`, for this user.")]


class Count(msgspec.Struct):
    """How many were found: exactly ``number``, or with ``more`` more than that, which nobody counted."""

    number: int
    more: bool


class Recordings(msgspec.Struct):
    """A page of recordings, in the order that was asked for."""

    recordings: list[Recording]
    next_cursor: Annotated[str, Meta(description="For the next page; null on the last.")] | None
    count: Annotated[Count, Meta(description="If it was asked for.")] | UnsetType = UNSET


class Waveform(msgspec.Struct):
    """The highest sample of both sides in each of `buckets` equal stretches of time."""

    version: int
    channels: int
    buckets: int
    duration_ms: int | None
    peaks: Annotated[list[int], Meta(description="0 to 255, left and right in turn.")]


class SegmentSpan(msgspec.Struct):
    """An unbroken stretch: when it was spoken, and where it is in the file."""

    ordinal: int
    began_at: Time
    ended_at: Time | None
    offset_ms: int | None
    duration_ms: int | None


class Played(msgspec.Struct):
    """A prompt or a tone that was played to the parties: the evidence of it."""

    kind: str
    sound: str
    language: str
    text: str
    sha256: Annotated[str, Meta(description="Of the audio that was played.")]
    heard_by: Literal["both", "user", "counterpart"]
    began_at: Time | None
    ended_at: Time | None
    outcome: Literal["", "played", "cut", "failed"]


class OnHold(msgspec.Struct):
    """A time in which the user had put the other on hold; `ended_at` is null while it lasts."""

    began_at: Time
    ended_at: Time | None


class Timeline(msgspec.Struct):
    """The unbroken stretches of a recording, when the other was on hold, and what was played meanwhile."""

    segments: list[SegmentSpan]
    announcements: list[Played]
    on_hold: list[OnHold]


class Annotating(msgspec.Struct, forbid_unknown_fields=True):
    """What of note, mark and tags is to be changed; what is left out stays. Nothing is ever cut."""

    note: Annotated[str, Meta(max_length=NOTE_MAX)] | UnsetType = UNSET
    mark: Annotated[Mark, Meta(description="A colour; empty for none.")] | UnsetType = UNSET
    tag1: Annotated[str, Meta(max_length=TAG_MAX)] | UnsetType = UNSET
    tag2: Annotated[str, Meta(max_length=TAG_MAX)] | UnsetType = UNSET
    tag3: Annotated[str, Meta(max_length=TAG_MAX)] | UnsetType = UNSET


class Annotations(msgspec.Struct):
    """Note, mark and tags of a call: one recorded user's leg. All its recordings have them."""

    id: Id
    note: str
    mark: str
    tag1: str
    tag2: str
    tag3: str


class AnnotationChange(msgspec.Struct):
    """One change of a note, a mark or a tag."""

    at: Time
    by: Annotated[str, Meta(description="The name of the user or the token; empty if it is not known.")]
    field: Literal["note", "mark", "tag1", "tag2", "tag3"]
    before: str
    after: str


class History(msgspec.Struct):
    """Every change of a recording's note, mark and tags, the oldest first."""

    changes: list[AnnotationChange]


class Call(msgspec.Struct):
    """One recorded user's leg of a call. A call between two recorded users is two of these."""

    id: Id
    own: Annotated[bool, Meta(description="Whether who asks may give commands in it.")]
    annotatable: Annotated[bool, Meta(description="Whether who asks may set note, mark and tags.")]
    call: Annotated[
        str,
        Meta(
            description="Names the conversation, the same in each leg of it.",
            extra_json_schema={"format": "uuid"},
        ),
    ]
    pbx: str
    user: RecordedUser
    counterpart: Party
    direction: Annotated[Direction, Meta(description="As seen from the recorded user.")]
    internal: Annotated[bool, Meta(description="Whether the counterpart is of the same organisation.")]
    mode: Mode
    state: Annotated[
        State,
        Meta(description="`idle`: answered, not recorded; `provisional`: destroyed unless start is given."),
    ]
    since: Annotated[
        str, Meta(description="When the state began.", extra_json_schema={"format": "date-time"})
    ]
    commands: Annotated[list[Event], Meta(description="Those that would change something now.")]
    began_at: Time
    answered_at: Time | None
    ended_at: Time | None
    recording: (
        Annotated[
            str,
            Meta(
                description="The one that is open, or else the last that there was.",
                extra_json_schema={"format": "uuid"},
            ),
        ]
        | None
    )
    note: str
    mark: str
    tag1: str
    tag2: str
    tag3: str


class Calls(msgspec.Struct):
    """The calls that go on, the oldest first."""

    calls: list[Call]


class Commanded(msgspec.Struct):
    """What came of a command; `already` if it changed nothing as it was so before."""

    call: Call
    already: bool


class LiveSnapshot(msgspec.Struct, tag_field="type", tag="snapshot"):
    """The first message: the calls that go on; `at` is the recorder's time."""

    at: Time
    calls: list[Call]


class LiveCall(msgspec.Struct, tag_field="type", tag="call"):
    """A call has changed; one whose state is `ended` is over."""

    call: Call


class LiveRefused(msgspec.Struct, tag_field="type", tag="refused"):
    """A command changed nothing."""

    id: Id
    command: str
    source: Annotated[str, Meta(description="`digits`, `feature` or `app`.")]
    reason: str
    detail: str
    at: Time


LiveMessage = LiveSnapshot | LiveCall | LiveRefused
"""What the live feed tells."""


class Prompt(msgspec.Struct):
    """Something that is said or played in calls about their recording."""

    kind: str
    language: Annotated[str, Meta(description="`-` of a tone.")]
    text: Annotated[str, Meta(description="What it says.")]
    own: Annotated[bool, Meta(description="False for one that ships.")]
    file_name: str
    duration_ms: int
    sha256: Annotated[str, Meta(description="Of the WAV file.")]
    changed_at: Time | None
    audio: Annotated[str, Meta(description="Its address.")]


class Prompts(msgspec.Struct):
    """Every prompt, speech by language and then the tones."""

    prompts: list[Prompt]
