"""The page of the ledger: what was due to be recorded, what came of it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.policies.ledger import NOT_STARTED, Outcome
from ari_recorder.policies.rights import Right
from ari_recorder.store import ledger
from ari_recorder.store.ledger import OPEN, LedgerRow
from ari_recorder.web import page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.faults import Fault, faults
from ari_recorder.web.language import N_
from ari_recorder.web.lists import NO_CURSOR
from ari_recorder.web.problems import Refused
from ari_recorder.web.words import MODES, Words

FILTERS = ("from", "to", "outcome")
TAKES = (*FILTERS, "cursor")
PAGE_ROWS = 50
COUNTED = timedelta(days=30)
"""How far back is counted if no days are chosen."""
OUTCOMES = {
    Outcome.RECORDED: N_("Kept"),
    Outcome.DISCARDED: N_("Not kept"),
    Outcome.NOT_RECORDED: N_("No recording"),
    OPEN: N_("Open"),
}
REASONS = {
    "": N_("As it should be."),
    "start was not given during the call": N_("The user did not press start during the call."),
    NOT_STARTED: N_("The user did not start a recording."),
    "no audio was written": N_("No audio was written."),
}
"""The ledger's own sentences; what went wrong in a recording is told as on its page."""
ONGOING = N_("The call goes on, or its recording is being prepared.")
NO_DAYS = N_("Choose days such as 2026-03-02, the first not after the last.")


async def show(request: web.Request) -> web.Response:
    """``GET /ledger``: due calls, the newest first; ``from`` and ``to`` are days, both included."""
    given = {name: request.query[name] for name in FILTERS if request.query.get(name)}
    words, store, asker = page.words(request), request.app[CONTEXT].store, scope(request)
    now = request.app[CONTEXT].now()
    begin, end = _day(given, "from", words.zone), _day(given, "to", words.zone, after=True)
    outcome = given.get("outcome")
    if outcome not in (None, *OUTCOMES) or (begin and end and begin >= end):
        raise Refused(400, NO_DAYS, explanation=NO_DAYS)
    cursor = request.query.get("cursor")
    try:
        found = await store.read(
            ledger.ledger, asker, begin=begin, end=end, outcome=outcome, limit=PAGE_ROWS, cursor=cursor
        )
    except Invalid as error:
        raise Refused(400, NO_CURSOR, field="cursor") from error
    since = begin or min(now, end or now) - COUNTED
    until = end or now + timedelta(days=1)
    counts = await store.read(ledger.outcomes, asker, since, until)
    values = {
        "lines": found.rows,
        "given": {name: given.get(name, "") for name in FILTERS},
        "counts": [
            (value, words.language.gettext(name), counts.get(value, 0)) for value, name in OUTCOMES.items()
        ],
        "due": sum(counts.values()),
        "lost": await store.read(ledger.lost, asker, since, until),
        "as_wished": lambda line: line.reason == NOT_STARTED,
        "days": not (begin or end),
        "outcomes": words.each(OUTCOMES),
        "address": lambda **other: _address({**given, **other}),
        "first": cursor is None,
        "older": found.next_cursor,
        "why": lambda line: why(words, line),
        "mode_of": lambda line: words.language.gettext(MODES.get(line.mode, line.mode)),
        "proves": Right.EVIDENCE_READ in asker.rights,
        "logs": Right.AUDIT_READ in asker.rights,
        "opens": Right.RECORDINGS_READ in asker.rights,
        "today": now.astimezone(words.zone).date().isoformat(),
        "zone": str(words.zone),
    }
    return await page.render(request, "administration/ledger.html", values)


def why(words: Words, line: LedgerRow) -> list[Fault]:
    """Why a call's line says what it says, in sentences."""
    known = ONGOING if line.outcome is None else REASONS.get(line.reason)
    if known is not None:
        return [Fault(words.language.gettext(known))]
    found = faults(line.reason.splitlines(), line.opened_at, words)
    return [replace(one, text=one.text[:1].upper() + one.text[1:]) for one in found]


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
    return f"/ledger?{urlencode(kept)}" if kept else "/ledger"
