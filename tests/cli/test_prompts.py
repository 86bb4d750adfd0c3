"""Prompts from the command line."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ari_recorder import prompts as shipped
from ari_recorder.policies.prompts import PromptKind

from ..media.test_prompts import made
from .conftest import Command

SET = ("prompt", "set", "start", "own.mp3", "--language", "sv", "--text", "Hej! Samtalet spelas in.")


@pytest.fixture
def own(command: Command) -> Path:
    path = command.folder / "own.mp3"
    path.write_bytes(made("mp3", "libmp3lame", 44_100, "stereo"))
    return path


def listed(command: Command) -> dict[tuple[str, str], dict[str, Any]]:
    said = command("prompt", "list", "--json")
    assert said.code == 0
    return {(each["kind"], each["language"]): each for each in json.loads(said.out)}


def test_the_shipped_ones_are_listed(command: Command) -> None:
    command.begin()
    assert list(listed(command)) == shipped.every_prompt()
    assert not any(each["own"] for each in listed(command).values())
    table = command("prompt", "list").out
    assert "Samtalet spelas in." in table
    assert "warning" in table


def test_a_file_is_put_in_place_heard_and_taken_back(command: Command, own: Path) -> None:
    said = command(*SET)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("start sv: your own, from own.mp3, 1.")
    assert said.out.endswith(" s: Hej! Samtalet spelas in.\n")
    entry = listed(command)["start", "sv"]
    assert (entry["own"], entry["text"]) == (True, "Hej! Samtalet spelas in.")
    assert "Hej!" in command("prompt", "list").out
    assert not listed(command)["start", "en"]["own"]

    assert command("prompt", "export", "start", "out.wav", "--language", "sv").code == 0
    written = (command.folder / "out.wav").read_bytes()
    assert hashlib.sha256(written).hexdigest() == entry["sha256"]

    said = command("prompt", "reset", "start", "--language", "sv")
    assert said.out == "start sv: the one that ships, 1.5 s: Samtalet spelas in.\n"
    assert not listed(command)["start", "sv"]["own"]
    command("prompt", "export", "start", "out.wav", "--language", "sv")
    assert (command.folder / "out.wav").read_bytes() == shipped.audio(PromptKind.START, "sv")


def test_a_tone_has_no_language(command: Command, own: Path) -> None:
    assert command("prompt", "set", "beep", "own.mp3").out.startswith("beep: your own, from own.mp3, 1.")
    assert listed(command)["beep", ""]["own"]
    assert "leave out --language" in command.refused("prompt", "reset", "beep", "--language", "sv")
    assert command("prompt", "reset", "beep").out == "beep: the one that ships, 0.2 s\n"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("set", "start", "own.mp3"), 78, "--language en or sv"),
        (("set", "start", "own.mp3", "--language", "de"), 78, "no prompts in the language 'de'"),
        (("set", "start", "own.mp3", "--language", "en", "--text", "x" * 501), 78, "--text: 501 characters"),
        (("set", "start", "nosuch.mp3", "--language", "en"), 74, "nosuch.mp3 cannot be read: No such file"),
        (("set", "start", ".", "--language", "en"), 74, ". cannot be read: Is a directory"),
        (("set", "start", "text.txt", "--language", "en"), 65, "text.txt: The file cannot be read as sound."),
        (("set", "start", "large", "--language", "en"), 65, "large: The file is larger than 10 MB."),
        (("set", "hello", "own.mp3"), 2, "hello"),
        (("export", "start", "no/such/out.wav", "--language", "en"), 74, "cannot be written"),
        (("export", "start", "out.wav"), 78, "--language en or sv"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    command: Command, own: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    command.begin()
    (command.folder / "text.txt").write_text("hello")
    with (command.folder / "large").open("wb") as file:
        file.truncate(11_000_000)
    assert reason in command.refused("prompt", *words, code=code)
    assert not any(each["own"] for each in listed(command).values())


def test_a_name_is_not_markup(command: Command, own: Path) -> None:
    shutil.copy(own, command.folder / "[bold]a.mp3")
    command("prompt", "set", "beep", "[bold]a.mp3")
    assert "[bold]a.mp3" in command("prompt", "list").out
