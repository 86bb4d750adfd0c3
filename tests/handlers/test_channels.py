"""What Asterisk says of a channel, as a leg."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from ari_recorder.handlers import channels
from ari_recorder.policies.leg.inputs import Written
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Mode
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
