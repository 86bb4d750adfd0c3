"""One runner for every machine: it performs what the machine asks for, and tells it what came of that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic

from ari_recorder.errors import AriConflict, AriError, AriNotFound, AriUnreachable, SpoolError
from ari_recorder.handlers.context import Context
from ari_recorder.policies.machine import (
    Accepted,
    Effect,
    Input,
    M,
    Refused,
    Request,
    Time,
    Unknown,
    WakeAt,
)

FAULT = "A fault in ari_recorder; its log has more."


class Runner(Generic[M]):
    """Follows one ``machine``, until it is ``_gone``; ``_log`` says which."""

    def __init__(self, context: Context, machine: M, log: Any) -> None:
        self._context = context
        self._machine = machine
        self._log = log
        self._told: deque[Input] = deque()
        self._busy = False
        self._gone = False
        self._timer: asyncio.TimerHandle | asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, told: Input) -> None:
        """Something has happened to it. Returns when all that follows has been begun."""
        self._told.append(told)
        if self._busy:
            return
        self._busy = True
        try:
            while self._told and not self._gone:
                self._receive(self._told.popleft())
        finally:
            self._told.clear()
            self._busy = False

    async def stop(self) -> None:
        """Stop working; what is going on in Asterisk goes on."""
        self._end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _receive(self, told: Input) -> None:
        """Have the machine receive it, and perform what it asks for."""
        raise NotImplementedError

    async def _ask(self, request: Request) -> Input | None:
        """Ask for it; what it has found is told, too. Raises `AriError`, `SpoolError`."""
        raise NotImplementedError

    def _why(self, error: AriError | SpoolError) -> str:
        """Why something was refused, in words."""
        return str(error)

    def _end(self) -> None:
        """Nothing more is to be done, or told."""
        self._gone = True
        self._wake_at(WakeAt(None))

    def _perform(self, effect: Effect) -> None:
        match effect:
            case WakeAt():
                self._wake_at(effect)
            case Request():
                self._spawn(self._request(effect))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _impersonal(self, text: str) -> str:
        """A text for the log, without whom it is about."""
        return text

    def _wake_at(self, wish: WakeAt) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wish.at is not None:
            delay_s = max((wish.at - self._context.now()).total_seconds(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake, wish)

    def _wake(self, wish: WakeAt) -> None:
        """It is time; if the clock was set back meanwhile, not yet."""
        if wish.at is not None and wish.at > self._context.now():
            self._wake_at(wish)
        else:
            self._timer = self._context.heard.caught_up()
            if self._timer is None:
                self.tell(Time())
            else:  # when much waits, silence is no sign that nothing was said
                self._timer.add_done_callback(self._caught_up)

    def _caught_up(self, done: asyncio.Future[None]) -> None:
        """Time is told behind what had come by then, unless another has been asked for meanwhile."""
        if done is self._timer and not done.cancelled():
            self._timer = None
            self.tell(Time())

    async def _request(self, request: Request) -> None:
        """Every request has one outcome."""
        try:
            found = await self._ask(request)
        except AriUnreachable as error:
            self.tell(Unknown(request, str(error)))
        except (AriError, SpoolError) as error:
            missing, conflict = isinstance(error, AriNotFound), isinstance(error, AriConflict)
            if not missing:
                what, why = type(request).__name__, self._impersonal(str(error))
                self._log.warning("not done", what=what, error=why)
            self.tell(Refused(request, self._why(error), missing, conflict))
        except Exception:
            self._log.exception("a fault in ari_recorder", what=type(request).__name__)
            self.tell(Unknown(request, FAULT))
        else:
            self.tell(Accepted(request))
            if found is not None:
                self.tell(found)
