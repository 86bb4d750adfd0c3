"""Setting note, mark and tags, of a call or of its recordings: it is one (rows S2, S3, T3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.policies.annotations import FIELDS, MARKS, Problem, Unfit, check
from ari_recorder.policies.text import tidy
from ari_recorder.web import page
from ari_recorder.web.arrival import arriving
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused

UNFIT = {
    Problem.NO_TEXT: N_("text is expected."),
    Problem.HIDDEN_CHARACTER: N_(
        "it has a character that cannot be shown: %(character)s at position %(position)s."
    ),
    Problem.UNKNOWN_MARK: N_("one of %(marks)s, or empty for none."),
    Problem.TOO_LONG: N_("%(length)s characters; at most %(longest)s. Nothing was changed."),
}
"""What is wrong with a value, in words."""
PROBLEMS = {
    Problem.NO_TEXT: N_("This is not text."),
    Problem.HIDDEN_CHARACTER: N_(
        "There is a character in it that cannot be shown: %(character)s at position %(position)s."
    ),
    Problem.UNKNOWN_MARK: N_("There is no such mark."),
    Problem.TOO_LONG: N_("Too long: at most %(longest)s characters."),
}
"""The same, as a page says it at the field."""


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent; nothing is one without members. Raises `Refused` (400) if it is none."""
    try:
        async with arriving(request.app[CONTEXT].settings.idle_s):
            text = await request.text()
        found = json.loads(text or "{}")
    except (ValueError, LookupError, RecursionError) as error:
        raise Refused(400, N_("The body is not JSON in UTF-8.")) from error
    if not isinstance(found, dict):
        raise Refused(400, N_('The body is not a JSON object: {"note": "…"}.'))
    return found


def check_changes(sent: Mapping[str, Any]) -> dict[str, str]:
    """The changes as they are kept. Raises `Refused` (400); nothing is ever cut."""
    values: dict[str, object] = {"known": ", ".join(FIELDS), "marks": ", ".join(MARKS)}
    if unknown := sorted(set(sent) - set(FIELDS)):
        values["name"] = repr(unknown[0][:40])
        raise Refused(400, N_("Unknown field %(name)s; known: %(known)s."), values=values)
    if not sent:
        raise Refused(400, N_("Nothing to change: give one or more of %(known)s."), values=values)
    try:
        return check(sent)
    except Unfit as error:
        values |= {"length": len(tidy(str(sent[error.field]))), "longest": error.longest}
        values |= {"character": error.character, "position": error.position}
        members = {"problem": error.problem, "longest": error.longest}
        raise Refused(400, UNFIT[error.problem], members=members, values=values, field=error.field) from error


def typed(sent: Mapping[str, object]) -> dict[str, Any]:
    """What a form has for note, mark and tags, as it was typed: browsers send line breaks as CRLF."""
    return {name: _text(sent[name]) for name in FIELDS if name in sent}


def problems(request: web.Request, typed: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each field of a form, in words."""
    found = {}
    for name, value in typed.items():
        try:
            check({name: value})
        except Unfit as error:
            found[name] = page.reader_language(request).gettext(
                PROBLEMS[error.problem],
                longest=error.longest,
                character=error.character,
                position=error.position,
            )
    return found


def _text(value: object) -> Any:
    return tidy(value.replace("\r\n", "\n")) if isinstance(value, str) else value


def tell(request: web.Request, leg: UUID, now: Mapping[str, str]) -> None:
    """Tell who follows the call, if it goes on."""
    followed = request.app[CONTEXT].live.find(leg)
    if followed is not None:
        followed.annotated(now)
