"""The search of the list of recordings: a plain form, whose address can be shared and kept.

Its parameters are those of the API (`search.Search`), written as people write them (`find_values`). What is
wrong is said at its field, and nothing is looked for then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.store.catalogue import EVERYTHING
from ari_recorder.store.filters import Wanted
from ari_recorder.store.order import Sort
from ari_recorder.store.people.groups import group_names
from ari_recorder.web import find_values, page
from ari_recorder.web.context import CONTEXT, scope
from ari_recorder.web.find_values import CHOICES, NO_MARK, PERIODS, STATES, Reading
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import Refused
from ari_recorder.web.search import Search, wanted
from ari_recorder.web.words import DIRECTIONS, MODES, Words

FIELDS = {
    "q": N_("Search"),
    "when": N_("Period"),
    "from": N_("From day"),
    "from_time": N_("From time"),
    "to": N_("To day"),
    "to_time": N_("To time"),
    "min_duration": N_("Minimum length"),
    "max_duration": N_("Maximum length"),
    "number": N_("Counterpart's number"),
    "user": N_("User's number"),
    "group": N_("Group"),
    "direction": N_("Direction"),
    "mark": N_("Mark"),
    "state": N_("State"),
    "mode": N_("Recording mode"),
    "note": N_("Note"),
    "tag1": N_("Field %(n)s"),
    "tag2": N_("Field %(n)s"),
    "tag3": N_("Field %(n)s"),
}
"""What may be asked for, and what it is called, in the order of the form."""
SORT = "sort"
ASKS = (*FIELDS, SORT)
"""What a search is, and what is kept of one."""
TAKES = (*ASKS, "cursor", "part", "all")
"""What the list's address may say."""
QUERY_MAX = 2000
"""Characters of a search that is kept."""


@dataclass(frozen=True)
class Asked:
    """What an address asks for: as ``given``, without what was left empty, and as the catalogue has it.

    ``problems`` are what is wrong, in words, by field; with any, nothing is to be looked for. ``groups`` are
    those that who asks may choose, by id. ``values`` are what is asked for in the API's words.
    """

    given: Mapping[str, str]
    groups: Mapping[str, str]
    wanted: Wanted = EVERYTHING
    sort: Sort = Sort.NEWEST
    problems: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filters(self) -> dict[str, str]:
        """What is asked for, without the order."""
        return {name: text for name, text in self.given.items() if name != SORT}

    @property
    def export(self) -> str:
        """Where what is found is to be had as a file."""
        query = {name: value for name, value in self.values.items() if value is not None}
        texts = {
            name: getattr(value, "isoformat", lambda value=value: value)() for name, value in query.items()
        }
        return f"/api/v1/recordings.csv{'?' if texts else ''}{urlencode(texts)}"


@dataclass(frozen=True)
class Chosen:
    """A filter that holds: what it is called, what it says, and the address without it."""

    name: str
    says: str
    without: str


async def read(request: web.Request) -> Asked:
    """What the address asks for."""
    texts = {name: request.query.get(name, "") for name in ASKS}
    return understood(texts, await reading(request), page.words(request))


async def reading(request: web.Request) -> Reading:
    """What searches of who asks are read by."""
    groups: dict[str, str] = {}
    if Right.GROUPS_READ in scope(request).rights:
        names = await request.app[CONTEXT].store.read(group_names, scope(request))
        groups = {str(group): name for group, name in names.items()}
    return Reading(groups, request.app[CONTEXT].now().astimezone(page.words(request).zone))


def understood(texts: Mapping[str, str], by: Reading, say: Words) -> Asked:
    """What a search asks for, by its fields."""
    given = {name: text for name in ASKS if (text := texts.get(name, "").strip())}
    if given.get(SORT) == Sort.NEWEST:
        del given[SORT]
    return _read(given, by, say.language)


def fields_of(query: str) -> dict[str, str]:
    """The fields of a search that is written as in an address. Raises `Refused` (422) for what is none."""
    try:
        given = dict(parse_qsl(query, strict_parsing=bool(query), max_num_fields=len(ASKS)))
    except ValueError:
        given = {"": ""}
    if not set(given) <= set(ASKS):
        raise Refused(
            422, N_("it is no search: write it as in the list's address, q=eva&mark=red."), field="query"
        )
    return given


def query_of(given: Mapping[str, str]) -> str:
    """A search as it is written in an address."""
    return urlencode(given)


def address(given: Mapping[str, str], cursor: str | None = None) -> str:
    """The list's address with these filters."""
    query = {**given, **({"cursor": cursor} if cursor else {})}
    return f"/?{urlencode(query)}" if query else "/"


def chosen(asked: Asked, say: Words) -> list[Chosen]:
    """The filters that hold, besides the free text, which is in sight anyway; a time goes with its day."""
    return [
        Chosen(label(name, say), said(name, asked, say), address(_without(asked.given, name)))
        for name in asked.filters
        if name != "q" and not name.endswith("_time")
    ]


def label(name: str, say: Words) -> str:
    """What a field is called."""
    return say.tag(name) if name.startswith("tag") else say.language.gettext(FIELDS[name])


def said(name: str, asked: Asked, say: Words) -> str:
    """What a filter asks for, as the list writes it."""
    text, known = (
        asked.given[name],
        {"when": PERIODS, "direction": DIRECTIONS, "mode": MODES, "state": STATES},
    )
    if name in ("from", "to"):
        shown = say.date(find_values.midnight(find_values.day(text), say.zone))
        return f"{shown} {asked.given.get(f'{name}_time', '')}".rstrip()
    if name in known:
        return say.language.gettext(known[name][text])
    if name == "mark":
        return say.language.gettext("Without a mark") if text == NO_MARK else say.mark(text)
    if name.endswith("_duration"):
        return say.duration(round(find_values.seconds(text) * 1000))
    return asked.groups[text.lower()] if name == "group" else text


def _without(given: Mapping[str, str], name: str) -> dict[str, str]:
    return {other: text for other, text in given.items() if other not in (name, f"{name}_time")}


def _read(given: Mapping[str, str], by: Reading, language: Language) -> Asked:
    values, refused = find_values.read(given, by)
    try:
        find_values.check_order(values)
        search = msgspec.convert(values, Search)
        found = wanted(search)
    except Refused as error:
        return Asked(given, by.groups, problems=_problems([*refused, error], language))
    return Asked(given, by.groups, found, search.sort, _problems(refused, language), values)


def _problems(refused: list[Refused], language: Language) -> dict[str, str]:
    """What is wrong, as a sentence of its own."""
    said = {}
    for error in refused:
        text = Refused(error.status, error.message, values=error.values).said_in(language)
        said[error.field] = text[:1].upper() + text[1:]
    return {name: said[name] for name in ASKS if name in said}


def choices(name: str) -> tuple[str, ...]:
    """What may be chosen in a field."""
    return CHOICES[name]
