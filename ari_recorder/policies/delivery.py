"""Which days' recordings can be fetched now, and what their files are called (rows T1 and T2).

A day is one of the organisation's own time zone, and a recording is of the day that it began on. At 06:00 on
the day after, by the clock there, its folder appears; three days later, at 06:00 again, it is gone. So there
are always three. What a clock that is put on or back makes of 06:00 or of midnight is what the tz database
says (PEP 495, fold 0): of an hour that is left out the moment at which it would have begun, of one that is
there twice the first. A day that a country leaves out (Samoa had no 30 December 2011) is no day after.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from uuid import UUID

OPENS_AT = time(6)
STAYS_DAYS = 3
_DAY = timedelta(days=1)
_LOOKED_BACK = STAYS_DAYS + 3
"""Days before today that may still be there: those, the day itself, and one or two that never were."""

PART_MAX = 40
"""Longest part of a file's name, in characters."""
PART_MAX_BYTES = 72
"""And in bytes of UTF-8: three parts and the rest are less than the 255 that file systems take."""
_UNSAFE = re.compile(r"[^\w+.-]+")
_DIRECTIONS = {"inbound": "in", "outbound": "out"}
UNKNOWN = "unknown"

PATH_MAX_BYTES = 1024
"""Longest path that a client may name: ours have some 200."""

RETRY_AFTER_S = (60, 5 * 60, 15 * 60, 30 * 60, 60 * 60)
"""How long it is waited before a day is pushed again; the last counts for all further times."""


@dataclass(frozen=True)
class Window:
    """When a day's recordings are there: from ``opens_at`` on, no more from ``closes_at`` on. UTC."""

    opens_at: datetime
    closes_at: datetime

    def has(self, now: datetime) -> bool:
        """Whether they are there now."""
        return self.opens_at <= now < self.closes_at


def span(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """When a day begins, and when the next does, in UTC; the same twice for a day that there never was."""
    return _at(day, time(), zone), _at(day + _DAY, time(), zone)


def window(day: date, zone: tzinfo) -> Window:
    """When a day's recordings are there."""
    opens_on = _after(day, zone)
    closes_on = opens_on
    for _ in range(STAYS_DAYS):
        closes_on = _after(closes_on, zone)
    return Window(_at(opens_on, OPENS_AT, zone), _at(closes_on, OPENS_AT, zone))


def open_days(now: datetime, zone: tzinfo) -> list[date]:
    """The days whose recordings are there now, the oldest first."""
    today = now.astimezone(zone).date()
    days = (today - ago * _DAY for ago in range(_LOOKED_BACK, -1, -1))
    return [day for day in days if _is_there(day, zone) and window(day, zone).has(now)]


def _after(day: date, zone: tzinfo) -> date:
    """The next that there is."""
    following = day + _DAY
    while not _is_there(following, zone):
        following += _DAY
    return following


def _is_there(day: date, zone: tzinfo) -> bool:
    begins, ends = span(day, zone)
    return begins < ends


def _at(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


@dataclass(frozen=True)
class Named:
    """What a file's name is made of; ``owner`` is the user's number or name, ``other`` the counterpart's."""

    recording: UUID
    began_at: datetime
    owner: str
    other: str
    direction: str


def file_names(recordings: Sequence[Named], zone: tzinfo, endings: Sequence[str]) -> list[str]:
    """Names for the recordings of a day, in their order: ``14-12-05_101_0812345678_in_8d5c1f0a.opus``.

    When it began, whose it is, with whom, which way, and the end of its id; so no name changes when a
    recording comes late. They sort by the time at which it began: in an hour that is there twice, ``02``
    and then ``02b``. No two are alike, and none differs from another only in its capitals.
    """
    short = [_name(one, zone, one.recording.hex[-8:]) for one in recordings]
    often = Counter(name.casefold() for name in short)
    whole = (
        name if often[name.casefold()] == 1 else _name(one, zone, one.recording.hex)
        for one, name in zip(recordings, short, strict=True)
    )
    return [name + ending for name, ending in zip(whole, endings, strict=True)]


def manifest_name(day: date) -> str:
    """What the list of a day's files is called: no recording's name begins so."""
    return f"manifest-{day.isoformat()}.csv"


def _name(one: Named, zone: tzinfo, mark: str) -> str:
    began = one.began_at.astimezone(zone)
    hour = f"{began:%H}b" if began.fold else f"{began:%H}"
    owner, other = safe_part(one.owner) or UNKNOWN, safe_part(one.other) or UNKNOWN
    parts = (f"{hour}-{began:%M-%S}", owner, other, _DIRECTIONS.get(one.direction, ""), mark)
    return "_".join(filter(None, parts))


def safe_part(text: str) -> str:
    """A part of a name that is harmless on every system: letters, digits and ``+ - . _``, not too long."""
    plain = _UNSAFE.sub("-", unicodedata.normalize("NFC", text))[:PART_MAX]
    cut = plain.encode(errors="replace")[:PART_MAX_BYTES].decode(errors="ignore")
    return cut.strip("-._")


def parts_of(path: bytes) -> tuple[str, ...] | None:
    """The names on the way to what a client names, from the root; None for what can be no path of ours.

    ``.`` and ``..`` are taken out as they are read, and nothing is above the root: there is no file system
    behind it that could see them otherwise.
    """
    if len(path) > PATH_MAX_BYTES:
        return None
    try:
        names = path.decode().split("/")
    except UnicodeDecodeError:
        return None
    found: list[str] = []
    for name in names:
        if name == "..":
            del found[-1:]
        elif name not in ("", "."):
            found.append(name)
    return tuple(found)


def retry_after(attempts: int) -> timedelta:
    """How long it is waited after so many attempts that failed."""
    return timedelta(seconds=RETRY_AFTER_S[min(max(attempts, 1), len(RETRY_AFTER_S)) - 1])


MANIFEST = (
    "file",
    "state",
    "bytes",
    "sha256",
    "recording",
    "recorded_from",
    "recorded_until",
    "seconds",
    "user",
    "user_number",
    "counterpart",
    "counterpart_number",
    "direction",
    "internal",
    "mode",
    "mark",
    "note",
    "field_1",
    "field_2",
    "field_3",
    "problems",
    "kept_as",
    "kept_bytes",
    "kept_sha256",
)
"""The columns of a day's manifest; what each is, is in `docs/guide/sftp.md`."""


def written(at: datetime | None, zone: tzinfo) -> str:
    """A time as manifests have it: of the organisation's zone, with its offset (RFC 3339)."""
    return at.astimezone(zone).isoformat(timespec="seconds") if at else ""
