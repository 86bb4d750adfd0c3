"""What a dialplan can ask for with a tap or a bridge, and what it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ari_recorder.policies import tap
from ari_recorder.policies.announcements import Audience, Prompt
from ari_recorder.policies.bridging import Bridging, read
from ari_recorder.policies.bridging.state import cause
from ari_recorder.policies.leg.state import Announcement
from ari_recorder.policies.preferences import Announce, Preferences
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Mode
from ari_recorder.policies.tap import Status, Tap, Told


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        ("101", Tap("101")),
        ("101,,,", Tap("101")),
        (" 101 , always ", Tap("101", mode=Mode.ALWAYS)),
        ("101@Second Co", Tap("101", "Second Co")),
        ("101,,sv", Tap("101", preferences={"language": "sv"})),
        (
            "101,,,none",
            Tap("101", preferences={"announce_internal": Announce.NONE, "announce_external": Announce.NONE}),
        ),
        ("101,,,before", Tap("101", before=True)),
    ],
)
def test_read(arguments: str, wish: Tap) -> None:
    assert tap.read(arguments.split(",")) == wish


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("", "No user"),
        ("@Second Co", "No user"),
        ("101,Always", "never, always, always_pause_resume, on_demand, on_demand_user_start"),
        ("101,,de", "language"),
        ("101,,,Beep", "none, beep, announcement, before"),
        ("101,,,,more", "Too many"),
    ],
)
def test_what_cannot_be_says_what_can(arguments: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        tap.read(arguments.split(","))


def test_what_is_not_wished_for_is_the_user_s() -> None:
    own = Preferences(language="sv", warning_tone_s=15)
    assert Tap("101").terms(Mode.ON_DEMAND, own) == (Mode.ON_DEMAND, own)
    mode, preferences = tap.read(["101", "always", "en", "beep"]).terms(Mode.NEVER, own)
    assert mode is Mode.ALWAYS
    assert (preferences.language, preferences.warning_tone_s) == ("en", 15)
    assert preferences.announce(internal=True) is preferences.announce(internal=False) is Announce.BEEP


def test_told() -> None:
    assert tap.told("", Mode.ALWAYS) == Told(Status.OK)
    assert tap.told("", Mode.NEVER).status is Status.OFF
    assert tap.told("No.", Mode.NEVER) == Told(Status.FAILED, "No.")


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        ("PJSIP/102", Bridging("PJSIP/102", 30)),
        ("PJSIP/102,", Bridging("PJSIP/102", 30)),
        ("PJSIP/0812345678@trunk,25", Bridging("PJSIP/0812345678@trunk", 25)),
    ],
)
def test_a_bridge(arguments: str, wish: Bridging) -> None:
    assert read(arguments.split(",")) == wish


@pytest.mark.parametrize(
    "arguments",
    ["", "102", "/102", "PJSIP/", "PJSIP/1&PJSIP/2", "PJSIP/1,0", "PJSIP/1,-5", "PJSIP/1,٣", "PJSIP/1,5,x"],
)
def test_a_bridge_that_cannot_be(arguments: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint|seconds|many"):
        read(arguments.split(","))


def test_the_cause_that_the_caller_is_told() -> None:
    assert cause(17, answered=False) == 17
    assert (cause(0, answered=True), cause(0, answered=False)) == (16, 19)


AT = datetime(2026, 3, 2, 9, 0, 0, 125_000, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)


def test_what_is_kept_on_the_callers_channel_is_read_again() -> None:
    assert tap.unpack_expected(tap.pack_expected(AT, ["101", "", "sv"])) == (AT, ["101", "", "sv"])
    prompt = Prompt(PromptKind.START, Audience.COUNTERPART)
    said = Announcement(UUID(int=7), prompt, "sv", "Samtalet spelas in.", "ab" * 32, AT).over(LATER, "played")
    cut = Announcement(UUID(int=8), prompt, "sv", "", "ab" * 32, LATER)
    packed = tap.pack_said([said, cut])
    assert len(packed) < 400
    read = tap.unpack_said(packed, LATER)
    assert read == [
        replace(said, text=""),
        cut.over(LATER, "cut"),
    ]
    assert tap.unpack_said("", LATER) == []


@pytest.mark.parametrize("value", ["1,2", "x,counterpart,sv,ab,1,,", "|,,,,,,"])
def test_what_is_no_evidence_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        tap.unpack_said(value, LATER)
