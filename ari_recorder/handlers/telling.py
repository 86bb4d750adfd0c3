"""What the parties of a leg are told, and when: the policy's prompts, each at its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ari_recorder.errors import AriNotFound
from ari_recorder.handlers.announcer import Announcer
from ari_recorder.handlers.context import Context
from ari_recorder.policies import announcements
from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Decision, Event, Leg, Reason
from ari_recorder.store.rows import LegRow

ANNOUNCED_AFTER_S = 0.3
"""How long after the answer recording is announced: the parties' audio is through by then."""
JOINED_WITHIN_S = 60.0
JOINED_POLL_S = 0.5


class Telling:
    """Follows one leg; ``row`` gives it as it is now. None of the calls waits."""

    def __init__(self, context: Context, row: Callable[[], LegRow]) -> None:
        self.announcer = Announcer(context)
        self._context = context
        self._row = row
        self._warning: asyncio.TimerHandle | None = None

    def decided(self, before: Leg, event: Event, decision: Decision) -> None:
        """What was decided has been carried out."""
        row = self._row()
        prompt = announcements.announce(before, event, decision, row.preferences, internal=row.internal)
        if prompt is not None:
            self._play(prompt, ANNOUNCED_AFTER_S if event is Event.ANSWERED else 0.0)
        self._stop_warning()
        self.watch()

    def refused(self, event: Event, reason: Reason, source: Source | None) -> None:
        """A command has changed nothing."""
        tone = announcements.refuse(event, reason, source)
        if tone is not None:
            self._play(tone)

    def joined(self) -> None:
        """Somebody else is being connected."""
        row = self._row()
        answered_for = self._context.now() - (row.answered_at or self._context.now())
        prompt = announcements.greet(
            row.policy, row.preferences, internal=row.internal, answered_for=answered_for
        )
        if prompt is not None:
            self.announcer.play(row, lambda: self._when_joined(prompt))

    def watch(self) -> None:
        """Have the warning tone come at its time, if the leg's state has one."""
        row = self._row()
        due_s = announcements.warning_due_s(row.policy, row.preferences)
        if due_s and self._warning is None:
            self._warning = asyncio.get_running_loop().call_later(due_s, self._warn)

    async def stop(self) -> None:
        """Tell nothing more; what is being played is cut off."""
        self._stop_warning()
        await self.announcer.stop()

    def _play(self, prompt: Prompt, delay_s: float = 0.0) -> None:
        self.announcer.play(self._row(), lambda: self._at_its_time(prompt, delay_s))

    async def _at_its_time(self, prompt: Prompt, delay_s: float) -> Prompt:
        await asyncio.sleep(delay_s)
        row = self._row()
        others = [leg for leg in self._context.live.legs() if leg.call == row.call and leg.id != row.id]
        sounds = [(leg.policy, leg.preferences.announce(internal=leg.internal)) for leg in others]
        return announcements.share(prompt, sounds)

    async def _when_joined(self, prompt: Prompt) -> Prompt | None:
        """The connected line changes while the new counterpart's phone still rings: wait until they talk."""
        for _ in range(round(JOINED_WITHIN_S / JOINED_POLL_S)):
            with contextlib.suppress(AriNotFound):
                if await self._context.ari.channel_variable(self._row().channel, "BRIDGEPEER"):
                    return prompt
            await asyncio.sleep(JOINED_POLL_S)
        return None

    def _warn(self) -> None:
        if not self.announcer.playing:
            self._play(announcements.warn(self._row().preferences))
        self._warning = None
        self.watch()

    def _stop_warning(self) -> None:
        if self._warning is not None:
            self._warning.cancel()
            self._warning = None
