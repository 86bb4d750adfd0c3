"""Telephone numbers as people write them, and as the same number is written elsewhere.

``070-123 45 67`` in Sweden is ``+46701234567`` from everywhere, and often ``0046701234567``. What a country
dials before its own numbers, and what its code is, is from Google's libphonenumber (`phonenumbers`), after
ITU-T E.164 and its national numbering plans.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneMetadata

ABROAD = "00"
"""What most of the world dials before a country code (ITU-T E.123)."""
_OTHER = re.compile(r"[^\w*#]|_")
_BETWEEN = re.compile(r"[-. \u00a0\u2000-\u200a\u2010-\u2015\u202f\u2212\u3000]")
_UNSEEN = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_COMPLETE_FROM = 6
"""Digits from which a number may be a whole one."""


def is_country(code: str) -> bool:
    """Whether it is the code (ISO 3166-1, two capital letters) of a country with a numbering plan."""
    return code in phonenumbers.SUPPORTED_REGIONS


def compact(number: str) -> str:
    """Only what is dialled, and letters: without spaces, strokes, brackets and the plus."""
    return "".join(str(int(one)) if one.isdecimal() else one for one in _OTHER.sub("", number))


def dialled(number: str) -> str:
    """A number without what people write between its digits: spaces, hyphens, dots and brackets.

    Nor what nobody sees, which telephones put around a number that is copied from them. A nought in brackets
    behind a country code is not dialled with it: ``+46 (0)70-123 45 67`` (ITU-T E.123).
    """
    plain = _BETWEEN.sub("", _UNSEEN.sub("", number))
    if plain.startswith("+"):
        plain = plain.replace("(0)", "", 1)
    return plain.replace("(", "").replace(")", "")


def writings(number: str, country: str) -> tuple[str, ...]:
    """As which else a number, or how one begins, may have been written; only digits.

    Without a ``country`` only what is written for abroad has another writing.
    """
    digits = compact(number)
    if not (digits.isascii() and digits.isdigit()):
        return ()
    plus = number.lstrip(" (").startswith("+")
    if plus or digits.startswith(ABROAD):
        found = _from_abroad(digits if plus else digits.removeprefix(ABROAD), country)
    else:
        found = _from_home(digits, country)
    return tuple(other for other in dict.fromkeys([*found, *_complete(number, country)]) if other != digits)


def _from_abroad(digits: str, country: str) -> list[str]:
    """As it is written with a plus, with noughts, and at home."""
    if not digits:
        return []
    found = [digits, ABROAD + digits]
    code, trunk = _plan(country)
    if code and trunk and digits.startswith(code) and len(digits) > len(code):
        found.append(trunk + digits.removeprefix(code))
    return found


def _from_home(digits: str, country: str) -> list[str]:
    """As it is written abroad; or, when it has a country code without a plus, at home."""
    code, trunk = _plan(country)
    if not (code and trunk):
        return []
    rest = digits.removeprefix(trunk)
    if rest and rest != digits:
        return [code + rest, ABROAD + code + rest]
    rest = digits.removeprefix(code)
    return [trunk + rest] if rest != digits and len(rest) >= _COMPLETE_FROM else []


def _complete(number: str, country: str) -> list[str]:
    """Of a whole number what its numbering plan says, which may be more than another beginning."""
    if not country or len(compact(number)) < _COMPLETE_FROM:
        return []
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return []
    if not phonenumbers.is_possible_number(parsed):
        return []
    abroad = compact(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
    home = compact(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))
    return [
        abroad,
        ABROAD + abroad,
        *([home] if phonenumbers.region_code_for_number(parsed) == country else []),
    ]


def _plan(country: str) -> tuple[str, str]:
    """A country's code, and what is dialled there before its own numbers; empty where it is nothing."""
    plan = PhoneMetadata.metadata_for_region(country) if country else None
    return ("", "") if plan is None else (str(plan.country_code), plan.national_prefix or "")
