"""When the search is made to fit (`search_index`), and that nothing else waits or fails because of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import structlog

from ari_recorder.policies.finishing import FIRST_S, LONGEST_S, Failure, failed, is_news
from ari_recorder.store import search_index

REMEDY = "see docs/reference/settings.md, store.url"

_log = structlog.get_logger(__name__)


class Keeping:
    """What the writer keeps of it, in its own thread."""

    def __init__(self) -> None:
        self.behind = False
        """Whether there may be something of before a search that has not come into it."""
        self._settling = _Attempts("what recordings are found by cannot be written", FIRST_S)
        self._stepping = _Attempts("the search cannot be made complete", LONGEST_S, remedy=REMEDY)

    def settle(
        self, savepoint: Callable[[], AbstractContextManager[object]], check: Callable[[Exception], None]
    ) -> None:
        """Make it fit what is about to be committed, which does not wait for one that fails.

        ``check`` raises if a failure has taken the whole transaction with it.
        """
        if self._settling.rests_s():
            return
        try:
            with savepoint():
                search_index.settle()
        except Exception as error:
            check(error)
            self._settling.failed(error)
        else:
            self._settling.done()

    def rests_s(self) -> float:
        """How long until a step is tried again."""
        return self._stepping.rests_s()

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step of what is behind; one that fails is tried again, later each time: writes wait for it."""
        try:
            yield
        except Exception as error:
            self._stepping.failed(error)
        else:
            self._stepping.done()


class _Attempts:
    """At something that may fail: what is told of it, once for each reason, and when it is tried again."""

    def __init__(self, what: str, most_s: float, **more: str) -> None:
        self._what = what
        self._most_s = most_s
        self._more = more
        self._failure: Failure | None = None

    def rests_s(self) -> float:
        return max(0.0, self._failure.again_at_s - time.monotonic()) if self._failure else 0.0

    def failed(self, error: Exception) -> None:
        before, reason, now_s = self._failure, str(error), time.monotonic()
        failure = failed(before, reason, now_s)
        self._failure = replace(failure, again_at_s=min(failure.again_at_s, now_s + self._most_s))
        if is_news(before, reason):
            _log.error(f"{self._what}; it is tried again", error=reason, **self._more)

    def done(self) -> None:
        if self._failure:
            _log.info(f"no longer: {self._what}")
        self._failure = None
