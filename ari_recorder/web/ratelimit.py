"""How often somebody may try: counts failures in a sliding window, in bounded memory. No I/O, no clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

KEYS_MAX = 20_000


@dataclass
class RateLimit:
    """At most ``most`` failures of one key in ``window``; keys not heard of for longest are forgotten."""

    most: int
    window: timedelta
    keys_max: int = KEYS_MAX
    _failures: OrderedDict[Hashable, list[datetime]] = field(default_factory=OrderedDict)

    def wait_s(self, key: Hashable, now: datetime) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        recent = self._recent(key, now)
        if len(recent) < self.most:
            return 0
        return max(1, round((recent[-self.most] + self.window - now).total_seconds()))

    def failed(self, key: Hashable, now: datetime) -> None:
        """Note a failure."""
        self._failures[key] = [*self._recent(key, now), now][-self.most :]
        self._failures.move_to_end(key)
        while len(self._failures) > self.keys_max:
            self._failures.popitem(last=False)

    def undo(self, key: Hashable) -> None:
        """Take back the last failure noted: it turned out to be none."""
        if self._failures.get(key):
            self._failures[key].pop()

    def forget(self, key: Hashable) -> None:
        """Start again from none, after a success."""
        self._failures.pop(key, None)

    def _recent(self, key: Hashable, now: datetime) -> list[datetime]:
        return [at for at in self._failures.get(key, ()) if now - at < self.window]
