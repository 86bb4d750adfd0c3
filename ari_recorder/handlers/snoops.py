"""The pair of snoop channels on a recorded user's leg: one hears the user, one what the user hears."""

from __future__ import annotations

import asyncio

from ari_recorder.ari import Direction
from ari_recorder.errors import AriConflict, AriNotFound, AriRefused
from ari_recorder.handlers.context import Context
from ari_recorder.store import rows
from ari_recorder.store.rows import LegRow

ENTERED_WITHIN_S = 2.0
"""How long a snoop may take to enter the application."""

NARROW, WIDE = "wav", "wav16"
"""Asterisk's file formats for 8 and 16 kHz."""

NARROW_CODECS = frozenset(
    {"ulaw", "alaw", "gsm", "g723", "g726", "g726aal2", "g729", "ilbc"}
    | {"slin", "adpcm", "lpc10", "speex", "codec2", "amr"}
)
"""Asterisk's names of the codecs of 8 kHz; every other carries more."""


class Snoops:
    """A leg's snoops.

    A snoop takes its channel's sampling rate when it is made. A ringing channel may still offer several
    codecs; then the pair can turn out too narrow at the answer, and `settle` has it made anew.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._there: set[str] = set()
        self._narrow = True  # the pair's own rate
        self._may_be_wide = False
        self.file_format = NARROW

    @property
    def armed(self) -> bool:
        """Whether both are there to be recorded."""
        return len(self._there) == 2

    async def arm(self, leg: LegRow) -> None:
        """Make the pair of the leg's current arming; returns when both can be recorded.

        A doubled request is harmless. Raises `AriError`.
        """
        ids = rows.snoops(self._context.app, leg)
        self._there.clear()
        entered = [self._entering(snoop) for snoop in ids]
        try:
            await asyncio.gather(self._make(leg, ids[0], "in"), self._make(leg, ids[1], "out"))
            await asyncio.wait_for(asyncio.gather(*entered), ENTERED_WITHIN_S)
        except TimeoutError as error:
            raise AriRefused("snoop", leg.channel, 0, "the snoop did not enter the application") from error
        finally:
            self._waiting.clear()
        self._there.update(ids)
        await self._look_at_rates(leg, ids[0])

    async def settle(self, leg: LegRow) -> None:
        """Choose the file format by the codec now in use; a pair too narrow for it is given up."""
        if self._may_be_wide:
            wide = _any_wide(await self._variable(leg.channel, "CHANNEL(audionativeformat)"))
            self.file_format = WIDE if wide else NARROW
            if wide and self._narrow:
                self.release(leg)

    async def find(self, leg: LegRow) -> None:
        """After a restart: look whether the pair of the leg's current arming is still there."""
        self._there.clear()
        for snoop in rows.snoops(self._context.app, leg):
            try:
                await self._context.ari.channel(snoop)
            except AriNotFound:
                return
            self._there.add(snoop)
        await self._look_at_rates(leg, next(iter(self._there)))

    def entered(self, snoop: str) -> None:
        """Asterisk says that a snoop has entered the application."""
        future = self._waiting.get(snoop)
        if future is not None and not future.done():
            future.set_result(None)

    def gone(self, snoop: str) -> None:
        """Asterisk says that a snoop has left the application."""
        self._there.discard(snoop)

    def release(self, leg: LegRow) -> None:
        """Let go of those that are still there. Asterisk does it at the channel's next frame."""
        for snoop in self._there:
            self._context.release(snoop)
        self._there.clear()

    def _entering(self, snoop: str) -> asyncio.Future[None]:
        return self._waiting.setdefault(snoop, asyncio.get_running_loop().create_future())

    async def _make(self, leg: LegRow, snoop: str, spy: Direction) -> None:
        try:
            await self._context.ari.snoop(leg.channel, snoop_id=snoop, spy=spy)
        except (AriConflict, AriRefused):
            await self._context.ari.channel(snoop)  # it is there already, or the refusal was meant
            self.entered(snoop)

    async def _look_at_rates(self, leg: LegRow, snoop: str) -> None:
        codecs = await self._variable(leg.channel, "CHANNEL(audionativeformat)")
        self._may_be_wide = _any_wide(codecs)
        if self._may_be_wide:
            self._narrow = await self._variable(snoop, "CHANNEL(audioreadformat)") == "slin"

    async def _variable(self, channel: str, name: str) -> str:
        try:
            return await self._context.ari.channel_variable(channel, name)
        except AriNotFound:
            return ""  # the channel has gone meanwhile


def _any_wide(codecs: str) -> bool:
    """Whether ``(g722|alaw)`` has a codec of more than 8 kHz in it."""
    names = codecs.strip("()").split("|")
    return any(name and name not in NARROW_CODECS for name in names)
