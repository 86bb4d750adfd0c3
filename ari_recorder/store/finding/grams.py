"""How common any three characters in a row are; only speed depends on it.

Seen in what some recordings of all times are found by, and kept for a while, because it hardly changes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from uuid import UUID

from ari_recorder.policies import search
from ari_recorder.store.finding.asked import Needle
from ari_recorder.store.models import TEXTS_INDEXED, database
from ari_recorder.store.sql import Sql, on_postgresql, rows, sql

LENGTH = 3
FEW = 2e-6
"""What so little of all may have is looked at faster than the index is asked for more of it."""
PLACES, EACH = 20, 100
"""So many are looked at from so many places on in the order of time."""
GOLDEN = 0.618
"""Multiples of it lie everywhere between two integers, and in no rhythm that recordings may have."""
KEPT_S = 600.0
COMMON = 0.1
"""What so many have is found along a list faster than by an index."""
_COLUMNS = ("who", "numbers", "note", "words")


@dataclass(frozen=True)
class _Seen:
    """Which of ``of`` recordings have each, by column: a bit for each of them."""

    database: object
    at_s: float
    by_era: bool
    span: int
    of: int
    having: Mapping[str, Mapping[str, int]]


_kept: list[_Seen] = []


def rarest(columns: Iterable[str], part: str, among: float = 1.0) -> list[str]:
    """The rarest of a part's, the first the most: as many as it takes among that share of all."""
    columns = list(columns)
    having = {gram: _having(columns, gram) for gram in _grams(part)}
    every = sorted(having, key=lambda gram: having[gram].bit_count())
    all_of_it = left = -1
    for gram in every:
        all_of_it &= having[gram]
    found = list[str]()
    for gram in every:
        if found and (among <= FEW or left == all_of_it != 0):
            break
        left &= having[gram]
        among *= share(columns, gram) + 1 / (PLACES * EACH)
        found.append(gram)
    return found


def share(columns: Iterable[str], part: str) -> float:
    """How much of all has it in one of these columns, or at least all of its characters."""
    columns, found = list(columns), -1
    for gram in _grams(part):
        found &= _having(columns, gram)
    return found.bit_count() / max(_seen().of, 1)


def share_of(ids: Iterable[UUID]) -> float:
    """How much of all is theirs, users' or organisations'."""
    return sum(share(["who"], search.who(one)) for one in ids)


def share_with(needle: Needle) -> float:
    """How much of all has it."""
    parts = ((column, part) for column, several in needle.nearly.items() for part in several)
    return sum(share([column], part) for column, part in parts) + share_of(needle.users)


def worth(shares: Sequence[float], times: float) -> list[bool]:
    """Which of several that all have to hold an index is to be asked for; the others are seen in the rows.

    What is so many ``times`` as common as the rarest takes longer to read than what that leaves to look at.
    """
    least = min(shares, default=0.0) + 1 / (PLACES * EACH)
    return [one <= least * times for one in shares]


def by_era() -> bool:
    """Whether PostgreSQL has its index of texts by eras, too."""
    return _seen().by_era


def span() -> int:
    """How far all places lie apart (`policies.search.place`)."""
    return _seen().span


def rarity(columns: Iterable[str], part: str) -> float:
    """The less, the rarer all of a part's are together."""
    return prod(share(columns, gram) + 1 / (PLACES * EACH) for gram in _grams(part))


def quoted(text: str) -> str:
    """As a text of the index's language: https://sqlite.org/fts5.html#full_text_query_syntax."""
    return '"' + text.replace('"', '""') + '"'


def _having(columns: Iterable[str], gram: str) -> int:
    seen, found = _seen(), 0
    for column in columns:
        found |= seen.having[column].get(gram, 0)
    return found


def _seen() -> _Seen:
    now_s = time.monotonic()
    for kept in _kept:
        if kept.database is database.obj and now_s - kept.at_s < KEPT_S:
            return kept
    _kept[:] = [seen := _looked_at(now_s)]
    return seen


def _looked_at(now_s: float) -> _Seen:
    ((first, last),) = rows(Sql("SELECT (SELECT min(id) FROM searched), (SELECT max(id) FROM searched)"))
    span = 0 if last is None else last - first
    places = [(last or 0) - int(span * (n * GOLDEN % 1)) for n in range(PLACES)]
    chosen = f"SELECT {', '.join(_COLUMNS)} FROM searched WHERE id <= {{}} ORDER BY id DESC LIMIT {EACH}"
    seen = [row for place in places for row in rows(sql(chosen, place))]
    having: dict[str, dict[str, int]] = {column: defaultdict(int) for column in _COLUMNS}
    for number, row in enumerate(seen):
        for column, text in zip(_COLUMNS, row, strict=True):
            for gram in _grams(text):
                having[column][gram] |= 1 << number
    return _Seen(database.obj, now_s, _is_by_era(), span, len(seen), having)


def _is_by_era() -> bool:
    return on_postgresql() and bool(rows(sql("SELECT 1 WHERE to_regclass({}) IS NOT NULL", TEXTS_INDEXED)))


def _grams(text: str) -> Iterator[str]:
    return (text[n : n + LENGTH] for n in range(len(text) - LENGTH + 1))
