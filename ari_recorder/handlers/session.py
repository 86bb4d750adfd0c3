"""One Asterisk: from its events to the legs.

`DOOR`, at the end, shows all flow: which event leads where, and as which input.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import structlog

from ari_recorder import ari
from ari_recorder.ari import Channel, Connected, Disconnected, EventSocket
from ari_recorder.errors import ARIRecorderError, AriRefused
from ari_recorder.handlers import channels
from ari_recorder.handlers.bridge import BRIDGE, Bridges
from ari_recorder.handlers.claim import Claim
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import endpoint_of
from ari_recorder.handlers.followed import Legs
from ari_recorder.handlers.playing import Playing
from ari_recorder.handlers.tap import WAYS, Taps
from ari_recorder.policies.bridging import inputs as bridged
from ari_recorder.policies.leg import Leg, inputs
from ari_recorder.policies.leg.state import is_wide
from ari_recorder.policies.manifest import ClockReading, read_clock
from ari_recorder.policies.table import COMMANDS, Event

COMMAND_EVENT = "RecorderCommand"
"""The user event of `asterisk_conf/features_ari_recorder.conf`."""
FOLLOW_EVERY_S = 0.5
"""How often changed users and endpoints are looked for."""
AGREE_EVERY_S = 60.0
"""How often legs and channels are compared, and endpoints that Asterisk did not have are asked for again."""
AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long after a failure it is tried again: by failures in a row."""
ENDS_WAIT_MAX = 200
"""With more of them the oldest is received, whatever else waits."""
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
        self._legs = Legs(context)
        self._stands_back = False
        self._lost_at: datetime | None = None
        self._following: list[asyncio.Task[None]] = []
        self._claiming: asyncio.Task[None] | None = None
        self._ends: deque[Any] = deque()
        self._keys: deque[tuple[str, str, datetime]] = deque(maxlen=KEYS_REMEMBERED)
        self._playing = Playing(context)
        self._bridges = Bridges(context)
        self._taps = Taps(context, self._legs, self._playing)
        self.clock: ClockReading | None = None
        """How far Asterisk's is from ours, by the last reading."""
        context.heard.waiting = lambda: len(self._ends) + socket.waiting

    @property
    def legs(self) -> list[Leg]:
        """Those that are followed, as they are now."""
        return [runner.leg for runner in self._legs.all()]

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
            await self._legs.stop()
            await self._socket.close()
            with contextlib.suppress(ARIRecorderError):
                await self._claim.release()
            books.cancel()
            for task in self._context.background:
                task.cancel()
            await asyncio.wait([books, events, *self._context.background])

    async def _receive(self) -> None:
        """What tells of an end is received when nothing else waits: many may end while one is answered."""
        ends = self._ends
        async for item in self._socket:
            if type(item) in ENDS:
                ends.append(item)
            else:
                while _comes_after(item, ends):
                    await self._take(ends.popleft())
                await self._take(item)
            while ends and (len(ends) > ENDS_WAIT_MAX or not self._socket.waiting):
                await self._take(ends.popleft())

    async def _take(self, item: Any) -> None:
        self._context.heard.told()
        receive = DOOR.get(type(item))
        if receive is not None and (isinstance(item, Connected) or not self._stands_back):
            receive(self, item)
            await asyncio.sleep(0)  # however many events wait: what this one asks for is asked for first

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
        for leg in self._legs.all():
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
        await self._legs.forget()

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
            await self._read_clock()
            await asyncio.sleep(AGREE_EVERY_S)
            await self._until_done(self.directory.retry_unknown)
            await self._until_done(self._agree)

    async def _read_clock(self) -> None:
        """Where that fails the last reading holds: nothing waits for it."""
        asked_at = self._context.now()
        try:
            theirs = (await self._context.ari.ping()).timestamp
        except ARIRecorderError:
            return
        self.clock = read_clock(asked_at, theirs, self._context.now())

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

    # What happens to channels

    def _created(self, event: ari.ChannelCreated) -> None:
        user = self.directory.find(event.channel)
        if user is not None and event.channel.id not in self._legs:
            leg = self._legs.begin(event.channel, user)
            if event.channel.state == "Up":
                leg.tell(inputs.Answered(event.timestamp, channels.codecs(event.channel)))

    def _state_changed(self, event: ari.ChannelStateChange) -> None:
        channel = event.channel
        if channel.state == "Up":
            self._bridges.tell(channel.id, bridged.Answered())
            answered = inputs.Answered(event.timestamp, channels.codecs(channel))
            self._legs.tell(channel, answered, inputs.Connected(channels.connected(channel), event.timestamp))

    def _connected_to(self, event: ari.ChannelConnectedLine) -> None:
        self._connected_line(event.channel, event.timestamp)

    def _connected_line(self, channel: Channel, at: datetime) -> None:
        direction = channels.direction_when_connected(channel)
        self._legs.tell(channel, inputs.Connected(channels.connected(channel), at, direction))

    def _held(self, event: ari.ChannelHold | ari.ChannelUnhold) -> None:
        on = isinstance(event, ari.ChannelHold)
        self._legs.tell(event.channel, inputs.Held(event.timestamp, on))

    def _dialled(self, event: ari.Dial) -> None:
        self._taps.dialled(event)
        self._bridges.tell(event.peer.id, bridged.Rung())
        if event.caller is not None and event.caller.state == "Up":
            self._connected_line(event.caller, event.timestamp)

    def _destroyed(self, event: ari.ChannelDestroyed) -> None:
        self._taps.over(event.channel.id)
        self._bridges.tell(event.channel.id, bridged.Gone(event.channel.id, event.cause))
        self._legs.tell(event.channel, inputs.HungUp(event.timestamp))

    def _digit(self, event: ari.ChannelDtmfReceived) -> None:
        if self._is_new(event.channel, event.digit, event.timestamp):
            self._legs.tell(event.channel, inputs.Digit(event.digit, event.timestamp))

    def _is_new(self, channel: Channel, what: str, at: datetime) -> bool:
        """Whether this comes for the first time."""
        key = (channel.id, what, at)
        new = key not in self._keys
        self._keys.append(key)
        return new

    def _user_event(self, event: ari.ChannelUserevent) -> None:
        command = str(event.userevent.get("command"))
        if event.eventname != COMMAND_EVENT or event.channel is None or event.channel.id not in self._legs:
            return
        if not self._is_new(event.channel, command, event.timestamp):
            return
        if command in COMMANDS:
            self._legs.tell(event.channel, inputs.Featured(Event(command), event.timestamp))
        else:
            _log.warning("no such command in features.conf", pbx=self._context.pbx, command=command[:50])

    # What we made in Asterisk

    def _entered(self, event: ari.StasisStart) -> None:
        codecs = channels.codecs(event.channel)
        told = inputs.SnoopEntered(event.channel.id, is_wide(codecs) if codecs is not None else None)
        if self._legs.tell_of(event.channel.id, told):
            return
        if self._is_new(event.channel, ari.StasisStart.__name__, event.timestamp):
            self._sent_here(event.channel, event.args)

    def _sent_here(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A dialplan's `Stasis()`."""
        match arguments[:1]:
            case [way] if way in WAYS:
                self._taps.entered(channel, arguments)
            case [way] if way == BRIDGE:
                self._bridges.entered(channel, arguments)
            case _:
                self._bridges.tell(channel.id, bridged.Entered())

    def _left(self, event: ari.StasisEnd) -> None:
        self._bridges.tell(event.channel.id, bridged.Left(event.channel.id))
        self._legs.tell_of(event.channel.id, inputs.SnoopLeft(event.channel.id))

    def _recording_started(self, event: ari.RecordingStarted) -> None:
        self._legs.tell_of(event.recording.name, inputs.FileBegan(event.recording.name, event.timestamp))

    def _recording_ended(self, event: ari.RecordingFinished | ari.RecordingFailed) -> None:
        self._legs.tell_of(event.recording.name, inputs.FileClosed(event.recording.name, event.timestamp))

    def _playback_started(self, event: ari.PlaybackStarted) -> None:
        self._legs.tell_of(event.playback.id, inputs.PlaybackBegan(event.playback.id, event.timestamp))

    def _playback_finished(self, event: ari.PlaybackFinished) -> None:
        self._playing.finished(event.playback)
        ok = event.playback.state == "done"
        self._legs.tell_of(event.playback.id, inputs.PlaybackEnded(event.playback.id, event.timestamp, ok))

    # After a connect: what is written and what Asterisk has are made to agree

    async def _resume(self) -> None:
        """Also for legs that no endpoint's events tell of, and channels whose called side is waited for."""
        context = self._context
        await context.ari.set_event_filter(EVENTS)
        await self._legs.recover()
        names = {leg.leg.channel: endpoint_of(leg.leg.channel_name) for leg in self._legs.all()}
        await self.directory.subscribe(set(names.values()))
        for channel, name in names.items():
            if name not in self.directory.subscribed:
                with contextlib.suppress(AriRefused):  # the channel has gone
                    await context.ari.subscribe([f"channel:{channel}"])
        await self._taps.resume()
        await self._agree(away=True)
        self._lost_at = None

    async def _agree(self, *, away: bool = False) -> None:
        """See what has happened unseen. Raises `AriError`, `SpoolError`, `StoreError`."""
        survey, strangers = await self._legs.compare(away=away, lost_at=self._lost_at)
        for channel in strangers:
            app, *arguments = channel.dialplan.app_data.split(",")
            here = channel.dialplan.app_name == "Stasis" and app == self._context.app
            if here and arguments[:1] != [BRIDGE]:
                self._sent_here(channel, arguments)
        await self._bridges.compare(survey.there, survey.asked_at)
        await self._taps.compare(survey.there, survey.asked_at)


DOOR: dict[type, Callable[[Session, Any], None]] = {
    Connected: Session._connected,
    Disconnected: Session._disconnected,
    ari.ChannelCreated: Session._created,
    ari.ChannelStateChange: Session._state_changed,
    ari.ChannelConnectedLine: Session._connected_to,
    ari.ChannelDestroyed: Session._destroyed,
    ari.ChannelHold: Session._held,
    ari.ChannelUnhold: Session._held,
    ari.Dial: Session._dialled,
    ari.ChannelDtmfReceived: Session._digit,
    ari.ChannelUserevent: Session._user_event,
    ari.StasisStart: Session._entered,
    ari.StasisEnd: Session._left,
    ari.RecordingStarted: Session._recording_started,
    ari.RecordingFinished: Session._recording_ended,
    ari.RecordingFailed: Session._recording_ended,
    ari.PlaybackStarted: Session._playback_started,
    ari.PlaybackFinished: Session._playback_finished,
}
"""By which event what is told."""

ENDS = (ari.ChannelDestroyed, ari.RecordingFinished, ari.StasisEnd)
"""Each has the time of what it tells: nothing is lost by hearing of it a little later."""


def _comes_after(item: Any, ends: Collection[Any]) -> bool:
    """Whether some of these come first: all before a loss, and a channel's end before it comes again."""
    match item:
        case Disconnected():
            return bool(ends)
        case ari.StasisStart(channel=channel):
            return any(isinstance(end, ari.StasisEnd) and end.channel.id == channel.id for end in ends)
    return False


EVENTS = [kind.__name__ for kind in (*DOOR, ari.ApplicationReplaced) if kind not in (Connected, Disconnected)]
"""What Asterisk is asked to send. The event socket itself acts on `ApplicationReplaced`."""
