"""Is a chain of the audit log as it was written? Names each fault: what is wrong, and with which line.

It reads a chain once, from its first line to its last, and holds only what is odd; so it takes little memory
however long the log is. The lines come from the catalogue or from an export, which is checked alike.

A line's hash is made of its organisation, its number, what it tells, and the hash of the line before. So a
line whose hash is not its own was changed, if the line behind it remembers that hash; otherwise it has come
from somewhere else, which its hash tells. Who makes hashes anew leaves a line behind that remembers another,
or, if all that follow were made anew, a seal that they cannot make.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain as joined
from typing import Any, Generic, NamedTuple, TypeVar

from ari_recorder.store.audit import FIRST, hash_of
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.audit_seals import Seal

SHIFTS = (1, -1, 2, -2, 3, -3)
"""By how many numbers the lines behind one that was added or taken out may have been moved up or down."""
UNCHECKED = (
    "not checked, as the key {} is not known: if it is the recorder's, or was, give it with --public-key"
    " (ari-recorder audit key, or /api/v1/evidence/keys); else they are forged."
)
ODD_MAX = 10_000
"""Most lines of which it is looked up where they are from."""

T = TypeVar("T")


class Fault(StrEnum):
    """What is wrong with an audit log."""

    CHANGED = "audit_line_changed"
    """A line tells something else than when it was written."""
    MISSING = "audit_line_missing"
    """A line is gone."""
    MOVED = "audit_line_moved"
    """A line has another number than when it was written."""
    ORDER = "audit_lines_out_of_order"
    """A line stands in the place of another, which stands elsewhere."""
    ADDED = "audit_line_added"
    """A line was not written by the recorder."""
    COPIED = "audit_line_copied"
    """A line is a copy of another one, of this organisation or of another."""
    REWRITTEN = "audit_seal_does_not_match"
    """A signed hash is not that of its line: this line or ones before it were made anew."""
    FORGED = "audit_seal_forged"
    """A seal was not signed with the key."""
    UNCHECKED = "audit_seal_unchecked"
    """Seals name a key that is not known."""
    HEAD = "audit_head_behind"
    """What is noted as the newest line is not."""


@dataclass(frozen=True)
class Finding:
    """A fault of the log of ``organisation``: in the lines from ``first`` to ``last``, in a sentence."""

    fault: Fault
    organisation: str
    first: int
    last: int
    text: str

    @property
    def lines(self) -> str:
        """Which lines, in words."""
        return f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"


class Line(NamedTuple):
    """A line as it is kept: what its hash is made of (`store.audit.write`), and its hash."""

    content: Mapping[str, Any]
    sha256: str


class Place(NamedTuple):
    """Where a line stands."""

    organisation: str
    number: int


@dataclass(frozen=True)
class Head:
    """The number and hash noted as the newest."""

    number: int
    sha256: str


@dataclass(frozen=True)
class Known:
    """What a chain is compared with.

    ``seals`` are in the order of their numbers; a ``told`` seal comes from a log outside the database and has
    no signature. ``head`` says what is noted as the newest, when the last line has been read; an export has
    none. ``origins`` says of hashes where lines with them stand in any chain, and where a line of this chain
    stood of which the one behind it remembers them.
    """

    organisation: str
    keys: Collection[PublicKey] = ()
    seals: Iterable[Seal] = ()
    told: Mapping[int, str] = field(default_factory=dict)
    head: Callable[[], Head | None] | None = None
    origins: Callable[[Collection[str]], Mapping[str, Collection[Place]]] = lambda _: {}
    begins: Head = Head(0, FIRST)
    """What the first line follows."""


@dataclass
class _Odd:
    """A line that does not belong where it stands."""

    number: int
    sha256: str
    original: int | None = None
    added: bool = False


class _Peekable(Generic[T]):
    """An iterator whose next can be seen before it is taken."""

    def __init__(self, source: Iterable[T]) -> None:
        self._source = iter(source)
        self.next = next(self._source, None)

    def __iter__(self) -> Iterator[T]:
        while (taken := self.next) is not None:
            self.next = next(self._source, None)
            yield taken


class Chain:
    """Checks one chain. ``run(lines)`` gives what is found; ``lines`` and ``last`` say how far it came."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._expected = known.begins.number + 1
        self._before: frozenset[str] = frozenset({known.begins.sha256})
        """Hashes that the next line may remember; empty while any will do."""
        self._shift = 0
        """How much higher numbers are than they were written."""
        self._remembered: deque[str] = deque(maxlen=max(SHIFTS) + 1)
        """What the latest lines remember of those before them."""
        self._odd: list[_Odd] = []
        self._gaps: list[tuple[int, int]] = []
        self._found: list[Finding] = []
        self._seals = _Seals(known)
        self.lines = 0
        self.last = known.begins

    @property
    def signed(self) -> int:
        """The highest number that a seal vouches for; 0 where none does."""
        return self._seals.newest()

    def run(self, lines: Iterable[Line]) -> list[Finding]:
        """Everything that is wrong, in the order of the lines."""
        self._rows = _Peekable(lines)
        for line in self._rows:
            self.lines += 1
            self._look(line)
            self._remembered.append(line.content["before"])
        self._end()
        return sorted(self._found, key=lambda finding: finding.first)

    def _look(self, line: Line) -> None:
        number = line.content["number"] - self._shift
        if number == self._expected and line.content["before"] in self._before and self._is_own(line):
            self._accept(number, line.sha256)  # as nearly all are
        elif number < self._expected:
            self._odd.append(_Odd(line.content["number"], line.sha256, added=True))
        elif self._is_own(line):
            self._unlinked(line, number)
        else:
            self._not_own(line, number)

    def _is_own(self, line: Line, shift: int | None = None) -> bool:
        shift = self._shift if shift is None else shift
        content = line.content
        if shift:
            content = {**content, "number": content["number"] - shift}
        return hash_of(content) == line.sha256

    def _accept(self, number: int, *hashes: str, sound: bool = True) -> None:
        """That line is the one with that number, whatever it tells now."""
        if number > self._expected:
            self._gaps.append((self._expected, number - 1))
        self._seals.pass_line(number, hashes, sound=sound)
        self._expected = number + 1
        self._before = frozenset(hashes)
        self.last = Head(number, hashes[0])

    def _unlinked(self, line: Line, number: int) -> None:
        """Its hash is its own, but it remembers another one before, or some are missing there."""
        head = self._known.head() if self._known.head else None
        if number > self._expected and head and number > head.number:
            self._odd.append(_Odd(line.content["number"], line.sha256, added=True))
            return
        remembered = number > self._expected or not self._before or line.content["before"] in self._before
        if not remembered:
            following = self._rows.next
            last = self._known.begins.number
            own_fault = following is not None and following.content["before"] != line.sha256
            if own_fault or number - 1 == last:
                self._say(Fault.CHANGED, number, "its hash was made anew, on another line before it.")
                self._accept(number, line.sha256, sound=False)
                self._before = frozenset()
                return
            self._say(Fault.CHANGED, number - 1, "its hash was made anew; the line behind remembers another.")
            self._seals.excuse(number - 1)
        self._accept(number, line.sha256)

    def _not_own(self, line: Line, number: int) -> None:
        """Its hash is not that of what it tells, at that number."""
        shift = next((each for each in self._shifts() if self._is_own(line, each)), None)
        if shift is not None and self._goes_on(line, shift):
            self._shifted(line, shift)
        elif shift is None and number == self._expected and self._is_remembered(line):
            self._say(Fault.CHANGED, number, "it tells something else than when it was written.")
            self._accept(number, line.sha256, hash_of(line.content), sound=False)
        else:
            original = None if shift is None else line.content["number"] - shift
            self._odd.append(_Odd(line.content["number"], line.sha256, original))
            head = self._known.head() if self._known.head else None
            if head is None or number <= head.number:
                self._accept(number, line.sha256, sound=False)
                self._before = frozenset()

    def _shifts(self) -> Iterable[int]:
        return (self._shift + each for each in SHIFTS)

    def _goes_on(self, line: Line, shift: int) -> bool:
        """Whether all that follows is shifted, and not this line alone."""
        following = self._rows.next
        if following is None:
            before_it = (
                line.content["number"] - shift < self._expected and line.sha256 not in self._remembered
            )
            return shift > self._shift and before_it
        return following.content["before"] == line.sha256 and self._is_own(following, shift)

    def _is_remembered(self, line: Line) -> bool:
        """Whether the line behind, or the head, knows the hash of that line."""
        hashes = (line.sha256, hash_of(line.content))
        if self._rows.next is not None:
            return self._rows.next.content["before"] in hashes
        head = self._known.head() if self._known.head else None
        return head is None or head.sha256 in hashes

    def _shifted(self, line: Line, shift: int) -> None:
        """Lines were put in before this one, or taken out, and those behind numbered anew."""
        number, more = line.content["number"] - shift, shift - self._shift
        if more > 0:
            first = line.content["number"] - more
            known = {odd.number for odd in self._odd}
            fresh = [each for each in range(first, line.content["number"]) if each not in known]
            self._odd += [_Odd(each, "", added=True) for each in fresh]
            for odd in self._odd:
                odd.added = odd.added or odd.number >= first
            self._expected = number
            self._seals.excuse(*range(number, number + more))
        self._shift = shift
        self._accept(number, line.sha256)

    # At the end

    def _end(self) -> None:
        head = self._known.head() if self._known.head else None
        self._check_head(head)
        last = max(self.last.number, self._known.begins.number)
        if (sealed := self._seals.newest()) > last or (head and head.number > last):
            end = max(sealed, head.number if head else 0)
            self._gaps.append((last + 1, end))
        self._found += self._seals.findings()
        self._name_odd(head)
        for first, end in self._gaps:
            self._say(Fault.MISSING, first, "it is gone." if first == end else "they are gone.", end)

    def _check_head(self, head: Head | None) -> None:
        if self._known.head is None or (head is None and not self.lines):
            return
        if head is None:
            self._say(Fault.HEAD, self.last.number, "it is the newest, but nothing is noted as that.")
        elif head.number < self.last.number:
            if self._seals.newest() > head.number:
                self._say(Fault.HEAD, head.number, f"it is noted as the newest; line {self.last.number} is.")
            else:
                self._say(Fault.ADDED, head.number + 1, "behind the newest that is noted.", self.last.number)
        elif head.number == self.last.number and head.sha256 not in self._before and self._before:
            if self._seals.excuse(head.number):
                self._say(
                    Fault.CHANGED, head.number, "its hash was made anew; head and seal remember another."
                )
            else:
                self._say(Fault.HEAD, head.number, "it is noted as the newest, but with another hash.")

    def _name_odd(self, head: Head | None) -> None:
        odd = self._odd[:ODD_MAX]
        origins = self._known.origins({one.sha256 for one in odd if one.sha256 and one.original is None})
        places = {one.number for one in odd}
        for one in odd:
            here = Place(self._known.organisation, one.number)
            found = [place for place in origins.get(one.sha256, ()) if place != here]
            if head and head.sha256 == one.sha256:
                found.insert(0, Place(here.organisation, head.number))
            self._name(one, found, places)
        for one in self._odd[ODD_MAX:]:
            self._say(Fault.CHANGED, one.number, "it is not the line that was written there.")

    def _name(self, one: _Odd, found: Collection[Place], odd_places: Collection[int]) -> None:
        own = [place.number for place in found if place.organisation == self._known.organisation]
        original = one.original or next((number for number in own if self._is_free(number, odd_places)), None)
        if original is not None and self._is_free(original, odd_places):
            self._moved(one, original, swapped=original in odd_places)
        elif found:
            place = next(iter(found))
            whose = "" if own else f" of organisation {place.organisation}"
            text = f"it is a copy of line {own[0] if own else place.number}{whose}."
            self._say(Fault.COPIED, one.number, text)
        elif one.added or (self._known.head and one.number > self.last.number):
            self._say(Fault.ADDED, one.number, "it was put in; no line around it knows of it.")
        else:
            self._say(Fault.CHANGED, one.number, "it is not the line that was written there.")

    def _is_free(self, number: int, odd_places: Collection[int]) -> bool:
        """Whether the line that was written with that number does not stand there any more."""
        return number in odd_places or any(first <= number <= last for first, last in self._gaps)

    def _moved(self, one: _Odd, original: int, *, swapped: bool) -> None:
        kind = Fault.ORDER if swapped else Fault.MOVED
        self._say(kind, one.number, f"it was written as line {original}.")
        self._gaps = list(joined.from_iterable(_without(gap, original) for gap in self._gaps))

    def _say(self, fault: Fault, first: int, text: str, last: int | None = None) -> None:
        self._found.append(
            Finding(fault, self._known.organisation, first, first if last is None else last, text)
        )


class _Seals:
    """The seals of a chain, compared with its lines one after the other."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._told = dict(known.told)
        self._keys = {key.id: key for key in known.keys}
        self._signed = _Peekable(known.seals)
        self._forged: list[Finding] = []
        self._unchecked: dict[str, tuple[int, int]] = {}
        """Keys that are not known: the first and the last line that they have sealed."""
        self._matched = known.begins.number
        self._wrong: list[int] = []
        self._newest = 0
        self._rewritten: list[Finding] = []

    def pass_line(self, number: int, hashes: Collection[str], *, sound: bool) -> None:
        """That line comes next; what is not ``sound`` is told of already."""
        following = self._signed.next
        if (following is None or following.number > number) and number not in self._told:
            return
        for sealed in self._of(number):
            if sealed in hashes:
                self._flush()
                self._matched = number
            elif sound:
                self._wrong.append(number)

    def excuse(self, *numbers: int) -> bool:
        """Those lines are told of already. Returns whether a seal does not match one of them."""
        before = len(self._wrong)
        self._wrong = [each for each in self._wrong if each not in numbers]
        return len(self._wrong) < before

    def newest(self) -> int:
        """The highest number that a seal, or a told one, vouches for."""
        for seal in self._signed:
            self._take(seal)
        return max([self._newest, *self._told], default=0)

    def findings(self) -> list[Finding]:
        """What is wrong with the seals."""
        self._flush()
        return [*self._not_checked(), *self._forged, *self._rewritten]

    def _of(self, number: int) -> Iterator[str]:
        while (seal := self._signed.next) is not None and seal.number <= number:
            taken = next(iter(self._signed))
            if self._take(taken) and taken.number == number:
                yield taken.sha256
        if number in self._told:
            self._newest = max(self._newest, number)
            yield self._told[number]

    def _take(self, seal: Seal) -> bool:
        key = self._keys.get(seal.key_id)
        if key is not None and seal.is_signed_with(key):
            self._newest = max(self._newest, seal.number)
            return True
        organisation, number = self._known.organisation, seal.number
        if key is None:
            first = self._unchecked.get(seal.key_id, (number,))[0]
            self._unchecked[seal.key_id] = first, number
            return False
        text = "the seal of it is not signed with the key."
        self._forged.append(Finding(Fault.FORGED, organisation, number, number, text))
        return False

    def _not_checked(self) -> Iterator[Finding]:
        for key, (first, last) in self._unchecked.items():
            text = f"the seals are {UNCHECKED.format(key)}"
            yield Finding(Fault.UNCHECKED, self._known.organisation, first, last, text)

    def _flush(self) -> None:
        if self._wrong:
            first, last = self._matched + 1, self._wrong[-1]
            text = f"made anew, some or all of them: the seal of line {self._wrong[0]} has another hash."
            self._rewritten.append(Finding(Fault.REWRITTEN, self._known.organisation, first, last, text))
            self._wrong.clear()


def _without(gap: tuple[int, int], number: int) -> Iterator[tuple[int, int]]:
    first, last = gap
    if not first <= number <= last:
        yield gap
        return
    if first < number:
        yield first, number - 1
    if number < last:
        yield number + 1, last
