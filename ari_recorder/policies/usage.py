"""What an organisation has used in a month, and so what it is billed for (rows B1-B5).

Everything is computed from facts that do not change afterwards: activations, which are only ever ended; the
times at which recordings were stored; and the terms, whose history is kept. So a month that is over gives the
same answer whenever it is asked for. What ended after the month has not ended yet in that month's report.

- A month is one of the organisation's time zone. It begins where the month before ends, also when the time
  zone was changed in between: no moment is in two months, and none in none.
- A user is **billed** in a month in which they were to be recorded at any time, however short, once.
- They are billed on the last plan that they had in the month.
- The **start fee** of a user is due in the month of their first activation, once for ever.
- The **included storage** is `Terms.storage_mb` for each user who is billed, pooled; what is in the vault at
  the month's end beyond it is **overage**. Nothing is lost because of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ari_recorder.policies.plans import Plan
from ari_recorder.policies.unfit import Unfit

STORAGE_MB = 30
"""Storage that is included for each user, in MB of a million bytes (row T5)."""
RETENTION_DAYS = 180
"""How long recordings are kept without the add-on of longer storage (rows T4 and B5)."""
MB = 1_000_000
WARNED_FROM = 0.8
"""Share of the included storage from which on it is warned about (row T5)."""
FIRST_YEAR, LAST_YEAR = 2000, 2999
_NEVER = datetime.max.replace(tzinfo=UTC)
_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, order=True)
class Month:
    """A month of the calendar, written ``2026-11``."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def next(self) -> Month:
        """The one after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def before(self) -> Month:
        """The one before it."""
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def begins(self, timezone: str) -> datetime:
        """When its first day begins there, in UTC."""
        return datetime(self.year, self.month, 1, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


@dataclass(frozen=True)
class Terms:
    """What holds for an organisation from ``since`` on."""

    since: datetime
    timezone: str
    storage_mb: int = STORAGE_MB
    retention_days: int = RETENTION_DAYS


@dataclass(frozen=True)
class Stretch:
    """A time in which a user was to be recorded, on one plan (`store.people.ActivationRow`)."""

    user: UUID
    plan: Plan
    began_at: datetime
    ended_at: datetime | None = None
    start_fee: bool = False


@dataclass(frozen=True)
class Span:
    """A month of an organisation: from ``begin`` on and before ``end``, and the terms at its end."""

    month: Month
    begin: datetime
    end: datetime
    terms: Terms


@dataclass(frozen=True)
class UserMonth:
    """A user who is billed: on which plan, and when they were to be recorded, the earliest first.

    ``start_fee`` is when it fell due, if it did in this month. ``ended_at`` of the last stretch is None if
    they still were to be recorded at the month's end.
    """

    user: UUID
    plan: Plan
    stretches: tuple[Stretch, ...]
    start_fee: datetime | None


@dataclass(frozen=True)
class Usage:
    """What an organisation has used in a month. ``storage_at`` is when it was looked what is stored.

    ``over`` is whether the month is over, so that nothing of this changes any more.
    """

    span: Span
    over: bool
    users: tuple[UserMonth, ...]
    recordings: int
    stored_bytes: int
    storage_at: datetime

    @property
    def by_plan(self) -> dict[Plan, int]:
        """How many users are billed on each plan."""
        counted = Counter(user.plan for user in self.users)
        return {plan: counted[plan] for plan in Plan}

    @property
    def start_fees(self) -> dict[Plan, int]:
        """How many start fees fell due, by the plan of the user."""
        counted = Counter(user.plan for user in self.users if user.start_fee)
        return {plan: counted[plan] for plan in Plan}

    @property
    def included_bytes(self) -> int:
        """The storage that is included for all of them together."""
        return len(self.users) * self.span.terms.storage_mb * MB

    @property
    def overage_bytes(self) -> int:
        """What is stored beyond it."""
        return max(0, self.stored_bytes - self.included_bytes)

    @property
    def longer_storage(self) -> bool:
        """Whether the organisation has the add-on of longer storage (row B5)."""
        return self.span.terms.retention_days > RETENTION_DAYS

    @property
    def is_nearly_full(self) -> bool:
        """Whether it is to be warned about: nearly all of what is included is used, or more."""
        return self.stored_bytes > 0 and self.stored_bytes >= WARNED_FROM * self.included_bytes


def month(field: str, text: str) -> Month:
    """The month that is written there, as ``2026-11``. Raises `Unfit`."""
    written = _WRITTEN.fullmatch(text)
    if written is None or not FIRST_YEAR <= int(written[1]) <= LAST_YEAR:
        raise Unfit(field, "a month such as 2026-11, from %(first)s on.", first=f"{FIRST_YEAR}-01")
    return Month(int(written[1]), int(written[2]))


def month_of(at: datetime, history: Sequence[Terms]) -> Month:
    """The organisation's month that a moment is in."""
    local = at.astimezone(ZoneInfo(terms_at(at, history).timezone))
    found = Month(local.year, local.month)
    while at < span(found, history).begin:
        found = found.before
    while at >= span(found, history).end:
        found = found.next
    return found


def span(wanted: Month, history: Sequence[Terms]) -> Span:
    """When that month is, by the terms at its end. ``history`` has at least one, the oldest first."""
    terms = _terms_at_end(wanted, history)
    begin = wanted.begins(_terms_at_end(wanted.before, history).timezone)
    return Span(wanted, begin, wanted.next.begins(terms.timezone), terms)


def terms_at(at: datetime, history: Sequence[Terms]) -> Terms:
    """What held then; before the first that is known, that."""
    held = [terms for terms in history if terms.since <= at]
    return held[-1] if held else history[0]


def touches(stretch: Stretch, during: Span) -> bool:
    """Whether a user was to be recorded in that month, for a moment at least."""
    if stretch.began_at >= during.end:
        return False
    return stretch.began_at >= during.begin or stretch.ended_at is None or stretch.ended_at > during.begin


def usage(
    during: Span, stretches: Iterable[Stretch], recordings: int, stored_bytes: int, now: datetime
) -> Usage:
    """What was used in that month, as far as it has come by ``now``.

    ``recordings`` and ``stored_bytes`` are what was in the vault at the month's end, or is now.
    """
    users: dict[UUID, list[Stretch]] = {}
    for stretch in sorted(stretches, key=_order):
        if during.begin <= now >= stretch.began_at and touches(stretch, during):
            users.setdefault(stretch.user, []).append(stretch)
    return Usage(
        span=during,
        over=during.end <= now,
        users=tuple(_user(user, during, of) for user, of in users.items()),
        recordings=recordings,
        stored_bytes=stored_bytes,
        storage_at=min(during.end, now),
    )


def _order(stretch: Stretch) -> tuple[datetime, datetime]:
    """One that ended as it began, as another plan was chosen at once, comes before the next."""
    return stretch.began_at, stretch.ended_at or _NEVER


def _user(user: UUID, during: Span, stretches: Sequence[Stretch]) -> UserMonth:
    due = [one.began_at for one in stretches if one.start_fee and one.began_at >= during.begin]
    seen = tuple(_as_of(one, during.end) for one in stretches)
    return UserMonth(user, seen[-1].plan, seen, due[0] if due else None)


def _as_of(stretch: Stretch, end: datetime) -> Stretch:
    """The stretch as it was known before ``end``."""
    ended = stretch.ended_at if stretch.ended_at and stretch.ended_at < end else None
    return Stretch(stretch.user, stretch.plan, stretch.began_at, ended, stretch.start_fee)


def _terms_at_end(wanted: Month, history: Sequence[Terms]) -> Terms:
    """The newest terms that held before the month, by their own time zone, was over; else the first."""
    for terms in reversed(history):
        if terms.since < wanted.next.begins(terms.timezone):
            return terms
    return history[0]
