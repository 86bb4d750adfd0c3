"""What Asterisk says of a channel, as a leg is told it: who is on it, and the variables sent along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from ari_recorder.ari import Channel
from ari_recorder.handlers.context import Context
from ari_recorder.policies.bridging import CALLED
from ari_recorder.policies.commands import Given
from ari_recorder.policies.leg import Leg, begin
from ari_recorder.policies.leg.inputs import Written
from ari_recorder.policies.parties import Counterpart, party
from ari_recorder.policies.table import COMMANDS, Event
from ari_recorder.store.people import RecordedEndpoint

INBOUND, OUTBOUND = "inbound", "outbound"

DIALLED_APPS = ("AppDial", "AppDial2", "AppQueue")
"""What Asterisk names as the application of a channel that it called, rather than that called it."""

DIALLING_APPS = ("Dial", "Queue")
"""What Asterisk names as the application of a channel that calls others."""

PICKUP_APPS = ("", "Pickup", "PickupChan")
"""What Asterisk names as the application of a calling channel that takes a call which rings elsewhere; the
feature code of `features.conf` is no application at all."""

LINKEDID, CODECS, PRESSED = "CHANNEL(linkedid)", "CHANNEL(audionativeformat)", "RECORDER_COMMANDS"
PRESENTATION = "CONNECTEDLINE(pres)"
"""Variables that ``channelvars`` of `asterisk_conf/ari.conf` has sent with every event."""
KEPT_AT = "%Y%m%dT%H%M%S.%fZ"
"""How the dialplan writes a command's time."""
OTHER_DIALPLAN = (
    "extensions_ari_recorder.conf is of another version; copy it from asterisk_conf and `dialplan reload`"
)

_log = structlog.get_logger(__name__)


def direction(channel: Channel) -> str:
    """``inbound`` if Asterisk called the user, ``outbound`` if the user called."""
    bridged = channel.dialplan.app_data.split(",")[1:2] == [CALLED]  # by us
    called = channel.state == "Down" or channel.dialplan.app_name in DIALLED_APPS or bridged
    return INBOUND if called else OUTBOUND


def called_by(caller: Channel, there: Iterable[Channel], since: datetime) -> list[Channel]:
    """Whom a dialplan has called from the caller's channel since then; nobody if Asterisk does not say."""
    return [
        one
        for one in there
        if one.dialplan.app_name in DIALLED_APPS
        and linkedid(one) == linkedid(caller) != ""
        and one.creationtime >= since
    ]


def direction_when_connected(channel: Channel) -> str:
    """``inbound`` for a user who picks up a call that came in for another, ``outbound`` for one who dials,
    and may have been called by a program first; empty if it is as it was."""
    app_name = channel.dialplan.app_name
    if channel.state == "Up" and app_name in DIALLING_APPS:
        return OUTBOUND
    return INBOUND if channel.state == "Ring" and app_name in PICKUP_APPS else ""


def connected(channel: Channel) -> Counterpart:
    """Who Asterisk says the channel is connected to; nobody while it does not know, or is not to tell."""
    if withheld(channel.channelvars.get(PRESENTATION, "")):
        return Counterpart()
    return party(channel.connected.number, channel.connected.name)


def withheld(presentation: str) -> bool:
    """Whether who calls does not want to be shown (CLIR): Asterisk keeps the number, and shows it nobody."""
    return presentation.startswith("prohib")


def first_counterpart(channel: Channel, direction: str) -> Counterpart:
    """The connected line; while there is none, what an outbound caller has dialled."""
    dialled = channel.dialplan.exten if direction == OUTBOUND else ""
    found = connected(channel)
    return found if found.number else party(dialled, found.name)


def linkedid(channel: Channel) -> str:
    """Asterisk's name of the whole call; empty if it does not send it along."""
    return channel.channelvars.get(LINKEDID, "")


def codecs(channel: Channel) -> str | None:
    """The codecs that it offers or uses; None if Asterisk does not say, or not yet."""
    found = channel.channelvars.get(CODECS, "")
    return None if found in ("", "(none)") else found


def commands(channel: Channel) -> tuple[Given, ...]:
    """What its user has given by the feature map, as the dialplan has kept it on the channel."""
    return kept_commands(channel.channelvars.get(PRESSED, ""))


def kept_commands(kept: str) -> tuple[Given, ...]:
    """``20261128T151410.003Z:pause|20261128T151412.267Z:resume|``; what is no such thing is left out."""
    found = []
    for entry in filter(None, kept.split("|")):
        at, _, command = entry.partition(":")
        try:
            given_at = datetime.strptime(at, KEPT_AT).replace(tzinfo=UTC)
        except ValueError:
            _log.error("a kept command is not taken: " + OTHER_DIALPLAN, kept=entry)
            continue
        if command in COMMANDS:
            found.append(Given(Event(command), given_at))
    return tuple(found)


def new_leg(context: Context, channel: Channel, user: RecordedEndpoint, again: int = 0) -> Leg:
    """The leg that a recorded user's new channel is; ``again`` as `policies.leg.begin` has it."""
    towards = direction(channel)
    counterpart = first_counterpart(channel, towards)
    created_at = channel.creationtime.astimezone(UTC)
    return _begin(context, user, channel.id, channel.name, created_at, towards, counterpart, again)


def orphan(context: Context, leg: UUID, user: RecordedEndpoint, written: Mapping[str, Written]) -> Leg:
    """A leg of which only its files are left: the recorder died just at the answer, and the call ended.

    With whom it was is not known.
    """
    began_at = min(one.began_at for one in written.values())
    name = f"{user.name}-unknown"
    found = _begin(context, user, f"unknown-{leg}", name, began_at, INBOUND, Counterpart())
    return replace(found, id=leg)


def _begin(
    context: Context,
    user: RecordedEndpoint,
    channel: str,
    channel_name: str,
    created_at: datetime,
    towards: str,
    counterpart: Counterpart,
    again: int = 0,
) -> Leg:
    return begin(
        app=context.app,
        pbx=context.pbx,
        channel=channel,
        channel_name=channel_name,
        created_at=created_at,
        user=user.user,
        organisation=user.organisation,
        user_number=user.user_number,
        user_name=user.user_name,
        mode=user.mode,
        preferences=user.preferences,
        direction=towards,
        counterpart=counterpart,
        segment_max_s=context.segment_max_s,
        gone_after_s=context.gone_after_s,
        again=again,
    )
