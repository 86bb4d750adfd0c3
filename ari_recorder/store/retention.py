"""For how long the recordings of each user are kept, which of them are due, and what is to come.

What the settings say is worked out for each user (`policies.retention.wanted`) and compared with what holds
for them (`models.Retained`): so whatever makes it less, a setting or a group, is warned about in the same
way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ari_recorder.errors import Invalid
from ari_recorder.policies import retention as policy
from ari_recorder.policies.retention import Clock, Days, Kept
from ari_recorder.policies.usage import RETENTION_DAYS
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import (
    SHOWN,
    UNKEPT,
    Group,
    Membership,
    Organisation,
    Recording,
    Retained,
    RetentionClock,
    User,
)
from ari_recorder.store.people.organisations import found as organisation_row
from ari_recorder.store.sql import Sql, rows, sql

FIELD = "retention_days"
_KEPT = f"r.{SHOWN} AND r.state = 'stored'"
"""Each as the index has it that is to be used: of what was kept, and of what has no audio."""
_UNKEPT = f"r.{UNKEPT}"
_OF = "FROM recording r WHERE r.user_id = {} AND r.started_at < {} AND %s"
_OLDER = f"SELECT 1 {_OF} LIMIT 1"
_COUNT = f"SELECT count(*) {_OF} AND {{}}"
_DUE = f"SELECT r.id, r.started_at, r.ended_at {_OF} AND {{}} ORDER BY r.started_at, r.id LIMIT {{}}"
_CALLS = "FROM leg l WHERE l.user_id = {} AND l.created_at < {} AND l.channel_name <> ''"
_OLDER_CALL = f"SELECT 1 {_CALLS} LIMIT 1"
_DUE_CALLS = (
    f"SELECT l.id, l.created_at, l.ended_at {_CALLS} AND l.machine = '' AND {{}}"  # noqa: S608
    " AND NOT EXISTS (SELECT 1 FROM recording r WHERE r.leg_id = l.id) ORDER BY l.created_at, l.id LIMIT {}"
)


@dataclass(frozen=True)
class Settings:
    """Changes of the settings that are looked at before they are made: of the organisation, and of groups."""

    organisation: int | None = None
    groups: Mapping[UUID, int | None] = field(default_factory=dict)


COUNTED = 1000
"""Recordings of a user that are read at a time to be counted."""
NO_CHANGE = Settings()


@dataclass(frozen=True)
class Holding:
    """What holds for a user: ``days`` by the settings, ``kept`` until it is warned no longer."""

    user: UUID
    days: Days
    kept: Kept


@dataclass(frozen=True)
class Coming:
    """That recordings go earlier from ``at`` on: of how many users, and how many recordings go then at
    once.
    """

    at: datetime
    users: int
    recordings: int
    days: int
    """The fewest that hold then for one of the users."""


@dataclass(frozen=True)
class Place:
    """Where in a user's recordings, or calls, a look has come to."""

    started_at: datetime
    id: UUID


@dataclass(frozen=True)
class DuePage:
    """Recordings that are due, or calls, and where to go on; None if that was all of the user's."""

    ids: list[UUID]
    behind: Place | None


# The clock


def clock() -> Clock | None:
    """As it was last looked at; None if it never was."""
    row = RetentionClock.select().first()
    return None if row is None else Clock(row.trusted, row.wall, timedelta(seconds=row.steady_s))


def look_at_clock(wall: datetime, passed: timedelta | None) -> Clock:
    """Look at it again (`policies.retention.tick`); to be called in a write."""
    now = policy.tick(clock(), wall, passed)
    _keep(now)
    return now


def believe(wall: datetime, *, actor: Actor) -> Clock:
    """Somebody says that the clock is right."""
    before, now = clock(), policy.believed(wall)
    _keep(now)
    ahead_s = round(before.ahead.total_seconds()) if before else 0
    audit.write(actor, Action.CHANGE, Subject("clock"), wall, detail={"after": {"ahead_s": ahead_s}})
    return now


def _keep(now: Clock) -> None:
    values = {"trusted": now.trusted, "wall": now.wall, "steady_s": now.steady.total_seconds()}
    if not RetentionClock.update(**values).execute():
        RetentionClock.create(**values)


# What holds


def organisations() -> list[UUID]:
    """Every organisation."""
    return [row.id for row in Organisation.select(Organisation.id).order_by(Organisation.id)]


def settle(organisation: UUID, now: datetime) -> list[Holding]:
    """Write down what holds now for each of its users; to be called in a write."""
    there = _retained(organisation)
    found = list(holding(organisation, now))
    for one in found:
        if there.get(one.user) != one.kept:
            _write(one, new=one.user not in there)
    return found


def holding(organisation: UUID, now: datetime, changes: Settings = NO_CHANGE) -> Iterator[Holding]:
    """What holds for each of its users, or would if the settings were changed so."""
    row = organisation_row(organisation)
    own = row.retention_days if changes.organisation is None else changes.organisation
    groups = _groups(organisation, changes)
    there = _retained(organisation)
    for user in User.select(User.id).where(User.organisation == organisation).order_by(User.id):
        days = policy.wanted(own, groups.get(user.id, ()))
        before = there.get(user.id)
        older = before is None and _has_older(user.id, days.days, now)
        yield Holding(user.id, days, policy.settle(before, days.days, has_older=older, now=now))


def _retained(organisation: UUID) -> dict[UUID, Kept]:
    query = Retained.select().join(User).where(User.organisation == organisation)
    return {row.user_id: Kept(row.days, row.next_days, row.next_from) for row in query}


def _groups(organisation: UUID, changes: Settings) -> dict[UUID, list[tuple[str, int | None]]]:
    """Of each user: their groups, and the days of each."""
    query = (
        Membership.select(Membership.user, Group.id, Group.retention_days)
        .join(Group)
        .where(Group.organisation == organisation)
        .tuples()
    )
    found = defaultdict[UUID, list[tuple[str, int | None]]](list)
    for user, group, days in query:
        found[user].append((str(group), changes.groups.get(group, days)))
    return found


def _write(one: Holding, *, new: bool) -> None:
    values = vars(one.kept)
    if new:
        Retained.create(user=one.user, **values)
    else:
        Retained.update(**values).where(Retained.user == one.user).execute()


def _has_older(user: UUID, days: int, now: datetime) -> bool:
    until = policy.none_after(now, days)
    older = (_OLDER % _KEPT, _OLDER % _UNKEPT, _OLDER_CALL)
    return any(rows(sql(which, user, until)) for which in older)


# What is due


def with_due(holdings: Sequence[Holding], now: datetime) -> list[Holding]:
    """Those of which something may be due."""
    return [one for one in holdings if one.kept.days is not None and _has_older(one.user, one.kept.days, now)]


def due(
    one: Holding, timezone: str, now: datetime, limit: int, behind: Place | None = None, *, kept: bool = True
) -> DuePage:
    """A user's recordings that are due, the oldest first; with ``kept=False`` those that have no audio."""
    begin = sql("(r.started_at, r.id) > ({}, {})", behind.started_at, behind.id) if behind else Sql("1 = 1")
    return _due(_DUE % (_KEPT if kept else _UNKEPT), begin, one, timezone, now, limit)


def calls_due(one: Holding, timezone: str, now: datetime, limit: int, behind: Place | None = None) -> DuePage:
    """A user's calls of which whom they were with is due, the oldest first: those that have no recording."""
    begin = sql("(l.created_at, l.id) > ({}, {})", behind.started_at, behind.id) if behind else Sql("1 = 1")
    return _due(_DUE_CALLS, begin, one, timezone, now, limit)


def _due(which: str, begin: Sql, one: Holding, timezone: str, now: datetime, limit: int) -> DuePage:
    days = one.kept.days
    assert days is not None
    found = rows(sql(which, one.user, policy.none_after(now, days), begin, limit))
    looked = [(_uuid(row[0]), _time(row[1]), _time(row[2]) or _time(row[1])) for row in found]
    ids = [id_ for id_, _, ended in looked if policy.due_at(ended, days, timezone) <= now]
    last = Place(looked[-1][1], looked[-1][0]) if len(looked) == limit else None
    return DuePage(ids, last)


def due_now(organisation: UUID, now: datetime) -> int:
    """How many recordings are due, without writing anything down."""
    zone = organisation_row(organisation).timezone
    number = 0
    for one in with_due(list(holding(organisation, now)), now):
        for kept in (True, False):
            behind: Place | None = None
            while True:
                page = due(one, zone, now, COUNTED, behind, kept=kept)
                number += len(page.ids)
                if (behind := page.behind) is None:
                    break
    return number


# What is to come


def coming(organisation: UUID, now: datetime, changes: Settings = NO_CHANGE) -> list[Coming]:
    """What is warned about, or would be if the settings were changed so: the soonest first."""
    found = defaultdict[datetime, list[Holding]](list)
    for one in holding(organisation, now, changes):
        if one.kept.next_from is not None:
            found[one.kept.next_from].append(one)
    told = (_coming(at, found[at]) for at in sorted(found))
    return [one for one in told if one is not None]


def _coming(at: datetime, of: Sequence[Holding]) -> Coming | None:
    going = {one: number for one in of if (number := _going(one, at))}
    days = [one.kept.next_days for one in going if one.kept.next_days is not None]
    return Coming(at, len(going), sum(going.values()), min(days)) if going else None


def _going(one: Holding, at: datetime) -> int:
    """How many of a user's recordings go then that would have stayed."""
    assert one.kept.next_days is not None
    until = policy.none_after(at, one.kept.next_days)
    begin = (
        sql("r.started_at >= {}", policy.none_after(at, one.kept.days))
        if one.kept.days is not None
        else Sql("1 = 1")
    )
    return int(rows(sql(_COUNT % _KEPT, one.user, until, begin))[0][0])


# What may be set


def days_of(organisation: UUID) -> int:
    """What the organisation's own setting says. Raises `NotFound`."""
    return int(organisation_row(organisation).retention_days)


def most(organisation: UUID) -> int:
    """The most days that an organisation may set by itself: 180, or what its recordings are kept for by now.

    More is the add-on of longer storage, which is the provider's to give. Raises `NotFound`.
    """
    groups = [row.retention_days for row in Group.select().where(Group.organisation == organisation)]
    kept = [one.days for one in _retained(organisation).values()]
    own = organisation_row(organisation).retention_days
    every = [days for days in (own, *groups, *kept) if days is not None]
    return max(RETENTION_DAYS, *map(int, every))


def check_own(organisation: UUID, days: int | None) -> None:
    """Raise `Invalid` for more days than an organisation may set by itself."""
    if days is not None and days > (limit := most(organisation)):
        raise Invalid(FIELD, "at most %(most)s days: for longer storage, ask your provider.", most=limit)


_uuid: Callable[[Any], UUID] = Recording.id.python_value
_time: Callable[[Any], Any] = Recording.started_at.python_value
