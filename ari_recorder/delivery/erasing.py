"""People are taken out: what is to be done next is looked for in a read, and done in a write of a few
calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ari_recorder.policies.erasing import Step
from ari_recorder.store import forgetting
from ari_recorder.store.erasing import working

EVERY_S = 5.0
"""How soon one that was asked for is begun, and what is waited for is looked at again."""
REST_S = 0.05
"""Between two batches: whatever else is to be written comes first."""

if TYPE_CHECKING:
    from ari_recorder.delivery.process import DeliveryContext

_log = structlog.get_logger(__name__)


async def run(context: DeliveryContext) -> None:
    """For ever. Raises `StoreError`."""
    while True:
        await once(context)
        await asyncio.sleep(EVERY_S)


async def once(context: DeliveryContext) -> None:
    """Until nothing can be done now: all is done, or waits."""
    store = context.store
    for erasure in await store.write(working.resume, context.now()):
        _log.info("an erasure goes on: a hold is over, or a call", erasure=str(erasure))
    while batch := await store.read(working.look):
        if not await store.write(working.do, batch, context.now()):
            return
        if batch.step is Step.GONE:
            _log.info("an erasure has come to its end, or waits", erasure=str(batch.erasure))
            await forget(context)
        await asyncio.sleep(REST_S)


async def forget(context: DeliveryContext) -> None:
    """What was written over is left nowhere in the catalogue's file (`store.forgetting`)."""
    for _ in range(await context.store.read(forgetting.steps)):
        if not await context.store.write(forgetting.step):
            break
        await asyncio.sleep(REST_S)
    await asyncio.to_thread(forgetting.empty_log, context.store.url)
