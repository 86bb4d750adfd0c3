"""Legal holds kept up: their ends, what searches under hold find, what was noted for those that are over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from ari_recorder.store import holding, holds

EVERY_S = 60.0
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
    """All that there is to do now, a batch at a time."""
    while ended := await context.store.write(holding.end_due, context.now()):
        for hold in ended:
            _log.info("the end of a legal hold has come", hold=str(hold))
    await _in_batches(lambda: context.store.write(holds.fix_next, context.now()))
    await _in_batches(lambda: context.store.write(holds.forget_next))


async def _in_batches(step: Callable[[], Awaitable[bool]]) -> None:
    while await step():  # noqa: ASYNC110 - a rest between two steps, not a wait
        await asyncio.sleep(REST_S)
