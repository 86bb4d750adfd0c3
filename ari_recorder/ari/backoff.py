"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Delays that double from ``shortest_s`` to ``longest_s``, each cut by up to half at random.

    ``draw`` gives the chance, from 0 to 1; without the jitter every recorder would return to a restarted
    Asterisk in the same instant.
    """

    def __init__(
        self,
        shortest_s: float,
        longest_s: float,
        draw: Callable[[], float] = random.random,  # jitter, not a secret
    ) -> None:
        self._shortest_s = shortest_s
        self._longest_s = longest_s
        self._draw = draw
        self._delay_s = shortest_s

    def next_s(self) -> float:
        """Seconds to wait now; the next wait will be twice as long."""
        delay_s, self._delay_s = self._delay_s, min(self._delay_s * 2, self._longest_s)
        return self._jittered(delay_s)

    def longest_s(self) -> float:
        """Seconds to wait where trying soon cannot help."""
        self._delay_s = self._longest_s
        return self._jittered(self._longest_s)

    def reset(self) -> None:
        """Begin anew, after a connection that held."""
        self._delay_s = self._shortest_s

    def _jittered(self, delay_s: float) -> float:
        return delay_s * (1 - self._draw() / 2)
