"""A leg as a document: every field comes back, and another version's document can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ari_recorder.errors import StoreError
from ari_recorder.policies.announcements import Audience, Prompt
from ari_recorder.policies.commands import Given, Keys, Source
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.state import Announcement, Files, Recording, Segment
from ari_recorder.policies.parties import Counterpart, OnHold, Stretch
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Event, Mode, Standing, State
from ari_recorder.store import documents

AT = datetime(2026, 3, 2, 8, 0, 0, 123456, UTC)
LATER = AT + timedelta(microseconds=1)
PREFERENCES = combine(
    {
        "language": "sv",
        "announce_internal": "beep",
        "announce_external": "beep",
        "heard_by": "user",
        "warning_tone_s": 17,
        "on_failure": "end",
        "codes": {"start": "*1", "stop": "*2", "pause": "##", "resume": "00"},
    }
)
PROMPT = Prompt(PromptKind.FAILURE_END, Audience.COUNTERPART, beep=True, end=True)
EVA = Counterpart("0701", 'Eva "å\0\U0001f4de')

FULL = Leg(
    id=UUID(int=1),
    app="app",
    pbx="main",
    channel="1772438400.1",
    channel_name="PJSIP/101-1",
    user=UUID(int=2),
    organisation=UUID(int=3),
    user_number="101",
    user_name="Anna",
    created_at=AT,
    direction="outbound",
    counterpart=EVA,
    preferences=PREFERENCES,
    standing=Standing(Mode.ON_DEMAND, State.PROVISIONAL_PAUSED, LATER, 2, AT),
    told=Standing(Mode.ON_DEMAND, State.PROVISIONAL_PAUSED, LATER, 2, AT),
    keys=Keys(
        PREFERENCES.commands,
        "#",
        AT,
        Given(Event.PAUSE, LATER, Source.DIGITS),
        echoed=True,
        kept=(Given(Event.STOP, LATER, Source.APP),),
    ),
    segment_max_s=12.5,
    gone_after_s=7.5,
    linkedid="1772438400.0",
    internal=True,
    answered_at=AT,
    ended_at=LATER,
    due=True,
    recordings=(
        Recording(
            ordinal=1,
            opened_at=AT,
            kept=True,
            counterpart=EVA,
            internal=True,
            state=RecordingState.DISCARDING,
            ended_at=LATER,
            segments=(
                Segment(
                    ordinal=1,
                    files=4,
                    due_at=AT,
                    began_at=LATER,
                    format="wav16",
                    since=AT,
                    until=LATER,
                    continues=True,
                    lost=True,
                    cause="Late",
                    ended_at=LATER,
                    file_began_at=AT,
                    file_ended_at=LATER,
                    outward_late_ms=-12.25,
                    dry_at=LATER,
                ),
            ),
            problems=("One.", "Two."),
            announced=True,
            complete=True,
        ),
    ),
    counterparts=(Stretch(EVA, AT, LATER),),
    holds=(OnHold(AT, LATER),),
    announcements=(
        Announcement(UUID(int=4), PROMPT, "sv", "Text", "0" * 64, AT, 1, AT, LATER, "played"),
    ),
    arming=3,
    unarmed=2,
    taken=4,
    said=5,
    files=(Files(4, 3, "wav", AT, (AT, LATER), (LATER, AT), True, True, True, "Broken", AT, True, 2),),
    trouble="Trouble",
    version=77,
    annotations={"note": "N", "mark": "red", "tag1": "1", "tag2": "2", "tag3": "3"},
)  # fmt: skip
"""Nothing in it is as it is by default."""


def kept(leg: Leg) -> dict[str, Any]:
    """What of a leg is kept."""
    names = [field.name for field in fields(Leg)]
    return {name: getattr(leg, name) for name in names[: names.index("annotations") + 1]}


def as_default(value: Any, path: str = "") -> Iterator[str]:
    """The fields, all the way down, whose values are those of a leg of which nothing is known."""
    if is_dataclass(value):
        for field in fields(value):
            found = getattr(value, field.name)
            if path or field.name in kept(FULL):
                if found == field.default or found in (None, (), {}, ""):
                    yield f"{path}{field.name}"
                yield from as_default(found, f"{path}{field.name}.")
    elif isinstance(value, tuple):
        for one in value:
            yield from as_default(one, path)


def test_every_field_comes_back() -> None:
    found = documents.decode(documents.encode(FULL))
    assert kept(found) == kept(FULL)
    assert found == FULL, "and what is not kept is as in a leg that has just begun"
    assert list(as_default(FULL)) == []


def test_it_is_told_of_as_far_as_it_is() -> None:
    raw = msgspec.json.decode(documents.encode(FULL))
    raw["told"]["state"] = "ringing"
    assert documents.decode(msgspec.json.encode(raw)).told == FULL.standing


def test_what_says_only_how_far_it_is_just_now_is_not_kept() -> None:
    document = msgspec.json.decode(documents.encode(FULL))
    assert set(document) == set(kept(FULL))


def test_what_a_newer_version_has_written_beside_is_left_out() -> None:
    raw = msgspec.json.decode(documents.encode(FULL))
    raw["mood"] = {"of": ["the", "user"]}
    for inside in (
        raw["standing"],
        raw["recordings"][0],
        raw["recordings"][0]["segments"][0],
        raw["files"][0],
    ):
        inside["mood"] = None
    raw["preferences"]["volume"] = 11
    assert documents.decode(msgspec.json.encode(raw)) == FULL


def test_what_an_older_version_did_not_write_has_its_default() -> None:
    raw = msgspec.json.decode(documents.encode(FULL))
    for name in ("annotations", "trouble", "unarmed", "files", "announcements"):
        del raw[name]
    del raw["recordings"][0]["complete"], raw["preferences"]["on_failure"]
    found = documents.decode(msgspec.json.encode(raw))
    assert (found.annotations["note"], found.trouble, found.files, found.announcements) == ("", "", (), ())
    assert found.recordings[0].complete is False
    assert found.preferences.codes == PREFERENCES.codes
    assert found.version == FULL.version


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": 1}',
        documents.encode(FULL)[:-9],
        documents.encode(FULL).replace(b'"on_demand"', b'"sometimes"'),
        documents.encode(FULL).replace(b'"Anna"', b'"\xff"'),
    ],
)
def test_what_is_no_leg_is_said(document: bytes) -> None:
    with pytest.raises(StoreError, match="document of a leg cannot be read"):
        documents.decode(document)
