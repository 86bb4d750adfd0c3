"""What is foreseen is one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ari_recorder import __version__
from ari_recorder.cli import main

from .conftest import Command


def test_the_version(command: Command) -> None:
    assert command("--version").out == f"ari-recorder {__version__}\n"


def test_no_command_is_the_help(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["ari-recorder"])
    assert main() == 0
    assert "Examples:" in command("--help").out


@pytest.mark.parametrize("words", [("bogus",), ("user",), ("user", "add"), ("run", "--bogus"), ("run", "x")])
def test_a_wrong_command_line(command: Command, words: tuple[str, ...]) -> None:
    assert "--help" in command.refused(*words, code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user add", "Missing argument 'number'. Try: ari-recorder user add --help"),
        ("run x", "Got unexpected extra argument(s) (x). Try: ari-recorder run --help"),
        ("user bogus", "No such command 'bogus'. Try: ari-recorder user --help"),
        (
            "user add 1 --name A --plan gold",
            "Invalid value for '--plan': 'gold' is not one of 'basic', 'pro', 'business', 'enterprise'."
            " Try: ari-recorder user add --help",
        ),
        (
            "webhooks ping x",
            "Invalid value for 'ID': it should be a valid UUID. Try: ari-recorder webhooks ping --help",
        ),
        (
            "recordings list --limit x",
            "Invalid value for '--limit': it should be a valid integer."
            " Try: ari-recorder recordings list --help",
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_words(command: Command, words: str, said: str) -> None:
    assert command.refused(*words.split(), code=2) == f"ari-recorder: {said}\n"


def test_a_vault_that_cannot_be_written(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (command.folder / "file").write_text("")
    monkeypatch.setenv("ARI_RECORDER_VAULT__PATH", "file/vault")
    line = command.refused("run", code=74)
    assert "cannot be written: Not a directory. Make the folder" in line


def test_an_unknown_key(command: Command) -> None:
    Path("settings.toml").write_text("[vault]\npaht = 'x'\n")
    for words in (("--config", "settings.toml", "run"), ("run", "--config", "settings.toml")):
        line = command.refused(*words)
        assert "settings.toml" in line
        assert "paht" in line


def test_the_variable_names_the_file(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_RECORDER_CONFIG", "nowhere.toml")
    assert "nowhere.toml cannot be read" in command.refused("user", "list")


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite:catalogue.db", "postgresql://h:x/name"])
def test_a_bad_store_url(command: Command, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ARI_RECORDER_STORE__URL", url)
    assert "store.url" in command.refused("run", code=78)


@pytest.mark.parametrize("password", ["a@secret/b", "a@secret/b?c", "1/secret", "a?secret", "secret@b/c#d"])
def test_a_password_that_is_not_encoded_is_not_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("ARI_RECORDER_STORE__URL", f"postgresql://recorder:{password}@db.invalid/name")
    line = command.refused("run", code=78)
    assert "percent-encoded" in line
    assert "secret" not in line


def test_a_port_that_is_taken(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("ARI_RECORDER_WEB__PORT", str(taken.getsockname()[1]))
        said = command("run")
    assert said.code == 78
    assert said.err.splitlines()[-1].startswith("ari-recorder: web.host 127.0.0.1, web.port")
    assert "Traceback" not in said.err


def test_the_demo_of_an_installed_package(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lab.demo", None)
    assert "make demo" in command.refused("demo", code=1)


def test_any_file_that_cannot_be_used_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ari_recorder.store.people.list_users",
        lambda _of: Path("/nowhere/file").read_text(),
    )
    command.begin()
    line = command.refused("user", "list", code=74)
    assert "/nowhere/file cannot be used: No such file or directory" in line


def test_a_terminal_without_utf_8(command: Command) -> None:
    """What it has no character for is written as its number."""
    command("user", "add", "101", "--name", "Åke ☎")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    words = [sys.executable, "-m", "ari_recorder", "user", "list"]
    said = subprocess.run(words, env=environment, capture_output=True, check=True)
    assert "Åke \\u260e".encode("latin-1") in said.stdout
