"""The page of the disposal log: which recordings are gone, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import Right
from ari_recorder.store import disposal, disposals, people
from ari_recorder.store.disposals import DisposalRow
from ari_recorder.web import page, told
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.shapes import time_or_none
from ari_recorder.web.words import Words

FILTERS = ("from", "to")
TAKES = (*FILTERS, "cursor", told.PARAMETER)
PAGE_ROWS = 50
NO_DAYS = N_("Choose days such as 2026-03-02, the first not after the last.")
RULES = {
    Rule.RETENTION: N_("Kept for its time"),
    Rule.REQUEST: N_("Removed by somebody"),
    Rule.ERASURE: N_("Erased with a person"),
}
WAS = {
    "stored": N_("Recording"),
    "discarded": N_("Destroyed after the call, as its mode says"),
    "empty": N_("No audio was written"),
}


async def show(request: web.Request) -> web.Response:
    """``GET /disposals``: what is gone, the newest first; ``from`` and ``to`` are days, both included."""
    given = {name: request.query[name] for name in FILTERS if request.query.get(name)}
    words, store, asker = page.words(request), request.app[CONTEXT].store, scope(request)
    begin, end = _day(given, "from", words.zone), _day(given, "to", words.zone, after=True)
    if begin and end and begin >= end:
        raise Refused(400, NO_DAYS, explanation=NO_DAYS)
    cursor = request.query.get("cursor")
    try:
        found = await store.read(
            disposals.disposals, asker, begin=begin, end=end, limit=PAGE_ROWS, cursor=cursor
        )
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    number, size_bytes = await store.read(disposals.count, asker, begin, end)
    names = await store.read(people.group_names, asker)
    stretch = {"from": time_or_none(begin), "to": time_or_none(end)}
    values = {
        "lines": found.rows,
        "given": {name: given.get(name, "") for name in FILTERS},
        "number": number,
        "size_bytes": size_bytes,
        "left": await store.read(disposal.left, own_organisation(request)),
        "address": lambda **other: _address({**given, **other}),
        "export": _export(stretch),
        "first": cursor is None,
        "older": found.next_cursor,
        "rules": words.each(RULES),
        "was": words.each(WAS),
        "why": lambda line: _why(words, line, {str(one): name for one, name in names.items()}),
        "days": Right.ORGANISATION_READ in asker.rights,
        "erasures": Right.HOLDS_READ in asker.rights,
        "today": request.app[CONTEXT].now().astimezone(words.zone).date().isoformat(),
        "zone": str(words.zone),
    }
    return await page.render(request, "administration/disposals.html", values)


def _why(words: Words, line: DisposalRow, groups: Mapping[str, str]) -> str:
    """What there is to say of why, besides the rule."""
    say, days, group = words.language.gettext, line.detail.get("days"), line.detail.get("group")
    if line.by:
        return say(N_("by %(who)s"), who=line.by)
    if days is None:
        return ""
    if group is None:
        return say(N_("%(days)s, as the organisation says"), days=words.days(days))
    if str(group) in groups:
        return say(
            N_("%(days)s, as the group %(group)s says"), days=words.days(days), group=groups[str(group)]
        )
    return say(N_("%(days)s, as a group says"), days=words.days(days))


def _day(given: Mapping[str, str], name: str, zone: tzinfo, *, after: bool = False) -> datetime | None:
    """When a day begins there, or the one behind it."""
    if name not in given:
        return None
    try:
        day = date.fromisoformat(given[name]) + timedelta(days=after)
        return datetime.combine(day, time(), zone)
    except (ValueError, OverflowError) as error:
        raise Refused(400, NO_DAYS, explanation=NO_DAYS) from error


def _address(query: Mapping[str, str | None]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"/disposals?{urlencode(kept)}" if kept else "/disposals"


def _export(stretch: Mapping[str, str | None]) -> str:
    query = urlencode({name: at for name, at in stretch.items() if at})
    return f"/api/v1/disposals.csv{'?' if query else ''}{query}"
