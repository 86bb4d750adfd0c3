"""A moment of a recording as an address says it: ``?t=83``, ``?t=1:23``. No I/O."""

from __future__ import annotations

import re

_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_CLOCK = re.compile(r"([0-9]{1,3}:)?[0-9]{1,3}:[0-9]{2}")


def read_moment(text: str) -> float | None:
    """Seconds from the beginning; None if it is no moment: seconds, ``m:ss`` or ``h:mm:ss``."""
    if _SECONDS.fullmatch(text):
        return float(text)
    if not _CLOCK.fullmatch(text):
        return None
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + int(part)
    return float(seconds)
