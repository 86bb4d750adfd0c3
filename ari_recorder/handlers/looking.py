"""What Asterisk and the recording folder have of a leg: the snapshot by which the machine recovers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ari_recorder.ari import Ari, Channel
from ari_recorder.errors import AriError, AriNotFound, AriRefused
from ari_recorder.handlers import channels
from ari_recorder.handlers.context import Context
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.inputs import Given, Inquired, Snapshot, Written
from ari_recorder.policies.leg.recovery import WRITES_WITHIN
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.table import State, has_commands

WAITING = ("queued", "canceled")
"""States of a recording that waits behind another on the same snoop."""


@dataclass(frozen=True)
class Found:
    """What was asked at ``asked_at`` for all legs of an Asterisk at once.

    ``channel`` is the leg's, None if it is gone; ``snoops`` are those that bear its name, ``written`` the
    files that do, None if the folder was not looked through. ``started_at`` is when Asterisk was, and
    ``lost_at`` since when it did not answer before; None if it is not known.
    """

    asked_at: datetime
    channel: Channel | None
    snoops: frozenset[str] = frozenset()
    written: Mapping[str, Written] | None = None
    away: bool = False
    revived: bool = field(default=False)
    started_at: datetime | None = None
    lost_at: datetime | None = None


def files(leg: Leg) -> tuple[str, ...]:
    """The names of what is being written of a leg, or may be."""
    return tuple(name for one in leg.files for name in file_names(leg.prefix, one.number))


async def look(context: Context, leg: Leg, names: Iterable[str]) -> Snapshot:
    """See what there is of one leg. Raises `AriError`, `SpoolError`."""
    asked_at = context.now()
    snoops = [*(leg.snoops if leg.arming else ()), *((leg.whisper,) if leg.said else ())]
    channel, *others = await asyncio.gather(
        _channel(context.ari, leg.channel), *(_channel(context.ari, snoop) for snoop in snoops)
    )
    there = frozenset(one.id for one in others if one is not None)
    written = await context.spool.written(names)
    since = await started_at(context.ari) if channel is None else None
    found = Found(asked_at, channel, there, written, started_at=since, lost_at=leg.unanswered_at)
    return await compare(context, leg, found)


async def started_at(ari: Ari) -> datetime | None:
    """When Asterisk was started, if it tells. Raises `AriError`."""
    try:
        return (await ari.info()).status.startup_time.astimezone(UTC)
    except (AriNotFound, AriRefused):
        return None


async def compare(context: Context, leg: Leg, found: Found) -> Snapshot:
    """Complete what was asked for all legs at once. Raises `AriError`, `SpoolError`."""
    channel = found.channel
    names = sorted({*files(leg), *(found.written or ())})
    states = dict(
        zip(names, await asyncio.gather(*(_live(context.ari, name) for name in names)), strict=True)
    )
    written = found.written if found.written is not None else await context.spool.written(names)
    answered_at = None
    if channel is not None and channel.state == "Up" and leg.standing.state is State.RINGING:
        answered_at = await _answered_at(context.ari, channel.id)
    return Snapshot(
        asked_at=found.asked_at,
        state=channel.state if channel is not None else None,
        snoops=found.snoops,
        live=frozenset(name for name, state in states.items() if state not in ("", *WAITING)),
        queued=frozenset(name for name, state in states.items() if state in WAITING),
        written=written,
        commands=await _commands(context.ari, leg, channel),
        codecs=channels.codecs(channel) if channel is not None else None,
        answered_at=answered_at,
        ended_at=ended_with_asterisk(leg, found, written),
        away=found.away,
        revived=found.revived,
    )


def ended_with_asterisk(leg: Leg, found: Found, written: Mapping[str, Written]) -> datetime | None:
    """When a call ended, if Asterisk has been started since it began: soon after what was written last."""
    if found.channel is not None or found.started_at is None or found.started_at <= leg.created_at:
        return None
    ends = [found.started_at] if found.lost_at is None else [found.started_at, found.lost_at]
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
    try:
        return channels.kept_commands(await ari.variable(_kept_in(leg)))
    except AriNotFound:
        return ()


def _kept_in(leg: Leg) -> str:
    return f"{channels.PRESSED}_{leg.channel}"


async def _channel(ari: Ari, channel: str) -> Channel | None:
    try:
        return await ari.channel(channel)
    except AriNotFound:
        return None


async def _live(ari: Ari, name: str) -> str:
    """The state of a recording that is being made, or is to be; empty if there is none."""
    try:
        return (await ari.live_recording(name)).state
    except AriNotFound:
        return ""


async def _answered_at(ari: Ari, channel: str) -> datetime | None:
    """When a channel was answered, nobody having seen it, where Asterisk's call detail records tell."""
    try:
        at_s = await ari.channel_variable(channel, "CDR(answer,u)")
        return datetime.fromtimestamp(float(at_s), UTC)
    except (AriError, ValueError, OverflowError):
        return None
