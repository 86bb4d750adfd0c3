"""What users, groups and organisations may be called, and what else they may be: said by field.

Nothing is cut, and nothing is put right but the spaces around a name or in a number, and what is left out
of every text (`policies.text.tidy`): what cannot be is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ari_recorder.policies.erasing import Leavers
from ari_recorder.policies.numbering import dialled, is_country
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.policies.telephones import patterns
from ari_recorder.policies.text import is_seen, tidy
from ari_recorder.policies.unfit import Unfit, check_plain

NAME_MAX = 200
NUMBER_MAX = 64
LOGIN_MAX = 200
ENDPOINT_MAX = 200
ENDPOINTS_MAX = 50
STORAGE_MB_MAX = 1_000_000
RETENTION_DAYS_MAX = 36_500
ACKNOWLEDGEMENT_MAX = 2000
TAG_NAME_MAX = 40
TAG_NAMES = ("tag1_name", "tag2_name", "tag3_name")
"""What an organisation calls the three fields of its calls."""
SEPARATOR = "|"
"""Between several things in one cell of a CSV file, and so in no name of one."""

_NUMBER = re.compile(r"[0-9*#+]+")
_LOGIN = re.compile(r"[\w.@+-]+")
_ENDPOINT = re.compile(r"(?:(?P<pbx>[a-z0-9_-]{1,32}):)?(?P<name>[A-Z][A-Za-z0-9]*/[^\s,/|]+)")


def name(field: str, value: object, most: int = NAME_MAX) -> str:
    """A name, without the spaces around it. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    text = tidy(value).replace("\u00a0", " ").strip(" ")
    if len(text) > most:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(text), most=most)
    check_plain(field, text)
    if not is_seen(text):
        raise Unfit(field, "it is empty; write 1 to %(most)s characters.", most=most)
    return text


def group_name(field: str, value: object) -> str:
    """A group's name. Raises `Unfit`."""
    text = name(field, value)
    if SEPARATOR in text:
        raise Unfit(field, "it has a %(sign)s, which stands between groups in CSV files.", sign=SEPARATOR)
    return text


def number(field: str, value: object) -> str | None:
    """A number in any writing, as it is dialled; None, or nothing, is none. Raises `Unfit`."""
    if value is None or value == "":
        return None
    text = dialled(value) if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(text):
        raise Unfit(
            field,
            "%(value)s is no number: only 0-9, *, # and +; spaces, hyphens, dots and brackets are left out.",
            value=_shown(value),
        )
    if len(text) > NUMBER_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(text), most=NUMBER_MAX)
    return text


def login(field: str, value: object) -> str | None:
    """What somebody signs in as, without space around it; None, or nothing, is not at all. Raises `Unfit`."""
    text = value.strip(" \u00a0") if isinstance(value, str) else value
    if text is None or text == "":
        return None
    if not isinstance(text, str) or not _LOGIN.fullmatch(text):
        raise Unfit(
            field,
            "%(value)s is no login: letters, digits and . _ - + @, without spaces.",
            value=_shown(value),
        )
    if len(text) > LOGIN_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(text), most=LOGIN_MAX)
    return text


def endpoint(field: str, text: object, pbxs: Iterable[str]) -> tuple[str, str]:
    """Name of the Asterisk, one of ``pbxs``, and endpoint there. Raises `Unfit`."""
    match = _ENDPOINT.fullmatch(text) if isinstance(text, str) else None
    if match is None or not match["name"].isprintable():
        raise Unfit(
            field,
            "%(value)s is not of the form TECH/NAME or PBX:TECH/NAME, such as PJSIP/101 or"
            " main:PJSIP/101 (the technology as Asterisk writes it).",
            value=_shown(text),
        )
    if len(match["name"]) > ENDPOINT_MAX:
        raise Unfit(
            field, "%(length)s characters; at most %(most)s.", length=len(match["name"]), most=ENDPOINT_MAX
        )
    known = sorted(pbxs)
    pbx = match["pbx"] or (known[0] if len(known) == 1 else "")
    if not pbx:
        raise Unfit(
            field,
            "%(value)s: say on which Asterisk, %(known)s: %(example)s",
            value=repr(text),
            known=" or ".join(known),
            example=f"{known[0]}:{text}",
        )
    if pbx not in known:
        raise Unfit(
            field,
            "%(value)s: the settings have no Asterisk %(pbx)s, only %(known)s.",
            value=repr(text),
            pbx=repr(pbx),
            known=", ".join(known),
        )
    return pbx, match["name"]


def endpoints(field: str, texts: object, pbxs: Iterable[str]) -> list[tuple[str, str]]:
    """Several, each once. Raises `Unfit`."""
    if not isinstance(texts, list | tuple):
        raise Unfit(field, "a list of endpoints, such as PJSIP/101.")
    if len(texts) > ENDPOINTS_MAX:
        raise Unfit(field, "%(length)s endpoints; at most %(most)s.", length=len(texts), most=ENDPOINTS_MAX)
    known = tuple(pbxs)
    return list(dict.fromkeys(endpoint(field, text, known) for text in texts))


def choice(field: str, value: object, kind: type[StrEnum]) -> str:
    """One of those. Raises `Unfit`."""
    if not isinstance(value, str) or value not in set(kind):
        raise Unfit(
            field, "%(value)s is unknown: use one of %(known)s.", value=_shown(value), known=", ".join(kind)
        )
    return kind(value)


def yes_or_no(field: str, value: object) -> bool:
    """True or False. Raises `Unfit`."""
    if not isinstance(value, bool):
        raise Unfit(field, "true or false.")
    return value


def whole(field: str, value: object, least: int, most: int) -> int:
    """A whole number within those. Raises `Unfit`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Unfit(
            field,
            "%(value)s: a whole number from %(least)s to %(most)s.",
            value=_shown(value), least=least, most=most,
        )  # fmt: skip
    return value


def time_zone(field: str, value: object) -> str:
    """A name of the tz database, such as ``Europe/Stockholm``. Raises `Unfit`."""
    try:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", value):
            raise ValueError(value)
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unfit(
            field,
            "%(value)s is no time zone: use a name of the tz database, such as Europe/Stockholm.",
            value=_shown(value),
        ) from None


def language(field: str, value: object) -> str:
    """One that My Pages and prompts have. Raises `Unfit`."""
    if value not in LANGUAGES:
        raise Unfit(
            field,
            "%(value)s is unknown: use one of %(known)s.",
            value=_shown(value),
            known=", ".join(LANGUAGES),
        )
    return str(value)


def country(field: str, value: object) -> str:
    """Whose numbering plan numbers follow, ISO 3166-1; nothing if it is not said. Raises `Unfit`."""
    if value is None or value == "":
        return ""
    code = value.upper() if isinstance(value, str) else ""
    if not is_country(code):
        raise Unfit(
            field,
            "%(value)s is no country with telephone numbers: use two letters (ISO 3166-1), such as SE.",
            value=_shown(value),
        )
    return code


def tag_name(field: str, value: object) -> str:
    """What a field of calls is called; nothing for its number. Raises `Unfit`."""
    empty = value is None or (isinstance(value, str) and not value.strip())
    return "" if empty else name(field, value, TAG_NAME_MAX)


def roles(field: str, value: object) -> list[Role]:
    """Roles, each once, in their usual order. Raises `Unfit`."""
    if not isinstance(value, list | tuple):
        raise Unfit(field, "a list of roles: %(known)s.", known=", ".join(Role))
    wanted = {choice(field, one, Role) for one in value}
    return [role for role in Role if role in wanted]


def acknowledgement(field: str, value: object) -> str:
    """What a user was told about being recorded; line breaks may be in it. Raises `Unfit`."""
    if not isinstance(value, str) or not value.strip():
        raise Unfit(field, "it is empty; write what the user was told, and agreed to.")
    text = tidy(value).strip().replace("\r\n", "\n")
    if len(text) > ACKNOWLEDGEMENT_MAX:
        raise Unfit(
            field, "%(length)s characters; at most %(most)s.", length=len(text), most=ACKNOWLEDGEMENT_MAX
        )
    check_plain(field, text, lines=True)
    return text


_USER: dict[str, Callable[[str, Any], Any]] = {
    "name": name,
    "number": number,
    "mode": lambda field, value: choice(field, value, Mode),
    "plan": lambda field, value: choice(field, value, Plan),
    "role": lambda field, value: choice(field, value, Role),
    "may_listen": yes_or_no,
    "login": login,
}
_ORGANISATION: dict[str, Callable[[str, Any], Any]] = {
    "name": name,
    "timezone": time_zone,
    "language": language,
    "country": country,
    "second_factor": roles,
    "endpoints": patterns,
    "storage_mb": lambda field, value: whole(field, value, 0, STORAGE_MB_MAX),
    "retention_days": lambda field, value: whole(field, value, 1, RETENTION_DAYS_MAX),
    "leavers": lambda field, value: choice(field, value, Leavers),
    **dict.fromkeys(TAG_NAMES, tag_name),
}
USER_FIELDS = frozenset(_USER)
ORGANISATION_FIELDS = frozenset(_ORGANISATION)


def user(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a user as they are kept. Raises `Unfit` for the first that cannot be."""
    return _checked(values, _USER)


def organisation(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an organisation as they are kept. Raises `Unfit` for the first that cannot be."""
    return _checked(values, _ORGANISATION)


def _checked(values: Mapping[str, Any], readers: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(readers))
    if unknown:
        raise Unfit(
            unknown[0][:40],
            "that cannot be changed: use one of %(known)s.",
            known=", ".join(sorted(readers)),
        )
    return {field: readers[field](field, value) for field, value in values.items()}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
