"""Which versions of Asterisk this package works with, and what is known to be wrong in some of them.

The reasons are faults of snoop channels, from Asterisk's change logs and issue threads.
"""

from __future__ import annotations

import re

OLDEST = {20: 6, 22: 5}
"""Oldest supported minor version of a major one; from 23 on every version is supported."""

_WHISPER_CHANGED = {20: 21, 22: 11, 23: 5}
_MIXED_SNOOP_BROKEN = {20: range(12, 15), 22: range(2, 5)}
_NUMBER = re.compile(r"(?<!\d)(\d+)\.(\d+)")


def supported(version: str) -> str | None:
    """Say why an Asterisk of this ``version`` (`SystemInfo.version`) is not supported; None if it is."""
    found = _numbers(version)
    if found is None:
        return f"Asterisk {version!r} does not tell its version; use a release, 20.6 or 22.5 or later."
    major, minor = found
    if major >= 23 or minor >= OLDEST.get(major, minor + 1):
        return None
    if major in OLDEST:
        oldest = f"{major}.{OLDEST[major]}"
        return f"Asterisk {version} is too old: snoop channels have faults before {oldest}; update it."
    return f"Asterisk {version} is no longer maintained; use 20.6, 22.5, 23.0 or later."


def warnings(version: str) -> list[str]:
    """Say what may go wrong on an Asterisk of this ``version`` although it is supported."""
    found = _numbers(version)
    if found is None:
        return []
    major, minor = found
    known = []
    if minor >= _WHISPER_CHANGED.get(major, minor + 1):
        known.append(
            f"Asterisk {version} changed how snoop channels whisper, and regressions are reported: "
            "listen to an announcement on both sides of a call."
        )
    if minor in _MIXED_SNOOP_BROKEN.get(major, ()):
        known.append(f"Asterisk {version} has a fault in snoops of both directions at once; in and out work.")
    return known


def _numbers(version: str) -> tuple[int, int] | None:
    found = _NUMBER.search(version)
    return (int(found[1]), int(found[2])) if found else None
