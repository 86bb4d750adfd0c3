"""One Asterisk: from its events to the handlers of its legs.

`HANDLERS`, at the end, shows all flow: which event leads where.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Sequence
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
from ari_recorder.errors import AriError, AriRefused
from ari_recorder.handlers import parties
from ari_recorder.handlers.bridge import BRIDGE, Bridges
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.directory import Directory, endpoint_of
from ari_recorder.handlers.leg import LegHandler
from ari_recorder.handlers.playing import Playing
from ari_recorder.handlers.take import Take
from ari_recorder.handlers.tap import WAYS, Taps
from ari_recorder.policies.table import COMMANDS, Event
from ari_recorder.store import announcements, calls
from ari_recorder.store.people import RecordedEndpoint
from ari_recorder.store.rows import LegRow

COMMAND_EVENT = "RecorderCommand"
"""The user event of `asterisk_conf/features_ari_recorder.conf`."""
FOLLOW_EVERY_S = 0.5
"""How often changed users and endpoints are looked for."""
AGREE_EVERY_S = 60.0
"""How often legs and channels are compared, and endpoints that Asterisk did not have are asked for again."""
RESUME_RETRY_S = 1.0
KEYS_REMEMBERED = 64
"""Of a channel in the application whose endpoint is subscribed to, Asterisk sends everything twice."""

_log = structlog.get_logger(__name__)


class Session:
    """Follows one Asterisk. ``ready`` once what Asterisk has and what the store has agree."""

    def __init__(self, context: Context, socket: EventSocket) -> None:
        self.directory = Directory(context.pbx, context.ari, context.store, context.now)
        self.ready = False
        self.reason = "not connected to Asterisk yet"
        self._context = context
        self._socket = socket
        self._legs: dict[str, LegHandler] = {}
        self._by_id: dict[UUID, LegHandler] = {}
        self._following: asyncio.Task[None] | None = None
        self._keys: deque[tuple[str, str, datetime]] = deque(maxlen=KEYS_REMEMBERED)
        self._playing = Playing(context)
        self._bridges = Bridges(context)
        self._taps = Taps(context, self.directory, self._leg_for, self._playing)
        self._ours = re.compile(rf"{re.escape(context.app)}-([0-9a-f]{{32}})-")

    async def run(self) -> None:
        """Work until cancelled. What goes on in Asterisk goes on without us, to be found again."""
        await self._context.save(announcements.close_interrupted, self._context.pbx, self._context.now())
        try:
            async for item in self._socket:
                handler = HANDLERS.get(type(item))
                if handler is not None:
                    handler(self, item)
        finally:
            self._stop_following()
            await self._taps.stop()
            await self._bridges.stop()
            for leg in list(self._legs.values()):
                await leg.stop()
            await self._socket.close()

    # The event socket

    def _connected(self, _: Connected) -> None:
        self._stop_following()
        self._following = asyncio.create_task(self._follow(), name=f"follow {self._context.pbx}")

    def _disconnected(self, item: Disconnected) -> None:
        self.ready, self.reason = False, item.reason
        self._stop_following()

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self) -> None:
        await self._until_done(self._resume)
        self.ready, self.reason = True, ""
        slept_s = 0.0
        while True:
            await asyncio.sleep(FOLLOW_EVERY_S)
            slept_s += FOLLOW_EVERY_S
            await self._until_done(self.directory.follow)
            if slept_s >= AGREE_EVERY_S:
                slept_s = 0.0
                await self._until_done(self.directory.retry_unknown)
                await self._until_done(self._agree)

    async def _until_done(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
                return
            except AriError as error:
                _log.warning("trying again", pbx=self._context.pbx, error=str(error))
            except Exception:
                _log.exception("trying again", pbx=self._context.pbx)
            await asyncio.sleep(RESUME_RETRY_S)

    # Legs

    def _created(self, event: ChannelCreated) -> None:
        leg = self._begin(event.channel, event.timestamp)
        if leg is not None and event.channel.state == "Up":
            leg.answered(event.timestamp)

    def _begin(self, channel: Channel, at: datetime) -> LegHandler | None:
        endpoint = self.directory.find(channel)
        if endpoint is None or channel.id in self._legs:
            return None
        return self._leg_for(channel, endpoint, at)

    def _leg_for(self, channel: Channel, user: RecordedEndpoint, at: datetime) -> LegHandler:
        """The leg that follows the channel already, or a new one of this user."""
        leg = self._legs.get(channel.id)
        if leg is None:
            leg = self._add(parties.new_leg(self._context.pbx, channel, user, at))
            leg.arm()
        return leg

    def _add(self, row: LegRow) -> LegHandler:
        leg = LegHandler(self._context, row, self._over)
        self._legs[row.channel] = self._by_id[row.id] = leg
        self._context.live.add(leg)
        return leg

    def _over(self, leg: LegHandler) -> None:
        self._legs.pop(leg.row.channel, None)
        self._by_id.pop(leg.row.id, None)
        self._context.live.remove(leg)

    def _state_changed(self, event: ChannelStateChange) -> None:
        if event.channel.state == "Up":
            self._bridges.up(event.channel.id)
        leg = self._legs.get(event.channel.id)
        if leg is not None and event.channel.state == "Up":
            leg.answered(event.timestamp)
            leg.counterpart(parties.connected(event.channel), event.timestamp)

    def _connected_line(self, event: ChannelConnectedLine) -> None:
        leg = self._legs.get(event.channel.id)
        if leg is not None:
            direction = parties.direction_when_connected(event.channel)
            leg.counterpart(parties.connected(event.channel), event.timestamp, direction)

    def _dialled(self, event: Dial) -> None:
        self._taps.dialled(event)

    def _destroyed(self, event: ChannelDestroyed) -> None:
        self._taps.over(event.channel.id)
        self._bridges.gone(event.channel.id, event.cause)
        leg = self._legs.get(event.channel.id)
        if leg is not None:
            leg.hung_up(event.timestamp)

    def _digit(self, event: ChannelDtmfReceived) -> None:
        leg = self._legs.get(event.channel.id)
        if leg is not None and self._is_new(event.channel.id, event.digit, event.timestamp):
            leg.digit(event.digit, event.timestamp)

    def _is_new(self, *key: *tuple[str, str, datetime]) -> bool:
        """Whether what a user has pressed comes for the first time."""
        new = key not in self._keys
        self._keys.append(key)
        return new

    def _user_event(self, event: ChannelUserevent) -> None:
        leg = self._legs.get(event.channel.id) if event.channel else None
        command = event.userevent.get("command")
        if leg is None or event.eventname != COMMAND_EVENT:
            return
        if not self._is_new(leg.row.channel, str(command), event.timestamp):
            return
        if command in COMMANDS:
            leg.commanded(Event(command), event.timestamp)
        else:
            _log.warning("no such command in features.conf", pbx=self._context.pbx, command=str(command)[:50])

    # What we made in Asterisk

    def _leg_of(self, resource: str) -> LegHandler | None:
        match = self._ours.match(resource)
        return self._by_id.get(UUID(match[1])) if match else None

    def _entered(self, event: StasisStart) -> None:
        leg = self._leg_of(event.channel.id)
        if leg is not None:
            leg.snoops.entered(event.channel.id)
            leg.telling.announcer.entered(event.channel.id)
        else:
            self._sent_here(event.channel, event.args)

    def _sent_here(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A dialplan's `Stasis()`."""
        match arguments[:1]:
            case [way] if way in WAYS:
                self._taps.entered(channel, arguments)
            case [way] if way == BRIDGE:
                self._bridges.entered(channel, arguments)
            case _:
                self._bridges.called_entered(channel.id)

    def _left(self, event: StasisEnd) -> None:
        self._bridges.left(event.channel.id)
        leg = self._leg_of(event.channel.id)
        if leg is not None:
            leg.snoops.gone(event.channel.id)

    def _recording_started(self, event: RecordingStarted) -> None:
        leg = self._leg_of(event.recording.name)
        if leg is not None:
            leg.takes.started(event.recording.name, event.timestamp)

    def _recording_ended(self, event: RecordingFinished | RecordingFailed) -> None:
        leg = self._leg_of(event.recording.name)
        if leg is not None:
            leg.takes.ended(event.recording.name, event.timestamp)

    def _playback_started(self, event: PlaybackStarted) -> None:
        leg = self._leg_of(event.playback.id)
        if leg is not None:
            leg.telling.announcer.started(event.playback, event.timestamp)

    def _playback_finished(self, event: PlaybackFinished) -> None:
        self._playing.finished(event.playback)
        leg = self._leg_of(event.playback.id)
        if leg is not None:
            leg.telling.announcer.finished(event.playback, event.timestamp)

    # After a connect: the store and Asterisk are made to agree

    async def _resume(self) -> None:
        context = self._context
        await context.ari.set_event_filter(EVENTS)
        for row in await context.store.read(calls.open_legs, context.pbx):
            if row.channel not in self._legs:
                self._add(row)
        await self.directory.subscribe({endpoint_of(leg.row.channel_name) for leg in self._legs.values()})
        await self._resume_tapped()
        for channel in await self._agree():
            self._look_at(channel)
            leg = self._legs.get(channel.id)
            if leg is not None:
                leg.counterpart(parties.connected(channel), context.now())

    async def _resume_tapped(self) -> None:
        """Legs that no endpoint's events tell of, and channels whose called side is waited for."""
        for leg in list(self._legs.values()):
            if endpoint_of(leg.row.channel_name) not in self.directory.subscribed:
                with contextlib.suppress(AriRefused):  # the channel has gone
                    await self._context.ari.subscribe([f"channel:{leg.row.channel}"])
        await self._taps.resume()
        await self._bridges.resume()

    async def _agree(self) -> list[Channel]:
        """Compare every leg with Asterisk's channels, which are returned: lost word of them is made good."""
        context = self._context
        known = list(self._legs.values())  # before asking: a leg begun later is not missing
        channels = {channel.id: channel for channel in await context.ari.channels()}
        for leg in known:
            leg.reconcile(channels.get(leg.row.channel))
        await self._end_segments()
        return list(channels.values())

    def _look_at(self, channel: Channel) -> None:
        """A channel that nobody follows: a call that began without us, or a snoop whose leg is over."""
        if self._ours.match(channel.id):
            leg = self._leg_of(channel.id)
            if leg is None or not leg.uses(channel.id):
                self._context.release(channel.id)
            return
        if self.directory.is_recorded(channel):
            leg = self._begin(channel, self._context.now())
            if leg is not None:
                leg.reconcile(channel)
        app, *arguments = channel.dialplan.app_data.split(",")
        if channel.dialplan.app_name == "Stasis" and app == self._context.app:
            self._sent_here(channel, arguments)  # it waits since before

    async def _end_segments(self) -> None:
        """Segments that are over, or were to be, whose end we had no time to see to."""
        context = self._context
        for segment in await context.store.read(calls.unended_segments, context.pbx):
            leg = self._leg_of(segment.name)
            if leg is None or not leg.takes.has(segment):
                await context.save(calls.end_segment, await Take(context, segment).end())
        context.wake_finisher()


HANDLERS: dict[type, Callable[[Session, Any], None]] = {
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
"""Event type to handler."""

EVENTS = [kind.__name__ for kind in (*HANDLERS, ApplicationReplaced) if kind not in (Connected, Disconnected)]
"""What Asterisk is asked to send. The event socket itself acts on `ApplicationReplaced`."""
