"""What the parties of a leg are told, and when: the policy's prompts, each at its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from ari_recorder.errors import AriError, AriNotFound
from ari_recorder.handlers.announcer import Announcer
from ari_recorder.handlers.context import Context
from ari_recorder.policies import announcements
from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Decision, Event, Leg, Reason, State
from ari_recorder.store.announcements import was_started
from ari_recorder.store.rows import LegRow

ANNOUNCED_AFTER_S = 0.3
"""How long after the answer recording is announced: the parties' audio is through by then."""
JOINED_POLL_S = 0.5

_log = structlog.get_logger(__name__)


class Telling:
    """Follows one leg; ``row`` gives it as it is now, ``found`` says that it was in the store at a start.

    Nothing that is played is waited for.
    """

    def __init__(self, context: Context, row: Callable[[], LegRow], *, found: bool) -> None:
        self.announcer = Announcer(context)
        self._found = found
        self._joining: asyncio.Task[None] | None = None
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
        """A command has changed nothing. Its tone cuts off nothing that others are to hear."""
        tone = announcements.refuse(event, reason, source)
        if tone is not None and not self.announcer.playing:
            self._play(tone)

    def joined(self) -> None:
        """Somebody else is being connected."""
        row = self._row()
        answered_for = self._context.now() - (row.answered_at or self._context.now())
        prompt = announcements.greet(
            row.policy, row.preferences, internal=row.internal, answered_for=answered_for
        )
        if prompt is not None:
            self._stop_joining()
            self._joining = asyncio.create_task(self._greet(prompt), name=f"greet {row.id}")

    async def resume(self) -> None:
        """After a restart in a recording: what should have been told and was not is told now."""
        row = self._row()
        if self._found:
            self._found = False
            decision = Decision(row.policy)
            start = announcements.announce(
                replace(row.policy, state=State.RINGING),
                Event.ANSWERED,
                decision,
                row.preferences,
                internal=row.internal,
            )
            if start is not None and not await self._context.store.read(was_started, row.recording):
                self._play(start)
        self.watch()

    def watch(self) -> None:
        """Have the warning tone come at its time, if the leg's state has one."""
        row = self._row()
        due_s = announcements.warning_due_s(row.policy, row.preferences)
        if due_s and self._warning is None:
            self._warning = asyncio.get_running_loop().call_later(due_s, self._warn)

    async def stop(self) -> None:
        """Tell nothing more; what is being played is cut off."""
        self._stop_warning()
        self._stop_joining()
        await self.announcer.stop()

    def _play(self, prompt: Prompt, delay_s: float = 0.0) -> None:
        self.announcer.play(self._row(), lambda: self._at_its_time(prompt, delay_s))

    async def _at_its_time(self, prompt: Prompt, delay_s: float) -> Prompt:
        await asyncio.sleep(delay_s)
        row = self._row()
        others = [leg for leg in self._context.live.legs() if leg.call == row.call and leg.id != row.id]
        return announcements.share(prompt, [(leg.policy, leg.preferences, leg.internal) for leg in others])

    async def _greet(self, prompt: Prompt) -> None:
        """The connected line changes while the new counterpart's phone still rings: wait until they talk."""
        try:
            while not await self._is_connected():  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(JOINED_POLL_S)
        except AriError as error:
            _log.warning("who joined the call is not told", leg=str(self._row().id), error=str(error))
        else:
            self._play(prompt)

    async def _is_connected(self) -> bool:
        try:
            return bool(await self._context.ari.channel_variable(self._row().channel, "BRIDGEPEER"))
        except AriNotFound:
            return False

    def _stop_joining(self) -> None:
        if self._joining is not None:
            self._joining.cancel()
            self._joining = None

    def _warn(self) -> None:
        if not self.announcer.playing:
            self._play(announcements.warn(self._row().preferences))
        self._warning = None
        self.watch()

    def _stop_warning(self) -> None:
        if self._warning is not None:
            self._warning.cancel()
            self._warning = None
