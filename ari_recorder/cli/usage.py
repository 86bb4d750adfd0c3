"""``ari-recorder usage``: what an organisation is billed for in a month."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ari_recorder import files
from ari_recorder.cli.common import (
    OrganisationOption,
    by_command_line,
    catalogue,
    console,
    print_json,
    say,
    settings,
    so_many,
    table,
)
from ari_recorder.errors import FileError
from ari_recorder.policies import spreadsheet, usage_file
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.usage import MB, UserMonth
from ari_recorder.store import audit, people
from ari_recorder.store import usage as store_usage
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.usage import Report

USAGE_EXAMPLE = "Example: ari-recorder usage --month 2026-11"


def usage(
    context: typer.Context,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="A month; without it, the one that goes on.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each thing that is billed.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """What an organisation is billed for in a month: users by plan, start fees, storage."""
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation, make=False)
        found = store.read_now(store_usage.report, of, month, datetime.now(UTC))
        if csv:
            _write(store, found, csv)
    if json:
        print_json(_as_json(found))
    elif csv:
        say(f"{found.organisation.name} in {found.usage.span.month}: {csv}.")
    else:
        _say(found)


def _write(store: Store, found: Report, file: Path) -> None:
    by, month = by_command_line(), str(found.usage.span.month)
    rows = usage_file.rows(found.organisation.name, found.usage, found.people)
    store.write_now(
        audit.write, by["actor"], Action.EXPORT, Subject("usage", month), by["now"],
        organisation=found.organisation.id, detail={"form": "csv", "month": month},
    )  # fmt: skip
    try:
        with files.created(file) as written:
            written.write(spreadsheet.write(usage_file.COLUMNS, rows).encode())
    except OSError as error:
        raise FileError(file, "written", error) from error


def _say(found: Report) -> None:
    used, during = found.usage, found.usage.span
    zone = ZoneInfo(during.terms.timezone)
    rows = [
        (who.name, who.number, one.plan, *_days(one.stretches[0].began_at, one.stretches[-1].ended_at, zone),
         "yes" if one.start_fee else "", "yes" if who.removed else "")
        for one in sorted(used.users, key=lambda user: found.people[user.user].name.casefold())
        for who in (found.people[one.user],)
    ]  # fmt: skip
    if rows:
        columns = ("name", "number", "plan", "recorded from", "to", "start fee", "removed")
        console().print(table(columns, rows))
    plans = ", ".join(f"{used.by_plan[plan]} {plan}" for plan in Plan if used.by_plan[plan]) or "none"
    far = "" if used.over else " (so far: it goes on)"
    say(f"{found.organisation.name} in {during.month}{far}, time zone {during.terms.timezone}.")
    say(f"Users billed: {plans}. Start fees: {sum(used.start_fees.values())}.")
    say(
        f"Storage: {used.stored_bytes / MB:.1f} MB of {used.included_bytes / MB:.0f} MB included"
        f" ({during.terms.storage_mb} MB a user); overage {used.overage_bytes / MB:.1f} MB."
    )
    say(f"Recordings are kept for {so_many(during.terms.retention_days, 'day')}{_add_on(found)}.")


def _days(began: datetime, ended: datetime | None, zone: ZoneInfo) -> tuple[str, str]:
    first, last = (at.astimezone(zone).date().isoformat() if at else "" for at in (began, ended))
    return first, last


def _add_on(found: Report) -> str:
    return ": longer storage" if found.usage.longer_storage else ""


def _as_json(found: Report) -> dict[str, object]:
    used, during = found.usage, found.usage.span
    return {
        "organisation": found.organisation.name,
        "month": str(during.month),
        "began_at": during.begin,
        "ended_at": during.end,
        "over": used.over,
        "users_billed": len(used.users),
        "plans": used.by_plan,
        "start_fees": used.start_fees,
        "recordings": used.recordings,
        "stored_bytes": used.stored_bytes,
        "included_bytes": used.included_bytes,
        "overage_bytes": used.overage_bytes,
        "retention_days": during.terms.retention_days,
        "users": [{**vars(found.people[one.user]), **_user_json(one)} for one in used.users],
    }


def _user_json(one: UserMonth) -> dict[str, object]:
    stretches = [
        {"plan": each.plan, "began_at": each.began_at, "ended_at": each.ended_at} for each in one.stretches
    ]
    return {"id": one.user, "plan": one.plan, "start_fee_at": one.start_fee, "stretches": stretches}
