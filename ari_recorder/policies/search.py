"""What is looked for, and what is looked through: texts without regard to case and accents, numbers in any
writing.

Both are written alike once (`fold`): what is looked through when it is written to the catalogue, what is
looked for when it is asked. A recording has three texts (`Document`), in which words are parted by two spaces
and begin with two, so that one or two characters, too, make up three: both databases index texts by every
three characters in a row. What is looked for is a `Term`; what finds it here is what finds it there.

Sources: Unicode Standard Annex 15 (decomposition), Unicode Standard 5.18 (case folding).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.policies.numbering import compact, writings

SPACE = "  "
"""Before each word."""
LINE = "\n"
"""Between names, tags and numbers: nothing that is looked for has one."""
SHORT = 3
"""Fewer characters find words that begin with them, and not what has them inside."""
NUMBER_FROM = 3
"""Digits from which figures are taken together: a number with spaces in it."""

ERA_BITS = 52
"""Bits of a place within an era, which is so 2 to the 40th microseconds: almost thirteen days."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TIE_BITS = 12
_PLACE_MAX = 2**63 - 1
_WHO_FIRST, _WHO_BITS = 0x4E00, 14
_OTHER_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Letters that are taken for others, and that Unicode does not take apart."""
_UNSEEN = frozenset(("Mn", "Me", "Cc", "Cf", "Cs"))
"""Accents, controls, what turns text around, and halves of characters."""
_FIGURES = re.compile(r"[+0-9().,/-]*[0-9][+0-9().,/-]*", re.ASCII)
_BEGINS_NUMBER = ("+", "0", "(")


@dataclass(frozen=True)
class Document:
    """What a recording is found by, besides its user."""

    numbers: str = ""
    note: str = ""
    words: str = ""
    """Names of counterparts, and tags."""


@dataclass(frozen=True)
class Person:
    """What a user is found by."""

    name: str = ""
    number: str = ""


@dataclass(frozen=True)
class Term:
    """Something that has to be there: ``text`` in a note, name or tag, or any of ``numbers`` in a number.

    With neither it is nowhere.
    """

    text: str = ""
    numbers: tuple[str, ...] = ()

    def is_in(self, document: Document) -> bool:
        """Whether it is in what is written of a recording."""
        in_text = bool(self.text) and (self.text in document.note or self.text in document.words)
        return in_text or any(number in document.numbers for number in self.numbers)

    def is_of(self, person: Person) -> bool:
        """Whether it is in a user's name or number."""
        in_name = bool(self.text) and self.text in person.name
        return in_name or any(number in person.number for number in self.numbers)


def fold(text: str) -> str:
    """Without regard to case, accents, and how many spaces of which kind there are: ``Åke`` is ``ake``."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    return " ".join(text.translate(_FOLDED).split())


class _Folded(dict[int, str]):
    """What each character is folded to, as far as it was needed."""

    def __missing__(self, character: int) -> str:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(character)).casefold())
        spaced = (" " if one.isspace() else one for one in decomposed)
        seen = "".join(one for one in spaced if unicodedata.category(one) not in _UNSEEN)
        folded = seen.translate(_OTHER_LETTERS)
        if len(self) < _FOLDED_MAX:
            self[character] = folded
        return folded


_FOLDED = _Folded()
_FOLDED_MAX = 10_000


def document(
    *, numbers: Iterable[str] = (), names: Iterable[str] = (), tags: Iterable[str] = (), note: str = ""
) -> Document:
    """What a recording with that is found by."""
    called = list(dict.fromkeys(numbers))
    lettered = (number for number in called if not any(one.isdigit() for one in number))
    words = dict.fromkeys(map(_written, (*names, *tags, *lettered)))
    return Document(_numbers(called), _written(note), LINE.join(filter(None, words)))


def person(name: str, number: str | None) -> Person:
    """What a user of that name and number is found by."""
    return Person(_written(name), _numbers([number or ""]))


def part(text: str) -> str:
    """A text, as it stands in what it is a part of; empty when nothing is left to look for."""
    return _needle(SPACE.join(fold(text).split()))


def number_parts(text: str, country: str) -> tuple[str, ...]:
    """A number or a part of one, in each way that it may have been written.

    As it is it may stand anywhere; as it would be written abroad, or at home, at the beginning.
    """
    digits = compact(fold(text))
    if not digits:
        return ()
    others = (SPACE + other for other in writings(text, country) if other != digits)
    return tuple(dict.fromkeys((_needle(digits), *others)))


def terms(text: str, country: str) -> tuple[Term, ...]:
    """What a free text asks for, all of which has to be there: words, and numbers with spaces in them."""
    asked = fold(text).split()
    found: list[Term] = []
    while asked:
        length = _figures(asked, whole=not found)
        taken, asked = asked[:length], asked[length:]
        figures = any(one.isdigit() for word in taken for one in word)
        numbers = number_parts(" ".join(taken), country) if figures else ()
        found.append(Term(_needle(SPACE.join(taken)), numbers))
    return tuple(dict.fromkeys(found)) or (Term(),)


def place(at: datetime, recording: UUID) -> int:
    """Where a recording that began then is in the order of time: a number that fits into 63 bits."""
    return _within(begins(at) + (recording.int & (2**_TIE_BITS - 1)))


def begins(at: datetime) -> int:
    """The least place of what began then; the year 2000 is 0, and 2071 the last."""
    return _within(((at - _EPOCH) // timedelta(microseconds=1)) << _TIE_BITS)


def who(one: UUID) -> str:
    """Three characters that stand for a user or an organisation where texts are indexed by three."""
    bits = one.int & (2 ** (3 * _WHO_BITS) - 1)
    mask = 2**_WHO_BITS - 1
    return "".join(chr(_WHO_FIRST + (bits >> shift & mask)) for shift in (0, _WHO_BITS, 2 * _WHO_BITS))


def _figures(words: list[str], *, whole: bool) -> int:
    """How many words are one number: figures in a row, if there is nothing else or it begins as one."""
    length = 0
    while length < len(words) and _FIGURES.fullmatch(words[length]):
        length += 1
    digits = sum(one.isdigit() for word in words[:length] for one in word)
    is_number = words[0].startswith(_BEGINS_NUMBER) or (whole and length == len(words))
    return length if length and digits >= NUMBER_FROM and is_number else 1


def _written(text: str) -> str:
    words = fold(text).split()
    return SPACE + SPACE.join(words) if words else ""


def _numbers(numbers: Iterable[str]) -> str:
    found = dict.fromkeys(compact(fold(number)) for number in numbers)
    return LINE.join(SPACE + number for number in found if number)


def _needle(text: str) -> str:
    return text if len(text) >= SHORT or not text else SPACE + text


def _within(place: int) -> int:
    return max(-_PLACE_MAX, min(place, _PLACE_MAX))
