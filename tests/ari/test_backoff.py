from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.ari.backoff import Backoff


def test_delays_double_to_the_longest_and_begin_anew():
    backoff = Backoff(0.1, 1.0, draw=lambda: 0.0)
    assert [round(backoff.next_s(), 3) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    backoff.reset()
    assert backoff.next_s() == 0.1


def test_where_trying_soon_cannot_help():
    backoff = Backoff(0.1, 10.0, draw=lambda: 0.0)
    assert (backoff.longest_s(), backoff.next_s()) == (10.0, 10.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_jitter_cuts_at_most_half(draws):
    plain = Backoff(0.1, 10.0, draw=lambda: 0.0)
    jittered = Backoff(0.1, 10.0, draw=itertools.cycle(draws).__next__)
    for draw in draws:
        whole_s, cut_s = plain.next_s(), jittered.next_s()
        assert whole_s / 2 <= cut_s <= whole_s <= 10.0
        assert cut_s == whole_s * (1 - draw / 2)
