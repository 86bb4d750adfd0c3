"""A program that disposes of what is due, in smaller steps: more moments in which it can be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ari_recorder import config
from ari_recorder.clock import utc_now
from ari_recorder.delivery import retention
from ari_recorder.delivery.retention import Disposer
from ari_recorder.safes import safe
from ari_recorder.store.database import Store


async def _run(disposer: Disposer) -> None:
    await disposer.retain()
    await disposer.clear()


if __name__ == "__main__":
    retention.AT_ONCE = 3
    settings = config.load(Path(sys.argv[1]))
    store = Store(settings.store.url, make=False)
    asyncio.run(_run(Disposer(store, safe(settings.vault, store, utc_now), utc_now)))
    store.close()
