"""The page of the audit log, for administrators and auditors: plain forms, which work without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from urllib.parse import urlencode

from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store.audit_log import Filter
from ari_recorder.web import audit_api, audit_words, page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.shapes import time_or_none as rfc3339

PAGE_ROWS = 50
FILTERS = ("from", "to", "actor", "action", "subject", "q")
TAKES = (*FILTERS, "cursor")
"""What its address may say."""
TEXT_MAX = 200
CURSOR_MAX = 200


async def show(request: web.Request) -> web.Response:
    """``GET /audit``: what was done, newest first; ``from`` and ``to`` are days, both included."""
    query = request.query
    given = {name: query[name].strip() for name in FILTERS if query.get(name, "").strip()}
    cursor = query.get("cursor")
    wanted = _filter(given, page.words(request).zone)
    if len(cursor or "") > CURSOR_MAX:
        raise Refused(400, NO_CURSOR, field="cursor")
    found = await audit_api.read_page(request, wanted, PAGE_ROWS, cursor)
    say = page.words(request)
    values = {
        "lines": found.lines,
        "given": {name: given.get(name, "") for name in FILTERS},
        "filtered": bool(given),
        "first": cursor is None,
        "newest": _address(given),
        "older": _address({**given, "cursor": found.next_cursor}) if found.next_cursor else "",
        "exports": {form: _export(form, wanted) for form in ("csv", "jsonl")},
        "actions": say.each(audit_words.ACTIONS),
        "action_of": partial(audit_words.action, say),
        "actor_of": partial(audit_words.actor, say),
        "kind_of": partial(audit_words.kind, say),
        "details_of": partial(audit_words.details, say),
        "opens": Right.RECORDINGS_READ in scope(request).rights,
        "zone": str(say.zone),
        "today": request.app[CONTEXT].now().astimezone(say.zone).date().isoformat(),
    }
    return await page.render(request, "audit.html", values)


def _filter(given: Mapping[str, str], zone: tzinfo) -> Filter:
    for name in ("actor", "action", "subject", "q"):
        if len(given.get(name, "")) > TEXT_MAX:
            raise Refused(400, f"{name}: at most {TEXT_MAX} characters.")
    return Filter(
        began=_day(given, "from", zone),
        ended=_day(given, "to", zone, after=True),
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        subject=given.get("subject", ""),
        q=given.get("q", ""),
    )


def _day(given: Mapping[str, str], name: str, zone: tzinfo, *, after: bool = False) -> datetime | None:
    """When a day begins there, or the one behind it."""
    if name not in given:
        return None
    try:
        day = date.fromisoformat(given[name]) + timedelta(days=after)
        return datetime.combine(day, time(), zone)
    except (ValueError, OverflowError) as error:
        raise Refused(400, f"{name}: a day such as 2026-03-02.") from error


def _address(query: Mapping[str, str | None]) -> str:
    return f"/audit?{urlencode(query)}" if query else "/audit"


def _export(form: str, wanted: Filter) -> str:
    """All that was done in the days chosen: an export that can be checked leaves nothing out."""
    stretch = {"from": rfc3339(wanted.began), "to": rfc3339(wanted.ended)}
    query = urlencode({name: at for name, at in stretch.items() if at})
    return f"/api/v1/audit.{form}{'?' if query else ''}{query}"
