"""Playing to a channel that is in the application, and waiting for the end of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from ari_recorder.ari import Playback
from ari_recorder.errors import AriNotFound
from ari_recorder.handlers.context import Context
from ari_recorder.policies.leg.speaking import CUT, FAILED, PLAYED
from ari_recorder.store.models import new_id


class Playing:
    """What is being played now."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def play(self, channel_id: str, media: Sequence[str], *, within_s: float) -> str:
        """Play ``media`` one after the other; return how it went (see `policies.leg.speaking.PLAYED`).

        What takes longer than ``within_s`` is cut off.

        Raises `AriError` if Asterisk does not play them.
        """
        playback = f"{self._context.app}-play-{new_id().hex}"
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[playback] = over
        try:
            await self._context.ari.play(channel_id, playback_id=playback, media=media)
            async with asyncio.timeout(within_s):
                return await over
        except TimeoutError:
            with contextlib.suppress(AriNotFound):
                await self._context.ari.stop_playback(playback)
            return CUT
        finally:
            del self._waiting[playback]

    def finished(self, playback: Playback) -> None:
        """Asterisk says that a playback is over."""
        future = self._waiting.get(playback.id)
        if future is not None and not future.done():
            future.set_result(PLAYED if playback.state == "done" else FAILED)
