"""The pages of calls in progress: all that one may see, and the window of one's own (rows C2, C3, C4, S2).

Every command and the note are plain forms, answered with the page again. `static/calls.js` takes them over,
and keeps the page as the live feed says; what it shows in words it has from the page (`_texts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import COMMANDS, Event, Reason, State
from ari_recorder.store.annotations import read_leg
from ari_recorder.web import annotating, calls, page, tab, words
from ari_recorder.web.context import ACCOUNT, CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.session import read_form
from ari_recorder.web.thread import aside

TROUBLES = {
    "401": N_("You have been signed out. Sign in again in another tab, then try once more."),
    "403": N_("This page is too old to do that. Reload it and try again."),
    "404": N_("There is no such call that you may see."),
    "500": N_("Something went wrong. Try again."),
    "502": N_("Asterisk did not do it. It is tried again."),
    "503": N_("The recorder is stopping. Try again in a little while."),
    "504": N_("Asterisk has not confirmed it yet. It is shown here when it has."),
    "0": N_("There is no connection to the recorder. Try again."),
}
"""What is said where the API answers with that status; 0 is no answer at all."""
SENTENCES = {
    "since": N_("since %(time)s"),
    "announced": N_("%(who)s: %(state)s"),
    "refused": N_("%(command)s: %(reason)s"),
    "refused_keys": N_("%(command)s, by keys: %(reason)s"),
    "waiting": N_("One moment …"),
    "saved": N_("Saved"),
    "meanwhile": N_(
        "Changed by somebody meanwhile, so yours is not saved. Save again to replace what is there: %(text)s"
    ),
    "empty": N_("empty"),
    "unknown": N_("Unknown number"),
    "not_answered": N_("It was not answered."),
    "no_recording": N_("Nothing of it was recorded."),
    "preparing": N_("The recording is being prepared …"),
}
BLANK: dict[str, Any] = {
    "id": "",
    "own": False,
    "annotatable": True,
    "user": {"number": "", "name": ""},
    "counterpart": {"number": "", "name": ""},
    "direction": "inbound",
    "internal": False,
    "mode": "never",
    "state": State.RINGING,
    "commands": [],
    "since": None,
    "began_at": None,
    "answered_at": None,
    **dict.fromkeys(FIELDS, ""),
}
"""A call with nothing in it: the mould of the cards that the script makes."""
TAKES = ("said", "call", "command")
"""Parameters of the page: what a form has led to."""
_SAID_MAX = 40


WINDOW = "/call"
"""The window of one's own calls; the other page is ``/calls``."""


async def show(request: web.Request) -> web.Response:
    """``GET /calls``: the calls that go on; ``said`` and ``call`` are of the form that led here."""
    return await _render(request, await aside(_going_on, request), said=_said(request))


async def show_window(request: web.Request) -> web.Response:
    """``GET /call``: one's own call, big, in a window beside other things or on a phone."""
    return await _render(request, await aside(_going_on, request), said=_said(request), window=True)


async def command(request: web.Request) -> web.Response:
    """``POST /calls/{id}/{command}``: give it, and back to the page, which says so if it was refused."""
    leg, given = path_id(request), Event(request.match_info["command"])
    window = await _from_window(request)
    try:
        answer = await calls.give(request, leg, given)
    except Refused as refused:
        said = str(refused.members.get("reason", refused.status))
        raise _back(leg, said, given, window=window) from refused
    raise _back(leg, Reason.ALREADY if answer.reason is Reason.ALREADY else "", given, window=window)


async def annotate(request: web.Request) -> web.Response:
    """``POST /calls/{id}``: note, mark and tags; what is refused is shown again as it was typed."""
    leg, sent = path_id(request), await read_form(request)
    typed = annotating.typed(sent)
    problems = annotating.problems(request, typed)
    if problems:
        return await _typed_again(request, leg, typed, problems)
    if not typed:
        raise Refused(400, "Nothing to change.")
    await calls.write_down(request, leg, typed)
    raise _back(leg, "saved", window=await _from_window(request))


async def _from_window(request: web.Request) -> bool:
    """Whether a form is of the window of one's own calls."""
    return (await read_form(request)).get("page") == "call"


def _going_on(request: web.Request) -> list[dict[str, Any]]:
    """The calls, as the page and its script have them: one's own first.

    One that rings at several of a user's phones is shown once.
    """
    found: list[dict[str, Any]] = msgspec.to_builtins(calls.snapshot(request))
    once: dict[tuple[object, ...], dict[str, Any]] = {}
    for call in found:
        once.setdefault(_rings_as(call), call)
    return sorted(once.values(), key=lambda call: not call["own"])


def _rings_as(call: Mapping[str, Any]) -> tuple[object, ...]:
    if call["state"] != State.RINGING:
        return (call["id"],)
    return call["call"], *call["user"].values(), call["direction"]


async def _render(
    request: web.Request,
    shown: list[dict[str, Any]],
    *,
    said: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    about: str = "",
    status: int = 200,
    window: bool = False,
) -> web.Response:
    said = said or {}
    own = [call for call in shown if call["own"]]
    shown, texts = own if window else shown, _texts(request)
    values = {
        "calls": shown,
        "blank": BLANK,
        "texts": texts,
        "tab": tab.of(own, texts["states"]),
        "window": window,
        "at_page": WINDOW if window else "/calls",
        "latest": await tab.latest(request) if window and not shown else None,
        "others": request[ACCOUNT].user.role != Role.USER and not window,
        "now": request.app[CONTEXT].now(),
        "at": datetime.fromisoformat,
        "may_listen": bool(scope(request).hears),
        "said": said,
        "typed": typed or {},
        "problems": problems or {},
        "about": about or said.get("call", ""),
        "commands": [str(command) for command in COMMANDS],
    }
    return await page.render(request, "call.html" if window else "calls.html", values, status=status)


def _texts(request: web.Request) -> dict[str, Any]:
    """What the page and its script say, in the reader's language."""
    say = page.words(request)
    return {
        "states": say.each(words.SIGNALS),
        "hints": say.each(words.SIGNAL_HINTS),
        "commands": say.each(words.COMMANDS),
        "directions": say.each(words.DIRECTIONS),
        "modes": say.each(words.MODES),
        "reasons": say.each(calls.REASONS, TROUBLES),
        "problems": say.each(annotating.PROBLEMS),
        "recordings": say.each({state: words.STATE_HINTS[state] for state in _GONE}),
        **say.each(SENTENCES),
    }


_GONE = (RecordingState.DISCARDING, RecordingState.DISCARDED, RecordingState.EMPTY, RecordingState.DISPOSING)
"""States of a recording that there is nothing to listen to of."""


def _said(request: web.Request) -> dict[str, str]:
    """What the page is to say of the form that led to it; an address that says nonsense says nothing."""
    query = {name: request.query.get(name, "")[:_SAID_MAX] for name in TAKES}
    known = {"saved", *calls.REASONS, *TROUBLES}
    return query if query["said"] in known else {}


def _back(leg: UUID, said: str, command: Event | None = None, *, window: bool) -> web.HTTPSeeOther:
    address = WINDOW if window else "/calls"
    query = {"said": said, "call": str(leg), **({"command": command.value} if command else {})}
    return web.HTTPSeeOther(f"{address}?{urlencode(query)}#call-{leg}" if said else f"{address}#call-{leg}")


async def _typed_again(
    request: web.Request, leg: UUID, typed: Mapping[str, Any], problems: Mapping[str, str]
) -> web.Response:
    """The page with what was typed, also when the call has ended meanwhile."""
    shown = await aside(_going_on, request)
    if not any(call["id"] == str(leg) for call in shown):
        asker = scope(request)
        row = await request.app[CONTEXT].store.read(read_leg, asker, leg)
        shown = [msgspec.to_builtins(calls.shown(asker, row)), *shown]
    typed = {name: value if isinstance(value, str) else "" for name, value in typed.items()}
    window = await _from_window(request)
    return await _render(
        request, shown, typed=typed, problems=problems, about=str(leg), status=400, window=window
    )
