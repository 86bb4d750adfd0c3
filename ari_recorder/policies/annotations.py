"""What people put on a call: a note, a mark and three tags, and how long each may be (rows S2, S3, T3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARKS = ("red", "orange", "yellow", "green", "blue", "purple", "grey")
"""Colours; an empty mark is none."""
TAGS = ("tag1", "tag2", "tag3")
TAG_MAX = 128
"""Characters."""
NOTE_MAX = 4000
"""Characters."""
FIELDS = ("note", "mark", *TAGS)


def check(changes: Mapping[str, Any]) -> dict[str, str]:
    """The changes, as they are. Raises `ValueError` naming the field; nothing is ever cut."""
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
        raise ValueError(f'{name}: text, such as {name!r}: "…".')
    if "\0" in value or (not value.isprintable() and name != "note"):
        raise ValueError(f"{name}: it has a character that cannot be shown.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: it has half a character (a lone surrogate).") from None
    if name == "mark" and value and value not in MARKS:
        raise ValueError(f"mark: one of {', '.join(MARKS)}, or empty for none.")
    longest = NOTE_MAX if name == "note" else TAG_MAX
    if len(value) > longest:
        raise ValueError(f"{name}: {len(value)} characters; at most {longest}. Nothing was changed.")
