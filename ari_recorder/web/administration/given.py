"""What the forms of a user say, read as the functions of the store take it, and checked field by field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from functools import partial
from typing import Any

from aiohttp import web

from ari_recorder.policies import fields
from ari_recorder.policies.table import Mode
from ari_recorder.store.people import Acknowledgement, UserRow
from ari_recorder.web import page
from ari_recorder.web.administration.forms import Form, text
from ari_recorder.web.context import ACCOUNT, CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused

WHO = ("name", "number", "endpoints")
RECORDING = ("mode", "plan", "may_listen")
SIGNING_IN = ("login", "role")
ACKNOWLEDGEMENT = ("acknowledged", "acknowledgement", "acknowledgement.by", "acknowledgement.at")
_BETWEEN = re.compile(r"[\s,;|]+")

Values = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A part of a user's page with a form of its own, and what is said when it was saved."""

    name: str
    fields: tuple[str, ...]
    saved: str
    asked: str = ""
    """The same while it is still to be asked whether Asterisk knows the telephones."""


SECTIONS = {
    "who": Section(
        "who",
        WHO,
        N_("%(name)s was changed. Calls follow from the next one on."),
        N_("%(name)s was changed. Calls follow from the next one on, once Asterisk knows the telephone."),
    ),
    "recording": Section(
        "recording",
        RECORDING,
        N_("Saved: it holds from the next call of %(name)s on."),
        N_("Saved: it holds from the next call of %(name)s on, once Asterisk knows the telephone."),
    ),
    "sign-in": Section("sign-in", SIGNING_IN, N_("Saved: how %(name)s signs in.")),
}


def shown(row: UserRow, names: Collection[str], pbxs: Collection[str]) -> dict[str, str]:
    """A user as the fields of a form hold them."""
    every = {
        "name": row.name,
        "number": row.number or "",
        "endpoints": telephones(row, pbxs, "\n"),
        "mode": str(row.mode),
        "plan": row.plan,
        "may_listen": "yes" if row.may_listen else "",
        "login": row.login or "",
        "role": row.role,
    }
    return {name: every[name] for name in names}


def telephones(row: UserRow, pbxs: Collection[str], between: str = ", ") -> str:
    """Somebody's telephones; on which Asterisk only where there are several."""
    several = len(pbxs) > 1 or any(pbx not in pbxs for pbx, _ in row.endpoints)
    return between.join(f"{pbx}:{name}" if several else name for pbx, name in row.endpoints)


def typed(sent: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """The fields of a form as they were typed."""
    return {name: text(sent, name) for name in names}


def values(request: web.Request, form: Form, names: Collection[str]) -> Values:
    """The values of these fields; what is wrong with any of them is said in the form, all at once."""
    found: Values = {}
    readers: dict[str, Callable[[], Any]] = {name: partial(_plain, form, name) for name in names}
    if "endpoints" in names:
        readers["endpoints"] = partial(_endpoints, form, request.app[CONTEXT].pbxs)
    if "may_listen" in names:
        readers["may_listen"] = lambda: form.has("may_listen", "yes")

    def read(name: str) -> None:
        found[name] = readers[name]()

    form.check(page.reader_language(request), *(partial(read, name) for name in readers))
    return found


def _plain(form: Form, name: str) -> Any:
    return fields.user({name: form.value(name)})[name]


def _endpoints(form: Form, pbxs: Collection[str]) -> list[tuple[str, str]]:
    given = [one for one in _BETWEEN.split(form.value("endpoints")) if one]
    return fields.endpoints("endpoints", given, pbxs)


def is_switched_on(before: str | None, mode: str) -> bool:
    """Whether a change of the mode begins an activation."""
    return before in (None, Mode.NEVER) and mode != Mode.NEVER


def offered_acknowledgement(request: web.Request, text: str) -> dict[str, str]:
    """What the fields of an acknowledgement hold at first."""
    zone, who = page.words(request).zone, request[ACCOUNT].user.name
    today = request.app[CONTEXT].now().astimezone(zone).date().isoformat()
    return {"acknowledgement": text, "acknowledgement.by": who, "acknowledgement.at": today}


def acknowledgement(request: web.Request, form: Form) -> Acknowledgement | None:
    """What the form says of it; None, and why in the form, if it cannot be."""
    words, found = page.reader_language(request), list[datetime | None]()
    now, zone = request.app[CONTEXT].now(), page.words(request).zone

    def read_day() -> None:
        found.append(_at(form.value("acknowledgement.at"), now, zone))

    form.check(
        words,
        partial(_check_told, form),
        lambda: fields.acknowledgement("acknowledgement", form.value("acknowledgement")),
        read_day,
    )
    if not found:
        return None
    return Acknowledgement(form.value("acknowledgement"), form.value("acknowledgement.by").strip(), found[0])


def _check_told(form: Form) -> None:
    if not form.has("acknowledged", "yes"):
        raise Refused(
            422,
            N_("recording is switched on only for who has been told: tick this when that is so."),
            field="acknowledged",
        )


def _at(day: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Noon of that day; None for today, which is now."""
    today = now.astimezone(zone).date()
    try:
        given = date.fromisoformat(day) if day else today
    except ValueError as error:
        raise Refused(422, N_("a day is written as 2026-11-22."), field="acknowledgement.at") from error
    return None if given == today else datetime.combine(given, time(12), zone)
