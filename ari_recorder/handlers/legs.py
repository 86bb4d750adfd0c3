"""One runner for a leg: it performs what the machine asks for, and tells it what came of that.

`policies.leg` decides; nothing here does. A fault of the machine's costs the recording of that call, not the
call, and is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import structlog

from ari_recorder.errors import AriError, ARIRecorderError, SpoolError
from ari_recorder.handlers import channels, looking
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.runner import FAULT, Runner
from ari_recorder.live import Answer, Changed, Refused
from ari_recorder.policies import announcements
from ari_recorder.policies.leg import Leg, effects, giving_up, happening, inputs, receive, writing
from ari_recorder.policies.leg.effects import Effect, Request
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Alarm
from ari_recorder.policies.parties import Counterpart, party
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, Reason, has_commands
from ari_recorder.store.rows import LegRow, shown

COMPARED_AGAIN_MAX_S = 30.0
FAULTS_MAX = 5
"""So many faults in a row, and the leg is given up."""
HUNG_UP_CAUSE = 16
"""Normal clearing (Q.850)."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class LegRunner(Runner[Leg]):
    """Follows one leg. ``over`` is called when nothing is left to do and all is on disk."""

    def __init__(self, context: Context, leg: Leg, over: Callable[[LegRunner], None]) -> None:
        super().__init__(context, leg, _log.bind(pbx=leg.pbx, channel=leg.channel, leg=str(leg.id)))
        self.row: LegRow = shown(leg)
        self._over = over
        self._faults = 0
        self._given_up_at: datetime | None = None
        self._seen = False
        self._numbers = 0
        self._waiting: dict[int, tuple[asyncio.Future[Any], Any]] = {}
        context.traces.begun(leg)

    @property
    def leg(self) -> Leg:
        """The leg, as it is now."""
        return self._machine

    # What a leg is told

    def command(self, command: Event) -> asyncio.Future[Answer]:
        """A command from the app: the answer comes when it has been carried out, or refused.

        It is cancelled if the recorder stops before that.
        """
        at = self._context.now()
        over, failed = Answer(self.row, Reason.CALL_ENDED), Answer(self.row, Reason.RECORDING_FAILED)
        return self._wait(lambda number: inputs.Asked(command, at, number), over, failed)

    def agree_to(self, mode: Mode, preferences: Preferences) -> asyncio.Future[str]:
        """Let ``mode`` and ``preferences`` hold for this call, and make ready for its answer.

        The future has what stands against it, in words; empty if nothing does.
        """
        return self._wait(lambda number: inputs.Agreed(mode, preferences, number), happening.GONE, FAULT)

    def _wait(self, told: Callable[[int], Input], over: T, failed: T) -> asyncio.Future[T]:
        """An answer to what the leg is told under a number: ``failed`` also if it is given up meanwhile."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._given_up_at is not None:
            answer.set_result(failed)
        elif self._gone and self.leg.over:
            answer.set_result(over)
        elif self._gone:  # because the recorder stops
            answer.cancel()
        else:
            self._numbers += 1
            self._waiting[self._numbers] = answer, failed
            self.tell(told(self._numbers))
        return answer

    def _answer(self, number: int, answer: Any) -> None:
        waiting, _ = self._waiting.pop(number, (None, None))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def annotated(self, annotations: Any) -> None:
        """The call's note, mark or tags have been changed in the store."""
        self.tell(inputs.Annotated(dict(annotations)))

    def compare(self, survey: looking.Survey) -> None:
        """Compare with what Asterisk has, as far as that has been asked for all its legs at once."""
        self._spawn(self._compare(survey))

    def lost(self) -> None:
        """The event socket is lost, and could not be had again: see whether Asterisk answers at all."""
        asked = any(isinstance(one, effects.Look) for one in self.leg.requests)
        if not asked and Alarm.LOOK not in self.leg.alarms:
            self._look()

    async def stop(self) -> None:
        """Stop working; what is going on in Asterisk goes on."""
        await super().stop()
        for answer, _ in self._waiting.values():
            answer.cancel()

    # The machine

    def _receive(self, told: Input) -> None:
        if self._given_up_at is not None:
            self._given_up(told)
            return
        now, traces = self._context.now(), self._context.traces
        try:
            leg, asked = receive(self.leg, told, now)
        except Exception as error:
            traces.received(self.leg, told, now, [], error)
            self._fault(told)
            return
        traces.received(leg, told, now, asked)
        if not isinstance(told, inputs.Saved):
            self._faults = 0
        if leg.trouble != self.leg.trouble:
            self._log.error("the recording is not as it should be", why=leg.trouble)
        self._machine = leg
        for effect in asked:
            self._perform(effect)
        if leg.over and leg.saved >= leg.version:
            self._leave()

    def _fault(self, told: Input) -> None:
        self._faults += 1
        if self._faults == 1:
            self._log.exception("a fault in ari_recorder", told=type(told).__name__)
        if self._faults < FAULTS_MAX:
            asyncio.get_running_loop().call_later(2.0**self._faults, self._look)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """The machine is not asked any more; before the files are closed nothing can be made of them."""
        self._log.error("this call's recording is given up; the call goes on")
        self._given_up_at = self._context.now()
        self._wake_at(effects.WakeAt(None))
        for name in self.leg.file_names:  # the snoops stay: see `policies.leg.arming.anew`
            self._perform(effects.Stop(name))
        self._perform(effects.Release(self.leg.whisper))
        for number, (_, failed) in list(self._waiting.items()):
            self._answer(number, failed)
        if self.leg.answered_at is not None or self.leg.ended_at is not None:
            asyncio.get_running_loop().call_later(writing.CLOSED_WITHIN_S, self._close)
        self._context.live.remove(self)

    def _close(self) -> None:
        if self._given_up_at is None or self._gone:
            return
        hung_up = self.leg.ended_at is not None
        if not self.leg.over:
            self._machine = giving_up.give_up(self.leg, self._given_up_at)
            self._context.books.put(self.leg, self.tell)
        if hung_up:
            self._leave()

    def _given_up(self, told: Input) -> None:
        """A channel that was given up is not found anew as long as it is there."""
        match told:
            case inputs.Answered(at) if self.leg.answered_at is None:
                self._machine = giving_up.answer(self.leg, at)
                self._close()
            case inputs.HungUp() | inputs.Snapshot(state=None):
                self._close()
                if not self._gone:
                    self._leave()

    def _look(self) -> None:
        if not self._gone:
            self._perform(effects.Look(self.leg.file_names))

    def _leave(self) -> None:
        self._end()
        self._context.traces.over(self.leg)
        if has_commands(self.leg.standing.mode):
            self._spawn(self._forget_commands())
        self._over(self)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case effects.Save():
                self._context.books.put(self.leg, self.tell)
            case effects.Tell(event):
                self.row = shown(self.leg)
                self._context.live.publish(Changed(self.row))
                if event is not None:
                    self._log.info(event, state=str(self.row.policy.state))
            case effects.TellRefused(command, source, reason, at):
                self._log.info("changes nothing", what=str(command), reason=str(reason))
                self._context.live.publish(Refused(self.row, command, source, reason, at))
            case effects.Reply(number, reason, problem):
                self._answer(number, Answer(shown(self.leg), reason, problem))
            case effects.Agree(number, against):
                self._answer(number, against)
            case _:
                super()._perform(effect)

    # Requests

    def _why(self, error: AriError | SpoolError) -> str:
        return error.reason if isinstance(error, AriError) else str(error)

    async def _ask(self, request: Request) -> Input | None:
        ari, leg = self._context.ari, self.leg
        match request:
            case effects.Snoop(snoop, spy, whisper):
                await ari.snoop(leg.channel, snoop_id=snoop, spy=spy, whisper=whisper)
            case effects.Record(snoop, name, file_format):
                await ari.record(snoop, name=name, format=file_format)
            case effects.Stop(name):
                await ari.stop_recording(name)
            case effects.Release(snoop):
                await ari.hangup(snoop)
            case effects.HangUp():
                await ari.hangup(leg.channel, HUNG_UP_CAUSE)
            case effects.Play(snoop, media):
                await ari.play(snoop, playback_id=snoop, media=[media])
            case effects.Place(number, prompt):
                return await self._place(number, prompt)
            case effects.Meet():
                return await self._meet()
            case effects.Inquire():
                return await looking.inquire(ari, leg)
            case effects.Measure(names):
                return await self._context.spool.measure(names)
            case effects.Look(names):
                return await looking.look(self._context, leg, names)
        return None

    async def _compare(self, survey: looking.Survey) -> None:
        """What is taken up again is taken up once, however often it has to be looked for."""
        delay_s = 1.0
        while not self._gone:
            survey = replace(survey, revived=survey.revived and not self._seen)
            try:
                seen = await looking.compare(self._context, self.leg, survey)
            except ARIRecorderError as error:
                self._log.warning("looking again at what Asterisk has", error=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, COMPARED_AGAIN_MAX_S)
            else:
                self._seen = True
                self.tell(seen)
                return

    async def _forget_commands(self) -> None:
        with suppress(AriError):  # then it stays, and is in nobody's way
            await looking.forget_commands(self._context.ari, self.leg)

    async def _place(self, number: int, prompt: announcements.Prompt) -> Input:
        """For those who are there now: of two recorded users in one call each tells their own."""
        leg = self.leg
        others = [one for one in self._context.live.legs() if one.call == leg.call and one.id != leg.id]
        shared = announcements.share(prompt, [(one.policy, one.preferences, one.internal) for one in others])
        media, audio = await self._context.prompts.place(leg.organisation, shared, leg.preferences)
        return inputs.Placed(
            number, shared, media, audio.language, audio.text, audio.sha256, audio.duration_ms
        )

    async def _meet(self) -> Input:
        """Who is at an endpoint of the organisation's is internal; where there is none, the number tells.

        A user who has called and has nobody there talks to an application of the PBX: a queue, voicemail.
        """
        leg = self.leg
        asking = self._context.ari.channel_variable(leg.channel, "BRIDGEPEER")
        peer = await looking.or_none(asking) or ""
        if peer and leg.direction == channels.OUTBOUND:
            await self._see_whose(peer)
        internal = self._context.directory.is_internal(leg.organisation, peer, leg.counterpart.number)
        internal = internal or (not peer and leg.direction == channels.OUTBOUND)
        return inputs.Met(peer, internal)

    async def _see_whose(self, peer: str) -> None:
        """A phone that picks a call up by itself, with an INVITE that replaces another (RFC 3891), has been
        called from then on; that, and by whom, Asterisk does not tell."""
        leg, ari = self.leg, self._context.ari
        mine = await looking.or_none(ari.channel(leg.channel))
        if mine is None or channels.direction(mine) != channels.INBOUND:
            return
        for caller in [one for one in await ari.channels() if one.name == peer]:
            if channels.withheld(await ari.channel_variable(caller.id, "CALLERID(pres)")):
                whose = Counterpart()
            else:
                whose = party(caller.caller.number, caller.caller.name)
            self.tell(inputs.Connected(whose, leg.answered_at or self._context.now(), channels.INBOUND))
