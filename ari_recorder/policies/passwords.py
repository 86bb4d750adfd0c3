"""Which passwords are taken: long enough, not common, and not about whose they are. No I/O.

Source: NIST SP 800-63B-4, 3.1.1.2, and OWASP ASVS 5.0, 6.1.2 and 6.2: length and lists, and no rules about
kinds of characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterable
from enum import StrEnum

from ari_recorder.policies.rights import Role

LEAST = 8
"""Characters of a password at least."""
LEAST_POWERFUL = 15
"""And of those who may change what others are and may."""
MOST = 128
POWERFUL = frozenset((Role.ADMINISTRATOR, Role.OPERATOR))
WORD_LEAST = 3
"""A name or number shorter than this may be part of any password."""
DIFFERENT_LEAST = 5
"""Characters that have to differ."""
_ROWS = ("1234567890", "0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
_RUNS = tuple(row * (MOST // len(row) + 2) for row in (*_ROWS, *(row[::-1] for row in _ROWS)))
"""What fingers and children write, over and over."""


class Weakness(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    """Among those that are tried first, or one character or short piece over and over."""
    PERSONAL = "personal"
    """Little more than the login, name, number or organisation."""


def least(role: str) -> int:
    """Characters that a password of somebody with that role has at least."""
    return LEAST_POWERFUL if role in POWERFUL else LEAST


def normal(password: str) -> str:
    """The same text however the keyboard composes it (Unicode's NFKC): what is counted and hashed."""
    return unicodedata.normalize("NFKC", password)


def weakness(password: str, *, role: str, about: Iterable[str], common: Container[str]) -> Weakness | None:
    """What is wrong with a password in normal form, or None.

    ``about`` are the words that describe whose it is, ``common`` the passwords that everybody uses, in
    small letters.
    """
    if len(password) < least(role):
        return Weakness.TOO_SHORT
    if len(password) > MOST:
        return Weakness.TOO_LONG
    plain = password.casefold()
    if _is_common(plain, common):
        return Weakness.COMMON
    return Weakness.PERSONAL if _is_about(plain, about) else None


def _is_common(plain: str, common: Container[str]) -> bool:
    """Also with figures or signs behind it, and also when written several times."""
    if len(set(plain)) < DIFFERENT_LEAST or any(plain in run for run in _RUNS):
        return True
    stem = plain.rstrip("0123456789!?.,-_*#+ ")
    candidates = {plain, stem, plain[::-1], _piece(plain), _piece(stem)}
    return any(one in common for one in candidates)


def _piece(text: str) -> str:
    """What a text is the repetition of: itself, or a piece of it."""
    return text[: (text + text).find(text, 1)] if text else text


def _is_about(plain: str, about: Iterable[str]) -> bool:
    rest = plain
    for word in sorted(_words(about), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != plain and sum(map(str.isalnum, rest)) < LEAST


def _words(about: Iterable[str]) -> set[str]:
    """Each text as a whole, without its spaces, and its parts."""
    texts = [normal(text).casefold() for text in about]
    parts = [part for text in texts for part in (text, text.replace(" ", ""), *text.split())]
    return {part for part in parts if len(part) >= WORD_LEAST}
