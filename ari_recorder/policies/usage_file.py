"""A month's usage as rows of a CSV file: one for each thing that is billed, with its quantity.

With the people, a row for each; without them, one for each plan. The quantities add up to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ari_recorder.policies.plans import Plan
from ari_recorder.policies.usage import Usage, UserMonth

COLUMNS = ("organisation", "month", "item", "plan", "quantity", "unit", "user", "number", "from", "to")


@dataclass(frozen=True)
class Person:
    """A user who is billed, as they are called today; ``removed`` if they are no user any more."""

    name: str
    number: str | None
    removed: bool


def rows(organisation: str, usage: Usage, people: Mapping[UUID, Person] | None) -> Iterator[tuple[str, ...]]:
    """The rows of an organisation's month, in the order of `COLUMNS`."""
    for row in _users(usage) if people is None else _people(usage, people):
        yield organisation, str(usage.span.month), *row
    for item, quantity, unit in _storage(usage):
        yield organisation, str(usage.span.month), item, "", str(quantity), unit, "", "", "", ""


def _users(usage: Usage) -> Iterator[tuple[str, ...]]:
    for item, unit, counted in (("user", "month", usage.by_plan), ("start_fee", "fee", usage.start_fees)):
        for plan in Plan:
            if counted[plan]:
                yield item, plan, str(counted[plan]), unit, "", "", "", ""


def _people(usage: Usage, people: Mapping[UUID, Person]) -> Iterator[tuple[str, ...]]:
    zone = ZoneInfo(usage.span.terms.timezone)
    for one in sorted(usage.users, key=lambda user: (people[user.user].name.casefold(), user.user)):
        yield _row("user", "month", one, people[one.user], *_spread(one), zone=zone)
        if one.start_fee:
            yield _row("start_fee", "fee", one, people[one.user], one.start_fee, None, zone=zone)


def _spread(one: UserMonth) -> tuple[datetime, datetime | None]:
    return one.stretches[0].began_at, one.stretches[-1].ended_at


def _row(
    item: str,
    unit: str,
    one: UserMonth,
    who: Person,
    began: datetime,
    ended: datetime | None,
    *,
    zone: ZoneInfo,
) -> tuple[str, ...]:
    times = (at.astimezone(zone).isoformat(timespec="seconds") if at else "" for at in (began, ended))
    return item, one.plan, "1", unit, who.name, who.number or "", *times


def _storage(usage: Usage) -> Iterator[tuple[str, int, str]]:
    yield "recordings", usage.recordings, "recording"
    yield "storage_stored", usage.stored_bytes, "byte"
    yield "storage_included", usage.included_bytes, "byte"
    yield "storage_overage", usage.overage_bytes, "byte"
    yield "retention", usage.span.terms.retention_days, "day"
