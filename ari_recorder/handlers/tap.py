"""The tap way: a channel that the dialplan sends here is recorded, told how that went, and sent back.

The dialplan's part is `asterisk_conf/extensions_ari_recorder.conf`. It waits a second longer than
`TAP_WITHIN_S`, then goes on by itself: whatever happens here, or does not, keeps no call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from ari_recorder.ari import Channel, Dial
from ari_recorder.errors import AriConflict, AriError, AriNotFound, NotFound, StoreError
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.dialplan import send_back
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.playing import Playing
from ari_recorder.policies import tap
from ari_recorder.policies.announcements import Audience, Prompt, begins_at_answer
from ari_recorder.policies.leg.inputs import Answered, Said
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import is_recorded
from ari_recorder.policies.tap import Status, Tap, Told
from ari_recorder.store import people
from ari_recorder.store.models import new_id
from ari_recorder.store.people import RecordedEndpoint

TAP, TAP_CALLED = WAYS = ("tap", "tap_called")
"""First argument of ``Stasis()``: record this channel, or the one that it is going to call."""

TAP_WITHIN_S = 4.0
"""How long a tap may take, without an announcement before the call."""
BEFORE_LONGER_S = 1.0
"""How much longer than its length an announcement before the call may take."""

CALLED = "RECORDER_CALLED"
"""Channel variable with the arguments of a `TAP_CALLED`, for a recorder that is started again."""

Begin = Callable[[Channel, RecordedEndpoint], LegRunner]
"""The leg of a channel: that which follows it already, or a new one of this user."""

_log = structlog.get_logger(__name__)


class Taps:
    """The channels that a dialplan has sent here, and those whose called side is to be recorded."""

    def __init__(self, context: Context, begin: Begin, playing: Playing) -> None:
        self._context = context
        self._directory = context.directory
        self._begin = begin
        self._playing = playing
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._called: dict[str, RecordedEndpoint] = {}
        self._said: dict[str, Said] = {}
        self._log = _log.bind(pbx=context.pbx)

    def entered(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A channel waits here; ``arguments`` are those of ``Stasis()``. A second time is harmless."""
        self._spawn(channel.id, self._work(channel, arguments[0], arguments[1:]))

    def dialled(self, event: Dial) -> None:
        """A channel calls another, or that has answered: it may be the called side to be recorded."""
        user = self._called.get(event.caller.id) if event.caller else None
        if user is None or event.caller is None:
            return
        if event.dialstatus == "ANSWER":
            self.over(event.caller.id)
            self._spawn(event.caller.id, self._forget(event.caller.id))
        elif not event.dialstatus:
            watched = self._directory.find(event.peer) is not None
            against = self._agree(event.peer, user) if watched else None
            self._spawn(
                event.peer.id, self._follow_called(event.peer, user, against, self._said.get(event.caller.id))
            )

    def over(self, channel_id: str) -> None:
        """The channel is gone, or is connected: what it may call later is not its called side."""
        self._called.pop(channel_id, None)
        self._said.pop(channel_id, None)

    async def resume(self) -> None:
        """After a connect: learn again whose called side is to be recorded. Raises `AriError`."""
        for channel_id in (await self._context.ari.application()).channel_ids:
            try:
                arguments = await self._context.ari.channel_variable(channel_id, CALLED)
                if arguments and channel_id not in self._called:
                    channel = await self._context.ari.channel(channel_id)
                    self._called[channel_id] = await self._user(tap.read(arguments.split(",")), channel)
            except AriNotFound:
                continue  # it has none, or is gone
            except (NotFound, ValueError) as error:
                self._log.error("the called side is not recorded", channel=channel_id, reason=str(error))

    async def stop(self) -> None:
        """Stop working. A channel that waits here is sent back after the next start, or goes on by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, channel_id: str, work: Coroutine[Any, Any, None]) -> None:
        if channel_id in self._busy:
            work.close()
            return
        self._busy.add(channel_id)
        task = asyncio.create_task(self._guarded(channel_id, work), name=f"tap {channel_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, channel_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (TimeoutError, AriNotFound, AriConflict) as error:
            self._log.debug("the channel has left already", error=str(error))
        except AriError as error:
            self._log.error("a tap came to nothing; the dialplan goes on by itself", error=str(error))
        except Exception:
            self._log.exception("a fault in ari_recorder; the dialplan goes on by itself")
        finally:
            self._busy.discard(channel_id)

    async def _work(self, channel: Channel, way: str, arguments: Sequence[str]) -> None:
        told = await self._told(channel, way, arguments)
        log = self._log.info if told.status in (Status.OK, Status.OFF) else self._log.error
        given = ",".join((way, *arguments))
        log("tapped", channel=channel.id, given=given, status=str(told.status), reason=told.reason)
        self._busy.discard(channel.id)  # the dialplan may send it here again at once
        await send_back(self._context.ari, channel.id, told)

    async def _told(self, channel: Channel, way: str, arguments: Sequence[str]) -> Told:
        try:
            wish = tap.read(arguments)
            async with asyncio.timeout(TAP_WITHIN_S):
                user = await self._user(wish, channel)
                if way == TAP:
                    against = await self._follow(await self._as_dialled(channel), user)
                else:
                    against = await self._expect_called(channel, user, arguments)
            told = tap.told(against, user.mode, user.user_name)
            if wish.before and told.status is Status.OK and begins_at_answer(user.mode):
                await self._announce(channel, user, way)
        except ValueError as error:
            return Told(Status.FAILED, str(error))
        except NotFound as error:
            return Told(Status.UNKNOWN, str(error))
        except TimeoutError:
            return Told(Status.FAILED, f"The recorder was not ready within {TAP_WITHIN_S:g} s.")
        except (AriError, StoreError, OSError) as error:
            return Told(Status.FAILED, str(error))
        except Exception:
            self._log.exception("a fault in ari_recorder", channel=channel.id)
            return Told(Status.FAILED, "A fault in ari_recorder; its log has more.")
        return told

    async def _user(self, wish: Tap, channel: Channel) -> RecordedEndpoint:
        """The user of the wish, with what holds for this call. Raises `NotFound`."""
        user = await self._context.store.read(people.tapped, wish.number, wish.organisation, channel.name)
        mode, preferences = wish.terms(user.mode, user.preferences)
        return replace(user, mode=mode, preferences=preferences)

    async def _follow(self, channel: Channel, user: RecordedEndpoint) -> str:
        """Have the channel followed as ``user``'s leg; when it is ready, what stands against it, in words."""
        if self._directory.find(channel) is not None:  # Asterisk sends the events of its endpoint
            return await self._agree(channel, user)
        if not is_recorded(user.mode):
            return ""
        against = self._agree(channel, user)
        await self._context.ari.subscribe([f"channel:{channel.id}"])
        channel = await self._context.ari.channel(channel.id)
        if channel.state == "Up":  # since when, no event has told
            self._answered(self._begin(channel, user))
        return await against

    def _agree(self, channel: Channel, user: RecordedEndpoint) -> asyncio.Future[str]:
        """Tell the channel's leg what holds, at once, so that an answer comes after it."""
        leg = self._begin(channel, user)
        if leg.leg.user != user.user:
            against: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            against.set_result(f"{channel.name} is {leg.leg.user_name}'s leg, not {user.user_name}'s.")
            return against
        against = leg.agree_to(user.mode, user.preferences)
        if channel.state == "Up":
            self._answered(leg)
        return against

    def _answered(self, leg: LegRunner) -> None:
        """The channel is up, since when no event has told."""
        leg.tell(Answered(self._context.now()))

    async def _as_dialled(self, channel: Channel) -> Channel:
        """With the extension that its party has dialled, rather than that of the tap's subroutine."""
        try:
            dialled = await self._context.ari.channel_variable(channel.id, "CALLERID(dnid)")
        except AriNotFound:
            dialled = ""
        dialplan = msgspec.structs.replace(channel.dialplan, exten=dialled)
        return msgspec.structs.replace(channel, dialplan=dialplan)

    async def _expect_called(self, channel: Channel, user: RecordedEndpoint, arguments: Sequence[str]) -> str:
        await self._context.ari.subscribe([f"channel:{channel.id}"])
        await self._context.ari.set_channel_variable(channel.id, CALLED, ",".join(arguments))
        self._called[channel.id] = user
        return ""

    async def _follow_called(
        self, peer: Channel, user: RecordedEndpoint, asked: asyncio.Future[str] | None, said: Said | None
    ) -> None:
        async with asyncio.timeout(TAP_WITHIN_S):
            against = await (asked or self._follow(peer, user))
        if against:
            self._log.error("the called side is not recorded as asked", channel=peer.id, reason=against)
        elif said is not None:
            self._note(peer, user, TAP, said)

    async def _forget(self, channel_id: str) -> None:
        await self._context.ari.set_channel_variable(channel_id, CALLED, "")

    async def _announce(self, channel: Channel, user: RecordedEndpoint, way: str) -> None:
        """Play the start announcement to the channel alone; the dialplan waits that much longer.

        The evidence of it is handed over before it is played, and again with how that went.
        """
        audience = Audience.USER if way == TAP else Audience.COUNTERPART
        prompt = Prompt(PromptKind.START, audience)
        media, audio = await self._context.prompts.place(user.organisation, prompt, user.preferences)
        within_s = audio.duration_ms / 1000 + BEFORE_LONGER_S
        patience_s = f"{within_s + TAP_WITHIN_S:.1f}"
        await self._context.ari.set_channel_variable(channel.id, "TIMEOUT(absolute)", patience_s)
        said = Said(new_id(), prompt, audio.language, audio.text, audio.sha256, self._context.now())
        self._note(channel, user, way, said)
        outcome = await self._playing.play(channel.id, [media], within_s=within_s)
        self._note(channel, user, way, replace(said, ended_at=self._context.now(), outcome=outcome))

    def _note(self, channel: Channel, user: RecordedEndpoint, way: str, said: Said) -> None:
        if way == TAP:
            self._begin(channel, user).tell(said)
        else:
            self._said[channel.id] = said
