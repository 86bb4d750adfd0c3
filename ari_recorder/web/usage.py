"""The API of usage: what an organisation is billed for in a month, for itself and for the provider.

Who is billed is named to those who may read the organisation's users; others get counts (`_people`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies import spreadsheet, usage_file
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.rights import Right
from ari_recorder.policies.usage import UserMonth
from ari_recorder.store import usage
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.usage import Report
from ari_recorder.web import auditing, page
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Time, time, time_or_none
from ari_recorder.web.thread import aside

CSV = "text/csv"
_USAGE = "/api/v1/usage"
_PAGE = 100
"""Organisations that are looked up at a time."""

MonthText = Annotated[
    str, Meta(max_length=7, description="A month of the organisation's time zone, such as 2026-11.")
]


class UsageQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which month; without one, the one that goes on."""

    month: MonthText | None = None


class BilledStretch(msgspec.Struct):
    """A time in which a user was to be recorded; `ended_at` is null if they were at the month's end."""

    plan: Plan
    began_at: Time
    ended_at: Time | None


class BilledUser(msgspec.Struct):
    """A user who is billed in the month, as they are called today."""

    id: UUID
    name: str
    number: str | None
    removed: bool
    plan: Plan
    """The last one that they had in the month."""
    start_fee_at: Time | None
    """When the start fee fell due, if it did in this month."""
    stretches: list[BilledStretch]


class PlanUsage(msgspec.Struct):
    """Of a plan: how many users are billed, and how many start fees fell due."""

    users: int
    start_fees: int


class StorageUsage(msgspec.Struct):
    """What was in the vault at the month's end, or is now, and what is included."""

    at: Time
    recordings: int
    stored_bytes: int
    included_bytes: int
    """`mb_per_user` for each user who is billed, pooled."""
    overage_bytes: int
    mb_per_user: int


class Usage(msgspec.Struct):
    """What an organisation has used in a month."""

    organisation: UUID
    name: str
    month: str
    began_at: Time
    ended_at: Time
    timezone: str
    over: bool
    """Whether the month is over, so that nothing of this changes any more."""
    users_billed: int
    start_fees: int
    plans: dict[str, PlanUsage]
    storage: StorageUsage
    retention_days: int
    longer_storage: bool
    """Whether it has the add-on of longer storage: more than 180 days."""
    users: list[BilledUser] | None
    """Null without the right to read the organisation's users."""


@operation("GET", _USAGE, need=Right.USAGE_READ, problems=(422,))
async def own_usage(request: web.Request, query: UsageQuery) -> Usage:
    """What one's own organisation has used in a month."""
    found = await read(request, own_organisation(request), query.month)
    return _shown(found, named=is_named(request))


@operation("GET", _USAGE + ".csv", need=Right.USAGE_READ, media_type=CSV, problems=(422,))
async def usage_csv(request: web.Request, query: UsageQuery) -> web.Response:
    """The same as a CSV file: a row for each thing that is billed."""
    found = await read(request, own_organisation(request), query.month)
    return await _sent(request, [found], str(found.usage.span.month), named=is_named(request))


@operation("GET", "/api/v1/organisations/{id}/usage", need=Right.ORGANISATIONS, problems=(404, 422))
async def organisation_usage(request: web.Request, query: UsageQuery) -> Usage:
    """What an organisation has used in a month, in numbers: without its users."""
    return _shown(await read(request, path_id(request), query.month), named=False)


@operation(
    "GET", "/api/v1/usage/organisations.csv", need=Right.ORGANISATIONS, media_type=CSV, problems=(422,)
)
async def every_usage_csv(request: web.Request, query: UsageQuery) -> web.Response:
    """What every organisation has used in a month, as a CSV file: in numbers, without users."""
    context, cursor, found = request.app[CONTEXT], None, list[Report]()
    while True:
        part = await context.store.read(usage.reports, query.month, context.now(), limit=_PAGE, cursor=cursor)
        found += part.rows
        if (cursor := part.next_cursor) is None:
            return await _sent(
                request, found, str(found[0].usage.span.month) if found else "none", named=False
            )


OPERATIONS = (own_usage, usage_csv, organisation_usage, every_usage_csv)


async def read(request: web.Request, organisation: UUID, month: str | None) -> Report:
    """A month of an organisation. Raises `NotFound`, `Invalid`."""
    context = request.app[CONTEXT]
    return await context.store.read(usage.report, organisation, month, context.now())


def is_named(request: web.Request) -> bool:
    """Whether who asks is told who is billed."""
    return Right.USERS_READ in scope(request).rights


async def _sent(request: web.Request, found: list[Report], month: str, *, named: bool) -> web.Response:
    detail = {"form": "csv", "month": month}
    await auditing.note(request, Action.EXPORT, Subject("usage", month), detail)
    rows = [
        row
        for one in found
        for row in usage_file.rows(one.organisation.name, one.usage, one.people if named else None)
    ]
    text = await aside(spreadsheet.write, usage_file.COLUMNS, rows, page.words(request).separator)
    headers = {"Content-Disposition": f'attachment; filename="usage-{month}.csv"'}
    return web.Response(text=spreadsheet.BOM + text, content_type=CSV, charset="utf-8", headers=headers)


def _shown(found: Report, *, named: bool) -> Usage:
    used, during = found.usage, found.usage.span
    return Usage(
        organisation=found.organisation.id,
        name=found.organisation.name,
        month=str(during.month),
        began_at=time(during.begin),
        ended_at=time(during.end),
        timezone=during.terms.timezone,
        over=used.over,
        users_billed=len(used.users),
        start_fees=sum(used.start_fees.values()),
        plans={plan: PlanUsage(used.by_plan[plan], used.start_fees[plan]) for plan in Plan},
        storage=_storage(found),
        retention_days=during.terms.retention_days,
        longer_storage=used.longer_storage,
        users=[_user(found, one) for one in used.users] if named else None,
    )


def _storage(found: Report) -> StorageUsage:
    used = found.usage
    return StorageUsage(
        at=time(used.storage_at),
        recordings=used.recordings,
        stored_bytes=used.stored_bytes,
        included_bytes=used.included_bytes,
        overage_bytes=used.overage_bytes,
        mb_per_user=used.span.terms.storage_mb,
    )


def _user(found: Report, one: UserMonth) -> BilledUser:
    who = found.people[one.user]
    return BilledUser(
        id=one.user,
        name=who.name,
        number=who.number,
        removed=who.removed,
        plan=one.plan,
        start_fee_at=time_or_none(one.start_fee),
        stretches=[
            BilledStretch(each.plan, time(each.began_at), time_or_none(each.ended_at))
            for each in one.stretches
        ],
    )
