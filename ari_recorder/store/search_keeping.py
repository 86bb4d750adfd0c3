"""When the search is made to fit (`search_index`), and that nothing else waits or fails because of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import structlog

from ari_recorder.store import search_index

AGAIN_AFTER_S = 10.0
"""What has failed is tried again after that."""

_log = structlog.get_logger(__name__)


class Keeping:
    """What the writer keeps of it, in its own thread."""

    def __init__(self) -> None:
        self.behind = False
        """Whether there may be something of before a search that has not come into it."""
        self._settle_from_s = self._step_from_s = float("-inf")

    def settle(
        self, savepoint: Callable[[], AbstractContextManager[object]], check: Callable[[Exception], None]
    ) -> None:
        """Make it fit what is about to be committed, which does not wait for one that fails.

        ``check`` raises if a failure has taken the whole transaction with it.
        """
        if time.monotonic() < self._settle_from_s:
            return
        try:
            with savepoint():
                search_index.settle()
        except Exception as error:
            check(error)
            self._settle_from_s = time.monotonic() + AGAIN_AFTER_S
            _log.error("what recordings are found by cannot be written", error=str(error))

    def rests_s(self) -> float:
        """How long until a step is tried again."""
        return max(0.0, self._step_from_s - time.monotonic())

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step of what is behind; one that fails is tried again after a while."""
        try:
            yield
        except Exception as error:
            self._step_from_s = time.monotonic() + AGAIN_AFTER_S
            _log.warning("recordings of before cannot come into the search yet", error=str(error))
