"""How a user's calls are announced and handled, by organisation and, where it differs, by user.

Source: rows C2 and C5-C7 of the requirements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from ari_recorder.policies.table import COMMANDS, Event
from ari_recorder.policies.unfit import Unfit

LANGUAGES = ("en", "sv")
"""Languages that have prompts."""
WARNING_TONE_S = (10, 1800)
"""Least and greatest time between two warning tones; 0 is none."""

_CODE = re.compile(r"[0-9*#]{2,8}")


class Announce(StrEnum):
    """What is played when recording starts, stops, pauses or goes on."""

    NONE = "none"
    BEEP = "beep"
    ANNOUNCEMENT = "announcement"


class HeardBy(StrEnum):
    """Who hears it."""

    BOTH = "both"
    USER = "user"


class OnFailure(StrEnum):
    """What to do when a call that is to be recorded cannot be (row C7)."""

    CONTINUE = "continue"
    """Go on silently."""
    TELL = "tell"
    """Tell the parties, and go on."""
    END = "end"
    """Tell the parties, and end the call."""


def _default_codes() -> dict[Event, str]:
    return {Event.START: "*44", Event.STOP: "*45", Event.PAUSE: "*48", Event.RESUME: "*49"}


@dataclass(frozen=True)
class Preferences:
    """One user's, in effect for a whole call: a change holds from the next call on."""

    language: str = "en"
    """Of the prompts; one of `LANGUAGES`."""
    announce_internal: Announce = Announce.NONE
    """With a counterpart whose number is one of the organisation's own."""
    announce_external: Announce = Announce.ANNOUNCEMENT
    """With every other counterpart."""
    heard_by: HeardBy = HeardBy.BOTH
    warning_tone_s: int = 0
    """Seconds between two warning tones while recording; 0 is none."""
    on_failure: OnFailure = OnFailure.TELL
    codes: dict[Event, str] = field(default_factory=_default_codes)
    """The DTMF code of each command."""

    @property
    def commands(self) -> dict[str, Event]:
        """The command of each DTMF code."""
        return {code: command for command, code in self.codes.items()}

    def announce(self, *, internal: bool) -> Announce:
        """What is played in a call with a counterpart inside or outside the organisation."""
        return self.announce_internal if internal else self.announce_external


def combine(*layers: Mapping[str, Any]) -> Preferences:
    """The defaults, overlaid by each layer in turn. Raises `Unfit` as `check` does."""
    preferences = Preferences()
    for layer in layers:
        preferences = replace(preferences, **check(layer))
    return preferences


def check(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as `Preferences` has them. Raises `Unfit`, which is a `ValueError`, for what cannot be."""
    check_names(values)
    return {key: _READERS[key](key, value) for key, value in values.items()}


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that can be: another version may have written what this one does not know."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        with suppress(ValueError):
            found |= check({key: value})
    return found


def check_names(names: Iterable[str]) -> None:
    """Raise `Unfit` if one of the names is no preference's."""
    unknown = sorted(set(names) - set(_READERS))
    if unknown:
        raise Unfit(
            unknown[0][:40], "there is no such preference; known: %(known)s.", known=", ".join(_READERS)
        )


def _language(key: str, value: Any) -> str:
    if value not in LANGUAGES:
        raise Unfit(
            key,
            "%(value)s has no prompts; one of %(known)s.",
            value=_shown(value),
            known=", ".join(LANGUAGES),
        )
    return str(value)


def _choice(kind: type[StrEnum]) -> Any:
    def read(key: str, value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise Unfit(
                key, "%(value)s is not one of %(known)s.", value=_shown(value), known=", ".join(kind)
            ) from None

    return read


def _warning_tone_s(key: str, value: Any) -> int:
    least, greatest = WARNING_TONE_S
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or (value != 0 and not least <= value <= greatest):
        raise Unfit(
            key,
            "0 for none, or a whole number of seconds from %(least)s to %(greatest)s.",
            least=least,
            greatest=greatest,
        )
    return int(value)


def _codes(key: str, value: Any) -> dict[Event, str]:
    if not isinstance(value, Mapping) or set(value) != {str(command) for command in COMMANDS}:
        raise Unfit(key, "a DTMF code for each of %(commands)s.", commands=", ".join(COMMANDS))
    for command, code in value.items():
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise Unfit(
                key, "the code of %(command)s is 2 to 8 of 0-9, * and #, such as *44.", command=str(command)
            )
    for code, following in pairwise(sorted(value.values())):
        if following.startswith(code):
            raise Unfit(
                key,
                "%(following)s begins with %(code)s, so that it could never be pressed:"
                " no code may be another, or the beginning of another.",
                following=following,
                code=code,
            )
    return {Event(command): code for command, code in value.items()}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_READERS: dict[str, Any] = {
    "language": _language,
    "announce_internal": _choice(Announce),
    "announce_external": _choice(Announce),
    "heard_by": _choice(HeardBy),
    "warning_tone_s": _warning_tone_s,
    "on_failure": _choice(OnFailure),
    "codes": _codes,
}
