"""What recordings may be looked for by, in the API's words and in the catalogue's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.annotations import TAG_MAX
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.table import Mode
from ari_recorder.store import catalogue
from ari_recorder.store.filters import TEXT_MAX, Wanted
from ari_recorder.store.order import Sort
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.shapes import Direction, Mark, ZeroOrOne

LIMIT = 50
DURATION_MAX_S = 10_000_000

Tag = Annotated[str, Meta(min_length=1, max_length=TAG_MAX, description="Exactly this tag.")]
State = Literal["recording", "preparing", "ready", "problems"]
Seconds = Annotated[float, Meta(ge=0, le=DURATION_MAX_S)]


class Filters(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What recordings are looked for, those of which everything holds, and in what order."""

    from_: (
        Annotated[datetime, Meta(tz=True, description="Begun then or later: a time with its zone.")]
        | UnsetType
    ) = msgspec.field(name="from", default=UNSET)
    to: Annotated[datetime, Meta(tz=True, description="Begun before then.")] | UnsetType = UNSET
    min_duration: (
        Annotated[Seconds, Meta(description="At least so long, in seconds of audio.")] | UnsetType
    ) = UNSET
    max_duration: (
        Annotated[Seconds, Meta(description="At most so long, in seconds of audio.")] | UnsetType
    ) = UNSET
    user: (
        Annotated[str, Meta(min_length=1, max_length=64, description="The recorded user: id or number.")]
        | UnsetType
    ) = UNSET
    number: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=NUMBER_MAX,
                description="Of any counterpart that the recording had, or a part of it.",
            ),
        ]
        | UnsetType
    ) = UNSET
    mark: Annotated[Mark, Meta(description="This mark; empty for those without.")] | UnsetType = UNSET
    note: (
        Annotated[str, Meta(min_length=1, max_length=TEXT_MAX, description="A part of the note.")] | UnsetType
    ) = UNSET
    tag1: Tag | UnsetType = UNSET
    tag2: Tag | UnsetType = UNSET
    tag3: Tag | UnsetType = UNSET
    group: (
        Annotated[UUID, Meta(description="Of users who are members of this group now: its id.")] | UnsetType
    ) = UNSET
    direction: Annotated[Direction, Meta(description="As seen from the recorded user.")] | UnsetType = UNSET
    mode: Annotated[Mode, Meta(description="The mode of the user at that time.")] | UnsetType = UNSET
    state: (
        Annotated[
            State,
            Meta(
                description="`recording` while the call goes on, `preparing`, `ready`; `problems`: something"
                " is missing of it, or not as it should be."
            ),
        ]
        | UnsetType
    ) = UNSET
    q: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=TEXT_MAX,
                description="Words, each in a note, a tag, or the number or name of user or counterpart.",
            ),
        ]
        | UnsetType
    ) = UNSET
    sort: Annotated[
        Sort,
        Meta(description="What comes first. By length, those without one yet are the shortest."),
    ] = Sort.NEWEST


class Search(Filters, forbid_unknown_fields=True, kw_only=True):
    """A page of what is found."""

    limit: Annotated[int, Meta(ge=1, le=catalogue.LIMIT_MAX, description="How many.")] = LIMIT
    cursor: (
        Annotated[
            str, Meta(description="`next_cursor` of the answer before; filters and order stay the same.")
        ]
        | UnsetType
    ) = UNSET
    count: Annotated[ZeroOrOne, Meta(description="`1`: say how many there are, too.")] = "0"


def wanted(query: Filters) -> Wanted:
    """What is looked for. Raises `Refused` (400) for a stretch that ends before it begins."""
    given = {name: value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET}
    if "from_" in given and "to" in given and given["to"] <= given["from_"]:
        raise Refused(400, N_("it has to be later than from."), field="to")
    if given.get("max_duration", DURATION_MAX_S) < given.get("min_duration", 0):
        raise Refused(400, N_("it has to be at least min_duration."), field="max_duration")
    return Wanted(
        **{_ASKED_BY[name]: _read(name, value) for name, value in given.items() if name in _ASKED_BY}
    )


def _read(name: str, value: Any) -> Any:
    """A user may be given by id; a time that no calendar has in UTC is refused (400)."""
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return UUID(value) if name == "user" and isinstance(value, str) and len(value) == 36 else value
    except OverflowError as error:
        raise Refused(400, N_("there is no such time."), field=name.rstrip("_")) from error
    except ValueError:
        return value


_ASKED_BY = {
    "from_": "began_from",
    "to": "began_before",
    "min_duration": "min_duration_s",
    "max_duration": "max_duration_s",
    "user": "user",
    "number": "number",
    "mark": "mark",
    "note": "note",
    "tag1": "tag1",
    "tag2": "tag2",
    "tag3": "tag3",
    "group": "group",
    "direction": "direction",
    "mode": "mode",
    "state": "state",
    "q": "text",
}
"""What each parameter is called in the catalogue."""
