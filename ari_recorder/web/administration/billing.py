"""The page of usage and billing: a month, what is billed for it, and whom for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.usage import Month, Span, Stretch, UserMonth
from ari_recorder.policies.usage_file import Person
from ari_recorder.store.usage import Report
from ari_recorder.web import page, usage
from ari_recorder.web.context import own_organisation
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.words import Words

TAKES = ("month", "page")
PAGE_ROWS = 100
NO_MONTH = N_("There is no such month here, or it has not begun. Go to Usage, and choose one there.")
MONTHS_MAX = 120
"""Months to choose from; an older one has its address."""


@dataclass(frozen=True)
class Line:
    """Somebody who is billed: when they were to be recorded, in words."""

    who: Person
    plan: Plan
    when: tuple[str, ...]
    start_fee: datetime | None


async def show(request: web.Request) -> web.Response:
    """``GET /usage``: a month, the one that goes on if none is named; who is billed, a hundred at a time."""
    found = await read(request, own_organisation(request))
    named = usage.is_named(request)
    lines = _lines(page.words(request), found) if named else []
    pages = max(1, -(-len(lines) // PAGE_ROWS))
    number = _number(request.query.get("page", "1"), pages)
    values = {
        **figures(found),
        "named": named,
        "lines": lines[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        "number": number,
        "pages": pages,
        "months": months(found),
    }
    return await page.render(request, "administration/usage.html", values)


async def read(request: web.Request, organisation: UUID) -> Report:
    """The month in the address. Raises `Refused` (422) for what is none, or has not begun."""
    try:
        return await usage.read(request, organisation, request.query.get("month") or None)
    except Invalid as error:
        raise Refused(422, error.message, explanation=NO_MONTH, values=error.values) from error


def figures(found: Report) -> dict[str, Any]:
    """What `administration/figures.html` shows of a month."""
    used = found.usage
    return {
        "found": found,
        "used": used,
        "month": used.span.month,
        "share": min(1.0, used.stored_bytes / used.included_bytes) if used.included_bytes else None,
        "plans": [(plan, used.by_plan[plan]) for plan in Plan if used.by_plan[plan]],
        "fees": sum(used.start_fees.values()),
    }


def months(found: Report) -> list[Month]:
    """Those to choose from, the latest first."""
    shown, first = [found.latest], min(found.first, found.usage.span.month)
    while shown[-1] > first and len(shown) < MONTHS_MAX:
        shown.append(shown[-1].before)
    return shown


def _number(text: str, pages: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= pages):
        raise Refused(404, N_("There is no such page: there are %(pages)s."), values={"pages": pages})
    return int(text)


def _lines(words: Words, found: Report) -> list[Line]:
    people, during = found.people, found.usage.span
    found_lines = [
        Line(people[one.user], one.plan, tuple(_when(words, one, during)), one.start_fee)
        for one in found.usage.users
    ]
    return sorted(found_lines, key=lambda line: (line.who.name.casefold(), line.who.number or ""))


def _when(words: Words, one: UserMonth, during: Span) -> Iterator[str]:
    several = len({stretch.plan for stretch in one.stretches}) > 1
    for stretch in one.stretches if several else _joined(one.stretches):
        time = _stretch(words, stretch, during)
        yield f"{stretch.plan.capitalize()}: {time}" if several else time


def _joined(stretches: tuple[Stretch, ...]) -> list[Stretch]:
    """Those that follow on one another as one."""
    found: list[Stretch] = []
    for stretch in stretches:
        if found and found[-1].ended_at == stretch.began_at:
            last = found.pop()
            stretch = Stretch(stretch.user, stretch.plan, last.began_at, stretch.ended_at)
        found.append(stretch)
    return found


def _stretch(words: Words, stretch: Stretch, during: Span) -> str:
    say = words.language.gettext
    first = words.day_of_year(stretch.began_at) if stretch.began_at > during.begin else ""
    last = words.day_of_year(stretch.ended_at) if stretch.ended_at else ""
    if first and last:
        return first if first == last else f"{first} – {last}"
    if first:
        return say(N_("from %(day)s"), day=first)
    return say(N_("until %(day)s"), day=last) if last else say(N_("all month"))
