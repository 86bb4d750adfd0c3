"""The process that delivers and disposes of recordings, from its beginning (see `ari_recorder.apart`).

Each of its `TASKS` works for ever. One that fails is told of and begun again, later each time, while the
others go on. The process ends when the recorder has not been heard of for a while.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from ari_recorder.apart import HEARD_WITHIN_S
from ari_recorder.clock import utc_now
from ari_recorder.config import Settings
from ari_recorder.delivery import (
    erasing,
    holding,
    measuring,
    moving,
    push,
    retention,
    sftp,
    stamping,
    webhooks,
)
from ari_recorder.errors import ARIRecorderError
from ari_recorder.line import Beat, Line, Unable
from ari_recorder.safes import safe
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe

AGAIN_AFTER_S = (1.0, 5.0, 30.0, 60.0)
"""How long it is waited before a task that failed is begun again; the last counts for all further ones."""
WELL_S = 300.0
"""One that worked for so long was well: what it failed of is another matter than the time before."""

GOES_ON_S = 15.0
"""One that is begun again, and has not failed by then, goes on: a catalogue has `READ_WITHIN_S`."""

_log = structlog.get_logger(__name__)
_FromRecorder = Line[Beat]


@dataclass(frozen=True)
class DeliveryContext:
    """What its tasks work with."""

    store: Store
    safe: Safe
    now: Callable[[], datetime] = utc_now
    settings: Settings = field(default_factory=Settings)


Task = Callable[[DeliveryContext], Coroutine[Any, Any, None]]

TASKS: Mapping[str, Task] = {
    "moving": moving.run,
    "retention": retention.run,
    "webhooks": webhooks.run,
    "legal holds": holding.run,
    "erasures": erasing.run,
    "SFTP": sftp.run,
    "files in other formats": measuring.run,
    "pushing": push.run,
    "time stamps": stamping.run,
}
"""What it does, by the names that the log has for it."""


async def work(settings: Settings, theirs: socket.socket) -> None:
    """What the process does, until the recorder is gone."""
    line: _FromRecorder = await Line.over(theirs, Beat)
    beating = asyncio.create_task(line.beat())
    listening = asyncio.create_task(_listen(line))
    try:
        store = await asyncio.to_thread(Store, settings.store.url, make=False)
        try:
            context = DeliveryContext(store, safe(settings.vault, store, utc_now), utc_now, settings)
            await _carry_out(context, TASKS, listening)
        finally:
            await asyncio.to_thread(store.close)
    except ARIRecorderError as error:
        line.send(Unable(str(error)))
    finally:
        beating.cancel()
        listening.cancel()
        line.close()


async def _carry_out(
    context: DeliveryContext, tasks: Mapping[str, Task], until: asyncio.Future[None]
) -> None:
    """Have all tasks at work until that is done."""
    working = [asyncio.create_task(keep_on(name, task, context), name=name) for name, task in tasks.items()]
    try:
        await until
    finally:
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def keep_on(name: str, task: Task, context: DeliveryContext) -> None:
    """Have a task at work for ever: whatever it fails of is told once, and it is begun again."""
    loop, failures, told = asyncio.get_running_loop(), 0, ""
    while True:
        since_s = loop.time()
        why: str | None = None
        going_on = loop.call_later(GOES_ON_S, _log.info, f"{name}: goes on again") if told else None
        try:
            await task(context)
            return  # it has nothing to do
        except ARIRecorderError as error:
            why = str(error)
        except Exception:
            _log.exception("a fault in ari_recorder", task=name)
        finally:
            if going_on:
                going_on.cancel()
        took_s = loop.time() - since_s
        failures = 1 if took_s >= WELL_S else failures + 1
        if why is not None and (why != told or took_s >= GOES_ON_S):
            _log.error(f"{name} cannot go on at the moment; it is tried again", why=why)
            told = why
        await asyncio.sleep(AGAIN_AFTER_S[min(failures, len(AGAIN_AFTER_S)) - 1])


async def _listen(line: _FromRecorder) -> None:
    """Until the recorder is gone."""
    with suppress(OSError):
        while True:
            await line.receive(HEARD_WITHIN_S)
