"""The legs that are followed on one Asterisk, and how they are found again."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog

from ari_recorder.ari import Channel
from ari_recorder.errors import StoreError
from ari_recorder.handlers import channels, looking, spool
from ari_recorder.handlers.context import Context
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.looking import Survey
from ari_recorder.policies.leg import Leg, inputs
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.store import calls
from ari_recorder.store.people import RecordedEndpoint

_log = structlog.get_logger(__name__)


class Legs:
    """By their channels, and by the names of what is made for them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_channel: dict[str, LegRunner] = {}
        self._by_id: dict[str, LegRunner] = {}
        self._read = False
        self._recovered = False
        self._ours = re.compile(rf"{re.escape(context.app)}-([0-9a-f]{{32}})-([0-9a-f]{{32}})-")

    def __contains__(self, channel: str) -> bool:
        return channel in self._by_channel

    def all(self) -> list[LegRunner]:
        """Every leg."""
        return list(self._by_channel.values())

    def begin(
        self, channel: Channel, user: RecordedEndpoint, again: int = 0, *, found: bool = False
    ) -> LegRunner:
        """The leg that follows the channel already, or a new one of this user; see `Begun` for ``found``."""
        leg = self._by_channel.get(channel.id)
        if leg is None:
            context = self._context
            leg = self._add(channels.new_leg(context, channel, user, again))
            leg.tell(inputs.Begun(channels.linkedid(channel), found=found))
            context.spawn(context.prompts.prepare(user.organisation, user.preferences), "prepare a prompt")
        return leg

    def tell(self, channel: Channel, *told: Input) -> None:
        """Tell the channel's leg, if there is one."""
        leg = self._by_channel.get(channel.id)
        if leg is not None:
            for one in told:
                leg.tell(one)

    def tell_of(self, resource: str, told: Input) -> bool:
        """Tell the leg that what we made in Asterisk bears the name of; whether it is ours at all."""
        match = self._ours.match(resource)
        leg = self._by_id.get(match[1]) if match else None
        if leg is not None and resource.startswith(leg.leg.prefix):  # not another catalogue's leg of it
            leg.tell(told)
        return match is not None

    async def stop(self) -> None:
        """Stop working; what goes on in Asterisk goes on."""
        for leg in self.all():
            await leg.stop()

    async def forget(self) -> None:
        """What goes on is another recorder's by now."""
        for leg in self.all():
            self._over(leg)
            await leg.stop()
        self._read = self._recovered = False

    def _add(self, leg: Leg) -> LegRunner:
        runner = LegRunner(self._context, leg, self._over)
        self._by_channel[leg.channel] = self._by_id[leg.id.hex] = runner
        self._context.live.add(runner)
        return runner

    def _over(self, leg: LegRunner) -> None:
        self._by_channel.pop(leg.leg.channel, None)
        self._by_id.pop(leg.leg.id.hex, None)
        self._context.live.remove(leg)

    # What is written and what Asterisk has are made to agree

    async def recover(self) -> None:
        """At the first connect: the legs that were not over when the recorder ended. Raises `StoreError`."""
        if self._read:
            return
        for leg in await self._context.books.recover(self._context.pbx):
            if leg.channel not in self:
                self._add(leg).tell(inputs.Begun(leg.linkedid, found=True))
        self._read = True

    async def compare(self, *, away: bool, lost_at: datetime | None) -> tuple[Survey, list[Channel]]:
        """Compare every leg with what Asterisk has, and begin those of calls that began without us.

        Returns the channels that were not followed, too. Raises `AriError`, `SpoolError`, `StoreError`.
        """
        known = self.all()  # before asking: a leg begun later is not missing
        survey = await self._survey(away=away, lost_at=lost_at)
        for leg in known:
            self._compare(leg, survey)
        unseen = replace(survey, away=True, revived=True)
        strangers = [one for one in survey.there.values() if not (self._ours.match(one.id) or one.id in self)]
        for channel in strangers:
            user = self._context.directory.find(channel)
            if user is not None and self._context.directory.is_recorded(channel):
                again = await self._legs_before(channel, user)
                self._compare(self.begin(channel, user, again, found=True), unseen)
        if survey.revived:
            await self._adopt(unseen)
        self._recovered = self._recovered or away
        return survey, strangers

    async def _survey(self, *, away: bool, lost_at: datetime | None) -> Survey:
        context = self._context
        asked_at = context.now()
        there = {channel.id: channel for channel in await context.ari.channels()}
        if not away:
            return Survey(asked_at, there, lost_at=lost_at)
        started_at = await looking.started_at(context.ari)
        files = spool.by_leg(await context.spool.all_of(self._ours), self._ours)
        return Survey(asked_at, there, files, True, not self._recovered, started_at, lost_at)

    def _compare(self, leg: LegRunner, survey: Survey) -> None:
        leg.compare(survey)
        channel = survey.there.get(leg.leg.channel)
        if channel is not None and survey.away:
            leg.tell(inputs.Connected(channels.connected(channel), survey.asked_at))

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
        files = survey.files or {}
        unknown = [UUID(leg) for leg in files if leg not in self._by_id]
        known = await context.store.read(calls.known_legs, unknown) if unknown else set()
        for leg in unknown:
            if leg in known or context.books.has(leg):
                continue
            written = files[leg.hex]
            match = self._ours.match(next(iter(written)))
            user = context.directory.user(UUID(match[2])) if match else None
            if user is None:
                _log.error("a recording of nobody known lies in the recording folder", leg=str(leg))
                continue
            found = self._add(channels.orphan(context, leg, user, written))
            found.tell(inputs.Begun(found.leg.channel, found=True))
            found.compare(replace(survey, asked_at=context.now(), started_at=None))
