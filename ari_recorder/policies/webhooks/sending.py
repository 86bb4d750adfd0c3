"""When an event is sent to a hook, and what follows from how that went.

Source: Standard Webhooks (retries with a growing pause, over days; 410 ends it; ``Retry-After`` is kept to).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AGAIN_AFTER_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400)
"""How long after an attempt the next one is made: by attempts so far. Together a little over three days."""
ATTEMPTS_MAX = len(AGAIN_AFTER_S) + 1
DAY = timedelta(days=1)
FAILING_MAX = timedelta(days=3)
"""A hook that has taken nothing for so long is stopped."""
KEPT = timedelta(days=30)
"""How long events and what came of them are kept, also those that wait for a hook that is stopped."""
WAITING_MAX = 10_000
"""Events that may wait for one hook; what comes then is counted, and not kept."""
AT_ONCE = 4
"""Recordings of which a hook is told at the same time, each of its events after the one before."""
WEAK_AFTER = 5
"""So many failures in a row, and a hook is given one event at a time, with pauses of its own."""
WEAK_PAUSE_MAX_S = 600
OVERLAP = timedelta(hours=24)
"""How long after a change of the secret what is sent is signed with the one before, too."""

GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503


class Stopped(StrEnum):
    """Why nothing is sent to a hook."""

    PERSON = "person"
    """Somebody has paused it."""
    GONE = "gone"
    """It has answered 410: nobody wants to be told any more."""
    FAILING = "failing"
    """It has taken nothing for `FAILING_MAX`."""


@dataclass(frozen=True)
class Attempt:
    """How sending went: the answer's ``status``, 0 if there was none, and then why in ``error``.

    ``answer`` is how the answer begins. ``retry_after_s`` is what it asked for, if it did.
    """

    at: datetime
    status: int
    took_ms: int
    error: str = ""
    answer: str = ""
    retry_after_s: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the hook has it."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Verdict:
    """What follows for an event: it was taken, is sent again at ``again_at``, or is given up (None)."""

    taken: bool
    again_at: datetime | None = None


def judge(attempt: Attempt, tries: int) -> Verdict:
    """``tries`` counts the attempts of this event, this one among them."""
    if attempt.taken:
        return Verdict(taken=True)
    if attempt.status == GONE or tries >= ATTEMPTS_MAX:
        return Verdict(taken=False)
    wait = timedelta(seconds=AGAIN_AFTER_S[tries - 1])
    if attempt.status in (TOO_MANY, UNAVAILABLE) and attempt.retry_after_s is not None:
        wait = max(wait, min(timedelta(seconds=max(attempt.retry_after_s, 0.0)), DAY))
    return Verdict(taken=False, again_at=attempt.at + wait)


@dataclass(frozen=True)
class Health:
    """How a hook has been: failures in a row, since when, and until when it is left alone."""

    failures: int = 0
    failing_since: datetime | None = None
    rests_until: datetime | None = None

    def at_once(self, now: datetime) -> int:
        """How many recordings it may be told of at the same time."""
        if self.failures < WEAK_AFTER:
            return AT_ONCE
        return 1 if self.rests_until is None or now >= self.rests_until else 0


def after(health: Health, attempt: Attempt) -> tuple[Health, Stopped | None]:
    """How a hook is after an attempt, and whether it is to be stopped."""
    if attempt.taken:
        return Health(), None
    since = health.failing_since or attempt.at
    failures = health.failures + 1
    asked_s = attempt.retry_after_s if attempt.status == TOO_MANY else None
    pause_s = _pause_s(failures, asked_s)
    changed = Health(failures, since, attempt.at + timedelta(seconds=pause_s) if pause_s else None)
    if attempt.status == GONE:
        return changed, Stopped.GONE
    return changed, Stopped.FAILING if attempt.at - since >= FAILING_MAX else None


def _pause_s(failures: int, asked_s: float | None) -> float:
    if failures < WEAK_AFTER:
        return 0.0
    own_s = min(AGAIN_AFTER_S[min(failures - WEAK_AFTER, len(AGAIN_AFTER_S) - 1)], WEAK_PAUSE_MAX_S)
    return max(float(own_s), min(asked_s or 0.0, WEAK_PAUSE_MAX_S))
