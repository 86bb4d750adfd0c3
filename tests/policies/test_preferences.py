"""Preferences: layers, defaults, and clear words about what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from ari_recorder.policies.preferences import Announce, HeardBy, OnFailure, Preferences, check, combine, known
from ari_recorder.policies.table import COMMANDS, Event

CODES = {"start": "*1", "stop": "*2", "pause": "*3", "resume": "*4"}


def test_defaults_are_those_users_of_hosted_telephony_know() -> None:
    preferences = combine()
    assert preferences == Preferences()
    assert preferences.commands == {
        "*44": Event.START,
        "*45": Event.STOP,
        "*48": Event.PAUSE,
        "*49": Event.RESUME,
    }
    assert (preferences.warning_tone_s, preferences.on_failure) == (0, OnFailure.TELL)


def test_each_layer_covers_the_one_below_and_leaves_the_rest() -> None:
    organisation = {"language": "sv", "announce_external": "beep", "warning_tone_s": 15}
    user = {"announce_external": "none", "heard_by": "user", "codes": CODES}
    preferences = combine(organisation, user)
    assert preferences.language == "sv"
    assert preferences.announce(internal=False) is Announce.NONE
    assert preferences.announce(internal=True) is Announce.NONE
    assert (preferences.heard_by, preferences.warning_tone_s) == (HeardBy.USER, 15)
    assert preferences.commands == {
        "*1": Event.START,
        "*2": Event.STOP,
        "*3": Event.PAUSE,
        "*4": Event.RESUME,
    }


@pytest.mark.parametrize("seconds", [0, 10, 15, 1800])
def test_warning_tones_that_can_be(seconds: int) -> None:
    assert combine({"warning_tone_s": seconds}).warning_tone_s == seconds


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"colour": "red"}, "colour: there is no such preference"),
        ({"language": "de"}, "language: 'de' has no prompts; one of en, sv"),
        ({"announce_internal": "loud"}, "announce_internal: 'loud' is not one of none, beep, announcement"),
        ({"heard_by": None}, "heard_by"),
        ({"on_failure": 1}, "on_failure"),
        ({"warning_tone_s": 9}, "from 10 to 1800"),
        ({"warning_tone_s": 1801}, "from 10 to 1800"),
        ({"warning_tone_s": -1}, "from 10 to 1800"),
        ({"warning_tone_s": True}, "from 10 to 1800"),
        ({"warning_tone_s": "15"}, "from 10 to 1800"),
        ({"codes": "*44"}, "a DTMF code for each of"),
        ({"codes": {"start": "*44"}}, "a DTMF code for each of start, stop, pause, resume"),
        ({"codes": CODES | {"pause": "*"}}, "the code of pause is 2 to 8"),
        ({"codes": CODES | {"pause": "48a"}}, "the code of pause is 2 to 8"),
        ({"codes": CODES | {"pause": 48}}, "the code of pause is 2 to 8"),
        ({"codes": CODES | {"pause": "*1"}}, "begins with *1"),
        ({"codes": CODES | {"pause": "*12"}}, "*12 begins with *1"),
    ],
)
def test_what_cannot_be_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(values)
    assert told in str(caught.value)


def test_codes_name_every_command() -> None:
    assert set(Preferences().codes) == set(COMMANDS)


def test_what_another_version_has_written_is_passed_over() -> None:
    assert known({"language": "de", "warning_tone_s": 15, "colour": "red", "codes": {}}) == {
        "warning_tone_s": 15
    }
