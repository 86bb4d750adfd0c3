"""What is looked for among recordings; who asks is for `scope` to say, and how it is found for `finding`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.parties import NUMBER_MAX

TEXT_MAX = 200
"""Longest text that is looked for, in characters."""


@dataclass(frozen=True)
class Wanted:
    """Recordings begun from ``began_from`` on, before ``began_before``, and so on; None asks for nothing.

    ``number`` is of any of the counterparts, or a part of it, in any writing; ``note`` a part of the note.
    ``text`` is words, each a part of anything that is written of a recording, its user's name and number
    too. Neither case nor accents matter, and one or two characters find words that begin with them
    (`policies.search`). ``user`` is an id or a number, ``group`` one whose member the user is now. Durations
    are of the audio; a recording in progress has none, and is not found by them. ``mode`` is the user's at
    that time, ``state`` one of ``recording``, ``preparing`` and ``ready``, or ``problems``: of which
    something is missing or not as it should be.
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


def searchable(number: str) -> bool:
    """Whether a number, or a part of one, can be searched for."""
    return 1 <= len(number) <= NUMBER_MAX and number.isprintable()


def as_text(wanted: Wanted) -> str:
    """As JSON, to be kept; a user named by id is ``user_id``."""
    given = (_kept(name, value) for name, value in vars(wanted).items() if value is not None)
    return json.dumps(dict(given), sort_keys=True)


def from_text(text: str) -> Wanted:
    """What was kept. Raises `ValueError` or `TypeError` if it is none."""
    given: dict[str, Any] = json.loads(text)
    if "user_id" in given:
        given["user"] = UUID(given.pop("user_id"))
    if "group" in given:
        given["group"] = UUID(given["group"])
    for name in ("began_from", "began_before"):
        if name in given:
            given[name] = datetime.fromisoformat(given[name])
    return Wanted(**given)


def _kept(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, datetime):
        return name, value.isoformat()
    if isinstance(value, UUID):
        return ("user_id" if name == "user" else name), str(value)
    return name, value
