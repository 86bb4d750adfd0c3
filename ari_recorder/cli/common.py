"""What every command needs: the settings, the catalogue, the two outputs."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console

from ari_recorder import config
from ari_recorder.config import Log, Settings
from ari_recorder.log import configure
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store

WIDTH_FOR_PROGRAMS = 240
"""Columns of a table that is not written to a terminal: nothing is cut."""


@dataclass
class Options:
    """What stands before the command."""

    config: Path | None = None


def settings(context: typer.Context) -> Settings:
    """The settings, from the file that the command line names. Raises `SettingsError`."""
    return config.load(context.ensure_object(Options).config)


@contextmanager
def catalogue(found: Settings) -> Iterator[Store]:
    """The open catalogue. Raises `StoreError`."""
    configure(Log(level="error", format=found.log.format))  # what a command has to say, it says itself
    store = Store(found.store.url)
    try:
        yield store
    finally:
        store.close()


def actor() -> Actor:
    """Who runs the program, for the audit log: the login on this machine."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, in a container
        login = f"uid {os.getuid()}"
    return Actor(ActorKind.COMMAND_LINE, login, login)


def by_command_line() -> dict[str, Any]:
    """Whoever runs this program, by the machine's name for them, now."""
    return {"actor": actor(), "now": datetime.now(UTC)}


def console() -> Console:
    """Standard output, for tables and words."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_FOR_PROGRAMS, highlight=False)


def print_json(value: Any) -> None:
    """One JSON value on standard output, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")
