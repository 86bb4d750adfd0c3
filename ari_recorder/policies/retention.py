"""For how long recordings are kept, and when one is due to be disposed of (rows T4 and B5).

**How many days** hold for a user's recordings: those of the user's groups that have a setting of their own
count, and the longest of them holds, be it longer or shorter than the organisation's; if none has one, the
organisation's does (`wanted`).

**From when on** they hold (`settle`): more days at once. Fewer days, whatever the reason (a setting, a group
that a user came into or left, a group that was removed), hold for recordings only after a warning of
`WARNING_DAYS`; until then it can be taken back, and nothing has happened. What was there before there was
retention is warned about in the same way.

**When a recording is due** (`due_at`): when the day of the organisation's calendar on which its call ended
and the days that hold are both over, and as many times 24 hours. So neither summer time, nor another time
zone, nor a day that a calendar leaves out makes it go early.

**What time it is** (`tick`): no clock is trusted that says that more time has passed than was seen to. See
`Clock`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ari_recorder.policies.finishing import age

WARNING_DAYS = 14
"""So long it is warned before recordings go earlier than was said."""
TOLERANCE = timedelta(minutes=1)
"""A clock that is off by so little is right: it is corrected all the time."""
RESTART = timedelta(hours=1)
"""So long nobody may have looked at the clock, and it is believed."""
HOLD = timedelta(days=7)
"""A clock that was put forward is believed when it has gone on steadily for so long, while somebody
looked.
"""
JUMP_MAX = timedelta(days=31)
"""One that was put forward by more is believed only if somebody says that it is right."""


class Rule(StrEnum):
    """Why a recording was disposed of."""

    RETENTION = "retention"
    """It was kept for as long as the organisation, or a group of its user, keeps recordings."""
    REQUEST = "request"
    """Somebody who may removed it."""
    ERASURE = "erasure"
    """Of a person who is in it."""


# How many days


@dataclass(frozen=True)
class Days:
    """For how many days recordings are kept, and as which group's setting says; None: the organisation's."""

    days: int
    group: str | None = None


def wanted(organisation: int, groups: Iterable[tuple[str, int | None]]) -> Days:
    """What the settings say for a user who is in these groups, each with its days, None if it has none."""
    own = [Days(days, group) for group, days in groups if days is not None]
    return max(own, key=lambda one: (one.days, str(one.group))) if own else Days(organisation)


@dataclass(frozen=True)
class Kept:
    """For how many days a user's recordings are kept; None: all that there are.

    ``next_days`` are those that hold from ``next_from`` on; None where nothing else is to come.
    """

    days: int | None
    next_days: int | None = None
    next_from: datetime | None = None


def settle(before: Kept | None, days: int, *, has_older: bool, now: datetime) -> Kept:
    """What holds now that the settings say ``days``. ``before`` is what held, None if nothing was known of
    it.

    ``has_older`` is whether recordings are there that would be due at once, which matters only then.
    """
    if before is None:
        before = Kept(None if has_older else days)
    if before.days is not None and days >= before.days:
        return Kept(days)
    if before.next_from is not None and before.next_from <= now:
        reached = Kept(before.next_days)
        return settle(reached, days, has_older=False, now=now)
    if before.next_days is None or days < before.next_days:
        return Kept(before.days, days, now + timedelta(days=WARNING_DAYS))
    return Kept(before.days, days, before.next_from)


# When a recording is due


def due_at(ended_at: datetime, days: int, timezone: str) -> datetime:
    """When a recording of a call that ended then is due, in UTC."""
    zone = ZoneInfo(timezone)
    day = ended_at.astimezone(zone).date()
    try:
        midnight = datetime.combine(day + timedelta(days=days + 1), time(), zone).astimezone(UTC)
        return max(midnight, ended_at.astimezone(UTC) + timedelta(days=days))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def none_after(now: datetime, days: int) -> datetime:
    """No recording of a call that began at this time or after it is due yet, whatever the time zone."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def disposing(count: int, oldest_s: float) -> str:
    """In words, how many recordings are being disposed of, and for how long the oldest has been; nothing of
    none.
    """
    if not count:
        return ""
    if count == 1:
        return f"1 recording is being disposed of, for {age(oldest_s)}"
    return f"{count} recordings are being disposed of, the oldest for {age(oldest_s)}"


# What time it is


@dataclass(frozen=True)
class Clock:
    """How far time is known to have come (``trusted``), and what the machine's clock said then (``wall``).

    ``trusted`` goes on in step with the time that was seen to pass. A clock that is further than that was put
    forward, or nobody looked for a while: which of the two cannot be known, so that recordings are kept for
    longer by as much (`ahead`). It is believed when it has gone on `HOLD` long without another jump, if it
    was no more than `JUMP_MAX`, or when somebody says that it is right (`believed`).

    A clock that was put back is believed for what it says, as nothing goes early by that; what was trusted is
    not forgotten, so that putting it right again is no jump.
    """

    trusted: datetime
    wall: datetime
    steady: timedelta = timedelta()
    """For so long the difference between the two has been seen to be the same."""

    @property
    def now(self) -> datetime:
        """The time by which recordings are disposed of."""
        return min(self.trusted, self.wall)

    @property
    def ahead(self) -> timedelta:
        """By how much the machine's clock is ahead of what is trusted; nothing if it is not."""
        return max(self.wall - self.trusted, timedelta())

    @property
    def believed_in(self) -> timedelta | None:
        """How much longer it is not believed; None if it is, or if only somebody can say that it is right."""
        return HOLD - self.steady if timedelta() < self.ahead <= JUMP_MAX else None


def tick(before: Clock | None, wall: datetime, passed: timedelta | None) -> Clock:
    """The clock was looked at. ``passed`` is the time since it was looked at before, by a clock that nobody
    can set; None if this is the first look of a process."""
    if before is None:
        return Clock(wall, wall)
    if passed is None:
        since = wall - before.wall
        known = since if timedelta() <= since <= RESTART else timedelta()
    else:
        known = passed
    trusted = before.trusted + known
    gap, was = wall - trusted, before.wall - before.trusted
    if abs(gap) <= TOLERANCE:
        return Clock(wall, wall)
    steady = before.steady + known if abs(gap - was) <= TOLERANCE else timedelta()
    if steady >= HOLD and gap <= JUMP_MAX:
        return Clock(wall, wall)
    return Clock(trusted, wall, steady)


def believed(wall: datetime) -> Clock:
    """Somebody says that the clock is right."""
    return Clock(wall, wall)
