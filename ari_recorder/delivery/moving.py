"""Goes on with recordings that somebody began to move to another vault, and did not finish.

So nothing lies in two places for long because ``ari-recorder vault move`` was killed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ari_recorder.blocking import in_thread
from ari_recorder.store import vault_rows
from ari_recorder.store.moving import Mover

if TYPE_CHECKING:
    from ari_recorder.delivery.process import DeliveryContext

LOOKED_S = 60.0
"""How often it is looked whether there are any."""

_log = structlog.get_logger(__name__)


async def run(context: DeliveryContext) -> None:
    """Work until cancelled. Raises `VaultError` while a vault is away, `StoreError`."""
    told: set[str] = set()
    while True:
        if await context.store.read(vault_rows.abandoned, context.now()):
            mover = Mover(context.store, context.safe, context.now)
            moved = await in_thread(mover.finish_begun)
            _log.info("what was begun to be moved was gone on with", recordings=moved.recordings)
            for why in moved.failed.values():
                if why not in told:
                    _log.error("a recording cannot be moved yet; it is tried again", error=why)
            told = set(moved.failed.values())
        await asyncio.sleep(LOOKED_S)
