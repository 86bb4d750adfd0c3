"""The search of the list of recordings: a plain form, whose address can be shared and kept.

Its parameters are those of the API (`search.Search`), written as people write them: days of the
organisation's zone, lengths in minutes. What is wrong is said at its field, and nothing is looked for then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store.catalogue import EVERYTHING
from ari_recorder.store.filters import Wanted
from ari_recorder.store.people.groups import group_names
from ari_recorder.web import page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.given import not_right
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import Refused
from ari_recorder.web.search import Search, wanted
from ari_recorder.web.words import DIRECTIONS, MARKS, Words

FIELDS = {
    "q": N_("Search"),
    "from": N_("From day"),
    "to": N_("To day"),
    "user": N_("User's number"),
    "number": N_("Counterpart's number"),
    "direction": N_("Direction"),
    "mark": N_("Mark"),
    "note": N_("Note"),
    "min_duration": N_("Minimum length"),
    "max_duration": N_("Maximum length"),
    "group": N_("Group"),
    "tag1": N_("Field %(n)s"),
    "tag2": N_("Field %(n)s"),
    "tag3": N_("Field %(n)s"),
}
"""What may be asked for, and what it is called."""
TAKES = (*FIELDS, "cursor")
"""What the list's address may say."""
NO_MARK = "none"
"""The mark of those without: an empty one is a field left alone."""
_CHOICES = {"mark": (NO_MARK, *MARKS), "direction": tuple(DIRECTIONS)}
_CLOCK = re.compile(r"(?:(?P<h>[0-9]{1,4}):(?=[0-5][0-9]:))?(?P<m>[0-9]{1,6}):(?P<s>[0-5][0-9])", re.ASCII)
_MINUTES = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,3})?", re.ASCII)
_BELOW_S, _ABOVE_S = 0.5, 0.499
"""Lengths are shown to the second: what is shown as 1:30 is found by 1:30, from it on and up to it."""


@dataclass(frozen=True)
class Asked:
    """What an address asks for: as ``given``, without what was left empty, and as the catalogue has it.

    ``problems`` are what is wrong, in words, by field; with any, nothing is to be looked for. ``groups`` are
    those that who asks may choose, by id.
    """

    given: Mapping[str, str]
    groups: Mapping[str, str]
    wanted: Wanted = EVERYTHING
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """A filter that holds: what it is called, what it says, and the address without it."""

    name: str
    says: str
    without: str


async def read(request: web.Request) -> Asked:
    """What the address asks for."""
    given = {name: text for name in FIELDS if (text := request.query.get(name, "").strip())}
    groups: dict[str, str] = {}
    if Right.GROUPS_READ in scope(request).rights:
        names = await request.app[CONTEXT].store.read(group_names, scope(request))
        groups = {str(group): name for group, name in names.items()}
    return _read(given, groups, page.words(request))


def address(given: Mapping[str, str], cursor: str | None = None) -> str:
    """The list's address with these filters."""
    query = {**given, **({"cursor": cursor} if cursor else {})}
    return f"/?{urlencode(query)}" if query else "/"


def chosen(asked: Asked, say: Words) -> list[Chosen]:
    """The filters that hold, besides the free text, which is in sight anyway."""
    return [
        Chosen(label(name, say.language), _said(name, text, asked, say), address(_without(asked.given, name)))
        for name, text in asked.given.items()
        if name != "q"
    ]


def label(name: str, language: Language) -> str:
    """What a field is called."""
    return language.gettext(FIELDS[name], **({"n": name[-1]} if name.startswith("tag") else {}))


def _without(given: Mapping[str, str], name: str) -> dict[str, str]:
    return {other: text for other, text in given.items() if other != name}


def _said(name: str, text: str, asked: Asked, say: Words) -> str:
    """What a filter asks for, as the list writes it."""
    if name in ("from", "to"):
        return say.date(_midnight(date.fromisoformat(text), say.zone))
    if name == "direction":
        return say.language.gettext(DIRECTIONS[text])
    if name == "mark":
        return say.language.gettext("Without a mark") if text == NO_MARK else say.mark(text)
    if name.endswith("_duration"):
        return say.duration(round(_seconds(text) * 1000))
    return asked.groups[text.lower()] if name == "group" else text


def _read(given: Mapping[str, str], groups: Mapping[str, str], say: Words) -> Asked:
    values: dict[str, Any] = {}
    refused: list[Refused] = []
    for name, text in given.items():
        try:
            values[name] = _checked(name, _value(name, text, groups, say.zone))
        except Refused as error:
            refused.append(error)
    try:
        _check_order(values)
        found = wanted(msgspec.convert(values, Search))
    except Refused as error:
        return Asked(given, groups, problems=_problems([*refused, error], say.language))
    return Asked(given, groups, found, _problems(refused, say.language))


def _problems(refused: list[Refused], language: Language) -> dict[str, str]:
    """What is wrong, as a sentence of its own."""
    said = {}
    for error in refused:
        text = Refused(error.status, error.message, values=error.values).said_in(language)
        said[error.field] = text[:1].upper() + text[1:]
    return {name: said[name] for name in FIELDS if name in said}


def _value(name: str, text: str, groups: Mapping[str, str], zone: tzinfo) -> Any:
    """As the API has it. Raises `Refused` (400)."""
    if not text.isprintable():
        raise Refused(400, N_("There is a character in it that cannot be shown."), field=name)
    if name in ("from", "to"):
        return _day(name, text, zone)
    if name == "min_duration":
        return max(0, _length(name, text) - _BELOW_S)
    if name == "max_duration":
        return _length(name, text) + _ABOVE_S
    if name in _CHOICES and text not in _CHOICES[name]:
        raise Refused(400, N_("Choose one of those in the list."), field=name)
    if name == "group" and text.lower() not in groups:
        raise Refused(400, N_("There is no such group, or none that you may see."), field=name)
    return "" if (name, text) == ("mark", NO_MARK) else text


def _checked(name: str, value: Any) -> Any:
    """The value, if the API would take it. Raises `Refused` (400)."""
    try:
        msgspec.convert({name: value}, Search)
    except msgspec.ValidationError as error:
        raise not_right(error, Search) from error
    return value


def _check_order(values: Mapping[str, Any]) -> None:
    if "from" in values and "to" in values and values["to"] <= values["from"]:
        raise Refused(400, N_("The last day is before the first."), field="to")
    if values.get("max_duration", 0) < values.get("min_duration", 0) and "max_duration" in values:
        raise Refused(400, N_("The maximum length is less than the minimum."), field="max_duration")


def _day(name: str, text: str, zone: tzinfo) -> datetime:
    """When a day begins there; of the last, when the one behind it does."""
    try:
        return _midnight(date.fromisoformat(text) + timedelta(days=name == "to"), zone)
    except (ValueError, OverflowError) as error:
        raise Refused(400, N_("Write a day as 2026-03-02."), field=name) from error


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _length(name: str, text: str) -> float:
    try:
        return _seconds(text)
    except ValueError as error:
        message = N_("Write minutes (5), or minutes and seconds (1:30).")
        raise Refused(400, message, field=name) from error


def _seconds(text: str) -> float:
    """A length in seconds: of minutes, ``m:ss`` or ``h:mm:ss``. Raises `ValueError`."""
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    if _MINUTES.fullmatch(text):
        return float(text.replace(",", ".")) * 60
    raise ValueError(text)
