"""Legal holds from the command line."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from ari_recorder.store.erasing import working

from ..store.build import add_user, finish, recorded_call, reopened, safe_in
from .conftest import Command

WHY = ("--reason", "Case T 4711-26")


@pytest.fixture
def anna(command: Command) -> Command:
    """With Anna, 101."""
    assert command("user", "add", "101", "--name", "Anna").code == 0
    return command


def test_placed_listed_and_released(anna: Command) -> None:
    made = anna("holds", "place", "--user", "101", *WHY, "--people", "Eva", "--until", "2099-12-31")
    assert made.code == 0, made.err
    assert "It keeps 0 recordings now" in made.err
    (row,) = json.loads(anna("holds", "list", "--json").out)["rows"]
    assert (row["id"], row["kind"], row["user_name"]) == (made.out.strip(), "user", "Anna")
    assert row["ends_at"].startswith("2100-01-01T00:00:00")
    assert "Case T 4711-26" in anna("holds", "list").out
    asked = anna("holds", "release", row["id"], "--why", "Closed")
    assert "add --yes" in asked.err
    assert "can be deleted then: 0.\n" in asked.out
    assert "Anna" in anna("holds", "list").out
    released = anna("holds", "release", row["id"], "--why", "Closed", "--yes")
    assert released.out.endswith("Released.\n")
    assert anna("holds", "list").out == "There are no legal holds.\n"
    assert "released" in anna("holds", "list", "--over").out
    assert "It is over already" in anna("holds", "release", row["id"], "--why", "x").err


def test_of_several_organisations_it_says_whose_each_is(anna: Command) -> None:
    anna("holds", "place", "--user", "101", *WHY)
    assert "organisation" not in anna("holds", "list").out
    anna("organisation", "add", "Acme")
    anna("holds", "place", "--number", "0701234567", *WHY, "--organisation", "Acme")
    said = anna("holds", "list").out
    assert "│ Acme" in said
    assert "│ Default" in said


def test_the_next_page_of_those_that_are_over_is_of_those_that_are_over(anna: Command) -> None:
    for number in ("0701234567", "0701234568"):
        made = anna("holds", "place", "--number", number, *WHY).out.strip()
        assert anna("holds", "release", made, "--why", "Closed", "--yes").code == 0
    told = anna("holds", "list", "--over", "--limit", "1").out
    (more,) = re.findall(r"More: ari-recorder (.*)", told)
    assert "released" in anna(*more.split()).out


def test_each_kind(anna: Command) -> None:
    placed = anna("holds", "place", "--number", "070-123 45 67", *WHY)
    assert placed.code == 0
    assert "country is not set" in placed.err
    assert anna("holds", "place", "--search", "q=eva&when=week", *WHY).code == 0
    kinds = {row["kind"]: row for row in json.loads(anna("holds", "list", "--json").out)["rows"]}
    assert set(kinds) == {"number", "search"}
    assert kinds["search"]["query"].startswith("q=eva&from=")


@pytest.mark.parametrize(
    "given",
    [
        (), ("--number", "0701", "--user", "101"), ("--number", "12"), ("--search", "mark=mauve"),
        ("--number", "0701", "--until", "yesterday"), ("--number", "0701", "--until", "2000-01-01"),
        ("--number", "0701", "--people", "x" * 501),
    ],
)  # fmt: skip
def test_what_cannot_be(anna: Command, given: tuple[str, ...]) -> None:
    said = anna("holds", "place", *given, *WHY)
    assert said.code != 0
    assert said.err.startswith("ari-recorder: ")
    assert json.loads(anna("holds", "list", "--json").out)["rows"] == []


def test_a_last_day_that_is_over_is_named_as_it_was_given(anna: Command) -> None:
    said = anna("holds", "place", "--number", "0701234567", *WHY, "--until", "2000-01-01")
    assert "--until: 2000-01-01 is over already." in said.err
    anna("holds", "place", "--number", "0701234567", *WHY)
    assert "its release" in anna("holds", "list").out


def test_which_erasures_go_on_is_said_before_a_release(anna: Command, tmp_path: Path) -> None:
    with reopened(anna.store_url) as store:
        recorded_call(store, add_user(store, "102"), number="0701234567")
        finish(store, safe_in(store, tmp_path), tmp_path)
    anna("holds", "place", "--user", "102", *WHY)
    anna("erasures", "begin", "--number", "0701234567", "--yes")
    with reopened(anna.store_url) as store:
        while batch := store.read_now(working.look):
            store.write_now(working.do, batch, datetime.now(UTC))
    (row,) = json.loads(anna("holds", "list", "--json").out)["rows"]
    asked = anna("holds", "release", row["id"], "--why", "Closed")
    assert "can be deleted then: 1; the oldest is of 2026-03-02.\n" in asked.out
    assert "go on at once: 1.\n" in asked.out


def test_what_is_not_there(anna: Command) -> None:
    two = ("--recording", str(uuid4()), "--recording", str(uuid4()))
    for given in (two, ("--recording", str(uuid4())), ("--user", "999"), ("--user", str(uuid4()))):
        assert anna("holds", "place", *given, *WHY).code != 0
    assert "no such legal hold" in anna("holds", "release", str(uuid4()), "--why", "x").err
