"""The bridge way: the recorder calls, connects the two, and carries over how either side ends.

Ringing and early media reach the caller because both are in the bridge before the called side is rung. The
recording is the watch way's: both channels are their users' legs as any other. `policies.bridging` decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import AriConflict, AriNotFound
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.dialplan import give_back, send_back
from ari_recorder.handlers.looking import or_none
from ari_recorder.handlers.runner import FAULT, Runner
from ari_recorder.log import without
from ari_recorder.policies import bridging
from ari_recorder.policies.bridging import Bridged, effects, inputs
from ari_recorder.policies.bridging.effects import Request
from ari_recorder.policies.bridging.inputs import Found, Gone, Input, Left
from ari_recorder.policies.bridging.state import NORMAL_CLEARING, Stage
from ari_recorder.policies.tap import Status, Told

BRIDGE = "bridge"
"""First argument of ``Stasis()``."""
LIMIT = "RECORDER_LIMIT"
"""Channel variable: the caller's absolute timeout before the dialplan set one for this."""

_log = structlog.get_logger(__name__)


class Bridges:
    """The calls that are being connected, by the channels of both sides."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._calls: dict[str, BridgedCall] = {}
        self._again: dict[str, tuple[Channel, Sequence[str]]] = {}

    def entered(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A caller is sent here. One whose last call is about to be over waits until that is."""
        known = self._calls.get(channel.id)
        if known is None:
            self._begin(channel, arguments[1:])
        elif known.call.ending is not None:
            self._again[channel.id] = (channel, arguments)
            known.tell(Left(channel.id))

    def tell(self, channel_id: str, told: Input) -> None:
        """Something has happened to a channel, and is told to its call. Of a caller only its end counts."""
        call = self._calls.get(channel_id)
        if call is not None and (isinstance(told, Gone | Left) or channel_id == call.call.called):
            call.tell(told)

    async def compare(self, there: Mapping[str, Channel], asked_at: datetime) -> None:
        """Go on with what goes on in Asterisk, and let go of what belongs to nobody. Raises `AriError`."""
        try:
            bridges = {one.id: frozenset(one.channels) for one in await self._context.ari.bridges()}
        except AriNotFound:  # res_ari_bridges is not loaded: nobody is connected by us
            return
        for call in set(self._calls.values()):
            call.tell(_found(call.call, there, bridges, asked_at))
        for channel in there.values():
            way, *arguments = _arguments(channel, self._context.app)
            if way == BRIDGE and channel.id not in self._calls:
                self._begin(channel, arguments, found=True)
        for channel in there.values():
            way, *arguments = _arguments(channel, self._context.app)
            if way == bridging.CALLED and channel.id not in self._calls:
                await self._take_up(channel, arguments, there)
        known = {call.call.bridge for call in self._calls.values()}
        for name in bridges.keys() - known:
            if re.fullmatch(rf"{re.escape(self._context.app)}-bridge-[0-9a-f]{{32}}", name):
                with contextlib.suppress(AriNotFound):
                    await self._context.ari.destroy_bridge(name)

    async def stop(self) -> None:
        """Stop working; the calls go on."""
        for call in set(self._calls.values()):
            await call.stop()

    async def _take_up(self, called: Channel, given: Sequence[str], there: Mapping[str, Channel]) -> None:
        """A called channel that is not followed: of a caller whom an ARI program moved here, or of nobody."""
        try:
            wish, caller_id = bridging.caller_of([bridging.CALLED, *given])
        except ValueError:
            caller_id = ""
        caller = there.get(caller_id)
        if caller is not None and caller_id not in self._calls and caller.dialplan.app_name == "Stasis":
            self._begin(caller, [wish.endpoint, str(wish.dial_s)], found=True)
        if called.id not in self._calls:
            with contextlib.suppress(AriNotFound):
                await self._context.ari.hangup(called.id, NORMAL_CLEARING)

    def _begin(self, channel: Channel, arguments: Sequence[str], *, found: bool = False) -> None:
        try:
            wish = bridging.read(arguments)
        except ValueError as error:
            reason = without(str(error), *arguments)
            _log.error("not connected; the dialplan goes on", channel=channel.id, reason=reason)
            self._context.spawn(give_back(self._context.ari, channel.id, str(error)), "send back")
            return
        created_at = channel.creationtime
        call = bridging.begin(self._context.app, channel.id, created_at, wish, found=found)
        followed = BridgedCall(self._context, call, channel, self._over)
        self._calls[call.caller] = self._calls[call.called] = followed
        followed.tell(inputs.Begun())

    def _over(self, call: BridgedCall) -> None:
        for channel_id in (call.call.caller, call.call.called):
            if self._calls.get(channel_id) is call:
                del self._calls[channel_id]
        channel, arguments = self._again.pop(call.call.caller, (None, ()))
        if channel is not None:
            self.entered(channel, arguments)


class BridgedCall(Runner[Bridged]):
    """Follows one bridged call. ``over`` is called when nothing of it is left."""

    def __init__(
        self, context: Context, call: Bridged, caller: Channel, over: Callable[[BridgedCall], None]
    ) -> None:
        super().__init__(context, call, _log.bind(pbx=context.pbx, caller=call.caller))
        self._caller = caller.caller
        self._over = over

    @property
    def call(self) -> Bridged:
        """The call, as it is now."""
        return self._machine

    def _receive(self, told: Input) -> None:
        before = self.call.ending
        try:
            self._machine, asked = bridging.receive(self.call, told, self._context.now())
        except Exception:
            self._fault(told)
            return
        if before is None and self.call.ending is not None and self.call.ending.reason:
            reason = self._impersonal(self.call.ending.reason)
            self._log.error("not connected; the dialplan goes on", reason=reason)
        for effect in asked:
            self._perform(effect)
        if self.call.over:
            self._leave()

    def _impersonal(self, text: str) -> str:
        """The endpoint of a trunk has the number that is called."""
        endpoint = self.call.wish.endpoint
        return without(text, endpoint, endpoint.partition("/")[2])

    def _fault(self, told: Input) -> None:
        """Those who talk go on, and are found again; who is not connected yet goes on in the dialplan."""
        self._log.exception("a fault in ari_recorder", told=type(told).__name__)
        if self.call.stage < Stage.UP:
            self._context.spawn(give_back(self._context.ari, self.call.caller, FAULT), "send back")
        self._leave()

    def _leave(self) -> None:
        self._end()
        self._over(self)

    async def _ask(self, request: Request) -> Input | None:
        ari, call = self._context.ari, self.call
        match request:
            case effects.Look():
                return await self._look()
            case effects.Prepare():
                with contextlib.suppress(AriConflict):  # it is there already
                    await ari.create_bridge(call.bridge)
            case effects.Create():
                given = bridging.arguments(call.wish, call.caller)
                endpoint = call.wish.endpoint
                await ari.create_channel(
                    call.called, endpoint=endpoint, originator=call.caller, app_args=given
                )
            case effects.Join(channels):
                await ari.add_to_bridge(call.bridge, channels)
            case effects.Introduce():
                # the number comes last, and with it the change
                for item, value in (("name", self._caller.name), ("num", self._caller.number)):
                    await ari.set_channel_variable(call.called, f"CONNECTEDLINE({item},i)", value)
            case effects.Dial():
                await ari.dial(call.called, caller=call.caller, timeout_s=call.wish.dial_s)
            case effects.Answer():
                await self._answer()
            case effects.HangUp(channel, cause):
                await ari.hangup(channel, cause)
            case effects.Destroy():
                await ari.destroy_bridge(call.bridge)
            case effects.SendBack(reason):
                await send_back(ari, call.caller, Told(Status.FAILED, reason))
        return None

    async def _answer(self) -> None:
        ari, caller = self._context.ari, self.call.caller
        await ari.answer(caller)
        with contextlib.suppress(AriNotFound):  # it came without the recorder's subroutine
            limit = await ari.channel_variable(caller, LIMIT)
            await ari.set_channel_variable(caller, "TIMEOUT(absolute)", limit)

    async def _look(self) -> Found:
        ari, call, asked_at = self._context.ari, self.call, self._context.now()
        caller, called, joined = await asyncio.gather(
            or_none(ari.channel(call.caller)),
            or_none(ari.channel(call.called)),
            or_none(ari.bridge(call.bridge)),
        )
        there = {one.id: one for one in (caller, called) if one is not None}
        bridges = {call.bridge: frozenset(joined.channels)} if joined is not None else {}
        return _found(call, there, bridges, asked_at)


def _found(
    call: Bridged, there: Mapping[str, Channel], bridges: Mapping[str, frozenset[str]], asked_at: datetime
) -> Found:
    caller, called = there.get(call.caller), there.get(call.called)
    return Found(
        asked_at=asked_at,
        caller=caller.state if caller is not None and caller.dialplan.app_name == "Stasis" else None,
        called=called.state if called is not None else None,
        entered=called is not None and called.dialplan.app_name == "Stasis",
        joined=bridges.get(call.bridge),
    )


def _arguments(channel: Channel, app: str) -> list[str]:
    """With what the channel has entered this application: an empty one if it is not in it."""
    name, *arguments = channel.dialplan.app_data.split(",")
    ours = channel.dialplan.app_name == "Stasis" and name == app
    return arguments or [""] if ours else [""]
