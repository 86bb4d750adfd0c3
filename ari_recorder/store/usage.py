"""What an organisation has used in a month, read: activations and terms as they are kept, storage added up.

The storage of a month's end is one sum over an index, however many recordings there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.errors import Invalid
from ari_recorder.policies import usage as policy
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.usage import Month, Span, Stretch, Usage
from ari_recorder.policies.usage_file import Person
from ari_recorder.store import paging, people
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Activation, Disposal, Recording, User
from ari_recorder.store.paging import Page
from ari_recorder.store.people import OrganisationRow

FIELD = "month"
_FURTHEST_EAST = timedelta(hours=14)
"""How far ahead of UTC the clocks are where a month begins first."""
_NO_ONE = Person("", None, removed=True)


@dataclass(frozen=True)
class Report:
    """An organisation's month. ``people`` are who is billed, as they are called today.

    ``first`` is the month of its first activation, ``latest`` the one that goes on.
    """

    organisation: OrganisationRow
    usage: Usage
    people: dict[UUID, Person]
    first: Month
    latest: Month


def report(organisation: UUID, month: str | None, now: datetime) -> Report:
    """What that organisation used in a month such as ``2026-11``, else in the one that goes on.

    Raises `NotFound`, or `Invalid` for what is no month, or has not begun yet.
    """
    return _report(people.organisation(organisation), _wanted(month), now)


def reports(
    month: str | None, now: datetime, *, limit: int = paging.LIMIT, cursor: str | None = None
) -> Page[Report]:
    """The same of every organisation, by name; without a month, of the one that goes on in UTC.

    Raises `Invalid`.
    """
    wanted, furthest = _wanted(month) or Month(now.year, now.month), now + _FURTHEST_EAST
    if wanted > (latest := Month(furthest.year, furthest.month)):
        raise Invalid(FIELD, "it has not begun yet: the latest is %(month)s.", month=str(latest))
    found = people.organisations_page(limit=limit, cursor=cursor)
    return Page([_report(row, wanted, now, lenient=True) for row in found.rows], found.next_cursor)


def _wanted(month: str | None) -> Month | None:
    if month is None:
        return None
    with fit():
        return policy.month(FIELD, month)


def _report(row: OrganisationRow, wanted: Month | None, now: datetime, *, lenient: bool = False) -> Report:
    """``lenient`` where the month goes on in one time zone and has not begun in another."""
    history = people.terms_of(row)
    latest = policy.month_of(now, history)
    month = wanted or latest
    if month > latest and not (lenient and month == latest.next):
        raise Invalid(FIELD, "it has not begun yet: the latest is %(month)s.", month=str(latest))
    during = policy.span(month, history)
    activations = _activations(row.id, during)
    begun = during.begin <= now
    recordings, stored_bytes = _stored(row.id, min(during.end, now)) if begun else (0, 0)
    used = policy.usage(during, map(_stretch, activations), recordings, stored_bytes, now)
    named = {one.user_id: Person(one.user.name, one.user.number, one.user.removed_at is not None)
             for one in activations}  # fmt: skip
    first = policy.month_of(_first(row.id) or now, history)
    return Report(row, used, {one.user: named.get(one.user, _NO_ONE) for one in used.users}, first, latest)


def _activations(organisation: UUID, during: Span) -> Sequence[Any]:
    ended_before = Activation.ended_at.is_null(False) & (Activation.ended_at < during.begin)
    query = Activation.select(Activation, User).join(User).where(
        (Activation.organisation == organisation) & (Activation.began_at < during.end) & ~ended_before
    )  # fmt: skip
    return list(query.order_by(User.name, User.id, Activation.began_at, Activation.id))


def _stored(organisation: UUID, at: datetime) -> tuple[int, int]:
    """How many recordings had been put into the vault by then and not removed, and their size together.

    What was disposed of later was there then: the disposal log has its size and its times.
    """
    count, size_bytes = stored_before(organisation, at).scalar(as_tuple=True)
    gone, gone_bytes = gone_since(organisation, at).scalar(as_tuple=True)
    return int(count) + int(gone), int(size_bytes) + int(gone_bytes)


def stored_before(organisation: UUID, at: datetime) -> Any:
    """The query of that, which an index answers alone."""
    added = fn.COUNT(SQL("*")), fn.COALESCE(fn.SUM(Recording.size_bytes), 0)
    # Written so in the query: what is being disposed of counts until it is gone.
    stored = Recording.state.in_([RecordingState.STORED.value, RecordingState.DISPOSING.value])
    return Recording.select(*added).where(
        (Recording.organisation == organisation) & stored & (Recording.stored_at < at)
    )


def gone_since(organisation: UUID, at: datetime) -> Any:
    """The query of what had been put into the vault before, and was disposed of at that time or later."""
    added = fn.COUNT(SQL("*")), fn.COALESCE(fn.SUM(Disposal.size_bytes), 0)
    return Disposal.select(*added).where(
        (Disposal.organisation == organisation) & (Disposal.at >= at) & (Disposal.stored_at < at)
    )


def _first(organisation: UUID) -> datetime | None:
    query = Activation.select(Activation.began_at).where(Activation.organisation == organisation)
    row = query.order_by(Activation.began_at).first()
    return row.began_at if row else None


def _stretch(row: Any) -> Stretch:
    return Stretch(row.user_id, Plan(row.plan), row.began_at, row.ended_at, row.start_fee)
