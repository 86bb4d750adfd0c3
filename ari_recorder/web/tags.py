"""Entity tags: a reader knows by them what they have, an editor that nobody was before them (RFC 9110)."""

from __future__ import annotations

import hashlib


def tag_of(content: bytes) -> str:
    """The tag of an answer's body: a part of its SHA-256, in quotes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether ``If-None-Match`` has it, which compares weakly (13.1.2)."""
    return if_none_match.strip() == "*" or tag in (one.removeprefix("W/") for one in _listed(if_none_match))


def is_unchanged(if_match: str, tag: str) -> bool:
    """Whether ``If-Match`` has it, which compares strongly: a weak tag is never the same (13.1.1)."""
    return if_match.strip() == "*" or tag in _listed(if_match)


def _listed(header: str) -> list[str]:
    """None of our tags has a comma in it."""
    return [tag.strip() for tag in header.split(",")]
