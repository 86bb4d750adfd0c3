"""Taking a person out: who is meant by a number and a name, where a text speaks of them, and what is told of
it.

**Who is meant.** A number is the same in any writing (`numbering.writings`), and as a whole: nobody else's
begins with it. Who shows no number is meant by their name, which has to be the same but for case and
accents. An internal number that others have had, too, counts only together with the name.

**Where a text speaks of them.** A number is found in any writing, with spaces and strokes in it, if it has
`DIGITS_MIN` digits or more: a shorter one is also a room or a year. A name of several words is found as a
whole, in either order; one of a single word only in what was written of a call with that person, as
elsewhere it is another's.

Nothing here reads or writes: texts go in, and texts come out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from ari_recorder.policies.numbering import compact, writings
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.search import fold
from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.policies.unfit import Unfit, check_plain

NAME_MAX = 200
REFERENCE_MAX = 200
DIGITS_MIN = 6
NUMBER_DIGITS_MIN = 3
FORMAT = "ari_recorder erasure 1"
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of a pseudonym: none is taken for another."""
CODE_LENGTH = 6
_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_BETWEEN_DIGITS = re.compile(r"[\s().\-/\u2010-\u2015+]{0,4}")
_BETWEEN_WORDS = re.compile(r"[\s,.\-'\u2019\u2010-\u2015]{1,3}")
_GROUPS_MAX = 12
"""So many groups of digits may be one number."""


class Kind(StrEnum):
    """Who is taken out, and how."""

    COUNTERPART = "counterpart"
    """Somebody with whom users talked: what they alone were in is disposed of."""
    USER = "user"
    """A user who was removed: their recordings are disposed of."""
    LEAVER = "leaver"
    """A user who was removed: their recordings stay, and bear a pseudonym."""


class Leavers(StrEnum):
    """What the recordings of a user bear when that user is removed."""

    NAME = "name"
    PSEUDONYM = "pseudonym"


class State(StrEnum):
    """How far an erasure is."""

    RUNNING = "running"
    WAITING = "waiting"
    """What is under a legal hold, or was going on, is left; it is done when that is over."""
    DONE = "done"


class Step(StrEnum):
    """What is done next, in this order; each in batches."""

    CALLS = "calls"
    """Of each call: recordings, counterparts, notes, their history."""
    AUTHOR = "author"
    """The name of a user where they wrote or did something."""
    REST = "rest"
    """Saved searches, holds that are over, answers that are kept for a while."""
    AUDIT = "audit"
    """The audit log, which is not changed: it is counted what it still says."""
    GONE = "gone"
    """Until what is disposed of is gone."""


PSEUDONYMS: Mapping[str, Mapping[Kind, str]] = {
    "en": {Kind.COUNTERPART: "Erased person", Kind.USER: "Erased user", Kind.LEAVER: "Former user"},
    "sv": {
        Kind.COUNTERPART: "Raderad person",
        Kind.USER: "Raderad användare",
        Kind.LEAVER: "Tidigare användare",
    },
}


def pseudonym(kind: Kind, language: str, draw: Sequence[int]) -> str:
    """What stands in a person's place; ``draw`` are random bytes, one for each letter."""
    words = PSEUDONYMS.get(language, PSEUDONYMS["en"])[kind]
    return f"{words} {''.join(LETTERS[one % len(LETTERS)] for one in draw[:CODE_LENGTH])}"


def number(field: str, value: object) -> str:
    """A number to look for, or nothing. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    found = value.strip()
    if len(found) > NUMBER_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(found), most=NUMBER_MAX)
    digits = compact(found)
    if found and not (is_plain(found) and digits.isdigit() and len(digits) >= NUMBER_DIGITS_MIN):
        raise Unfit(
            field, "write a telephone number, with %(least)s digits or more.", least=NUMBER_DIGITS_MIN
        )
    return found


def name(field: str, value: object) -> str:
    """A name to look for, or nothing. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    found = " ".join(tidy(value).split(" ")).strip()
    if len(found) > NAME_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(found), most=NAME_MAX)
    check_plain(field, found)
    if found and not _words(found):
        raise Unfit(field, "it has a line break, or a character that cannot be seen.")
    return found


def reference(field: str, value: object, person: Person) -> str:
    """A reference of the organisation's own: it is kept, so the person may not be in it. Raises `Unfit`."""
    if not isinstance(value, str):
        raise Unfit(field, "a text.")
    found = tidy(value).strip()
    if len(found) > REFERENCE_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(found), most=REFERENCE_MAX)
    check_plain(field, found)
    if person.is_in(found, own=True):
        raise Unfit(field, "it is kept: leave the person's name and number out of it.")
    return found


@dataclass(frozen=True)
class Person:
    """Who is looked for: ``numbers`` in every writing, ``words`` of the name; ``both``: only if both fit."""

    numbers: frozenset[str]
    words: tuple[str, ...]
    both: bool = False

    def __bool__(self) -> bool:
        return bool(self.numbers or self.words)

    def is_party(self, number: str, name: str) -> bool:
        """Whether somebody who showed that number and name is meant."""
        digits = compact(fold(number))
        by_number = bool(digits) and digits in self.numbers
        by_name = bool(self.words) and _words(name) == self.words
        if self.both:
            return by_number and by_name
        if self.numbers and any(one.isdigit() for one in digits):
            return by_number
        return by_name

    @property
    def long_numbers(self) -> list[str]:
        """Those that are looked for in texts."""
        return sorted(one for one in self.numbers if len(one) >= DIGITS_MIN)

    def is_in(self, text: str, *, own: bool = False) -> bool:
        """Whether a text speaks of them; ``own``: it is of a call with them."""
        return next(self._spans(text, own), None) is not None

    def is_partly_in(self, text: str) -> bool:
        """Whether a text has a word of their name, or the end of their number: for somebody to look at."""
        found = set(_words(text))
        ends = {one[-DIGITS_MIN:] for one in self.numbers if len(one) >= DIGITS_MIN}
        return any(word in found for word in self.words if len(word) > 2) or any(
            end in compact(one) for one in _DIGITS.findall(text) for end in ends
        )

    def without(self, text: str, instead: str, *, own: bool = False) -> str:
        """The text with ``instead`` in their place."""
        written, at = [], 0
        for first, behind in _joined(sorted(self._spans(text, own))):
            written += [text[at:first], instead]
            at = behind
        return "".join([*written, text[at:]])

    def _spans(self, text: str, own: bool) -> Iterator[tuple[int, int]]:
        if self.numbers:
            yield from self._of_numbers(text)
        if self.words and (len(self.words) > 1 or own):
            yield from self._of_names(text)

    def _of_numbers(self, text: str) -> Iterator[tuple[int, int]]:
        groups = list(_DIGITS.finditer(text))
        for first in range(len(groups)):
            digits = ""
            for last in range(first, min(first + _GROUPS_MAX, len(groups))):
                between = text[groups[last - 1].end() : groups[last].start()]
                if last > first and not _BETWEEN_DIGITS.fullmatch(between):
                    break
                digits += compact(groups[last][0])
                if len(digits) >= DIGITS_MIN and digits in self.numbers:
                    begin = groups[first].start()
                    yield begin - (text[begin - 1 : begin] == "+"), groups[last].end()

    def _of_names(self, text: str) -> Iterator[tuple[int, int]]:
        found = list(_WORD.finditer(text))
        folded, length = [fold(one[0]) for one in found], len(self.words)
        for first in range(len(found) - length + 1):
            *given, last = folded[first : first + length]
            ends = (last, last.removesuffix("s"))  # of a person: a genitive
            if not any((*given, end) in (self.words, self.words[::-1]) for end in ends):
                continue
            pairs = zip(found[first:], found[first + 1 : first + length], strict=False)
            if all(_BETWEEN_WORDS.fullmatch(text[one.end() : other.start()]) for one, other in pairs):
                yield found[first].start(), found[first + length - 1].end()


def person(number: str, name: str, country: str, *, both: bool = False) -> Person:
    """Who has that number and that name; ``country`` is whose numbering plan numbers follow."""
    digits = compact(fold(number))
    numbers = {digits, *writings(number, country)} if digits else set()
    words = _words(name)
    return Person(frozenset(numbers), words, both and bool(numbers and words))


@dataclass(frozen=True)
class Counts:
    """What was done so far, and what was left in the run that goes on or was the last."""

    disposed: int = 0
    """Recordings."""
    renamed: int = 0
    """Recordings in which a pseudonym stands in their place."""
    calls: int = 0
    """Calls of which nothing was kept, in which a pseudonym stands now."""
    texts: int = 0
    """Notes, fields and lines of their history."""
    manifests: int = 0
    """Of which names and numbers were taken away."""
    searches: int = 0
    others: int = 0
    """Places besides: holds that are over, what was written down of activations, kept answers."""
    held: int = 0
    """Recordings that are under a legal hold."""
    going_on: int = 0
    """Recordings whose call goes on, or that are being prepared."""
    audit_lines: int = 0
    """Lines of the audit log that name them: they stay as they are."""
    audit_first: tuple[int, ...] = ()
    """Their numbers, of the first hundred."""
    audit_behind: int = 0
    to_look_at: tuple[str, ...] = ()
    """Recordings with texts that may speak of them: for somebody to look at; the first hundred."""

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(vars(self), sort_keys=True)

    def again(self) -> Counts:
        """What was done stays; what was left is counted anew."""
        done = ("disposed", "renamed", "calls", "texts", "manifests", "searches", "others")
        return Counts(**{name: getattr(self, name) for name in done})


def counts(text: str) -> Counts:
    """What was kept."""
    found: dict[str, Any] = json.loads(text)
    lists = {name: tuple(one) for name, one in found.items() if isinstance(one, list)}
    return Counts(**{**found, **lists})


LISTED_MAX = 100


@dataclass(frozen=True)
class Report:
    """What is told of an erasure, without the person: ``text`` is what its ``sha256`` is of."""

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def report(facts: Mapping[str, Any]) -> Report:
    """As JSON, sorted, a line each: what is printed and what is hashed are the same."""
    whole = {"format": FORMAT, **facts}
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=2, default=str) + "\n"
    return Report(text, whole)


def _words(text: str) -> tuple[str, ...]:
    return tuple(fold(one) for one in _WORD.findall(text))


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those that overlap as one."""
    last: tuple[int, int] | None = None
    for first, behind in spans:
        if last is not None and first < last[1]:
            last = last[0], max(last[1], behind)
            continue
        if last is not None:
            yield last
        last = first, behind
    if last is not None:
        yield last
