"""What people put on a call: a note, a mark and three tags, and how long each may be (rows S2, S3, T3)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ari_recorder.policies.text import is_plain

MARKS = ("red", "orange", "yellow", "green", "blue", "purple", "grey")
"""Colours; an empty mark is none."""
TAGS = ("tag1", "tag2", "tag3")
TAG_MAX = 128
"""Characters."""
NOTE_MAX = 4000
"""Characters."""
FIELDS = ("note", "mark", *TAGS)


class Problem(StrEnum):
    """What is wrong with a value."""

    NO_TEXT = "no_text"
    HIDDEN_CHARACTER = "hidden_character"
    """One that cannot be shown, or half of one."""
    UNKNOWN_MARK = "unknown_mark"
    TOO_LONG = "too_long"


class Unfit(ValueError):
    """A value that is refused: which ``field``, and what is wrong with it; ``longest`` in characters."""

    def __init__(self, field: str, problem: Problem, message: str, longest: int | None = None) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.problem, self.longest = field, problem, longest


def check(changes: Mapping[str, Any]) -> dict[str, str]:
    """The changes, as they are. Raises `ValueError`, for a value `Unfit`; nothing is ever cut."""
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise ValueError(f"Unknown field {unknown[0][:40]!r}; known: {', '.join(FIELDS)}.")
    if not changes:
        raise ValueError(f"Nothing to change: give one or more of {', '.join(FIELDS)}.")
    for name, value in changes.items():
        _check_one(name, value)
    return dict(changes)


def _check_one(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise Unfit(name, Problem.NO_TEXT, f'text, such as {name!r}: "…".')
    if not is_plain(value.replace("\r\n", "\n"), lines=name == "note"):
        raise Unfit(name, Problem.HIDDEN_CHARACTER, "it has a character that cannot be shown.")
    if name == "mark" and value and value not in MARKS:
        raise Unfit(name, Problem.UNKNOWN_MARK, f"one of {', '.join(MARKS)}, or empty for none.")
    longest = NOTE_MAX if name == "note" else TAG_MAX
    if len(value) > longest:
        message = f"{len(value)} characters; at most {longest}. Nothing was changed."
        raise Unfit(name, Problem.TOO_LONG, message, longest)
