"""When a call ended of which Asterisk did not live to tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ari_recorder.handlers.looking import Survey, ended_with_asterisk
from ari_recorder.policies.leg import Leg, begin, inputs, receive
from ari_recorder.policies.leg.inputs import Written
from ari_recorder.policies.leg.state import Files, file_names
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Mode

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def answered() -> Leg:
    leg = begin(
        app="app",
        pbx="main",
        channel="1.1",
        channel_name="PJSIP/101-1",
        created_at=T0,
        user=UUID(int=101),
        organisation=UUID(int=1),
        user_number="101",
        user_name="Anna",
        mode=Mode.ALWAYS,
        preferences=Preferences(),
        direction="outbound",
        counterpart=Counterpart(),
        segment_max_s=3600,
    )
    leg, _ = receive(leg, inputs.Answered(at(1), "(alaw)"), at(1))
    return replace(leg, files=(Files(1, 1, "wav", at(1)),))


@pytest.mark.parametrize(
    ("written_s", "lost_s", "started_s", "ended_s"),
    [
        (10.0, 11.0, 15.0, 11.0),
        (10.0, 40.0, 45.0, 12.0),
        (10.0, None, 11.5, 11.5),
        (None, 11.0, 15.0, 11.0),
        (10.0, 11.0, -5.0, None),
        (10.0, 11.0, None, None),
    ],
    ids=["lost at once", "noticed late", "we died, too", "nothing written", "not started again", "untold"],
)
def test_a_call_ends_with_its_asterisk(
    written_s: float | None, lost_s: float | None, started_s: float | None, ended_s: float | None
) -> None:
    leg = answered()
    names = file_names(leg.prefix, 1) if written_s is not None else ()
    written = {name: Written(at(1), at(written_s or 0), "wav") for name in names}
    found = Survey(
        at(50),
        {},
        started_at=None if started_s is None else at(started_s),
        lost_at=None if lost_s is None else at(lost_s),
    )
    assert ended_with_asterisk(leg, found, written) == (None if ended_s is None else at(ended_s))
