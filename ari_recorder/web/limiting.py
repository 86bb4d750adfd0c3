"""How many requests a minute: of one person, of one token, of one address that nobody has signed in from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from ari_recorder.config import Web
from ari_recorder.policies.slowdown import origin
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused

WRONG_TOKENS_PER_MINUTE = 10
"""Of one address: more are neither looked at further nor written down."""
KEYS_MAX = 50_000


class Counts(Storage):
    """Counts in this process, of so many at most: who has not been heard of for longest is forgotten.

    Not the memory that `limits` brings: that starts a thread every hundredth of a second to go through all of
    its keys, and anybody can make keys.
    """

    def __init__(self, now_s: Callable[[], float], keys_max: int = KEYS_MAX) -> None:
        super().__init__()
        self._now_s = now_s
        self._keys_max = keys_max
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What can go wrong in it: nothing."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, in a window that begins with the first."""
        count, ends_s = self._counts.get(key, (0, 0.0))
        if ends_s <= self._now_s():
            count, ends_s = 0, self._now_s() + expiry
        self._counts[key] = (count + amount, ends_s)
        self._counts.move_to_end(key)
        if len(self._counts) > self._keys_max:
            self._counts.popitem(last=False)
        return count + amount

    def decr(self, key: str, amount: int = 1) -> int:
        """Take back."""
        return self.incr(key, 0.0, -amount)

    def get(self, key: str) -> int:
        """How many there were in the window."""
        count, ends_s = self._counts.get(key, (0, 0.0))
        return count if ends_s > self._now_s() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends."""
        return self._counts.get(key, (0, self._now_s()))[1]

    def check(self) -> bool:
        """It is always there."""
        return True

    def reset(self) -> int | None:
        """Forget all."""
        self._counts.clear()
        return None

    def clear(self, key: str) -> None:
        """Forget one."""
        self._counts.pop(key, None)


class Limits:
    """What is allowed of each."""

    def __init__(self, settings: Web, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._limiter = FixedWindowRateLimiter(Counts(now_s))
        self._asker = RateLimitItemPerMinute(settings.requests_per_minute_max, namespace="asker")
        self._address = RateLimitItemPerMinute(
            settings.requests_per_minute_per_address_max, namespace="address"
        )
        self._wrong = RateLimitItemPerMinute(WRONG_TOKENS_PER_MINUTE, namespace="wrong")

    def count(self, actor: Actor) -> None:
        """A request of whoever asks. Raises `Refused` (429) for one too many."""
        if actor.kind is ActorKind.NOBODY:
            self._count(self._address, origin(actor.address))
        else:
            self._count(self._asker, f"{actor.kind}:{actor.id}")

    def wrong_token(self, address: str) -> None:
        """A token that is none. Raises `Refused` (429) for one too many."""
        self._count(self._wrong, origin(address))

    def _count(self, limit: RateLimitItemPerMinute, key: str) -> None:
        if self._limiter.hit(limit, key):
            return
        left_s = self._limiter.get_window_stats(limit, key).reset_time - self._now_s()
        wait_s = max(1, -int(-left_s // 1))
        raise Refused(
            429,
            N_("Too many requests: at most %(most)s a minute. Go on in %(wait_s)s s."),
            {"Retry-After": str(wait_s)},
            values={"most": limit.amount, "wait_s": wait_s},
        )


LIMITS = web.AppKey("limits", Limits)
