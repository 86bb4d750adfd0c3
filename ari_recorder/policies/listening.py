"""Which stretch of a recording somebody hears, and when that is written down anew (row A8).

A player asks for a file in ranges of bytes: a browser for all of it at first, and again from where somebody
jumps to; others for one piece after the other. What has been written down of a playback is not written again;
a piece that follows is written down with up to a minute more than was asked for, so that a playback in pieces
is a line a minute and not one for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

HEADER_BYTES = 42
"""No format has a sample before that: so much of a file is asked for to learn its size and kind."""
AHEAD_MS = 60_000
ONE_PLAYBACK = timedelta(minutes=15)
"""After so long it is another playback."""


@dataclass(frozen=True)
class Stretch:
    """A part of a recording, in milliseconds of its audio."""

    from_ms: int
    to_ms: int

    def covers(self, other: Stretch) -> bool:
        """Whether all of ``other`` is in it."""
        return self.from_ms <= other.from_ms and other.to_ms <= self.to_ms


@dataclass(frozen=True)
class Playback:
    """What has been written down of one: all of it lies between the two ends of ``stretch``."""

    stretch: Stretch
    began_at: datetime

    def goes_on(self, now: datetime) -> bool:
        """Whether what is asked for now may belong to it."""
        return timedelta() <= now - self.began_at < ONE_PLAYBACK


def stretch_of(first: int, length: int, size_bytes: int, duration_ms: int) -> Stretch | None:
    """The part that these bytes of the file hold, rounded outwards; None if there is no audio in them.

    By their share of the file: of audio whose rate varies it is about right.
    """
    if first + length <= HEADER_BYTES or size_bytes <= 0:
        return None
    last = first + length
    return Stretch(first * duration_ms // size_bytes, -(-last * duration_ms // size_bytes))


def to_write(playback: Playback | None, wanted: Stretch, duration_ms: int, now: datetime) -> Stretch | None:
    """What is to be written down before ``wanted`` is sent; None if it has been."""
    if playback is None or not playback.goes_on(now):
        return wanted
    known = playback.stretch
    if known.covers(wanted):
        return None
    if known.from_ms <= wanted.from_ms <= known.to_ms:
        return Stretch(wanted.from_ms, max(wanted.to_ms, min(wanted.from_ms + AHEAD_MS, duration_ms)))
    return wanted


def written(playback: Playback | None, stretch: Stretch, now: datetime) -> Playback:
    """The playback, when that has been written down, too."""
    if playback is None or not playback.goes_on(now):
        return Playback(stretch, now)
    known = playback.stretch
    if stretch.from_ms > known.to_ms or stretch.to_ms < known.from_ms:  # what lies between has not been heard
        return Playback(stretch, now)
    joined = Stretch(min(known.from_ms, stretch.from_ms), max(known.to_ms, stretch.to_ms))
    return Playback(joined, playback.began_at)
