"""What is heard in a recording, and who was in it, held against what the phones did and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ari_recorder.store.catalogue import RecordingRow
from lab import PhoneCall
from lab.cases import OUTSIDE
from lab.directory import change_user
from lab.people import USERS
from lab.tones import HOLD_HZ, Samples, frequency_hz, tone_spans
from tests.asterisk.station import Station, until

HOLD = "hold"
"""The PBX's music on hold, as somebody who is heard."""
TALK_S = 1.0
"""Length of a stretch of conversation."""

_WITHIN_S = 0.4
_STALL_S = 0.4
_SHORTEST_S = 0.2
_LENGTH_WITHIN_MS = 250
_TONES_HZ = {
    **{user.number: frequency_hz(user.number) for user in USERS},
    OUTSIDE: frequency_hz(OUTSIDE),
    HOLD: HOLD_HZ,
}


@dataclass(frozen=True)
class Heard:
    """Somebody, by number, from one time to another."""

    who: str
    since: datetime
    to: datetime


def now() -> datetime:
    """The time, as the phones' and the PBX's events have it."""
    return datetime.now(UTC)


def known(at: datetime | None) -> datetime:
    """A time that has come."""
    assert at is not None
    return at


def throughout(call: PhoneCall, who: str = "") -> Heard:
    """The phone's own tone, or ``who``, from the answer to the end of its call."""
    return Heard(who or call.phone.number, known(call.answered_at), known(call.ended_at))


async def change(station: Station, number: str, **changes: object) -> None:
    """Change a user, and return when the recorder follows."""
    log = station.recorder.log
    followed = log.read_text().count("following endpoints")
    await station.store.write(change_user, number, **changes)
    await until(lambda: log.read_text().count("following endpoints") > followed)


async def recorded(station: Station, *users: str) -> list[RecordingRow]:
    """The recordings there are, once everything is settled: of these users, in this order of beginning.

    Each due call's line in the ledger says that it was recorded, and none has a problem.
    """
    await station.evidence.settled()
    rows = station.evidence.recordings()
    assert [row.user_number for row in rows] == list(users)
    assert station.ledger() == [("recorded", "")] * len(users)
    assert [row.problems for row in rows] == [()] * len(users)
    return rows


def assert_length(row: RecordingRow, since: datetime | None, to: datetime | None) -> None:
    """The recording lasts from one time to the other."""
    length_ms = (known(to) - known(since)).total_seconds() * 1000
    assert abs((row.duration_ms or 0) - length_ms) <= _LENGTH_WITHIN_MS, (
        f"{row.duration_ms} ms, not {length_ms:.0f}"
    )


def assert_heard(
    station: Station,
    row: RecordingRow,
    left: Sequence[Heard],
    right: Sequence[Heard],
    prompts: bool = False,
) -> None:
    """These are heard, then and only then, and on a side without ``prompts`` (right) nobody else is."""
    samples, rate_hz = station.evidence.audio(row)
    for name, side, expected in (("left", samples[:, 0], left), ("right", samples[:, 1], right)):
        parties = {one.who for one in expected} if prompts and name == "right" else set(_TONES_HZ)
        for who in parties:
            spans = [(one.since, one.to) for one in expected if one.who == who]
            wanted = [tuple((at - row.answered_at).total_seconds() for at in span) for span in spans]
            found = _spans(side, rate_hz, _TONES_HZ[who])
            assert len(found) == len(wanted), f"{who} on the {name}: {found}, not {wanted}"
            for heard, want in zip(found, wanted, strict=True):
                assert heard == pytest.approx(want, abs=_WITHIN_S), f"{who} on the {name}"


def assert_met(row: RecordingRow, *expected: Heard) -> None:
    """These are the counterparts, at these times, and the recording is named after the last of them."""
    assert [one.number for one in row.counterparts] == [one.who for one in expected]
    for met, one in zip(row.counterparts, expected, strict=True):
        for at, want in ((met.joined_at, one.since), (known(met.left_at), one.to)):
            assert abs((at - want).total_seconds()) < _WITHIN_S, f"{one.who}: {met}, not {one}"
    assert row.counterpart_number == expected[-1].who


def _spans(samples: Samples, rate_hz: int, hz: float) -> list[tuple[float, float]]:
    """When a tone is heard (s), short silences of a machine that stalls closed, glimpses left out."""
    joined: list[tuple[float, float]] = []
    for start, end in tone_spans(samples, rate_hz, hz):
        if joined and start - joined[-1][1] <= _STALL_S:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if end - start >= _SHORTEST_S]
