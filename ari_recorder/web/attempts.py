"""Wrong passwords slow down who gives them, and nobody else.

Whoever fails waits longer each time, by login and address. A login that many addresses fail with is tried no
faster than every two seconds from all of them together. A browser that has signed in before is in neither: it
has a cookie that says so, and a count of its own (OWASP, "device cookies"). So a stranger cannot lock anybody
out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from ari_recorder.policies.slowdown import Slowdown, origin
from ari_recorder.policies.text import caseless
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.problems import Refused

WAITING_MAX = 8
"""Passwords that wait to be checked; one more is refused."""
WAITING_EACH = 2
"""And of one address."""
RETRY_S = 5

T = TypeVar("T")


@dataclass
class Attempts:
    """Failures of known devices, by login and address, by address, and by login wherever it comes from."""

    devices: Slowdown = field(default_factory=lambda: Slowdown(5, 1, 300))
    pairs: Slowdown = field(default_factory=lambda: Slowdown(4, 1, 300))
    addresses: Slowdown = field(default_factory=lambda: Slowdown(20, 1, 10))
    logins: Slowdown = field(default_factory=lambda: Slowdown(20, 2, 2))

    def wait_s(self, login: str, address: str, device: str, now: datetime) -> int:
        """Seconds until this login may be tried again from this address, or from this known device."""
        return max(limit.wait_s(key, now) for limit, key in self._lanes(login, address, device))

    def failed(self, login: str, address: str, device: str, now: datetime) -> None:
        """Note a failure."""
        for limit, key in self._lanes(login, address, device):
            limit.failed(key, now)

    def succeeded(self, login: str, address: str, device: str) -> None:
        """It was no failure after all, and this person's earlier ones are forgotten."""
        self.undo(login, address, device)
        self.devices.forget((caseless(login), device))
        self.pairs.forget((caseless(login), origin(address)))

    def undo(self, login: str, address: str, device: str) -> None:
        """It was not tried after all."""
        for limit, key in self._lanes(login, address, device):
            limit.undo(key)

    def _lanes(self, login: str, address: str, device: str) -> list[tuple[Slowdown, Hashable]]:
        whose = caseless(login)  # as who signs in is looked for
        if device:
            return [(self.devices, (whose, device))]
        lanes: list[tuple[Slowdown, Hashable]] = [
            (self.pairs, (whose, origin(address))),
            (self.logins, whose),
        ]
        if not is_loopback(address):  # this machine's own may be a proxy that everybody comes through
            lanes.append((self.addresses, origin(address)))
        return lanes


class Hashing:
    """Passwords are checked one at a time, and few may wait: known devices first, then by address in turn.

    A check takes tens of milliseconds of the processor that calls need, and 64 MiB.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._stranger = asyncio.Lock()
        """Held by the one stranger who waits for a turn: a known device waits behind no more than one."""
        self._waiting: Counter[str] = Counter()

    async def check(self, address: str, known: bool, work: Callable[[], Awaitable[T]]) -> T:
        """What ``work`` returns. Raises `Refused` (503) when too many wait."""
        lane = "known devices" if known else origin(address)
        self._refuse_too_many(lane, known, address)
        self._waiting[lane] += 1
        try:
            if known:
                async with self._turn:
                    return await work()
            async with self._stranger, self._turn:
                return await work()
        finally:
            self._waiting[lane] -= 1
            if not self._waiting[lane]:
                del self._waiting[lane]

    def _refuse_too_many(self, lane: str, known: bool, address: str) -> None:
        own = self._waiting[lane]
        all_strangers = sum(self._waiting.values()) - self._waiting["known devices"]
        most_own = WAITING_MAX if known or is_loopback(address) else WAITING_EACH
        if own >= most_own or (not known and all_strangers >= WAITING_MAX):
            raise Refused(
                503, "Too many are signing in just now: try again in a moment.", {"Retry-After": str(RETRY_S)}
            )
