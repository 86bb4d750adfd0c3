"""How common any three characters in a row are among the newest recordings; only speed depends on it.

Counted in what a thousand of them are found by, and kept for a while, because it hardly changes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ari_recorder.store.sql import Sql, rows

LENGTH = 3
RAREST = 3
"""So many together leave little of what else has each of them."""
COUNTED, KEPT_S = 1_000, 600.0
COMMON = 0.2
"""What so many of the newest have is found among these faster than by an index."""
_COLUMNS = ("who", "numbers", "note", "words")


@dataclass(frozen=True)
class _Counts:
    """In how many of ``of`` recordings each is, by column."""

    at_s: float
    of: int
    having: Mapping[str, Counter[str]]


_kept: list[_Counts] = []


def rarest(columns: Iterable[str], part: str) -> list[str]:
    """The rarest of a part's, the first the most."""
    every = list(dict.fromkeys(_grams(part)))
    shares = {gram: share(columns, gram) for gram in every}
    return sorted(every, key=lambda gram: shares[gram])[:RAREST]


def is_common(columns: Iterable[str], gram: str) -> bool:
    """Whether a good part of all recordings has it."""
    return share(columns, gram) >= COMMON


def share(columns: Iterable[str], gram: str) -> float:
    """How much of the newest has it in one of these columns; in several of them it counts as often."""
    counts = _counts()
    return sum(counts.having[column][gram] for column in columns) / max(counts.of, 1)


def quoted(text: str) -> str:
    """As a text of the index's language: https://sqlite.org/fts5.html#full_text_query_syntax."""
    return '"' + text.replace('"', '""') + '"'


def _counts() -> _Counts:
    now_s = time.monotonic()
    if not _kept or now_s - _kept[-1].at_s >= KEPT_S:
        _kept[:] = [_counted(now_s)]
    return _kept[-1]


def _counted(now_s: float) -> _Counts:
    newest = rows(Sql(f"SELECT {', '.join(_COLUMNS)} FROM searched ORDER BY id DESC LIMIT {COUNTED}"))
    having = {column: Counter[str]() for column in _COLUMNS}
    for row in newest:
        for column, text in zip(_COLUMNS, row, strict=True):
            having[column].update(set(_grams(text)))
    return _Counts(now_s, len(newest), having)


def _grams(text: str) -> Iterator[str]:
    return (text[n : n + LENGTH] for n in range(len(text) - LENGTH + 1))
