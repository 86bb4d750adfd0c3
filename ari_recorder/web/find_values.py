"""What a person writes into the fields of the search, as the API has it (`search.Search`).

Days and times are those of the organisation's zone, lengths are in minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec

from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.web.given import not_right
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.search import Search
from ari_recorder.web.words import DIRECTIONS, MARKS, MODES

NO_MARK = "none"
"""The mark of those without: an empty one is a field left alone."""
PERIODS = {
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "week": N_("Last 7 days"),
    "month": N_("Last 30 days"),
}
"""Days that move on with the calendar; the last ones have today in them."""
STATES = {
    "recording": N_("In progress"),
    "preparing": N_("Being prepared"),
    "ready": N_("Ready"),
    "problems": N_("With problems"),
}
SORTS = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "longest": N_("Longest first"),
    "shortest": N_("Shortest first"),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "when": tuple(PERIODS),
    "mark": (NO_MARK, *MARKS),
    "direction": tuple(DIRECTIONS),
    "mode": tuple(mode for mode in MODES if mode != "never"),
    "state": tuple(STATES),
    "sort": tuple(SORTS),
}
_SPANS = {"today": (0, 0), "yesterday": (1, 1), "week": (6, 0), "month": (29, 0)}
"""How many days ago they begin and end."""
_CLOCK = re.compile(r"(?:(?P<h>[0-9]{1,4}):(?=[0-5][0-9]:))?(?P<m>[0-9]{1,6}):(?P<s>[0-5][0-9])", re.ASCII)
_MINUTES = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,3})?", re.ASCII)
_TIME = re.compile(r"(?P<h>[01]?[0-9]|2[0-3])[:.](?P<m>[0-5][0-9])(?:[:.](?P<s>[0-5][0-9]))?", re.ASCII)
_BELOW_S, _ABOVE_S = 0.5, 0.499
"""Lengths are shown to the second: what is shown as 1:30 is found by 1:30, from it on and up to it."""
_DAY = N_("Write a day as 2026-03-02.")


@dataclass(frozen=True)
class Reading:
    """What values are read by: the groups that may be chosen, by id, and the time now, in the zone."""

    groups: Mapping[str, str]
    now: datetime

    @property
    def zone(self) -> tzinfo:
        """The organisation's."""
        assert self.now.tzinfo is not None
        return self.now.tzinfo


def read(given: Mapping[str, str], by: Reading) -> tuple[dict[str, Any], list[Refused]]:
    """The values by the API's names, and what is wrong with the others, each with its field."""
    values: dict[str, Any] = {}
    refused: list[Refused] = []
    for name, text in given.items():
        try:
            values |= _checked(name, _read(name, text, given, by))
        except Refused as error:
            refused.append(error)
    return values, refused


def check_order(values: Mapping[str, Any]) -> None:
    """Raise `Refused` (400) for a stretch that ends before it begins."""
    if "from" in values and "to" in values and values["to"] <= values["from"]:
        raise Refused(400, N_("The end is before the beginning."), field="to")
    if values.get("max_duration", 0) < values.get("min_duration", 0) and "max_duration" in values:
        raise Refused(400, N_("The maximum length is less than the minimum."), field="max_duration")


def day(text: str) -> date:
    """A day as it is written in the address. Raises `ValueError`."""
    return date.fromisoformat(text)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time(), zone)


def seconds(text: str) -> float:
    """A length in seconds: of minutes, ``m:ss`` or ``h:mm:ss``. Raises `ValueError`."""
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds
    if _MINUTES.fullmatch(text):
        return float(text.replace(",", ".")) * 60
    raise ValueError(text)


def _read(name: str, text: str, given: Mapping[str, str], by: Reading) -> dict[str, Any]:
    """As the API has it. Raises `Refused` (400)."""
    text = tidy(text)
    if not is_plain(text):
        raise Refused(400, N_("There is a character in it that cannot be shown."), field=name)
    if name in CHOICES and text not in CHOICES[name]:
        raise Refused(400, N_("Choose one of those in the list."), field=name)
    if name == "group" and text.lower() not in by.groups:
        raise Refused(400, N_("There is no such group, or none that you may see."), field=name)
    if name == "when":
        return _period(text, given, by)
    if name in ("from", "to"):
        return {name: _moment(name, text, given.get(f"{name}_time", ""), by.zone)}
    if name in ("from_time", "to_time"):
        return _needs_day(name, given)
    if name == "min_duration":
        return {name: max(0, _length(name, text) - _BELOW_S)}
    if name == "max_duration":
        return {name: _length(name, text) + _ABOVE_S}
    return {name: "" if (name, text) == ("mark", NO_MARK) else text}


def _checked(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values, if the API would take them. Raises `Refused` (400)."""
    try:
        msgspec.convert(values, Search)
    except msgspec.ValidationError as error:
        raise not_right(error, Search) from error
    return values


def _period(text: str, given: Mapping[str, str], by: Reading) -> dict[str, Any]:
    if "from" in given or "to" in given:
        raise Refused(400, N_("Choose either a period or days of your own."), field="when")
    first, last = (by.now.date() - timedelta(days=ago) for ago in _SPANS[text])
    return {"from": midnight(first, by.zone), "to": midnight(last + timedelta(days=1), by.zone)}


def _moment(name: str, text: str, clock: str, zone: tzinfo) -> datetime:
    """From when on, or until when: the day and the minute that are written are both in it."""
    found = _TIME.fullmatch(clock) if clock else None
    try:
        if found is None:  # a time that is none is said at its own field
            return midnight(day(text) + timedelta(days=name == "to"), zone)
        at = time(int(found["h"]), int(found["m"]), int(found["s"] or 0))
        step = timedelta(seconds=1) if found["s"] else timedelta(minutes=1)
        return datetime.combine(day(text), at, zone) + step * (name == "to")
    except (ValueError, OverflowError) as error:
        raise Refused(400, _DAY, field=name) from error


def _needs_day(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    if not _TIME.fullmatch(given[name]):
        raise Refused(400, N_("Write a time as 14:30."), field=name)
    if name.removesuffix("_time") not in given:
        raise Refused(400, N_("Choose the day, too."), field=name)
    return {}


def _length(name: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        message = N_("Write minutes (5), or minutes and seconds (1:30).")
        raise Refused(400, message, field=name) from error
