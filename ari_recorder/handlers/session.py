"""One Asterisk: from its events to the legs.

`DOOR`, at the end, shows all flow: which event leads where, and as which input.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from ari_recorder.ari import (
    ApplicationReplaced,
    Channel,
    ChannelConnectedLine,
    ChannelCreated,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelStateChange,
    ChannelUserevent,
    Connected,
    Dial,
    Disconnected,
    EventSocket,
    PlaybackFinished,
    PlaybackStarted,
    RecordingFailed,
    RecordingFinished,
    RecordingStarted,
    StasisEnd,
    StasisStart,
)
from ari_recorder.errors import ARIRecorderError, AriRefused, StoreError
from ari_recorder.handlers import channels, looking, spool
from ari_recorder.handlers.bridge import BRIDGE, Bridges
from ari_recorder.handlers.claim import Claim
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import endpoint_of
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.looking import Survey
from ari_recorder.handlers.playing import Playing
from ari_recorder.handlers.tap import WAYS, Taps
from ari_recorder.policies.bridging import inputs as bridged
from ari_recorder.policies.leg import Leg, inputs
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import is_wide
from ari_recorder.policies.table import COMMANDS, Event
from ari_recorder.store import calls
from ari_recorder.store.people import RecordedEndpoint

COMMAND_EVENT = "RecorderCommand"
"""The user event of `asterisk_conf/features_ari_recorder.conf`."""
FOLLOW_EVERY_S = 0.5
"""How often changed users and endpoints are looked for."""
AGREE_EVERY_S = 60.0
"""How often legs and channels are compared, and endpoints that Asterisk did not have are asked for again."""
AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long after a failure it is tried again: by failures in a row."""
KEYS_REMEMBERED = 64
"""Of a channel in the application whose endpoint is subscribed to, Asterisk sends everything twice."""

_log = structlog.get_logger(__name__)


class Session:
    """Follows one Asterisk. ``ready`` once what Asterisk has and what is written agree."""

    def __init__(self, context: Context, socket: EventSocket, claim: Claim) -> None:
        self.directory = context.directory
        self.ready = False
        self.reason = "not connected to Asterisk yet"
        self._context = context
        self._socket = socket
        self._claim = claim
        self._legs: dict[str, LegRunner] = {}
        self._by_id: dict[str, LegRunner] = {}
        self._read = False
        self._recovered = False
        self._stands_back = False
        self._lost_at: datetime | None = None
        self._following: list[asyncio.Task[None]] = []
        self._claiming: asyncio.Task[None] | None = None
        self._keys: deque[tuple[str, str, datetime]] = deque(maxlen=KEYS_REMEMBERED)
        self._playing = Playing(context)
        self._bridges = Bridges(context)
        self._taps = Taps(context, self._leg_for, self._playing)
        self._ours = re.compile(rf"{re.escape(context.app)}-([0-9a-f]{{32}})-([0-9a-f]{{32}})-")

    async def run(self) -> None:
        """Work until cancelled. What goes on in Asterisk goes on without us, to be found again."""
        books = asyncio.create_task(self._context.books.run(), name=f"books {self._context.pbx}")
        events = asyncio.create_task(self._receive(), name=f"events {self._context.pbx}")
        try:
            done, _ = await asyncio.wait({books, events}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            events.cancel()
            self._stop_following()
            if self._claiming is not None:
                self._claiming.cancel()
            await self._taps.stop()
            await self._bridges.stop()
            for leg in list(self._legs.values()):
                await leg.stop()
            await self._socket.close()
            with contextlib.suppress(ARIRecorderError):
                await self._claim.release()
            books.cancel()
            for task in self._context.background:
                task.cancel()
            await asyncio.wait([books, events, *self._context.background])

    async def _receive(self) -> None:
        async for item in self._socket:
            if self._stands_back and not isinstance(item, Connected):
                continue
            receive = DOOR.get(type(item))
            if receive is not None:
                receive(self, item)

    # The event socket

    def _connected(self, _: Connected) -> None:
        self._stands_back = False
        self._stop_following()
        self._following = [asyncio.create_task(self._follow(), name=f"follow {self._context.pbx}")]
        if self._claiming is None or self._claiming.done():
            self._claiming = asyncio.create_task(self._keep_claim(), name=f"claim {self._context.pbx}")

    def _disconnected(self, item: Disconnected) -> None:
        self.ready, self.reason = False, item.reason
        self._stop_following()
        if self._lost_at is None:  # often it is back at once
            self._lost_at = self._context.now()
            return
        for leg in list(self._legs.values()):
            leg.lost()

    def _stop_following(self) -> None:
        for task in self._following:
            task.cancel()
        self._following = []

    async def _keep_claim(self) -> None:
        """As long as the name is ours. Then what goes on here is another recorder's: let go of all of it."""
        await self._claim.keep()
        self._stands_back = True
        await self._socket.drop()
        self._context.books.clear()
        for leg in list(self._legs.values()):
            self._over(leg)
            await leg.stop()
        self._read = self._recovered = False

    async def _follow(self) -> None:
        await self._until_done(self._resume)
        self.ready, self.reason = True, ""
        await asyncio.gather(self._follow_directory(), self._agree_regularly())

    async def _follow_directory(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            await self._until_done(self.directory.follow)

    async def _agree_regularly(self) -> None:
        while True:
            await asyncio.sleep(AGREE_EVERY_S)
            await self._until_done(self.directory.retry_unknown)
            await self._until_done(self._agree)

    async def _until_done(self, work: Callable[[], Any]) -> None:
        failures = 0
        while True:
            try:
                await work()
                return
            except ARIRecorderError as error:
                if failures == 0:
                    _log.warning("trying again", pbx=self._context.pbx, error=str(error))
            except Exception:
                if failures == 0:
                    _log.exception("a fault in ari_recorder; trying again", pbx=self._context.pbx)
            await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])
            failures += 1

    # Legs

    def _created(self, event: ChannelCreated) -> None:
        user = self.directory.find(event.channel)
        if user is not None and event.channel.id not in self._legs:
            leg = self._leg_for(event.channel, user)
            if event.channel.state == "Up":
                leg.tell(inputs.Answered(event.timestamp, channels.codecs(event.channel)))

    def _leg_for(
        self, channel: Channel, user: RecordedEndpoint, again: int = 0, *, found: bool = False
    ) -> LegRunner:
        """The leg that follows the channel already, or a new one of this user; see `Begun` for ``found``."""
        leg = self._legs.get(channel.id)
        if leg is None:
            context = self._context
            leg = self._add(channels.new_leg(context, channel, user, again))
            leg.tell(inputs.Begun(channels.linkedid(channel), found=found))
            context.spawn(context.prompts.prepare(user.organisation, user.preferences), "prepare a prompt")
        return leg

    def _add(self, leg: Leg) -> LegRunner:
        runner = LegRunner(self._context, leg, self._over)
        self._legs[leg.channel] = self._by_id[leg.id.hex] = runner
        self._context.live.add(runner)
        return runner

    def _over(self, leg: LegRunner) -> None:
        self._legs.pop(leg.leg.channel, None)
        self._by_id.pop(leg.leg.id.hex, None)
        self._context.live.remove(leg)

    def _tell(self, channel: Channel, *told: Input) -> None:
        leg = self._legs.get(channel.id)
        if leg is not None:
            for one in told:
                leg.tell(one)

    def _state_changed(self, event: ChannelStateChange) -> None:
        channel = event.channel
        if channel.state == "Up":
            self._bridges.tell(channel.id, bridged.Word.ANSWERED)
            answered = inputs.Answered(event.timestamp, channels.codecs(channel))
            self._tell(channel, answered, inputs.Connected(channels.connected(channel), event.timestamp))

    def _connected_line(self, event: ChannelConnectedLine) -> None:
        channel = event.channel
        direction = channels.direction_when_connected(channel)
        self._tell(channel, inputs.Connected(channels.connected(channel), event.timestamp, direction))

    def _dialled(self, event: Dial) -> None:
        self._taps.dialled(event)
        self._bridges.tell(event.peer.id, bridged.Word.RUNG)

    def _destroyed(self, event: ChannelDestroyed) -> None:
        self._taps.over(event.channel.id)
        self._bridges.tell(event.channel.id, bridged.Gone(event.channel.id, event.cause))
        self._tell(event.channel, inputs.HungUp(event.timestamp))

    def _digit(self, event: ChannelDtmfReceived) -> None:
        if self._is_new(event.channel, event.digit, event.timestamp):
            self._tell(event.channel, inputs.Digit(event.digit, event.timestamp))

    def _is_new(self, channel: Channel, what: str, at: datetime) -> bool:
        """Whether this comes for the first time."""
        key = (channel.id, what, at)
        new = key not in self._keys
        self._keys.append(key)
        return new

    def _user_event(self, event: ChannelUserevent) -> None:
        command = str(event.userevent.get("command"))
        if event.eventname != COMMAND_EVENT or event.channel is None or event.channel.id not in self._legs:
            return
        if not self._is_new(event.channel, command, event.timestamp):
            return
        if command in COMMANDS:
            self._tell(event.channel, inputs.Featured(Event(command), event.timestamp))
        else:
            _log.warning("no such command in features.conf", pbx=self._context.pbx, command=command[:50])

    # What we made in Asterisk

    def _tell_leg_of(self, resource: str, told: Input) -> bool:
        """Tell the leg that bears this name; whether there is one."""
        match = self._ours.match(resource)
        leg = self._by_id.get(match[1]) if match else None
        if leg is not None and resource.startswith(leg.leg.prefix):  # not another catalogue's leg of it
            leg.tell(told)
        return match is not None

    def _entered(self, event: StasisStart) -> None:
        codecs = channels.codecs(event.channel)
        told = inputs.SnoopEntered(event.channel.id, is_wide(codecs) if codecs is not None else None)
        if self._tell_leg_of(event.channel.id, told):
            return
        if self._is_new(event.channel, StasisStart.__name__, event.timestamp):
            self._sent_here(event.channel, event.args)

    def _sent_here(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A dialplan's `Stasis()`."""
        match arguments[:1]:
            case [way] if way in WAYS:
                self._taps.entered(channel, arguments)
            case [way] if way == BRIDGE:
                self._bridges.entered(channel, arguments)
            case _:
                self._bridges.tell(channel.id, bridged.Word.ENTERED)

    def _left(self, event: StasisEnd) -> None:
        self._bridges.tell(event.channel.id, bridged.Left(event.channel.id))
        self._tell_leg_of(event.channel.id, inputs.SnoopLeft(event.channel.id))

    def _recording_started(self, event: RecordingStarted) -> None:
        self._tell_leg_of(event.recording.name, inputs.FileBegan(event.recording.name, event.timestamp))

    def _recording_ended(self, event: RecordingFinished | RecordingFailed) -> None:
        self._tell_leg_of(event.recording.name, inputs.FileClosed(event.recording.name, event.timestamp))

    def _playback_started(self, event: PlaybackStarted) -> None:
        self._tell_leg_of(event.playback.id, inputs.PlaybackBegan(event.playback.id, event.timestamp))

    def _playback_finished(self, event: PlaybackFinished) -> None:
        self._playing.finished(event.playback)
        ok = event.playback.state == "done"
        self._tell_leg_of(event.playback.id, inputs.PlaybackEnded(event.playback.id, event.timestamp, ok))

    # After a connect: what is written and what Asterisk has are made to agree

    async def _resume(self) -> None:
        context = self._context
        await context.ari.set_event_filter(EVENTS)
        await self._recover()
        await self.directory.subscribe({endpoint_of(leg.leg.channel_name) for leg in self._legs.values()})
        await self._resume_tapped()
        await self._agree(away=True)
        self._recovered, self._lost_at = True, None

    async def _recover(self) -> None:
        """At the first connect: the legs that were not over when the recorder ended."""
        if self._read:
            return
        for leg in await self._context.books.recover(self._context.pbx):
            if leg.channel not in self._legs:
                self._add(leg).tell(inputs.Begun(leg.linkedid, found=True))
        self._read = True

    async def _resume_tapped(self) -> None:
        """Legs that no endpoint's events tell of, and channels whose called side is waited for."""
        for leg in list(self._legs.values()):
            if endpoint_of(leg.leg.channel_name) not in self.directory.subscribed:
                with contextlib.suppress(AriRefused):  # the channel has gone
                    await self._context.ari.subscribe([f"channel:{leg.leg.channel}"])
        await self._taps.resume()

    async def _agree(self, *, away: bool = False) -> None:
        """Compare every leg with what Asterisk has. Raises `AriError`, `SpoolError`."""
        context = self._context
        known = list(self._legs.values())  # before asking: a leg begun later is not missing
        asked_at = context.now()
        there = {channel.id: channel for channel in await context.ari.channels()}
        survey = Survey(asked_at, there, away=away, lost_at=self._lost_at)
        if away:
            started_at = await looking.started_at(context.ari)
            files = spool.by_leg(await context.spool.all_of(self._ours), self._ours)
            revived = not self._recovered
            survey = replace(survey, files=files, revived=revived, started_at=started_at)
        for leg in known:
            self._compare(leg, survey)
        unseen = replace(survey, away=True, revived=True)
        for channel in there.values():
            await self._look_at(channel, unseen)
        if survey.revived:
            await self._adopt(unseen)
        await self._bridges.compare(there, asked_at)
        await self._taps.compare(there, asked_at)

    def _compare(self, leg: LegRunner, survey: Survey) -> None:
        leg.compare(survey)
        channel = survey.there.get(leg.leg.channel)
        if channel is not None and survey.away:
            leg.tell(inputs.Connected(channels.connected(channel), survey.asked_at))

    async def _look_at(self, channel: Channel, survey: Survey) -> None:
        """A channel that nobody follows: a call that began without us, or one that waits here."""
        if self._ours.match(channel.id) or channel.id in self._legs:
            return
        user = self.directory.find(channel)
        if user is not None and self.directory.is_recorded(channel):
            again = await self._legs_before(channel, user)
            self._compare(self._leg_for(channel, user, again, found=True), survey)
        app, *arguments = channel.dialplan.app_data.split(",")
        if channel.dialplan.app_name == "Stasis" and app == self._context.app and arguments[:1] != [BRIDGE]:
            self._sent_here(channel, arguments)

    async def _legs_before(self, channel: Channel, user: RecordedEndpoint) -> int:
        """How many legs of this channel are over: it was given up for lost, and has come back."""
        context, again = self._context, 0
        while True:
            leg = channels.new_leg(context, channel, user, again)
            try:
                known = await context.store.read(calls.known_legs, [leg.id])
                if not known and not context.books.has(leg.id):
                    return again
            except StoreError:
                return again
            again += 1

    async def _adopt(self, survey: Survey) -> None:
        """Files of legs that were never written down, and whose channel is gone: their names say whose."""
        context = self._context
        unknown = {
            UUID(leg): written for leg, written in (survey.files or {}).items() if leg not in self._by_id
        }
        known = await context.store.read(calls.known_legs, list(unknown)) if unknown else ()
        for leg, written in unknown.items():
            if leg in known or context.books.has(leg):
                continue
            first = next(iter(written))
            match = self._ours.match(first)
            user = self.directory.user(UUID(match[2])) if match else None
            if user is None:
                _log.error("a recording of nobody known lies in the recording folder", file=first)
                continue
            found = self._add(channels.orphan(context, leg, user, written))
            found.tell(inputs.Begun(found.leg.channel, found=True))
            found.compare(replace(survey, asked_at=context.now(), started_at=None))


DOOR: dict[type, Callable[[Session, Any], None]] = {
    Connected: Session._connected,
    Disconnected: Session._disconnected,
    ChannelCreated: Session._created,
    ChannelStateChange: Session._state_changed,
    ChannelConnectedLine: Session._connected_line,
    ChannelDestroyed: Session._destroyed,
    Dial: Session._dialled,
    ChannelDtmfReceived: Session._digit,
    ChannelUserevent: Session._user_event,
    StasisStart: Session._entered,
    StasisEnd: Session._left,
    RecordingStarted: Session._recording_started,
    RecordingFinished: Session._recording_ended,
    RecordingFailed: Session._recording_ended,
    PlaybackStarted: Session._playback_started,
    PlaybackFinished: Session._playback_finished,
}
"""By which event what is told."""

EVENTS = [kind.__name__ for kind in (*DOOR, ApplicationReplaced) if kind not in (Connected, Disconnected)]
"""What Asterisk is asked to send. The event socket itself acts on `ApplicationReplaced`."""
