"""What Asterisk says of a channel, as a leg."""

from __future__ import annotations

from datetime import UTC, datetime
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
    name = f"app-{UUID(int=7).hex}-{UUID(int=101).hex}-r1-in"
    leg = channels.orphan("app", "main", UUID(int=7), user, {name: Written(AT, AT, "wav")})
    assert name.startswith(leg.prefix)
