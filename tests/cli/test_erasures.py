"""Erasures from the command line."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from .conftest import Command

KARIN = ("--number", "070-123 45 67", "--name", "Karin Ek")


@pytest.fixture
def anna(command: Command) -> Command:
    """With Anna, 101."""
    assert command("user", "add", "101", "--name", "Anna").code == 0
    return command


def test_previewed_begun_and_listed(anna: Command) -> None:
    assert anna("erasures", "list").out == "There are no erasures.\n"
    assert anna("erasures", "preview", *KARIN).out.startswith("Recordings disposed of: 0\n")
    assert json.loads(anna("erasures", "preview", *KARIN, "--json").out)["held"] == 0
    assert "country is not set" in anna("erasures", "preview", *KARIN).out
    assert "country" not in anna("erasures", "preview", "--name", "Karin Ek").out
    begun = anna("erasures", "begin", *KARIN, "--reference", "DSR 12", "--yes")
    assert "Begun: " in begun.out
    (row,) = json.loads(anna("erasures", "list", "--json").out)["rows"]
    assert (row["state"], row["reference"]) == ("running", "DSR 12")
    assert row["id"] in begun.out
    assert "running" in anna("erasures", "list").out
    assert "no report yet" in anna("erasures", "report", row["id"]).err
    assert "goes on, or waits" in anna("erasures", "begin", *KARIN, "--yes").err


@pytest.mark.parametrize(
    "given",
    [
        (), ("--number", "12"), ("--name", "x" * 201), (*KARIN, "--user", str(uuid4())),
        ("--user", str(uuid4())), (*KARIN, "--reference", "Karin Ek"),
    ],
)  # fmt: skip
def test_what_cannot_be(anna: Command, given: tuple[str, ...]) -> None:
    said = anna("erasures", "begin", *given, "--yes")
    assert said.code != 0
    assert said.err.startswith("ari-recorder: ")
    assert anna("erasures", "list").out == "There are no erasures.\n"


def test_of_several_organisations_it_says_whose_each_is(anna: Command) -> None:
    anna("erasures", "begin", "--number", "0701234567", "--yes")
    anna("organisation", "add", "Acme")
    assert "│ Default" in anna("erasures", "list").out


def test_it_asks_and_without_a_terminal_it_says_so(anna: Command) -> None:
    assert "add --yes" in anna("erasures", "begin", *KARIN).err
    assert anna("erasures", "list").out == "There are no erasures.\n"


def test_what_is_not_there(anna: Command) -> None:
    assert "no such erasure" in anna("erasures", "report", str(uuid4())).err


def test_what_leavers_bear(anna: Command) -> None:
    assert anna("organisation", "set", "Default", "--leavers", "pseudonym").code == 0
    assert anna("organisation", "set", "Default", "--leavers", "x").code != 0
