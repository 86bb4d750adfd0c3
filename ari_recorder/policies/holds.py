"""Legal holds: what they may be about, and what has to be said of one.

A hold keeps recordings that something else would have deleted; who places it says why. Nothing is cut, and
what cannot be is refused at its field.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ari_recorder.policies.numbering import compact
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.policies.unfit import Unfit, check_plain

REASON_MAX = 2000
PEOPLE_MAX = 500
DIGITS_MIN = 3
"""Fewer would be in nearly every number."""
EACH_MAX = 200
"""Active holds of one organisation: each is asked whenever something is to be deleted."""
GRACE = timedelta(days=1)
"""So long after its end a hold still holds: a clock that is a day wrong frees nothing."""


class Kind(StrEnum):
    """What a hold is about."""

    RECORDING = "recording"
    USER = "user"
    """Every recording of a user."""
    NUMBER = "number"
    """Every recording in which somebody with that number took part."""
    SEARCH = "search"
    """Everything that a search finds, or has found since the hold began."""
    SELECTION = "selection"
    """Some recordings that somebody chose, and no others."""


def text(field: str, value: object, most: int, *, needed: bool = True) -> str:
    """A text of several lines, without the space around it. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    found = tidy(value).replace("\r\n", "\n").strip()
    if needed and not found:
        raise Unfit(field, "it is empty; write 1 to %(most)s characters.", most=most)
    if len(found) > most:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(found), most=most)
    check_plain(field, found, lines=True)
    return found


def number(field: str, value: object) -> str:
    """A number to be held, in any writing. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    found = value.strip()
    if len(found) > NUMBER_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(found), most=NUMBER_MAX)
    if not is_plain(found) or sum(one.isdigit() for one in compact(found)) < DIGITS_MIN:
        raise Unfit(field, "write a telephone number, with %(least)s digits or more.", least=DIGITS_MIN)
    return found


def check_end(field: str, ends_at: datetime | None, now: datetime) -> None:
    """Raises `Unfit` for an end that is not to come."""
    if ends_at is not None and ends_at <= now:
        raise Unfit(field, "it has to be later than now.")


def is_over(ends_at: datetime | None, now: datetime) -> bool:
    """Whether the end of a hold has come, and its grace has passed."""
    return ends_at is not None and now - ends_at >= GRACE
