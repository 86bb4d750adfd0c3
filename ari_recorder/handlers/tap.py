"""The tap way: a channel that the dialplan sends here is recorded, told how that went, and sent back.

The dialplan's part is `asterisk_conf/extensions_ari_recorder.conf`. It waits a second longer than
`TAP_WITHIN_S`, then goes on by itself: whatever happens here, or does not, keeps no call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from ari_recorder.ari import Channel, Dial
from ari_recorder.errors import AriConflict, AriError, AriNotFound, NotFound, StoreError
from ari_recorder.handlers.called import CalledSides, Expected
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.dialplan import send_back
from ari_recorder.handlers.followed import Legs
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.looking import Survey, or_none
from ari_recorder.handlers.playing import Playing
from ari_recorder.log import without
from ari_recorder.policies import tap
from ari_recorder.policies.announcements import Audience, Prompt, begins_at_answer
from ari_recorder.policies.leg.inputs import Answered, Said
from ari_recorder.policies.leg.state import Announcement
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


_log = structlog.get_logger(__name__)


class Taps:
    """The channels that a dialplan has sent here, and those whose called side is to be recorded."""

    def __init__(self, context: Context, legs: Legs, playing: Playing) -> None:
        self._context = context
        self._directory = context.directory
        self._legs = legs
        self._playing = playing
        self._serving: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._called = CalledSides(context, self._user)
        self._log = _log.bind(pbx=context.pbx)

    def entered(self, channel: Channel, arguments: Sequence[str]) -> None:
        """A channel waits here; ``arguments`` are those of ``Stasis()``. A second time is harmless."""
        if channel.id not in self._serving:
            self._serving.add(channel.id)
            self._spawn(channel.id, self._serve(channel, arguments[0], arguments[1:]))

    def dialled(self, event: Dial) -> None:
        """A channel calls another, or that has answered: it may be the called side to be recorded."""
        if event.caller is None:
            return
        if event.dialstatus == "ANSWER":
            self._connected(event.caller.id)
        elif not event.dialstatus:
            self._follow_called(event.caller.id, event.peer)

    def over(self, channel_id: str) -> None:
        """The channel is gone: nobody is called from it any more."""
        self._called.forget(channel_id)

    async def resume(self) -> None:
        """After a connect: learn again whose called side is to be recorded. Raises `AriError`."""
        await self._called.learn()

    async def compare(self, there: Mapping[str, Channel], asked_at: datetime) -> None:
        """Follow whom somebody has called unseen. Raises `AriError`."""
        for caller_id, peers in (await self._called.compare(there, asked_at)).items():
            for peer in peers:
                self._follow_called(caller_id, peer, found=True)
            if any(peer.state == "Up" for peer in peers):
                self._connected(caller_id)

    async def stop(self) -> None:
        """Stop working. A channel that waits here is sent back after the next start, or goes on by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, channel_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(channel_id, work), name=f"tap {channel_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, channel_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (TimeoutError, AriNotFound, AriConflict) as error:
            self._log.debug("the channel has left already", channel=channel_id, error=str(error))
        except AriError as error:
            self._log.error("a tap came to nothing; the dialplan goes on by itself", error=str(error))
        except Exception:
            self._log.exception("a fault in ari_recorder; the dialplan goes on by itself")

    async def _serve(self, channel: Channel, way: str, arguments: Sequence[str]) -> None:
        try:
            told = await self._told(channel, way, arguments)
        finally:
            self._serving.discard(channel.id)  # the dialplan may send it here again at once
        log = self._log.info if told.status in (Status.OK, Status.OFF) else self._log.error
        number, _, organisation = arguments[0].partition("@") if arguments else ("", "", "")
        reason = without(told.reason, *arguments, number, organisation)
        log("tapped", channel=channel.id, way=way, status=str(told.status), reason=reason)
        await send_back(self._context.ari, channel.id, told)

    async def _told(self, channel: Channel, way: str, arguments: Sequence[str]) -> Told:
        try:
            wish = tap.read(arguments)
            async with asyncio.timeout(TAP_WITHIN_S):
                user = await self._user(wish, channel)
                if way == TAP:
                    against = await self._follow(await self._as_dialled(channel), user)
                else:
                    against = ""
                    await self._called.expect(channel, user, arguments)
            told = tap.told(against, user.mode)
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

    def _follow(self, channel: Channel, user: RecordedEndpoint, *, found: bool = False) -> Awaitable[str]:
        """Have the channel followed as ``user``'s leg; when it is ready, what stands against it, in words.

        What holds is told to its leg at once, so that an answer comes after it.
        """
        watched = self._directory.find(channel) is not None  # Asterisk sends the events of its endpoint
        if not watched and not is_recorded(user.mode):
            return _resolved("")
        leg = self._legs.begin(channel, user, found=found)
        if leg.leg.user != user.user:
            return _resolved(f"{channel.name} is the leg of another user.")
        against = leg.agree_to(user.mode, user.preferences)
        if found and not watched:
            leg.compare(Survey(self._context.now(), {channel.id: channel}, away=True, revived=True))
        elif channel.state == "Up" and not found:  # since when, no event has told
            leg.tell(Answered(self._context.now()))
        return against if watched else self._subscribed(channel, leg, against)

    async def _subscribed(self, channel: Channel, leg: LegRunner, against: Awaitable[str]) -> str:
        await self._context.ari.subscribe([f"channel:{channel.id}"])
        now = await self._context.ari.channel(channel.id)
        if now.state == "Up" and channel.state != "Up":  # since when, no event has told
            leg.tell(Answered(self._context.now()))
        return await against

    async def _as_dialled(self, channel: Channel) -> Channel:
        """With the extension that its party has dialled, rather than that of the tap's subroutine."""
        dialled = await or_none(self._context.ari.channel_variable(channel.id, "CALLERID(dnid)")) or ""
        dialplan = msgspec.structs.replace(channel.dialplan, exten=dialled)
        return msgspec.structs.replace(channel, dialplan=dialplan)

    # The called side

    def _follow_called(self, caller_id: str, peer: Channel, *, found: bool = False) -> None:
        expected = self._called.expected.get(caller_id)
        if expected is not None and peer.id not in expected.peers:
            expected.peers.add(peer.id)
            against = self._follow(peer, expected.user, found=found)
            self._spawn(peer.id, self._follow_peer(expected, peer, against))

    async def _follow_peer(self, expected: Expected, peer: Channel, asked: Awaitable[str]) -> None:
        said = tuple(expected.said.values())
        try:
            async with asyncio.timeout(TAP_WITHIN_S):
                against = await asked
        except (AriError, TimeoutError):
            expected.peers.discard(peer.id)  # it may be tried again
            raise
        if against:
            self._log.error("the called side is not recorded as asked", channel=peer.id, reason=against)
            return
        for one in said:
            self._legs.begin(peer, expected.user).tell(Said(one))

    def _connected(self, caller_id: str) -> None:
        """Whom it calls later is not its called side."""
        if self._called.forget(caller_id):
            self._spawn(caller_id, self._called.take_back(caller_id))

    # The announcement before the call

    async def _announce(self, channel: Channel, user: RecordedEndpoint, way: str) -> None:
        """Play the start announcement to the channel alone; the dialplan waits that much longer.

        The evidence of it is handed over before it is played, and again with how that went.
        """
        audience = Audience.USER if way == TAP else Audience.COUNTERPART
        prompt = Prompt(PromptKind.START, audience)
        async with asyncio.timeout(TAP_WITHIN_S):
            media, audio = await self._context.prompts.place(user.organisation, prompt, user.preferences)
            within_s = audio.duration_ms / 1000 + BEFORE_LONGER_S
            patience_s = f"{within_s + TAP_WITHIN_S:.1f}"
            await self._context.ari.set_channel_variable(channel.id, "TIMEOUT(absolute)", patience_s)
            said = Announcement(
                new_id(), prompt, audio.language, audio.text, audio.sha256, self._context.now()
            )
            await self._note(channel, user, said)
        outcome = await self._playing.play(channel.id, [media], within_s=within_s)
        await self._note(channel, user, said.over(self._context.now(), outcome))

    async def _note(self, channel: Channel, user: RecordedEndpoint, said: Announcement) -> None:
        """The caller's own leg keeps the evidence, or, where it is for the called one's, the channel."""
        if said.prompt.audience is Audience.USER:
            self._legs.begin(channel, user).tell(Said(said))
        else:
            await self._called.note(channel.id, said)


def _resolved(against: str) -> asyncio.Future[str]:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result(against)
    return future
