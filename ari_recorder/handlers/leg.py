"""One recorded user's leg: everything that happens to it, one thing after the other.

Messages wait in the leg's inbox; for each the policy is asked, the answer is saved, then acted on. Legs do
not wait for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import AriError, AriNotFound, AriUnreachable
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.snoops import NARROW, WIDE, Snoops
from ari_recorder.handlers.take import Take
from ari_recorder.handlers.takes import Takes
from ari_recorder.handlers.telling import Telling
from ari_recorder.live import Answer, Changed, Refused
from ari_recorder.policies.commands import Given, Keys, Source, press, take
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import (
    COMMANDS,
    RUNNING,
    Action,
    Decision,
    Event,
    Leg,
    Mode,
    Reason,
    State,
    decide,
)
from ari_recorder.store import calls, rows
from ari_recorder.store.models import new_id
from ari_recorder.store.rows import Counterpart, LegRow, SegmentRow

LOSS_CHECKED_AFTER_S = (0.25, 1.0, 4.0, 15.0, 60.0)
"""How long after a segment ended unasked, or could not begin, it is taken for lost: by losses so far."""

LOOK_AGAIN_S = 1.0
"""How long after Asterisk did not answer it is asked again."""

FORMATS = (NARROW, WIDE)

NOT_DONE = "Asterisk does not do it just now; it is being tried again, and the live feed tells."
MISSED_ANSWER = "The call was answered while the recorder was away: its beginning is missing."

_log = structlog.get_logger(__name__)

Message = Callable[[], Awaitable[None]]
Decided = tuple[Leg, Event, Decision]
"""A leg as it was, what happened to it, and what was decided."""


class LegHandler:
    """Follows one leg from its first event to its end. ``over`` is called when nothing is left to do."""

    def __init__(self, context: Context, row: LegRow, over: Callable[[LegHandler], None]) -> None:
        self.row = row
        self.snoops = Snoops(context)
        self._context = context
        self._over = over
        self._prepared: SegmentRow | None = None
        self._keys = Keys(row.preferences.commands)
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._unanswered: set[asyncio.Future[Answer]] = set()
        self._unfinished: Decided | None = None
        self._owed: Decided | None = None
        self._left = False
        self.telling = Telling(context, lambda: self.row, found=row.call is not None)
        self.takes = Takes(context, row.segment, full=self._segment_full, lost=self._suspect_loss)
        self._log = _log.bind(pbx=row.pbx, channel=row.channel, leg=str(row.id))
        self._worker = asyncio.create_task(self._work(), name=f"leg {row.id}")

    # What is told to a leg. None of these waits.

    def arm(self) -> None:
        """The leg is new: write it down and make ready for the answer."""
        self._inbox.put_nowait(self._arm)

    def answered(self, at: datetime) -> None:
        """The channel is up."""
        self._tell(Event.ANSWERED, at)

    def digit(self, digit: str, at: datetime) -> None:
        """The recorded user has pressed a key."""
        self._keys, command = press(self._keys, digit, at)
        if command is not None:
            self._tell(command, at, Source.DIGITS)

    def commanded(self, command: Event, at: datetime) -> None:
        """Asterisk's feature map has swallowed the recorded user's keys and says what they mean."""
        self._keys, taken = take(self._keys, Given(command, Source.FEATURE, at))
        if taken is not None:
            self._tell(taken, at, Source.FEATURE)

    def command(self, command: Event) -> asyncio.Future[Answer]:
        """A command from the app: the answer comes when it has been carried out, or refused.

        It is cancelled if the recorder stops before that.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._unanswered.add(answer)
        answer.add_done_callback(self._unanswered.discard)
        self._inbox.put_nowait(lambda: self._answer(command, answer))
        return answer

    def annotated(self, annotations: Mapping[str, str]) -> None:
        """The call's note, mark or tags have been changed in the store."""
        self._inbox.put_nowait(lambda: self._annotate(annotations))

    def hung_up(self, at: datetime) -> None:
        """The channel is gone."""
        self._tell(Event.HANGUP, at)

    def counterpart(self, counterpart: Counterpart, at: datetime, direction: str = "") -> None:
        """Who the user talks to has become known, or has changed; ``direction`` if that has, too."""
        self._inbox.put_nowait(lambda: self._meet(counterpart, at, direction))

    def uses(self, snoop: str) -> bool:
        """Whether a snoop channel is one of this leg's that is needed now."""
        return snoop in rows.snoops(self._context.app, self.row) or self.telling.announcer.knows(snoop)

    def agree_to(self, mode: Mode, preferences: Preferences) -> asyncio.Future[str]:
        """Let ``mode`` and ``preferences`` hold for this call, and make ready for its answer.

        The future has what stands against it, in words; empty if nothing does.
        """
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def agree() -> None:
            against = await self._agree_to(mode, preferences)
            if not answer.done():
                answer.set_result(against)

        self._inbox.put_nowait(agree)
        return answer

    def reconcile(self, channel: Channel | None) -> None:
        """Compare with what Asterisk has: ``channel`` is the leg's, None if it is gone."""
        self._inbox.put_nowait(lambda: self._reconcile(channel))

    async def stop(self) -> None:
        """Stop working; what is going on in Asterisk goes on."""
        self.takes.stop()
        self._worker.cancel()
        await asyncio.wait([self._worker])
        await self.telling.stop()
        for answer in self._unanswered:
            answer.cancel()

    # The leg's own task

    async def _work(self) -> None:
        while not self._left or not self._inbox.empty():
            message = await self._inbox.get()
            try:
                await message()
            except AriError as error:
                self._log.warning("looking again at what Asterisk has", error=str(error))
                self._look_again_later()
            except Exception:
                self._log.exception("a fault in ari_recorder; looking again at what Asterisk has")
                self._look_again_later()
        self._over(self)

    def _tell(self, event: Event, at: datetime, source: Source | None = None) -> None:
        self._inbox.put_nowait(lambda: self._happened(event, at, source))

    async def _happened(self, event: Event, at: datetime, source: Source | None) -> None:
        await self._decide_and_act(event, at, source=source)

    async def _answer(self, command: Event, answer: asyncio.Future[Answer]) -> None:
        found = Answer(self.row, problem=NOT_DONE)
        try:
            reason = await self._decide_and_act(command, self._context.now(), source=Source.APP)
            found = Answer(self.row, reason, NOT_DONE if self.takes.broken else "")
        finally:
            if not answer.done():
                answer.set_result(found)

    async def _annotate(self, annotations: Mapping[str, str]) -> None:
        self._become(replace(self.row, annotations={**self.row.annotations, **annotations}))

    def _become(self, row: LegRow) -> None:
        """What has been saved holds from now on, and is told."""
        self.row = row
        self._context.live.publish(Changed(row))

    async def _arm(self) -> None:
        linkedid = await self._linkedid()
        row = replace(self.row, armings=1)
        answer = decide(row.policy, Event.ANSWERED, row.created_at)
        if Action.BEGIN_SEGMENT in answer.actions:
            self._prepared = self._plan(replace(row, policy=answer.leg, recording=new_id()), row.created_at)
        files = self._prepared.files if self._prepared else ()
        snoops = rows.snoops(self._context.app, row)
        call = await self._context.save(calls.begin_leg, row, linkedid, snoops, files)
        self._become(replace(row, call=call))
        try:
            await self.snoops.arm(self.row)
        except AriError as error:
            self._log.warning("not armed while ringing; trying again at the answer", error=str(error))
        self.telling.announcer.prepare(self.row)

    async def _linkedid(self) -> str:
        """What Asterisk calls the whole call; a channel that is gone already stands for itself."""
        try:
            return await self._context.ari.channel_variable(self.row.channel, "CHANNEL(linkedid)")
        except AriError:
            return self.row.channel

    async def _meet(self, counterpart: Counterpart, at: datetime, direction: str = "") -> None:
        direction = direction or self.row.direction
        if counterpart.number and (counterpart, direction) != (self.row.counterpart, self.row.direction):
            row = replace(self.row, counterpart=counterpart, direction=direction)
            somebody_else = counterpart.number != self.row.counterpart.number
            await self._context.save(calls.save_counterpart, row, at)
            self._become(row)
            if somebody_else:
                self.telling.joined()

    async def _agree_to(self, mode: Mode, preferences: Preferences) -> str:
        ringing = self.row.policy.state is State.RINGING
        if not ringing and mode is not self.row.policy.mode:
            return "The call is answered already, so that its mode stays: tap it before Answer()."
        row = replace(self.row, policy=replace(self.row.policy, mode=mode), preferences=preferences)
        if mode is not self.row.policy.mode:
            self._prepared = None
        await self._context.save(calls.save_terms, row)
        self._become(row)
        try:
            if ringing:
                await self._rearm_if_needed()
        except AriError as error:
            return str(error)
        return ""

    async def _decide_and_act(
        self, event: Event, at: datetime, problem: str = "", source: Source | None = None
    ) -> Reason | None:
        """Returns why it changes nothing, or None when it has been done."""
        before = self.row.policy
        decision = decide(before, event, at)
        if decision.reason:
            self._refuse(event, decision.reason, at, source)
            return decision.reason
        if Action.BEGIN_SEGMENT in decision.actions:
            await self.snoops.settle(self.row)
        row, planned = self._next(decision, event, at)
        save = self._context.save(calls.save_decision, row, decision.actions, planned, at, problem)
        if planned is not None and planned is self._prepared and self.snoops.armed:
            # its names were committed when the leg was armed: the answer waits for no disk
            self.row, self._unfinished = row, (before, event, decision)
            try:
                await self._act(decision.actions, planned)
            finally:
                await save
        else:
            await save
            self.row, self._unfinished = row, (before, event, decision)
            await self._act(decision.actions, planned)
        await self._finish()
        return None

    async def _finish(self) -> None:
        """What was decided has been carried out, at once or after looking again: now it is told."""
        if self._unfinished is None:
            return
        (before, event, decision), self._unfinished = self._unfinished, None
        self._context.live.publish(Changed(self.row))
        self._log.info(event, state=decision.leg.state, actions=[str(action) for action in decision.actions])
        self._tell_parties(before, event, decision)
        if self.row.policy.state is State.ENDED:
            await self._leave()

    def _tell_parties(self, before: Leg, event: Event, decision: Decision) -> None:
        """A beginning is told when it has been had: what was refused is begun again as a loss."""
        if event is not Event.SEGMENT_LOST:
            self._owed = (before, event, decision) if self.takes.broken else None
        elif self._owed is not None and not self.takes.broken:
            (before, event, decision), self._owed = self._owed, None
        if self._owed is None or event is Event.SEGMENT_LOST:
            self.telling.decided(before, event, decision)

    def _refuse(self, event: Event, reason: Reason, at: datetime, source: Source | None) -> None:
        log = self._log.info if event in COMMANDS else self._log.debug
        log("changes nothing", what=str(event), reason=str(reason))
        if source is not None:
            self._context.live.publish(Refused(self.row, event, source, reason, at))
        self.telling.refused(event, reason, source)

    def _next(self, decision: Decision, event: Event, at: datetime) -> tuple[LegRow, SegmentRow | None]:
        row = replace(self.row, policy=decision.leg)
        prepared = None
        if event is Event.ANSWERED:
            row = replace(row, answered_at=at)
            prepared = self._prepared = self._as_answered(at)
        if event is Event.HANGUP:
            row = replace(row, ended_at=at)
        if Action.OPEN_RECORDING in decision.actions:
            row = replace(row, recording=prepared.recording if prepared else new_id())
        if Action.BEGIN_SEGMENT in decision.actions:
            return row, prepared or self._plan(row, at)
        if Action.ROLL_SEGMENT in decision.actions:
            return row, replace(self._plan(row, at), continues=True)
        return row, None

    def _as_answered(self, at: datetime) -> SegmentRow | None:
        """The segment that was prepared for the answer, if there is one."""
        if self._prepared is None:
            return None
        return replace(self._prepared, began_at=at, format=self.snoops.file_format)

    def _plan(self, row: LegRow, at: datetime) -> SegmentRow:
        assert row.recording is not None
        return rows.plan_segment(self._context.app, row, row.recording, self.snoops.file_format, at)

    async def _act(self, actions: tuple[Action, ...], planned: SegmentRow | None) -> None:
        for action in actions:
            match action:
                case Action.BEGIN_SEGMENT if planned:
                    await self._begin(planned)
                case Action.END_SEGMENT:
                    await self.takes.end()
                case Action.ROLL_SEGMENT if planned:
                    await self._roll(planned)
                case Action.CLOSE_RECORDING | Action.DISCARD_RECORDING:
                    self._context.wake_finisher()

    async def _begin(self, segment: SegmentRow) -> None:
        self.takes.plan(segment)
        try:
            await self._rearm_if_needed()
            await self.takes.begin(rows.snoops(self._context.app, self.row))
        except AriUnreachable:
            raise
        except AriError as error:
            self._log.error("the recording could not begin", error=str(error))
            self._suspect_loss()

    async def _roll(self, segment: SegmentRow) -> None:
        try:
            await self.takes.roll(segment, rows.snoops(self._context.app, self.row))
        except AriUnreachable:
            raise
        except AriError as error:
            self._log.error("the recording could not roll over", error=str(error))
            self._suspect_loss()

    async def _rearm_if_needed(self) -> None:
        if not self.snoops.armed:
            row = replace(self.row, armings=self.row.armings + 1)
            ids = rows.snoops(self._context.app, row)
            await self._context.save(calls.save_arming, row, ids, self._context.now())
            self.row = row
            await self.snoops.arm(row)

    async def _leave(self) -> None:
        await self.telling.stop()
        self.snoops.release(self.row)
        await self._context.save(calls.finish_leg, self.row.id, self._context.now())
        self._left = True

    # When Asterisk did not answer, it is not known what it did

    def _look_again_later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(LOOK_AGAIN_S, lambda: self._inbox.put_nowait(self._look_again))

    async def _look_again(self) -> None:
        try:
            channel = await self._context.ari.channel(self.row.channel)
        except AriNotFound:
            channel = None
        await self._reconcile(channel)

    # Losses and roll-over

    def _segment_full(self) -> None:
        self._tell(Event.SEGMENT_FULL, self._context.now())

    def _suspect_loss(self) -> None:
        """A segment that ended unasked may have ended with its call; and what just failed may fail again."""
        delay_s = LOSS_CHECKED_AFTER_S[min(self.row.policy.losses, len(LOSS_CHECKED_AFTER_S) - 1)]
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, lambda: self._inbox.put_nowait(self._check_loss))

    async def _check_loss(self) -> None:
        if not self.takes.broken:
            return
        try:
            await self._context.ari.channel(self.row.channel)
        except AriNotFound:
            await self._reconcile(None)
        else:
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
        else:
            await self._reconcile_with(channel)
        await self._finish()

    async def _reconcile_with(self, channel: Channel) -> None:
        await self.snoops.find(self.row)
        if self.row.policy.state is State.RINGING:
            await (self._answered_unseen() if channel.state == "Up" else self._rearm_if_needed())
        elif self.row.policy.state not in RUNNING:
            await self.takes.end()  # it was to be ended, and we died before
        else:
            await self._reconcile_take()

    async def _reconcile_take(self) -> None:
        if not await self.takes.is_live():
            self._suspect_loss()
            return
        self.takes.watch()
        if self._unfinished is None:
            await self.telling.resume()

    async def _answered_unseen(self) -> None:
        """Answered between two of our looks: its recording may have been begun, or not."""
        if await self._adopt_if_begun():
            await self._reconcile_take()
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
                await self._adopt(replace(row, answered_at=since), answer, take.segment, since)
                return True
        return False

    async def _adopt(self, row: LegRow, answer: Decision, segment: SegmentRow, since: datetime) -> None:
        segment = replace(segment, began_at=since)
        await self._context.save(calls.save_decision, row, answer.actions, segment, since)
        self._unfinished = (self.row.policy, Event.ANSWERED, answer)
        self.row = row
        self.takes.plan(segment)

    async def _gone_at(self) -> datetime:
        """When a call ended that nobody saw end: its files were written until then."""
        return await self.takes.end() or self._context.now()
