"""Recordings and their check from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ari_recorder.policies.table import Event
from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.store.vault import LocalVault

from ..store.build import BEGIN, Call, add_user, finish, recorded_call, safe_in
from .conftest import Command


@pytest.fixture
def vault(command: Command) -> LocalVault:
    """The command's vault."""
    return LocalVault(command.folder / "var/lib/ari_recorder/vault")


@pytest.fixture
def kept(command: Command, vault: LocalVault, tmp_path: Path) -> Iterator[Store]:
    """The command's catalogue, with three recordings a minute apart."""
    store = Store(command.store_url)
    user = add_user(store, "101")
    for minute in range(3):
        recorded_call(store, user, at=BEGIN + timedelta(minutes=minute), number=f"070123456{minute}")
    finish(store, safe_in(store, vault.root.parent), tmp_path)
    yield store
    store.close()


@pytest.mark.usefixtures("kept")
def test_the_list_is_newest_first(command: Command) -> None:
    said = command("recordings", "list")
    assert (said.code, said.err) == (0, "")
    assert re.findall(r"070123456\d", said.out) == ["0701234562", "0701234561", "0701234560"]
    assert "101 User 101" in said.out
    assert "0:01" in said.out
    assert "stored" in said.out


def test_of_several_organisations_it_says_whose_each_is(command: Command, kept: Store) -> None:
    assert "organisation" not in command("recordings", "list").out
    command("organisation", "add", "Acme")
    assert command("recordings", "list").out.count("│ Default") == 3
    said = command("recordings", "list", "--organisation", "Default", "--limit", "1").out
    assert "070123456" in said
    assert "│ Default" not in said
    assert "More: ari-recorder recordings list --organisation Default --cursor " in said
    assert command("recordings", "list", "--organisation", "Acme").out == "There are no recordings.\n"
    assert "no organisation 'Nowhere'" in command.refused(
        "recordings", "list", "--organisation", "Nowhere", code=1
    )


@pytest.mark.usefixtures("kept")
def test_pages_follow_each_other(command: Command) -> None:
    seen, cursor = [], []
    for _ in range(3):
        page = json.loads(command("recordings", "list", "--json", "--limit", "1", *cursor).out)
        seen += [row["counterpart_number"] for row in page["recordings"]]
        cursor = ["--cursor", page["next_cursor"]]
    assert seen == ["0701234562", "0701234561", "0701234560"]
    assert page["next_cursor"] is None
    assert "--cursor" in command("recordings", "list", "--limit", "1").out


@pytest.mark.usefixtures("kept")
def test_a_search_by_number(command: Command) -> None:
    said = command("recordings", "list", "--number", "34561")
    assert re.findall(r"070123456\d", said.out) == ["0701234561"]
    assert command("recordings", "list", "--number", "999").out == "There are no recordings.\n"
    assert "--number 070 --cursor" in command("recordings", "list", "--number", "070", "--limit", "1").out
    assert "1 to 128" in command.refused("recordings", "list", "--number", "", code=2)


def test_no_recordings(command: Command) -> None:
    command.begin()
    assert command("recordings", "list").out == "There are no recordings.\n"


def test_a_cursor_that_is_none(command: Command) -> None:
    command.begin()
    assert "start again" in command.refused("recordings", "list", "--cursor", "nonsense", code=1)


@pytest.mark.usefixtures("kept")
def test_everything_is_sound(command: Command) -> None:
    said = command("verify", "--settled")
    assert said.code == 0
    assert said.out.startswith(
        "3 recordings, 3 files, 3 ledger lines, 3 manifests, 0 heads, 0 time stamps, 1 audit lines, 0"
    )
    assert said.out.endswith(" lines, 0 seals, 0 disposals: 0 wrong, 0 still open\n")


@pytest.mark.usefixtures("kept")
def test_a_changed_file_is_found(command: Command, vault: LocalVault) -> None:
    key = next(vault.keys())
    (vault.root / key).write_bytes(b"something else")
    said = command("verify")
    assert said.code == 1
    assert f"wrong: changed: {Path(key).name.partition('.')[0]}" in said.out
    report = json.loads(command("verify", "--json").out)
    assert not report["ok"]
    assert [finding["kind"] for finding in report["report"]["damage"]] == ["changed"]


def test_a_call_that_goes_on_is_open_unless_all_is_said_to_be_settled(command: Command, kept: Store) -> None:
    Call.rings(kept, add_user(kept, "102")).happens(Event.ANSWERED)
    assert command("verify").code == 0
    assert command("verify", "--settled").code == 1


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202exe.אבג\n"


def test_a_hostile_name_does_nothing_to_a_terminal(command: Command, kept: Store) -> None:
    """Older versions kept what a caller sent; who is shown the list has not asked for it."""
    for row in (models.Recording, models.Counterpart, models.Leg):
        kept.write_now(lambda row=row: row.update(**names_of(row, HOSTILE)).execute())
    kept.write_now(lambda: models.User.update(name=HOSTILE).execute())
    for words in (("recordings", "list"), ("user", "list"), ("recordings", "list", "--json"), ("verify",)):
        said = command(*words)
        assert [
            one for one in said.out + said.err if not (one.isprintable() or one in "\n\u2068\u2069")
        ] == []
    table = command("recordings", "list").out
    assert r"\x1b]0;owned\x07\x9b31m\u202exe." in table
    assert table.count("\u2068") == table.count("\u2069") > 0, "a name from right to left keeps to itself"
    (page, *_) = json.loads(command("recordings", "list", "--json").out)["recordings"]
    assert page["counterpart_name"] == HOSTILE


def test_a_hostile_word_is_not_echoed_to_the_terminal(command: Command) -> None:
    command.begin()
    for words in (("user", "show", HOSTILE), (HOSTILE,), ("--config", HOSTILE, "verify")):
        said = command(*words)
        assert said.code != 0
        assert said.err.count("\n") == 1
        assert said.err.strip().isprintable()


def names_of(row: Any, text: str) -> dict[str, str]:
    fields = ("counterpart_name", "counterpart_number", "name", "number")
    return {field: text for field in fields if hasattr(row, field)}
