"""Text that somebody else wrote: what in it acts on a reader, and how it is kept from acting.

A caller chooses the name that is shown of them, and a phone, a program or an old version of this one may
have written anything. ESC and the other controls of C0 and C1 command a terminal, the bidirectional controls
turn around what stands beside them, and line breaks make one line of a log into two. So such text is

- refused where a person types it and can be told (`is_plain`, and which it is: `first_acting`),
- made harmless where it comes in from a network that cannot be told (`harmless`),
- written so that it does not act where it is shown: pages (`harmless`, inside ``<bdi>``), terminals and logs
  (`escaped`), terminals with text that runs from right to left (`isolated`), and JSON (`json_escaped`).

What says nothing and does nothing comes along when people paste, and is left out of what they type (`tidy`).

Sources: Unicode Standard Annex 9 (bidirectional text), Unicode Technical Report 36 (what it is abused for),
ECMA-48 (C0 and C1).
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
"""Stands where a character was that would have acted."""
JOINERS = "\u200c\u200d"
"""Zero width non-joiner and joiner: some scripts and emoji need them inside a word."""
MARKS = "\u200e\u200f"
"""Left-to-right and right-to-left mark: they do no more than a letter does that runs that way."""
IDLE = "\u00ad\u200b\u2060\ufeff"
"""Soft hyphen, zero width space, word joiner, byte order mark."""
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Fillers of Hangul, and Braille without a dot: letters and signs to Unicode, and nothing to see."""
LINES = "\n\t"
"""What a text of several lines may have."""
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_WITHOUT_MARKS, _WITHOUT_IDLE = dict.fromkeys(map(ord, MARKS)), dict.fromkeys(map(ord, IDLE))
_FROM_RIGHT = frozenset(("R", "AL"))
_JSON_ACTS = re.compile(r"[^\n -~]")


def is_plain(text: str, *, lines: bool = False) -> bool:
    """Whether every character is seen, or a space, or needed; with ``lines`` also line breaks and tabs."""
    return first_acting(text, lines=lines) is None


def is_seen(text: str) -> bool:
    """Whether there is a letter, a digit or a sign in it, and not only what is nothing by itself."""
    return any(unicodedata.category(one)[0] in "LNPS" and one not in BLANKS for one in text)


def first_acting(text: str, *, lines: bool = False) -> tuple[str, int] | None:
    """The first character for which it is not plain, as ``U+202E``, and its place, from 1."""
    kept = _kept(lines)
    acting = ((f"U+{ord(one):04X}", at) for at, one in enumerate(text, 1) if _acts(one, kept))
    return next(acting, None)


def tidy(text: str) -> str:
    """What somebody has typed, or pasted, without `IDLE`."""
    return text if text.isascii() else text.translate(_WITHOUT_IDLE)


def harmless(text: str, *, lines: bool = False, most: int | None = None) -> str:
    """The text with nothing in it that acts; already harmless text is returned as it is.

    Other spaces become spaces, and so do line breaks unless ``lines``; what else acts becomes
    `REPLACEMENT`, so that it is seen that something was there. At most ``most`` characters.
    """
    if not (text.isascii() and text.isprintable()) and not is_plain(text, lines=lines):
        kept = _kept(lines)
        plain = text.replace("\r\n", "\n") if lines else text
        text = "".join(_harmless(one) if _acts(one, kept) else one for one in plain)
    return text if most is None else text[:most]


def caseless(text: str) -> str:
    """Alike for texts that differ in small and capital letters, the space around them or `MARKS` alone."""
    seen = text.translate(_WITHOUT_MARKS).strip()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold())


def escaped(text: str) -> str:
    r"""The text on one line, what acts in it written as Python writes it: ``\x1b``, ``\u202e``, ``\n``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(one) if _acts(one, "") else one for one in text)


def escaped_lines(text: str) -> str:
    """As `escaped`, of a text whose own line breaks and tabs stay: a traceback."""
    return "".join(_escape(one) if _acts(one, LINES) else one for one in text)


def isolated(text: str) -> str:
    """As `escaped`; a text that runs from right to left is kept from turning around what stands beside it."""
    plain = escaped(text)
    if not any(unicodedata.bidirectional(one) in _FROM_RIGHT for one in plain):
        return plain
    return f"{_FIRST_STRONG_ISOLATE}{plain}{_POP_ISOLATE}"


def json_escaped(document: str) -> str:
    r"""A JSON document that says the same, what acts in it written as ``\u001b`` (RFC 8259, 7)."""
    return _JSON_ACTS.sub(lambda found: _json_escape(found[0]), document)


def _kept(lines: bool) -> str:
    return MARKS + LINES if lines else MARKS


def _acts(character: str, kept: str) -> bool:
    return not character.isprintable() and character not in JOINERS and character not in kept


def _harmless(character: str) -> str:
    space = character.isspace() or unicodedata.category(character) in ("Zs", "Zl", "Zp")
    return " " if space else REPLACEMENT


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escape(character: str) -> str:
    if not _acts(character, ""):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def listed(names: list[str], most: int = 10) -> str:
    """``names`` as a phrase, the first ``most`` of them."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
