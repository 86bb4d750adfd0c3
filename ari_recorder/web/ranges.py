"""The ``Range`` header of a request for one file (RFC 9110, 14). No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins behind the end of the file."""


@dataclass(frozen=True)
class Span:
    """A part of a file: where it begins, and its length, in bytes."""

    offset: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """The header that goes with it."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size_bytes}"


def parse(header: str | None, size_bytes: int) -> Span | None:
    """The part asked for; None for the whole file.

    Another unit, several ranges or nonsense are ignored, as "a server MAY ignore the Range header field"
    (14.2). Raises `Unsatisfiable` for a range with nothing in it.
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size_bytes)
    if last and int(last) < int(first):
        return None  # "invalid", 14.1.1
    return _from(int(first), int(last) if last else size_bytes - 1, size_bytes)


def _suffix(length: int, size_bytes: int) -> Span:
    length = min(length, size_bytes)
    if length == 0:
        raise Unsatisfiable
    return Span(size_bytes - length, length)


def _from(first: int, last: int, size_bytes: int) -> Span:
    if first >= size_bytes:
        raise Unsatisfiable
    return Span(first, min(last, size_bytes - 1) - first + 1)
