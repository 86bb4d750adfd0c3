"""What a manifest says of the two clocks, and what is compared with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ari_recorder.policies.manifest import ClockReading, differences, read_clock, written

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


def test_what_an_older_version_did_not_write_down_is_not_compared() -> None:
    then = written({"mode": "always", "announcements": [{"kind": "start", "sha256": "a"}]})
    for text, sha256, found in (("Told", "a", []), ("Told", "b", ["announcements"])):
        now = {"mode": "always", "announcements": [{"kind": "start", "sha256": sha256, "text": text}]}
        assert differences(then, now) == found
    assert differences(then, {"mode": "always", "announcements": []}) == ["announcements"]
