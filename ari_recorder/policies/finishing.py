"""When what could not be finished is tried again: after longer and longer waits, but always again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

FIRST_S = 10.0
"""How long after its first failure something is tried again; each further wait is twice as long."""
LONGEST_S = 600.0
"""The longest wait: what people have put right is noticed within ten minutes, without a restart."""

Subject = TypeVar("Subject", bound=Hashable)


@dataclass(frozen=True)
class Failure:
    """Something has failed ``times`` in a row, last for ``reason``; it is tried again at ``again_at_s``."""

    times: int
    reason: str
    again_at_s: float


def failed(before: Failure | None, reason: str, now_s: float) -> Failure:
    """What is known after one more failure at ``now_s``; ``before`` is what was known until then."""
    times = before.times + 1 if before else 1
    wait_s = min(FIRST_S * 2 ** min(times - 1, 32), LONGEST_S)
    return Failure(times, reason, now_s + wait_s)


def is_news(before: Failure | None, reason: str) -> bool:
    """Whether people have to be told: once for each reason, not at each try."""
    return before is None or before.reason != reason


def held_back(failures: Mapping[Subject, Failure], now_s: float) -> set[Subject]:
    """What is not tried again yet."""
    return {subject for subject, failure in failures.items() if failure.again_at_s > now_s}


def waiting(count: int, oldest_s: float) -> str:
    """In words, how many recordings wait to be finished, and how long the oldest has."""
    if not count:
        return "no recording waits to be finished"
    if count == 1:
        return f"1 recording waits to be finished, for {age(oldest_s)}"
    return f"{count} recordings wait to be finished, the oldest for {age(oldest_s)}"


def age(time_s: float) -> str:
    """A length of time in words, in its largest unit."""
    for unit, length_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if time_s >= 2 * length_s:
            return f"{time_s // length_s:.0f} {unit}"
    return f"{max(time_s, 0.0):.0f} s"
