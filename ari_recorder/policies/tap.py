"""What a dialplan asks for with a tap: ``Gosub(ari-recorder,tap,1(USER,MODE,LANGUAGE,ANNOUNCEMENT))``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.policies.announcements import Audience, Prompt
from ari_recorder.policies.leg.speaking import CUT
from ari_recorder.policies.leg.state import Announcement
from ari_recorder.policies.preferences import Announce, Preferences, check
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Mode, is_recorded

BEFORE = "before"
"""As ANNOUNCEMENT: the start announcement is played before the dialplan goes on."""


class Status(StrEnum):
    """The channel variable ``RECORDER_STATUS`` after a tap."""

    OK = "OK"
    """The call is followed: it is recorded as its mode says."""
    OFF = "OFF"
    """The user is known, and this call is not to be recorded."""
    UNKNOWN = "UNKNOWN"
    """There is no such user."""
    FAILED = "FAILED"
    """It cannot be recorded; also what the dialplan has set if the recorder does not answer."""


@dataclass(frozen=True)
class Told:
    """How a tap went: what the dialplan reads in ``RECORDER_STATUS`` and ``RECORDER_REASON``."""

    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Tap:
    """A dialplan's wishes for one call; what is not wished for is as the user has it."""

    number: str
    """Of the recorded user."""
    organisation: str = ""
    """Its name, where several have that number."""
    mode: Mode | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)
    before: bool = False

    def terms(self, mode: Mode, preferences: Preferences) -> tuple[Mode, Preferences]:
        """What holds for this call of a user who has ``mode`` and ``preferences``."""
        return self.mode or mode, replace(preferences, **self.preferences)


def read(arguments: Sequence[str]) -> Tap:
    """From USER, MODE, LANGUAGE, ANNOUNCEMENT; empty is not given. Raises `ValueError` if it is not known."""
    user, mode, language, announcement, *more = (*map(str.strip, arguments), *[""] * 4)
    number, _, organisation = user.partition("@")
    if not number:
        raise ValueError("No user is given: the first argument is a recorded user's number.")
    if any(more):
        raise ValueError(f"Too many arguments: {','.join(arguments)!r}; USER,MODE,LANGUAGE,ANNOUNCEMENT.")
    if announcement and announcement not in (*Announce, BEFORE):
        allowed = ", ".join((*Announce, BEFORE))
        raise ValueError(f"Announcement {announcement!r} is unknown: use one of {allowed}.")
    wishes = {"language": language} if language else {}
    if announcement and announcement != BEFORE:
        wishes |= dict.fromkeys(("announce_internal", "announce_external"), announcement)
    return Tap(number, organisation, _mode(mode), check(wishes), before=announcement == BEFORE)


def told(against: str, mode: Mode) -> Told:
    """How it went for a user whose mode in this call is ``mode``, unless something stands ``against`` it."""
    if against:
        return Told(Status.FAILED, against)
    if not is_recorded(mode):
        return Told(Status.OFF, f"The user has the mode {mode} for this call.")
    return Told(Status.OK)


# What is kept on the caller's channel until there is a called one


def pack_expected(since: datetime, arguments: Sequence[str]) -> str:
    """What was asked for, and when: ``1795000000.123,101,always``."""
    return ",".join((_packed(since), *arguments))


def unpack_expected(value: str) -> tuple[datetime, Sequence[str]]:
    """Since when, and the arguments. Raises `ValueError`."""
    since, *arguments = value.split(",")
    return _time(since), arguments


def pack_said(said: Iterable[Announcement]) -> str:
    """The evidence of what the caller has heard; its text is found again by its hash."""
    return "|".join(
        ",".join(
            (one.id.hex, one.prompt.audience, one.language, one.sha256, _packed(one.planned_at))
            + ((_packed(one.ended_at), one.outcome) if one.ended_at else ("", ""))
        )
        for one in said
    )


def unpack_said(value: str, now: datetime) -> list[Announcement]:
    """The evidence, without the texts; what was being played was cut off. Raises `ValueError`."""
    found = []
    for one in filter(None, value.split("|")):
        id_, audience, language, sha256, at, ended_at, outcome = one.split(",")
        prompt = Prompt(PromptKind.START, Audience(audience))
        said = Announcement(UUID(id_), prompt, language, "", sha256, _time(at))
        found.append(said.over(_time(ended_at) if ended_at else now, outcome or CUT))
    return found


def _packed(at: datetime) -> str:
    return f"{at.timestamp():.6f}"


def _time(value: str) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)


def _mode(mode: str) -> Mode | None:
    try:
        return Mode(mode) if mode else None
    except ValueError:
        raise ValueError(f"Mode {mode!r} is unknown: use one of {', '.join(Mode)}.") from None
