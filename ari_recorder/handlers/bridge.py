"""The bridge way: the recorder calls, connects the two, and carries over how either side ends.

Ringing and early media reach the caller because both are in the bridge before the called side is rung. The
recording is the watch way's: both channels are their users' legs as any other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import AriConflict, AriError, AriNotFound, AriRefused, AriUnreachable
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.dialplan import send_back
from ari_recorder.policies import bridge
from ari_recorder.policies.tap import Status, Told
from ari_recorder.store import bridges
from ari_recorder.store.bridges import BridgedRow
from ari_recorder.store.models import new_id

BRIDGE = "bridge"
"""First argument of ``Stasis()``."""
CALLED_ARGUMENT = "bridged"
"""Argument with which the called channel enters the application."""
ENTERED_WITHIN_S = 2.0
"""How long a new channel may take to enter the application."""
LOOK_AGAIN_S = 1.0
"""How long after Asterisk did not answer it is asked again."""
LIMIT = "RECORDER_LIMIT"
"""Channel variable: the caller's absolute timeout before the dialplan set one for this."""

_log = structlog.get_logger(__name__)


class _Gone(NamedTuple):
    """A channel has ended, or has been taken out of the application."""

    channel: str
    cause: int


class _Look(NamedTuple):
    """Events may have been lost."""


class _Answered(NamedTuple):
    """The called side has answered."""


class Bridges:
    """The calls that are being connected, by the channels of both sides."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._calls: dict[str, BridgedCall] = {}

    def entered(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A caller waits to be connected. A second time is harmless."""
        if channel.id in self._calls:
            return
        try:
            wish = bridge.read(arguments[1:])
        except ValueError as error:
            self._refuse(channel, str(error))
            return
        now = self._context.now()
        row = BridgedRow(new_id(), self._context.pbx, channel.id, wish.endpoint, wish.dial_s, now)
        self._add(BridgedCall(self._context, row, self._over, new=True))

    def _refuse(self, channel: Channel, reason: str) -> None:
        _log.error("not connected; the dialplan goes on", channel=channel.id, reason=reason)
        task = asyncio.create_task(_try_to_send_back(self._context, channel.id, reason))
        self._context.background.add(task)
        task.add_done_callback(self._context.background.discard)

    def called_entered(self, channel_id: str) -> None:
        """A called channel is in the application."""
        call = self._calls.get(channel_id)
        if call is not None:
            call.entered.set()

    def up(self, channel_id: str) -> None:
        """A channel is up."""
        call = self._calls.get(channel_id)
        if call is not None and channel_id == call.called:
            call.tell(_Answered())

    def gone(self, channel_id: str, cause: int) -> None:
        """A channel has ended, with a Q.850 ``cause``."""
        call = self._calls.get(channel_id)
        if call is not None:
            call.tell(_Gone(channel_id, cause))

    def left(self, channel_id: str) -> None:
        """A channel has left the application. A called one has ended, and its cause is still to come."""
        call = self._calls.get(channel_id)
        if call is not None and channel_id == call.caller:
            del self._calls[channel_id]  # the dialplan may send it here again
            call.tell(_Gone(channel_id, 0))

    async def resume(self) -> None:
        """After a connect: go on with the calls that were going on, as Asterisk has them now."""
        for row in await self._context.store.read(bridges.open_calls, self._context.pbx):
            if row.caller in self._calls:
                self._calls[row.caller].tell(_Look())
            else:
                self._add(BridgedCall(self._context, row, self._over))

    async def stop(self) -> None:
        """Stop working; the calls go on."""
        tasks = [call.task for call in set(self._calls.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, call: BridgedCall) -> None:
        self._calls[call.caller] = self._calls[call.called] = call

    def _over(self, call: BridgedCall) -> None:
        for channel_id in (call.caller, call.called):
            if self._calls.get(channel_id) is call:
                del self._calls[channel_id]


class BridgedCall:
    """One call, from the caller's entering to its end. ``over`` is called when nothing of it is left."""

    def __init__(
        self, context: Context, row: BridgedRow, over: Callable[[BridgedCall], None], *, new: bool = False
    ) -> None:
        self.caller = row.caller
        self.called = row.called(context.app)
        self.entered = asyncio.Event()
        self._context = context
        self._ari = context.ari
        self._row = row
        self._bridge = row.bridge(context.app)
        self._over = over
        self._new = new
        self._told: asyncio.Queue[_Gone | _Look | _Answered] = asyncio.Queue()
        self._log = _log.bind(pbx=row.pbx, caller=row.caller, endpoint=row.endpoint)
        self.task = asyncio.create_task(self._work(), name=f"bridge {row.caller}")

    def tell(self, what: _Gone | _Look | _Answered) -> None:
        """Something has happened to it."""
        self._told.put_nowait(what)

    async def _work(self) -> None:
        try:
            await self._connect()
        except Exception:
            self._log.exception("a fault in ari_recorder; the caller goes on in the dialplan")
            self._over(self)
            await _try_to_send_back(self._context, self.caller, "A fault in ari_recorder; its log has more.")

    async def _connect(self) -> None:
        if self._new:
            await self._context.save(bridges.begin, self._row)
        reason = await self._served()
        if reason:
            self._log.error("not connected; the dialplan goes on", reason=reason)
            with contextlib.suppress(AriError):
                await self._hang_up(self.called, bridge.NORMAL_CLEARING)
        with contextlib.suppress(AriError):
            await self._ari.destroy_bridge(self._bridge)
        await self._context.save(bridges.end, self._row.id, self._context.now())
        self._over(self)
        if reason:
            await _try_to_send_back(self._context, self.caller, reason)

    async def _served(self) -> str:
        """Why the caller is to go on in the dialplan; empty if the call is over."""
        while True:
            try:
                return await self._serve()
            except AriUnreachable as error:
                self._log.warning("looking again at what Asterisk has", error=str(error))
                await asyncio.sleep(LOOK_AGAIN_S)
            except AriError as error:
                return str(error)
            except Exception:
                self._log.exception("a fault in ari_recorder")
                return "A fault in ari_recorder; its log has more."

    async def _serve(self) -> str:
        """Bring the call from wherever it is to its end; returns as `_served`."""
        looking = True
        while looking:
            caller, called = await self._find(self.caller), await self._find(self.called)
            if caller is not None and called is None and self._new:
                called = await self._create(caller)
            self._new = False
            if caller is None or called is None:
                return await self._end_rest(caller, called)
            await self._join(caller, called)
            looking = await self._until_over(answered=called.state == "Up")
        return ""

    async def _find(self, channel_id: str) -> Channel | None:
        """The channel, if it is there and in the application; its events come from now on."""
        try:
            await self._ari.subscribe([f"channel:{channel_id}"])
            channel = await self._ari.channel(channel_id)
        except (AriNotFound, AriRefused):
            return None
        return channel if channel.dialplan.app_name == "Stasis" else None

    async def _create(self, caller: Channel) -> Channel:
        await self._ari.create_channel(
            self.called, endpoint=self._row.endpoint, originator=caller.id, app_args=CALLED_ARGUMENT
        )
        try:
            await asyncio.wait_for(self.entered.wait(), ENTERED_WITHIN_S)
        except TimeoutError as error:
            raise AriRefused(
                "create_channel", self._row.endpoint, 0, "it did not enter the application"
            ) from error
        await self._ari.subscribe([f"channel:{self.called}"])
        return await self._ari.channel(self.called)

    async def _join(self, caller: Channel, called: Channel) -> None:
        """Put both into the bridge, and ring the called side if it has not been yet."""
        try:
            there = (await self._ari.create_bridge(self._bridge)).channels
        except AriConflict:
            there = (await self._ari.bridge(self._bridge)).channels
        missing = [channel for channel in (caller.id, called.id) if channel not in there]
        if called.state == "Down":
            await self._introduce(caller, called)
        if missing:
            await self._ari.add_to_bridge(self._bridge, missing)
        if called.state == "Down":
            with contextlib.suppress(AriConflict):  # it has been asked for already
                await self._ari.dial(called.id, caller=caller.id, timeout_s=self._row.dial_s)

    async def _introduce(self, caller: Channel, called: Channel) -> None:
        """Who calls: what the called phone shows. The number comes last, and with it the change."""
        for item, value in (("name", caller.caller.name), ("num", caller.caller.number)):
            await self._ari.set_channel_variable(called.id, f"CONNECTEDLINE({item},i)", value)

    async def _until_over(self, *, answered: bool) -> bool:
        """Whether to look again; otherwise it is over."""
        if answered:
            await self._answer()
        while True:
            match await self._told.get():
                case _Answered():
                    answered = True
                    await self._answer()
                case _Look():
                    return True
                case _Gone(channel, cause) if channel == self.called:
                    await self._hang_up(self.caller, bridge.cause(cause, answered=answered))
                    return False
                case _:
                    await self._hang_up(self.called, bridge.NORMAL_CLEARING)
                    return False

    async def _answer(self) -> None:
        """Carry the answer over; from now on the dialplan's own limit holds for the call."""
        with contextlib.suppress(AriNotFound):  # it has hung up, or came without the recorder's subroutine
            await self._ari.answer(self.caller)
            limit = await self._ari.channel_variable(self.caller, LIMIT)
            await self._ari.set_channel_variable(self.caller, "TIMEOUT(absolute)", limit)

    async def _end_rest(self, caller: Channel | None, called: Channel | None) -> str:
        """One side has ended while nobody looked."""
        if called is not None:
            await self._hang_up(called.id, bridge.NORMAL_CLEARING)
        if caller is not None and caller.state != "Up":
            return "The called side ended while the recorder was away; how is not known."
        if caller is not None:
            await self._hang_up(caller.id, bridge.NORMAL_CLEARING)
        return ""

    async def _hang_up(self, channel_id: str, cause: int) -> None:
        with contextlib.suppress(AriNotFound):
            await self._ari.hangup(channel_id, cause)


async def _try_to_send_back(context: Context, channel_id: str, reason: str) -> None:
    try:
        await send_back(context.ari, channel_id, Told(Status.FAILED, reason))
    except (AriNotFound, AriConflict, AriRefused):
        _log.debug("has left already", channel=channel_id)
    except AriUnreachable as error:
        _log.error("the dialplan goes on by itself", channel=channel_id, error=str(error))
