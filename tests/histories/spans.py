"""Stretches of time, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def union(spans: Iterable[Span]) -> list[Span]:
    """Put together where they meet, in order, without empty ones."""
    put: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if put and begin <= put[-1][1]:
            put[-1] = put[-1][0], max(put[-1][1], end)
        else:
            put.append((begin, end))
    return put


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Where both are."""
    return union((max(a, c), min(b, d)) for a, b in some for c, d in others)


def without(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Where the first are and the others are not."""
    left = union(some)
    for begin, end in union(others):
        left = [
            piece for a, b in left for piece in ((a, min(b, begin)), (max(a, end), b)) if piece[0] < piece[1]
        ]
    return left


def seconds(spans: Iterable[Span]) -> float:
    """How long they are together."""
    return sum((end - begin for begin, end in spans), timedelta(0)).total_seconds()
