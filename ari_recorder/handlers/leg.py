"""One recorded user's leg: everything that happens to it, one thing after the other.

Messages wait in the leg's inbox; for each the policy is asked, the answer is saved, then acted on. Legs do
not wait for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import AriError, AriNotFound, AriUnreachable
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.snoops import NARROW, WIDE, Snoops
from ari_recorder.handlers.take import Take
from ari_recorder.policies.table import RUNNING, Action, Decision, Event, State, decide
from ari_recorder.store import calls, rows
from ari_recorder.store.models import new_id
from ari_recorder.store.rows import Counterpart, LegRow, SegmentRow

LOSS_CHECKED_AFTER_S = 0.25
"""A segment that ended unasked may have ended with its call: so long the hang-up may be on its way."""

LOOK_AGAIN_S = 1.0
"""How long after Asterisk did not answer it is asked again."""

FORMATS = (NARROW, WIDE)

MISSED_ANSWER = "The call was answered while the recorder was away: its beginning is missing."

_log = structlog.get_logger(__name__)

Message = Callable[[], Awaitable[None]]


class LegHandler:
    """Follows one leg from its first event to its end. ``over`` is called when nothing is left to do."""

    def __init__(self, context: Context, row: LegRow, over: Callable[[LegHandler], None]) -> None:
        self.row = row
        self.snoops = Snoops(context)
        self._context = context
        self._over = over
        self._take: Take | None = Take(context, row.segment) if row.segment else None
        self._rolled: Take | None = None
        self._prepared: SegmentRow | None = None
        self._full: asyncio.TimerHandle | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._log = _log.bind(pbx=row.pbx, channel=row.channel, leg=str(row.id))
        self._worker = asyncio.create_task(self._work(), name=f"leg {row.id}")

    # What is told to a leg. None of these waits.

    def arm(self) -> None:
        """The leg is new: write it down and make ready for the answer."""
        self._inbox.put_nowait(self._arm)

    def answered(self, at: datetime) -> None:
        """The channel is up."""
        self._tell(Event.ANSWERED, at)

    def hung_up(self, at: datetime) -> None:
        """The channel is gone."""
        self._tell(Event.HANGUP, at)

    def counterpart(self, counterpart: Counterpart) -> None:
        """Who the user talks to has become known, or has changed."""
        self._inbox.put_nowait(lambda: self._meet(counterpart))

    def reconcile(self, channel: Channel | None) -> None:
        """Compare with what Asterisk has: ``channel`` is the leg's, None if it is gone."""
        self._inbox.put_nowait(lambda: self._reconcile(channel))

    def recording_started(self, name: str, at: datetime) -> None:
        """Asterisk began to write a file."""
        for take in self._takes():
            if name in take.segment.files:
                take.note_began(name, at)

    def recording_ended(self, name: str, at: datetime) -> None:
        """Asterisk has closed a file, or could not write it."""
        for take in self._takes():
            if name in take.segment.files:
                take.note_ended(name, at)
                if not take.expected:
                    self._suspect_loss(take)

    async def stop(self) -> None:
        """Stop working; what is going on in Asterisk goes on."""
        self._cancel_timer()
        self._worker.cancel()
        await asyncio.wait([self._worker])

    # The leg's own task

    async def _work(self) -> None:
        while self.row.policy.state is not State.ENDED:
            message = await self._inbox.get()
            try:
                await message()
            except AriUnreachable as error:
                self._log.warning("looking again when Asterisk answers", error=str(error))
                self._look_again_later()
            except Exception:
                self._log.exception("a leg's message failed")
        self._over(self)

    def _tell(self, event: Event, at: datetime) -> None:
        self._inbox.put_nowait(lambda: self._decide_and_act(event, at))

    async def _arm(self) -> None:
        linkedid = await self._linkedid()
        row = replace(self.row, armings=1)
        answer = decide(row.policy, Event.ANSWERED, row.created_at)
        if Action.BEGIN_SEGMENT in answer.actions:
            self._prepared = self._plan(replace(row, policy=answer.leg, recording=new_id()), row.created_at)
        files = self._prepared.files if self._prepared else ()
        await self._context.save(calls.begin_leg, row, linkedid, rows.snoops(self._context.app, row), files)
        self.row = row
        try:
            await self.snoops.arm(row)
        except AriError as error:
            self._log.warning("not armed while ringing; trying again at the answer", error=str(error))

    async def _linkedid(self) -> str:
        """What Asterisk calls the whole call; a channel that is gone already stands for itself."""
        try:
            return await self._context.ari.channel_variable(self.row.channel, "CHANNEL(linkedid)")
        except AriError:
            return self.row.channel

    async def _meet(self, counterpart: Counterpart) -> None:
        if counterpart != self.row.counterpart:
            self.row = replace(self.row, counterpart=counterpart)
            await self._context.save(calls.save_counterpart, self.row)

    async def _decide_and_act(self, event: Event, at: datetime, problem: str = "") -> None:
        decision = decide(self.row.policy, event, at)
        if decision.reason:
            self._log.debug("nothing to do", event_=event, reason=decision.reason)
            return
        if Action.BEGIN_SEGMENT in decision.actions:
            await self.snoops.settle(self.row)
        row, planned = self._next(decision, event, at)
        save = self._context.save(calls.save_decision, row, decision.actions, planned, at, problem)
        if planned is not None and planned is self._prepared and self.snoops.armed:
            # its names were committed when the leg was armed: the answer waits for no disk
            saving = asyncio.create_task(save)
            self.row = row
            try:
                await self._act(decision.actions, planned)
            finally:
                await saving
        else:
            await save
            self.row = row
            await self._act(decision.actions, planned)
        self._log.info(event, state=row.policy.state, actions=[str(action) for action in decision.actions])
        if row.policy.state is State.ENDED:
            await self._leave()

    def _next(self, decision: Decision, event: Event, at: datetime) -> tuple[LegRow, SegmentRow | None]:
        row = replace(self.row, policy=decision.leg)
        if event is Event.ANSWERED:
            row = replace(row, answered_at=at)
        if event is Event.HANGUP:
            row = replace(row, ended_at=at)
        if Action.OPEN_RECORDING in decision.actions:
            row = replace(row, recording=self._prepared.recording if self._prepared else new_id())
        if Action.BEGIN_SEGMENT in decision.actions:
            return row, self._take_prepared(at) or self._plan(row, at)
        if Action.ROLL_SEGMENT in decision.actions:
            return row, replace(self._plan(row, at), continues=True)
        return row, None

    def _take_prepared(self, at: datetime) -> SegmentRow | None:
        if self._prepared is not None and self.row.policy.segments == 0 == self.row.policy.recordings:
            self._prepared = replace(self._prepared, began_at=at, format=self.snoops.file_format)
            return self._prepared
        return None

    def _plan(self, row: LegRow, at: datetime) -> SegmentRow:
        assert row.recording is not None
        return rows.plan_segment(self._context.app, row, row.recording, self.snoops.file_format, at)

    async def _act(self, actions: tuple[Action, ...], planned: SegmentRow | None) -> None:
        for action in actions:
            match action:
                case Action.BEGIN_SEGMENT if planned:
                    await self._begin(planned)
                case Action.END_SEGMENT:
                    await self._end()
                case Action.ROLL_SEGMENT if planned:
                    await self._roll(planned)
                case Action.CLOSE_RECORDING | Action.DISCARD_RECORDING:
                    self._context.wake_finisher()

    async def _begin(self, segment: SegmentRow) -> None:
        self._take = Take(self._context, segment)
        try:
            await self._rearm_if_needed()
            await self._take.begin(rows.snoops(self._context.app, self.row))
        except AriUnreachable:
            raise
        except AriError as error:
            self._log.error("the recording could not begin", error=str(error))
            self._suspect_loss(self._take)
            return
        self._set_timer()

    async def _rearm_if_needed(self) -> None:
        if not self.snoops.armed:
            row = replace(self.row, armings=self.row.armings + 1)
            ids = rows.snoops(self._context.app, row)
            await self._context.save(calls.save_arming, row, ids, self._context.now())
            self.row = row
            await self.snoops.arm(row)

    async def _end(self) -> None:
        self._cancel_timer()
        if self._take is not None:
            await self._context.save(calls.end_segment, await self._ended(self._take))
            self._take = None

    async def _ended(self, take: Take) -> SegmentRow:
        """The segment once its files are closed, however long Asterisk cannot be asked."""
        while True:
            try:
                return await take.end()
            except AriUnreachable as error:
                self._log.warning("a segment's end is not known yet; asking again", error=str(error))
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _roll(self, segment: SegmentRow) -> None:
        """Asterisk queues the next recording behind the running one: ending that begins this."""
        old, self._take = self._take, Take(self._context, segment)
        self._rolled = old
        try:
            await self._take.begin(rows.snoops(self._context.app, self.row))
        finally:
            if old is not None:
                await self._context.save(calls.end_segment, await self._ended(old))
            self._rolled = None
        self._set_timer()

    async def _leave(self) -> None:
        self.snoops.release(self.row)
        await self._context.save(calls.finish_leg, self.row.id, self._context.now())

    # When Asterisk did not answer, it is not known what it did

    def _look_again_later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(LOOK_AGAIN_S, lambda: self._inbox.put_nowait(self._look_again))

    async def _look_again(self) -> None:
        try:
            channel = await self._context.ari.channel(self.row.channel)
        except AriNotFound:
            return  # its end is on its way
        await self._reconcile(channel)

    # Losses and roll-over

    def _takes(self) -> list[Take]:
        return [take for take in (self._take, self._rolled) if take is not None]

    def _set_timer(self) -> None:
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._full = loop.call_later(
            self._context.segment_max_s, lambda: self._tell(Event.SEGMENT_FULL, self._context.now())
        )

    def _cancel_timer(self) -> None:
        if self._full is not None:
            self._full.cancel()
            self._full = None

    def _suspect_loss(self, take: Take) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(LOSS_CHECKED_AFTER_S, lambda: self._inbox.put_nowait(lambda: self._check_loss(take)))

    async def _check_loss(self, take: Take) -> None:
        if take is not self._take or take.expected:
            return
        try:
            await self._context.ari.channel(self.row.channel)
        except AriNotFound:
            return  # its end is on its way
        await self._lose()

    async def _lose(self) -> None:
        now = self._context.now()
        self.snoops.release(self.row)
        await self._decide_and_act(Event.SEGMENT_LOST, now, f"The recording broke off at {now:%H:%M:%S} UTC.")

    # After a restart of the recorder, or a lost event socket

    async def _reconcile(self, channel: Channel | None) -> None:
        if channel is None:
            await self._adopt_if_begun()
            await self._decide_and_act(Event.HANGUP, await self._gone_at())
            return
        await self.snoops.find(self.row)
        if self.row.policy.state is State.RINGING:
            await (self._answered_unseen() if channel.state == "Up" else self._rearm_if_needed())
        elif self._take is not None:
            await self._reconcile_take(self._take)

    async def _reconcile_take(self, take: Take) -> None:
        if self.row.policy.state not in RUNNING:
            await self._end()  # it was to be ended, and we died before
        elif not await take.is_live():
            await self._lose()
        elif self._full is None:
            self._set_timer()

    async def _answered_unseen(self) -> None:
        """Answered between two of our looks: its recording may have been begun, or not."""
        if await self._adopt_if_begun():
            assert self._take is not None
            await self._reconcile_take(self._take)
            return
        answer = decide(self.row.policy, Event.ANSWERED, self._context.now())
        missed = MISSED_ANSWER if Action.BEGIN_SEGMENT in answer.actions else ""
        await self._decide_and_act(Event.ANSWERED, self._context.now(), missed)

    async def _adopt_if_begun(self) -> bool:
        """We died after Asterisk was asked to record and before that was written down: the files tell."""
        now = self._context.now()
        answer = decide(self.row.policy, Event.ANSWERED, now)
        if Action.BEGIN_SEGMENT not in answer.actions:
            return False
        row = replace(self.row, policy=answer.leg, recording=new_id())
        for file_format in FORMATS:
            take = Take(self._context, replace(self._plan(row, now), format=file_format))
            since = take.written_since()
            if since is not None:
                await self._adopt(replace(row, answered_at=since), answer.actions, take.segment, since)
                return True
        return False

    async def _adopt(
        self, row: LegRow, actions: tuple[Action, ...], segment: SegmentRow, since: datetime
    ) -> None:
        segment = replace(segment, began_at=since)
        await self._context.save(calls.save_decision, row, actions, segment, since)
        self.row = row
        self._take = Take(self._context, segment)

    async def _gone_at(self) -> datetime:
        """When a call ended that nobody saw end: its files were written until then."""
        if self._take is None:
            return self._context.now()
        segment = await self._ended(self._take)
        return segment.ended_at or self._context.now()
