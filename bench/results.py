"""What a measurement yields."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """``values``, a row or several, are written as JSON; ``notes`` are printed below the table."""

    title: str
    values: Row | list[Row]
    notes: list[str] = field(default_factory=list)

    def json(self) -> str:
        """The values; of several rows each is a line."""
        if isinstance(self.values, dict):
            return json.dumps(self.values, indent=2) + "\n"
        return "[\n" + ",\n".join(json.dumps(row) for row in self.values) + "\n]\n"


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
