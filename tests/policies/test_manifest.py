"""What a manifest says of the two clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ari_recorder.policies.manifest import ClockReading, read_clock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("theirs_ms", "took_ms", "ahead_ms", "within_ms"),
    [(5, 10, 0.0, 5.0), (1005, 10, 1000.0, 5.0), (-86_400_000, 2, -86_400_001.0, 1.0), (0, 0, 0.0, 0.0)],
)
def test_the_answer_is_taken_for_that_of_the_middle(
    theirs_ms: int, took_ms: int, ahead_ms: float, within_ms: float
) -> None:
    answered_at = NOON + took_ms * MS
    found = read_clock(NOON, NOON + theirs_ms * MS, answered_at)
    assert found == ClockReading(ahead_ms, within_ms, answered_at)
