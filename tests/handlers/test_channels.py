"""What Asterisk says of a channel, as a leg."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
from structlog.testing import capture_logs

from ari_recorder.ari import Channel
from ari_recorder.ari.resources import CallerID, DialplanCEP
from ari_recorder.handlers import channels
from ari_recorder.policies.commands import Given
from ari_recorder.policies.leg.inputs import Written
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store.people import RecordedEndpoint

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_a_leg_of_which_only_files_are_left_bears_their_name() -> None:
    user = RecordedEndpoint(
        name="PJSIP/101",
        user=UUID(int=101),
        organisation=UUID(int=1),
        user_number="101",
        user_name="Anna",
        mode=Mode.ALWAYS,
        preferences=Preferences(),
    )
    context: Any = SimpleNamespace(app="app", pbx="main", segment_max_s=3600.0, gone_after_s=300.0)
    name = f"app-{UUID(int=7).hex}-{UUID(int=101).hex}-r1-in"
    leg = channels.orphan(context, UUID(int=7), user, {name: Written(AT, AT, "wav")})
    assert name.startswith(leg.prefix)


def test_whom_asterisk_names_acts_on_nobody() -> None:
    hostile = CallerID(name="\x1b[2J\u202eAnna", number="070\n1")
    channel = Channel(
        id="1.1",
        name="PJSIP/101-1",
        state="Ring",
        caller=CallerID(),
        connected=hostile,
        dialplan=DialplanCEP(context="users", exten="\x9b102", priority=1),
        creationtime=AT,
    )
    plain = Counterpart("070 1", "\ufffd[2J\ufffdAnna")
    assert channels.connected(channel) == plain
    assert channels.first_counterpart(channel, channels.INBOUND) == plain
    dialled = msgspec.structs.replace(channel, connected=CallerID())
    assert channels.first_counterpart(dialled, channels.OUTBOUND) == Counterpart("\ufffd102", "")


def test_kept_commands_are_those_of_this_dialplan() -> None:
    """Of another version's the times are wrong where Asterisk's time zone is not UTC: it is said."""
    kept = "20260302T080001.250Z:pause|1772438402.500:resume|20260302T080003.000Z:hangup|"
    with capture_logs() as said:
        found = channels.kept_commands(f"{kept}:|20260302T080004.000Z:stop|")
    assert found == (
        Given(Event.PAUSE, AT + timedelta(seconds=1.25)),
        Given(Event.STOP, AT + timedelta(seconds=4)),
    )
    assert [(line["log_level"], line["kept"]) for line in said] == [
        ("error", "1772438402.500:resume"),
        ("error", ":"),
    ]
    assert "copy it from asterisk_conf" in said[0]["event"]
