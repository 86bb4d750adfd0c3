"""`docs/reference/cli.md` and the commands say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_recorder.cli.root import command

DOCUMENT = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^## `ari-recorder ?([^`]*)`$", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    for name, child in command.commands.items():
        words = f"{path} {name}".strip()
        if hasattr(child, "commands"):
            yield from commands(child, words)
        else:
            yield words, child


ROOT = command()
COMMANDS = {"": ROOT} | dict(commands(ROOT))


def sections() -> dict[str, str]:
    """The document's sections, by the command's words."""
    parts = HEADING.split(DOCUMENT)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert sections().keys() == COMMANDS.keys()


@pytest.mark.parametrize("words", COMMANDS)
def test_the_options_of_the_table_are_the_commands(words: str) -> None:
    rows = [line for line in sections()[words].splitlines() if line.startswith("| `--")]
    documented = {name for row in rows for name in OPTION.findall(row.split("|")[1])}
    names = {name for parameter in COMMANDS[words].params for name in _names(parameter)}
    assert documented == names - {"--help"} - (set() if not words else {"--config"})


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_takes_the_settings_file(words: str) -> None:
    assert [one for one in COMMANDS[words].params if "--config" in one.opts]


def _names(parameter: Any) -> set[str]:
    return {name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--")}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_section_has_an_example(words: str) -> None:
    assert f"$ ari-recorder {words}".strip() in sections()[words]
