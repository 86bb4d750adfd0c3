"""What fails is tried again, later each time, and told once."""

from __future__ import annotations

import pytest

from ari_recorder.policies.finishing import LONGEST_S, Failure, age, failed, held_back, is_news, waiting


def test_the_waits_grow_to_a_bound_and_never_end() -> None:
    waits, known = [], None
    for _ in range(50):
        known = failed(known, "full", 1000.0)
        waits.append(known.again_at_s - 1000.0)
    assert waits[:8] == [10, 20, 40, 80, 160, 320, 600, 600]
    assert (waits[-1], known.times if known else 0) == (LONGEST_S, 50)


def test_a_reason_is_told_once_and_a_new_one_again() -> None:
    known = failed(None, "full", 0.0)
    assert is_news(None, "full")
    assert not is_news(known, "full")
    assert is_news(known, "away")


def test_what_is_held_back_is_due_again_when_its_time_has_come() -> None:
    failures = {"a": failed(None, "", 0.0), "b": failed(failed(None, "", 0.0), "", 0.0)}
    assert [held_back(failures, now_s) for now_s in (9.9, 10.0, 20.0)] == [{"a", "b"}, {"b"}, set()]
    assert failures["a"] == Failure(1, "", 10.0)


@pytest.mark.parametrize(("count", "oldest_s", "said"), [
    (0, 0.0, "no recording waits to be finished"),
    (1, 5.0, "1 recording waits to be finished, for 5 s"),
    (3, 750.0, "3 recordings wait to be finished, the oldest for 12 min"),
])  # fmt: skip
def test_what_waits_is_said_in_words(count: int, oldest_s: float, said: str) -> None:
    assert waiting(count, oldest_s) == said


@pytest.mark.parametrize(("time_s", "said"), [
    (-1, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"),
    (172_799, "47 h"), (172_800, "2 days"),
])  # fmt: skip
def test_an_age_is_said_in_its_largest_unit(time_s: float, said: str) -> None:
    assert age(time_s) == said
