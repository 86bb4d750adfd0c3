"""``ari-recorder preferences``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ari_recorder.policies.preferences import Preferences

from .conftest import Command

DOCUMENT = Path(__file__).parents[2] / "docs/reference/preferences.md"


@pytest.fixture
def anna(command: Command) -> Command:
    assert command("user", "add", "101", "--name", "Anna", "--endpoint", "PJSIP/101").code == 0
    return command


def shown(command: Command, *arguments: str) -> Any:
    return json.loads(command("preferences", "show", "--json", *arguments).out)


def test_a_users_cover_the_organisations_until_taken_back(anna: Command) -> None:
    assert anna("preferences", "set", "announce_internal=beep", "warning_tone_s=15").code == 0
    said = anna("preferences", "set", "--user", "101", "warning_tone_s=0", "codes=*1,*2,*3,*4")
    assert "from the next call on" in said.out
    of_anna = shown(anna, "--user", "101")
    assert of_anna["preferences"]["codes"] == {"start": "*1", "stop": "*2", "pause": "*3", "resume": "*4"}
    assert of_anna["preferences"]["warning_tone_s"] == 0
    assert of_anna["origins"]["warning_tone_s"] == "user"
    assert of_anna["origins"]["announce_internal"] == "organisation"
    assert of_anna["origins"]["heard_by"] == "default"
    anna("preferences", "set", "--user", "101", "warning_tone_s=")
    assert shown(anna, "--user", "101")["preferences"]["warning_tone_s"] == 15
    assert shown(anna)["preferences"]["codes"] == {
        "start": "*44",
        "stop": "*45",
        "pause": "*48",
        "resume": "*49",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("warning_tone_s",), "is not of the form KEY=VALUE"),
        (("colour=red",), "colour: there is no such preference; known: language"),
        (("colour=",), "colour: there is no such preference; known: language"),
        (("heard_by=nobody",), "heard_by: 'nobody' is not one of both, user"),
        (("codes=*44",), "codes: one for each of start, stop, pause, resume"),
        (("codes=*4,*44,*45,*46",), "begins with *4"),
        (("language=sv", "warning_tone_s=5"), "from 10 to 1800"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_changed(
    anna: Command, arguments: tuple[str, ...], told: str
) -> None:
    assert told in anna.refused("preferences", "set", *arguments)
    assert set(shown(anna)["origins"].values()) == {"default"}


def test_no_such_user(command: Command) -> None:
    command.begin()
    assert "No user has the number or login '999'" in command.refused(
        "preferences", "show", "--user", "999", code=1
    )


def test_the_document_has_every_preference_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| `?([^`|]*?)`? \|", DOCUMENT.read_text(), re.MULTILINE))
    assert list(rows) == list(Preferences.__dataclass_fields__)
    default = Preferences()
    for name in ("announce_internal", "announce_external", "heard_by", "warning_tone_s", "on_failure"):
        assert rows[name] == str(getattr(default, name))
    assert rows["codes"] == ",".join(default.codes.values())
