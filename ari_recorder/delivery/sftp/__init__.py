"""The SFTP service, from which organisations fetch recordings (row T1): off unless ``sftp.host`` is set.

What a client sees is made of the catalogue (`delivery.folders`), and nowhere a file system: there is nothing
behind a path but the names that were listed. Of SSH there is the SFTP subsystem, and nothing else.
"""

from __future__ import annotations

import asyncio

from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.sftp.service import Service, serve

__all__ = ["Service", "run", "serve"]


async def run(context: Needed) -> None:
    """Serve for ever, if there is to be a service. Raises `SettingsError` if it cannot be bound."""
    if not context.settings.sftp.host:
        return
    async with serve(context, context.settings.sftp):
        await asyncio.Event().wait()
