"""What a measurement yields."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """``values`` are written as JSON as they are; ``notes`` are printed below the table."""

    title: str
    values: dict[str, float | int]
    notes: list[str] = field(default_factory=list)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
