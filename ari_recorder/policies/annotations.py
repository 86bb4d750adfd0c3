"""What people put on a call: a note, a mark and three tags, and how long each may be (rows S2, S3, T3)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ari_recorder.policies.text import first_acting, tidy

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
    """A value that is refused: which ``field``, and what is wrong with it.

    ``longest`` is in characters, ``character`` (``U+202E``) stands at ``position``, from 1.
    """

    def __init__(
        self,
        field: str,
        problem: Problem,
        message: str,
        longest: int | None = None,
        acting: tuple[str, int] = ("", 0),
    ) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.problem, self.longest = field, problem, longest
        self.character, self.position = acting


def check(changes: Mapping[str, Any]) -> dict[str, str]:
    """The changes as they are kept, `tidy`. Raises `ValueError`, for a value `Unfit`; nothing is ever cut."""
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise ValueError(f"Unknown field {unknown[0][:40]!r}; known: {', '.join(FIELDS)}.")
    if not changes:
        raise ValueError(f"Nothing to change: give one or more of {', '.join(FIELDS)}.")
    return {name: _checked(name, value) for name, value in changes.items()}


def _checked(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(name, Problem.NO_TEXT, f'text, such as {name!r}: "…".')
    text = tidy(value)
    if acting := first_acting(text.replace("\r\n", "\n"), lines=name == "note"):
        message = "it has a character that cannot be shown: {} at position {}.".format(*acting)
        raise Unfit(name, Problem.HIDDEN_CHARACTER, message, acting=acting)
    if name == "mark" and text and text not in MARKS:
        raise Unfit(name, Problem.UNKNOWN_MARK, f"one of {', '.join(MARKS)}, or empty for none.")
    longest = NOTE_MAX if name == "note" else TAG_MAX
    if len(text) > longest:
        message = f"{len(text)} characters; at most {longest}. Nothing was changed."
        raise Unfit(name, Problem.TOO_LONG, message, longest)
    return text
