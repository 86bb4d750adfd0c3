"""What is looked for among recordings, and the condition that follows; who asks is for `scope` to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.store.models import Counterpart, Group, Membership, Recording, User

TEXT_MAX = 200
"""Longest text that is looked for, in characters."""


@dataclass(frozen=True)
class Wanted:
    """Recordings begun from ``began_from`` on, before ``began_before``, and so on; None asks for nothing.

    ``number`` is of any of the counterparts, or a part of it; ``note`` a part of the note, ``text`` of
    anything that is written of a recording. ``user`` is an id or a number, ``group`` one whose member the
    user is now. Durations are of the audio; a recording in progress has none, and is not found by them.
    ``mode`` is the user's at that time, ``state`` one of `SHOWN_AS`. ``ids`` are those that were chosen.
    """

    began_from: datetime | None = None
    began_before: datetime | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    user: UUID | str | None = None
    number: str | None = None
    mark: str | None = None
    note: str | None = None
    tag1: str | None = None
    tag2: str | None = None
    tag3: str | None = None
    group: UUID | None = None
    direction: str | None = None
    mode: str | None = None
    state: str | None = None
    text: str | None = None
    ids: frozenset[UUID] | None = None


SHOWN_AS: dict[str, Any] = {
    "recording": Recording.state == RecordingState.OPEN,
    "preparing": Recording.state == RecordingState.CLOSING,
    "ready": Recording.state == RecordingState.STORED,
    "problems": Recording.problems != "",
}
"""What a recording is to who looks for it: in progress, being prepared, ready; and with something missing."""


def searchable(number: str) -> bool:
    """Whether a number, or a part of one, can be searched for."""
    return 1 <= len(number) <= NUMBER_MAX and number.isprintable()


def conditions(wanted: Wanted) -> Iterator[Any]:
    """The conditions on `Recording`, joined with its `User`; all of them hold for what is found."""
    for name, condition in _CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None:
            yield condition(value)


def _of_user(user: UUID | str) -> Any:
    return Recording.user == user if isinstance(user, UUID) else User.number == user


def _with_number(number: str) -> Any:
    """Any counterpart whom the recording had; its own column for those of before they were kept."""
    return Recording.counterpart_number.contains(number) | fn.EXISTS(
        _met(Counterpart.number.contains(number))
    )


def _met(condition: Any) -> Any:
    """Those of the leg's counterparts whom the recording had."""
    return Counterpart.select(Counterpart.id).where(
        (Counterpart.leg == Recording.leg)
        & condition
        & (Recording.ended_at.is_null() | (Counterpart.joined_at < Recording.ended_at))
        & (Counterpart.left_at.is_null() | (Counterpart.left_at > Recording.started_at))
    )


def _in_group(group: UUID) -> Any:
    """Of a group of the recording's own organisation: of another's, nobody is found."""
    members = (
        Membership.select(Membership.id)
        .join(Group)
        .where(
            (Membership.group == group)
            & (Membership.user == Recording.user)
            & (Group.organisation == Recording.organisation)
        )
    )
    return fn.EXISTS(members)


def _with_text(text: str) -> Any:
    written = (
        Recording.note,
        Recording.counterpart_number,
        Recording.counterpart_name,
        Recording.tag1,
        Recording.tag2,
        Recording.tag3,
        User.name,
        User.number,
    )
    found = fn.EXISTS(_met(Counterpart.number.contains(text) | Counterpart.name.contains(text)))
    for field in written:
        found = found | field.contains(text)
    return found


_CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "began_from": lambda at: Recording.started_at >= at,
    "began_before": lambda at: Recording.started_at < at,
    "min_duration_s": lambda duration_s: Recording.duration_ms >= duration_s * 1000,
    "max_duration_s": lambda duration_s: Recording.duration_ms <= duration_s * 1000,
    "user": _of_user,
    "number": _with_number,
    "mark": lambda mark: Recording.mark == mark,
    "note": lambda note: Recording.note.contains(note),
    "tag1": lambda tag: Recording.tag1 == tag,
    "tag2": lambda tag: Recording.tag2 == tag,
    "tag3": lambda tag: Recording.tag3 == tag,
    "group": _in_group,
    "direction": lambda direction: Recording.direction == direction,
    "mode": lambda mode: Recording.mode == mode,
    "state": SHOWN_AS.__getitem__,
    "text": _with_text,
    "ids": lambda ids: Recording.id.in_(sorted(ids)),
}
