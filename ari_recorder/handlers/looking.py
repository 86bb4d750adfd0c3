"""What Asterisk and the recording folder have of a leg: the snapshot by which the machine recovers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from ari_recorder.ari import Ari, Channel
from ari_recorder.errors import AriError, AriNotFound, AriRefused
from ari_recorder.handlers import channels
from ari_recorder.handlers.context import Context
from ari_recorder.policies.commands import Given
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.inputs import Inquired, Snapshot, Written
from ari_recorder.policies.leg.recovery import WRITES_WITHIN
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.table import State, has_commands

T = TypeVar("T")

WAITING = ("queued", "canceled")
"""States of a recording that waits behind another on the same snoop."""


@dataclass(frozen=True)
class Survey:
    """What was asked at ``asked_at`` for all legs of an Asterisk at once.

    ``there`` are its channels by their ids, ``files`` what lies in the recording folder, by the leg in the
    names; None if it was not looked through. ``started_at`` is when Asterisk was, and ``lost_at`` since when
    it did not answer before; None if it is not known. ``away`` and ``revived`` as in `Snapshot`.
    """

    asked_at: datetime
    there: Mapping[str, Channel]
    files: Mapping[str, Mapping[str, Written]] | None = None
    away: bool = False
    revived: bool = False
    started_at: datetime | None = None
    lost_at: datetime | None = None


async def look(context: Context, leg: Leg, names: Iterable[str]) -> Snapshot:
    """See what there is of one leg. Raises `AriError`, `SpoolError`."""
    asked_at = context.now()
    snoops = [*(leg.snoops if leg.arming else ()), *((leg.whisper,) if leg.said else ())]
    found = await asyncio.gather(*(or_none(context.ari.channel(one)) for one in (leg.channel, *snoops)))
    there = {one.id: one for one in found if one is not None}
    files = {leg.id.hex: await context.spool.written(names)}
    since = await started_at(context.ari) if leg.channel not in there else None
    survey = Survey(asked_at, there, files, started_at=since, lost_at=leg.unanswered_at)
    return await compare(context, leg, survey)


async def started_at(ari: Ari) -> datetime | None:
    """When Asterisk was started, if it tells. Raises `AriError`."""
    try:
        return (await ari.info()).status.startup_time.astimezone(UTC)
    except (AriNotFound, AriRefused):
        return None


async def compare(context: Context, leg: Leg, survey: Survey) -> Snapshot:
    """What there is of one leg, with what was not asked for all. Raises `AriError`, `SpoolError`."""
    channel = survey.there.get(leg.channel)
    files = (survey.files or {}).get(leg.id.hex, {})
    written = {name: one for name, one in files.items() if name.startswith(leg.prefix)}
    names = sorted({*leg.file_names, *written})
    states = dict(
        zip(names, await asyncio.gather(*(_live(context.ari, name) for name in names)), strict=True)
    )
    if survey.files is None:
        written = await context.spool.written(names)
    answered_at = None
    if channel is not None and channel.state == "Up" and leg.standing.state is State.RINGING:
        answered_at = await _answered_at(context.ari, channel.id)
    return Snapshot(
        asked_at=survey.asked_at,
        state=channel.state if channel is not None else None,
        snoops=frozenset(name for name in survey.there if name.startswith(leg.prefix)),
        live=frozenset(name for name, state in states.items() if state not in ("", *WAITING)),
        queued=frozenset(name for name, state in states.items() if state in WAITING),
        written=written,
        commands=await _commands(context.ari, leg, channel),
        codecs=channels.codecs(channel) if channel is not None else None,
        answered_at=answered_at,
        ended_at=ended_with_asterisk(leg, survey, written),
        away=survey.away,
        revived=survey.revived,
    )


def ended_with_asterisk(leg: Leg, survey: Survey, written: Mapping[str, Written]) -> datetime | None:
    """When a call ended, if Asterisk has been started since it began: soon after what was written last."""
    started_at = survey.started_at
    if leg.channel in survey.there or started_at is None or started_at <= leg.created_at:
        return None
    ends = [started_at] if survey.lost_at is None else [started_at, survey.lost_at]
    if leg.running is not None:
        names = file_names(leg.prefix, leg.running.number)
        ends += [written[name].changed_at + WRITES_WITHIN for name in names if name in written]
    return max(min(ends), leg.standing.since)


async def inquire(ari: Ari, leg: Leg) -> Inquired:
    """Ask for what ``channelvars`` of `ari.conf` would have told. Raises `AriError`."""
    linkedid, codecs = await asyncio.gather(
        ari.channel_variable(leg.channel, channels.LINKEDID),
        ari.channel_variable(leg.channel, channels.CODECS),
    )
    return Inquired(linkedid, codecs)


async def forget_commands(ari: Ari, leg: Leg) -> None:
    """Clear away what `_commands` would find of a call that is over. Raises `AriError`."""
    await ari.unset_variable(_kept_in(leg))


async def _commands(ari: Ari, leg: Leg, channel: Channel | None) -> tuple[Given, ...]:
    """What the dialplan has kept, on the channel, or, when that is gone, in a global variable of its own."""
    if channel is not None:
        return channels.commands(channel)
    if not has_commands(leg.standing.mode):
        return ()
    return channels.kept_commands(await or_none(ari.variable(_kept_in(leg))) or "")


def _kept_in(leg: Leg) -> str:
    return f"{channels.PRESSED}_{leg.channel}"


async def or_none(asking: Awaitable[T]) -> T | None:
    """What is asked for, or None if it is not there. Raises `AriError`."""
    try:
        return await asking
    except AriNotFound:
        return None


async def _live(ari: Ari, name: str) -> str:
    """The state of a recording that is being made, or is to be; empty if there is none."""
    live = await or_none(ari.live_recording(name))
    return live.state if live is not None else ""


async def _answered_at(ari: Ari, channel: str) -> datetime | None:
    """When a channel was answered, nobody having seen it, where Asterisk's call detail records tell."""
    try:
        at_s = await ari.channel_variable(channel, "CDR(answer,u)")
        return datetime.fromtimestamp(float(at_s), UTC)
    except (AriError, ValueError, OverflowError):
        return None
