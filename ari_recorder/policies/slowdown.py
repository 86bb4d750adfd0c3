"""Who fails waits longer each time. No clock: the time is passed in."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

KEYS_MAX = 20_000


@dataclass
class Slowdown:
    """``free`` failures cost nothing, the next ``first_s``, and each further one twice as much, to
    ``most_s``.

    They are forgotten ``memory`` after the last. Keys not heard of for longest are forgotten, too.
    """

    free: int
    first_s: float
    most_s: float
    memory: timedelta = timedelta(hours=1)
    keys_max: int = KEYS_MAX
    _failures: OrderedDict[Hashable, tuple[int, datetime]] = field(default_factory=OrderedDict)

    def wait_s(self, key: Hashable, now: datetime) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        count, last = self._counted(key, now)
        if count < self.free:
            return 0
        delay_s = min(self.most_s, self.first_s * 2.0 ** min(count - self.free, 30))
        left_s = delay_s - (now - last).total_seconds()
        return max(0, -int(-left_s // 1))

    def failed(self, key: Hashable, now: datetime) -> None:
        """Note a failure."""
        self._failures[key] = (self._counted(key, now)[0] + 1, now)
        self._failures.move_to_end(key)
        while len(self._failures) > self.keys_max:
            self._failures.popitem(last=False)

    def undo(self, key: Hashable) -> None:
        """Take back the last failure noted: it turned out to be none."""
        count, last = self._failures.get(key, (0, datetime.min))
        if count:
            self._failures[key] = (count - 1, last)

    def forget(self, key: Hashable) -> None:
        """Start again from none, after a success."""
        self._failures.pop(key, None)

    def _counted(self, key: Hashable, now: datetime) -> tuple[int, datetime]:
        count, last = self._failures.get(key, (0, now))
        return (count, last) if now - last < self.memory else (0, now)


def origin(address: str) -> str:
    """What counts as one: an IPv4 address, or the /64 that everybody with IPv6 has for themselves."""
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))
