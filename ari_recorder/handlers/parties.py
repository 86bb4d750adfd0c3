"""Who is on a recorded user's leg: direction and counterpart, from what Asterisk says of the channel."""

from __future__ import annotations

from datetime import datetime

from ari_recorder.ari import Channel
from ari_recorder.policies.table import Leg, State
from ari_recorder.store.models import new_id
from ari_recorder.store.people import RecordedEndpoint
from ari_recorder.store.rows import Counterpart, LegRow

INBOUND, OUTBOUND = "inbound", "outbound"

DIALLED_APPS = ("AppDial", "AppDial2", "AppQueue")
"""What Asterisk names as the application of a channel that it called, rather than that called it."""

PICKUP_APPS = ("", "Pickup", "PickupChan")
"""What Asterisk names as the application of a calling channel that takes a call which rings elsewhere; the
feature code of `features.conf` is no application at all."""


def direction(channel: Channel) -> str:
    """``inbound`` if Asterisk called the user, ``outbound`` if the user called."""
    called = channel.state == "Down" or channel.dialplan.app_name in DIALLED_APPS
    return INBOUND if called else OUTBOUND


def direction_when_connected(channel: Channel) -> str:
    """``inbound`` for a user who picks up a call that came in for another; empty if it is as it was."""
    picked_up = channel.state == "Ring" and channel.dialplan.app_name in PICKUP_APPS
    return INBOUND if picked_up else ""


def connected(channel: Channel) -> Counterpart:
    """Who Asterisk says the channel is connected to; nobody while it does not know."""
    return Counterpart(channel.connected.number, channel.connected.name)


def first_counterpart(channel: Channel, direction: str) -> Counterpart:
    """The connected line; while there is none, what an outbound caller has dialled."""
    dialled = channel.dialplan.exten if direction == OUTBOUND else ""
    return Counterpart(channel.connected.number or dialled, channel.connected.name)


def new_leg(pbx: str, channel: Channel, endpoint: RecordedEndpoint, at: datetime) -> LegRow:
    """The leg that a recorded user's new channel is."""
    towards = direction(channel)
    return LegRow(
        id=new_id(),
        user=endpoint.user,
        organisation=endpoint.organisation,
        pbx=pbx,
        channel=channel.id,
        channel_name=channel.name,
        direction=towards,
        counterpart=first_counterpart(channel, towards),
        created_at=at,
        internal_numbers=endpoint.internal_numbers,
        user_number=endpoint.user_number,
        user_name=endpoint.user_name,
        preferences=endpoint.preferences,
        policy=Leg(mode=endpoint.mode, state=State.RINGING, since=at),
    )
