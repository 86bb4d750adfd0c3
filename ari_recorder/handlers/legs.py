"""One runner for a leg: it performs what the machine asks for, and tells it what came of that.

`policies.leg` decides; nothing here does. A fault of the machine's costs the recording of that call, not the
call, and is told once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from ari_recorder.errors import AriError, AriNotFound, ARIRecorderError, AriUnreachable, SpoolError
from ari_recorder.handlers import channels, looking
from ari_recorder.handlers.context import Context
from ari_recorder.live import Answer, Changed, Refused
from ari_recorder.policies import announcements
from ari_recorder.policies.leg import Leg, effects, happening, inputs, receive
from ari_recorder.policies.leg.effects import Effect, Request
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Alarm
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, Reason, has_commands
from ari_recorder.store.rows import LegRow, shown

COMPARED_AGAIN_MAX_S = 30.0
FAULTS_MAX = 5
"""So many faults in a row, and the leg is given up."""
HUNG_UP_CAUSE = 16
"""Normal clearing (Q.850)."""

_log = structlog.get_logger(__name__)


class LegRunner:
    """Follows one leg. ``over`` is called when nothing is left to do and all is on disk."""

    def __init__(self, context: Context, leg: Leg, over: Callable[[LegRunner], None]) -> None:
        self.leg = leg
        self.row: LegRow = shown(leg)
        self._context = context
        self._over = over
        self._told: deque[Input] = deque()
        self._busy = False
        self._faults = 0
        self._gone = False
        self._seen = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = 0
        self._replies: dict[int, asyncio.Future[Answer]] = {}
        self._agreements: dict[int, asyncio.Future[str]] = {}
        self._log = _log.bind(pbx=leg.pbx, channel=leg.channel, leg=str(leg.id))
        context.traces.begun(leg)

    # What a leg is told

    def tell(self, told: Input) -> None:
        """Something has happened to it. Returns when all that follows has been begun."""
        if self._gone:
            return
        self._told.append(told)
        if self._busy:
            return
        self._busy = True
        try:
            while self._told:
                self._receive(self._told.popleft())
        finally:
            self._busy = False

    def command(self, command: Event) -> asyncio.Future[Answer]:
        """A command from the app: the answer comes when it has been carried out, or refused.

        It is cancelled if the recorder stops before that.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._gone:
            _answer_at_once(answer, Answer(self.row, Reason.CALL_ENDED) if self.leg.over else None)
            return answer
        self._replies[self._number()] = answer
        self.tell(inputs.Asked(command, self._context.now(), self._numbers))
        return answer

    def agree_to(self, mode: Mode, preferences: Preferences) -> asyncio.Future[str]:
        """Let ``mode`` and ``preferences`` hold for this call, and make ready for its answer.

        The future has what stands against it, in words; empty if nothing does.
        """
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._gone:
            _answer_at_once(answer, happening.GONE if self.leg.over else None)
            return answer
        self._agreements[self._number()] = answer
        self.tell(inputs.Agreed(mode, preferences, self._numbers))
        return answer

    def annotated(self, annotations: Any) -> None:
        """The call's note, mark or tags have been changed in the store."""
        self.tell(inputs.Annotated(dict(annotations)))

    def compare(self, found: looking.Found) -> None:
        """Compare with what Asterisk has, as far as that has been asked for all its legs at once."""
        self._spawn(self._compare(found))

    def lost(self) -> None:
        """The event socket is lost, and could not be had again: see whether Asterisk answers at all."""
        asked = any(isinstance(one, effects.Look) for one in self.leg.requests)
        if not asked and Alarm.LOOK not in self.leg.alarms:
            self._perform(effects.Look(looking.files(self.leg)))

    async def stop(self) -> None:
        """Stop working; what is going on in Asterisk goes on."""
        self._gone = True
        self._stop_timer()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        waiting: list[asyncio.Future[Any]] = [*self._replies.values(), *self._agreements.values()]
        for answer in waiting:
            answer.cancel()

    # The machine

    def _receive(self, told: Input) -> None:
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
        self.leg = leg
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
        elif self._faults == FAULTS_MAX:
            self._log.error("this call's recording is given up; the call goes on")

    def _look(self) -> None:
        if not self._gone:
            self._perform(effects.Look(looking.files(self.leg)))

    def _leave(self) -> None:
        self._gone = True
        self._stop_timer()
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
                _resolve(self._replies.pop(number, None), Answer(shown(self.leg), reason, problem))
            case effects.Agree(number, against):
                _resolve(self._agreements.pop(number, None), against)
            case effects.WakeAt(at):
                self._wake_at(at)
            case _:
                self._spawn(self._request(effect))

    def _wake_at(self, at: Any) -> None:
        self._stop_timer()
        if at is not None:
            delay_s = max((at - self._context.now()).total_seconds(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        """It is time; if the clock was set back meanwhile, not yet."""
        self._timer = None
        at = self.leg.woken_at
        if at is not None and at > self._context.now():
            self._wake_at(at)
        else:
            self.tell(inputs.Time())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"leg {self.leg.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Requests, each with its outcome

    async def _request(self, request: Request) -> None:
        try:
            found = await self._ask(request)
        except AriUnreachable as error:
            self.tell(inputs.Unknown(request, str(error)))
        except AriNotFound as error:
            self.tell(inputs.Refused(request, error.reason, missing=True))
        except AriError as error:
            self._log.warning("Asterisk refused", what=type(request).__name__, error=str(error))
            self.tell(inputs.Refused(request, error.reason))
        except SpoolError as error:
            self._log.warning("not done", what=type(request).__name__, error=str(error))
            self.tell(inputs.Refused(request, str(error)))
        except Exception:
            self._log.exception("a fault in ari_recorder", what=type(request).__name__)
            self.tell(inputs.Unknown(request, "a fault in ari_recorder; its log has more"))
        else:
            self.tell(inputs.Accepted(request))
            if found is not None:
                self.tell(found)

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

    async def _compare(self, found: looking.Found) -> None:
        """What is taken up again is taken up once, however often it has to be looked for."""
        delay_s = 1.0
        while not self._gone:
            found = replace(found, revived=found.revived and not self._seen)
            try:
                seen = await looking.compare(self._context, self.leg, found)
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
        try:
            peer = await self._context.ari.channel_variable(leg.channel, "BRIDGEPEER")
        except AriNotFound:
            peer = ""
        internal = self._context.directory.is_internal(leg.organisation, peer, leg.counterpart.number)
        internal = internal or (not peer and leg.direction == channels.OUTBOUND)
        return inputs.Met(peer, internal)


def _answer_at_once(future: asyncio.Future[Any], over: object | None) -> None:
    """Nobody follows the leg any more: because it is ``over``, or because the recorder stops."""
    if over is None:
        future.cancel()
    else:
        future.set_result(over)


def _resolve(future: asyncio.Future[Any] | None, answer: object) -> None:
    if future is not None and not future.done():
        future.set_result(answer)
