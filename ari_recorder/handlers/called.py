"""Callers whose called side is to be recorded, from the tap until somebody has answered.

What was asked for, and what the caller has heard before, is kept on the caller's channel: a recorder that is
started again reads it there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import AriNotFound, NotFound, SpoolError, StoreError
from ari_recorder.handlers import channels
from ari_recorder.handlers.context import Context
from ari_recorder.policies import tap
from ari_recorder.policies.leg.state import Announcement
from ari_recorder.policies.tap import Tap
from ari_recorder.store.people import RecordedEndpoint

CALLED, SAID = "RECORDER_CALLED", "RECORDER_SAID"
"""Channel variables: since when and with which arguments of a tap, and what was played to the caller."""

_log = structlog.get_logger(__name__)


@dataclass
class Expected:
    """Whoever answers the next call of a channel is recorded as ``user``'s leg."""

    user: RecordedEndpoint
    since: datetime
    said: dict[UUID, Announcement] = field(default_factory=dict)
    peers: set[str] = field(default_factory=set)
    """The channels that were called, and are followed."""


class CalledSides:
    """By the caller's channel. ``user`` reads who a tap wants; raises `NotFound`, `StoreError`."""

    def __init__(self, context: Context, user: Callable[[Tap, Channel], Awaitable[RecordedEndpoint]]) -> None:
        self._context = context
        self._ari = context.ari
        self._user = user
        self.expected: dict[str, Expected] = {}
        self._unlearned = False
        self._log = _log.bind(pbx=context.pbx)

    async def expect(self, caller: Channel, user: RecordedEndpoint, arguments: Sequence[str]) -> None:
        """Whoever answers next is recorded. Raises `AriError`."""
        since = self._context.now()
        await self._ari.subscribe([f"channel:{caller.id}"])
        await self._ari.set_channel_variable(caller.id, CALLED, tap.pack_expected(since, arguments))
        self.expected[caller.id] = Expected(user, since)

    async def note(self, caller_id: str, said: Announcement) -> None:
        """The caller hears something, or has. Raises `AriError`."""
        expected = self.expected.get(caller_id)
        if expected is not None:
            expected.said[said.id] = said
            await self._ari.set_channel_variable(caller_id, SAID, tap.pack_said(expected.said.values()))

    def forget(self, caller_id: str) -> bool:
        """Nobody is expected any more; whether somebody was."""
        return self.expected.pop(caller_id, None) is not None

    async def take_back(self, caller_id: str) -> None:
        """Whom it calls after a restart is not its called side, either. Raises `AriError`."""
        await self._ari.set_channel_variable(caller_id, CALLED, "")

    async def learn(self) -> None:
        """Read what was kept on the channels that Asterisk tells us of. Raises `AriError`."""
        self._unlearned = False
        for channel_id in (await self._ari.application()).channel_ids:
            try:
                if channel_id not in self.expected:
                    await self._learn(channel_id)
            except AriNotFound:
                continue  # it has none, or is gone
            except StoreError as error:
                self._unlearned = True
                self._log.error("the called side is not recorded yet", channel=channel_id, reason=str(error))
            except NotFound:
                self._unfit(channel_id, "there is no such user (any more)")
            except ValueError:
                self._unfit(channel_id, "what was asked for cannot be read")

    def _unfit(self, channel_id: str, reason: str) -> None:
        """The error's own words have the number that the dialplan gave."""
        self._log.error("the called side is not recorded", channel=channel_id, reason=reason)

    async def compare(self, there: Mapping[str, Channel], asked_at: datetime) -> dict[str, list[Channel]]:
        """Forget callers that are gone; whom the others have called. Raises `AriError`."""
        if self._unlearned:
            await self.learn()
        called = {}
        for caller_id, expected in list(self.expected.items()):
            if caller_id in there:
                called[caller_id] = channels.called_by(there[caller_id], there.values(), expected.since)
            elif expected.since < asked_at:
                self.forget(caller_id)
        return called

    async def _learn(self, channel_id: str) -> None:
        value = await self._ari.channel_variable(channel_id, CALLED)
        if not value:
            return
        since, arguments = tap.unpack_expected(value)
        user = await self._user(tap.read(arguments), await self._ari.channel(channel_id))
        said: list[Announcement] = []
        with contextlib.suppress(AriNotFound):
            packed = await self._ari.channel_variable(channel_id, SAID)
            said = [await self._with_text(one, user) for one in tap.unpack_said(packed, self._context.now())]
        self.expected[channel_id] = Expected(user, since, {one.id: one for one in said})

    async def _with_text(self, said: Announcement, user: RecordedEndpoint) -> Announcement:
        """With what it says, unless the prompt has been replaced since."""
        try:
            _, audio = await self._context.prompts.place(user.organisation, said.prompt, user.preferences)
        except SpoolError:
            return said
        return replace(said, text=audio.text) if audio.sha256 == said.sha256 else said
