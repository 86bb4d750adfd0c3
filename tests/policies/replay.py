"""Reads traces, as `ari_recorder.handlers.traces` writes them, and replays them.

Fields that have been added since with a default are no difference; neither are those that are gone.
"""

from __future__ import annotations

import difflib
import lzma
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from ari_recorder.policies.leg import Leg, effects, inputs, receive
from ari_recorder.policies.leg.effects import Effect, Request
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.store import documents

KINDS: list[type] = [
    kind
    for kind in {**vars(inputs), **vars(effects)}.values()
    if isinstance(kind, type) and issubclass(kind, Input | Effect) and kind not in (Input, Effect, Request)
]
"""Every input and effect."""

_NAMED = {kind.__name__: kind for kind in KINDS}


@dataclass(frozen=True)
class Step:
    """A leg was told something."""

    at: datetime
    told: Input
    effects: list[Effect]
    fault: str


class _Line(msgspec.Struct):
    begun: msgspec.Raw = msgspec.Raw()
    over: msgspec.Raw = msgspec.Raw()
    at: datetime | None = None
    told: dict[str, Any] = {}
    effects: list[dict[str, Any]] = []
    fault: str = ""


def differences(path: Path) -> list[str]:
    """Where a replay of the trace differs from it, for people; empty if it does not."""
    leg: Leg | None = None
    number = 0
    try:
        for number, line in enumerate(_lines(path), 1):
            if line.begun:
                leg = _leg(line.begun)
            elif line.over:
                assert leg is not None
                if differing := _compare(_shown(_leg(line.over)), _shown(leg)):
                    return [f"line {number}: the leg at its end", *differing]
            else:
                assert leg is not None
                step = _step(line)
                leg, differing = _replayed(leg, step)
                if differing:
                    return [f"line {number}: at {step.at} {step.told}", *differing]
    except Exception as error:
        error.add_note(f"in line {number} of {path}")
        raise
    return []


def _replayed(leg: Leg, step: Step) -> tuple[Leg, list[str]]:
    try:
        leg, effects = receive(leg, step.told, step.at)
    except Exception:
        if step.fault:
            return leg, []
        raise
    return leg, _compare([step.fault] if step.fault else step.effects, effects)


def _lines(path: Path) -> Iterator[_Line]:
    content = path.read_bytes()
    for line in (lzma.decompress(content) if path.suffix == ".xz" else content).splitlines():
        yield msgspec.json.decode(line, type=_Line)


def _step(line: _Line) -> Step:
    assert line.at is not None
    return Step(line.at, decode(line.told), [decode(one) for one in line.effects], line.fault)


def decode(document: dict[str, Any]) -> Any:
    """The input or effect of ``{"FileBegan": {…}}``."""
    ((name, parts),) = document.items()
    hints = _hints(_NAMED[name])
    return _NAMED[name](**{key: _part(value, hints[key]) for key, value in parts.items() if key in hints})


def _part(value: Any, hint: Any) -> Any:
    return decode(value) if hint == Request else msgspec.convert(value, hint)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _leg(document: msgspec.Raw) -> Leg:
    return documents.decode(bytes(document))


def _shown(leg: Leg) -> list[str]:
    """What is kept of it; with fields that were not in its document, which msgspec would leave out again."""
    parts, kept = asdict(leg), msgspec.json.decode(documents.encode(leg), type=dict[str, Any])
    document = msgspec.json.encode({name: parts[name] for name in kept})
    return msgspec.json.format(document, indent=2).decode().splitlines()


def _compare(recorded: list[Any], replayed: list[Any]) -> list[str]:
    if recorded == replayed:
        return []
    before, after = [str(one) for one in recorded], [str(one) for one in replayed]
    changed = difflib.unified_diff(before, after, "recorded", "replayed", n=1, lineterm="")
    return list(changed) or ["recorded and replayed read the same, and are not equal"]
