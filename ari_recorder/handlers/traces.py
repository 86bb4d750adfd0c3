"""Traces: what each leg was told, when, and what it asked for then, to be replayed if there is a fault.

Each leg has a file of its own, ``<id>.jsonl``, to which one line is appended for each `receive`::

    {"begun": {the leg's document}}
    {"at": "2026-03-02T08:00:00Z", "told": {"Digit": {…}}, "effects": [{"Record": {…}}, {"Save": {…}}]}
    {"at": "2026-03-02T08:00:01Z", "told": {"Digit": {…}}, "effects": [], "fault": "KeyError: 'x'"}
    {"over": {the leg's document}}

A leg that is gone on with after a restart is begun again in the same file. Nothing waits for any of it: a
thread writes, and if it cannot, or is too slow, that is told once and no more is written.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog

from ari_recorder import files
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.effects import Effect, Request
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.store import documents

WAITING_MAX = 20_000
"""Lines that may wait to be written."""
LAST_LINES_S = 2.0
"""How long what waits may take to be written when the recorder stops."""

_log = structlog.get_logger(__name__)


class Traces:
    """Writes traces to ``folder``, which is made if there is none; without one, nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path()
        self._on = folder is not None
        self._waiting: queue.Queue[tuple[Leg, dict[str, Any]] | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._write_all, name="traces", daemon=True)
        if self._on:
            self._thread.start()

    def begun(self, leg: Leg) -> None:
        """The leg is followed from now on."""
        self._put(leg, {"begun": leg})

    def received(
        self, leg: Leg, told: Input, at: datetime, asked: Sequence[Effect], fault: Exception | None = None
    ) -> None:
        """The leg was told something, and has asked for something, or there was a ``fault``."""
        failed = {} if fault is None else {"fault": f"{type(fault).__name__}: {fault}"}
        self._put(leg, {"at": at, "told": told, "effects": asked, **failed})

    def over(self, leg: Leg) -> None:
        """Nothing more will happen to the leg."""
        self._put(leg, {"over": leg})

    def close(self) -> None:
        """Write what waits, if that does not take too long. Blocks."""
        if self._on:
            self._put_on(None)
            self._thread.join(LAST_LINES_S)

    def _put(self, leg: Leg, line: dict[str, Any]) -> None:
        if self._on:
            self._put_on((leg, line))

    def _put_on(self, item: tuple[Leg, dict[str, Any]] | None) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._stop("the folder is too slow")

    def _stop(self, why: str) -> None:
        self._on = False
        _log.error("traces are not written any more", folder=str(self._folder), error=why)

    # In the thread

    def _write_all(self) -> None:
        try:
            files.make_folder(self._folder)
            while (item := self._waiting.get()) is not None:
                self._write(item[0].id, encode(item[1]))
        except Exception as error:  # whatever it is, it must not cost more than the traces
            self._stop(str(error))

    def _write(self, leg: UUID, line: bytes) -> None:
        with open(self._folder / f"{leg}.jsonl", "ab", opener=_for_its_owner) as file:
            file.write(line + b"\n")


def encode(line: dict[str, Any]) -> bytes:
    """A line of a trace: inputs and effects by the names of their types, legs as their documents."""
    return msgspec.json.encode({name: _plain(value) for name, value in line.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Leg):
        return msgspec.Raw(documents.encode(value))
    if isinstance(value, list):
        return [_named(one) for one in value]
    return value if isinstance(value, str | datetime) else _named(value)


def _named(value: Any) -> dict[str, Any]:
    """An input may have a request in it, which needs its name, too."""
    parts = {one.name: getattr(value, one.name) for one in fields(value)}
    return {
        type(value).__name__: {
            name: _named(part) if isinstance(part, Request) else part for name, part in parts.items()
        }
    }


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, files.PRIVATE_FILE)
