"""What is written down of a recording when it is sealed, so that it can be proved later (invariant 7).

The manifest is a text: its bytes are a leaf of the organisation's tree. Names and numbers are not in it, only
the hash of a text that has them and a random salt. So they can be erased one day, and nobody can find them by
trying numbers; and what the manifest says of the audio is proved all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

FORMAT = "ari_recorder manifest 1"
ONLY_THEN = ("sealed_at", "software", "sources", "clock", "personal_sha256")
"""What the catalogue's rows do not say."""
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class SourceFile:
    """A file of Asterisk's, as it was when the audio was made of it. ``name`` has no folder."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class ClockReading:
    """How far Asterisk's clock, which the times of calls are of, was ahead of ours (negative: behind).

    It is right to ``within_ms``, half of what the question took, and was read at ``read_at``, by our clock.
    """

    ahead_ms: float
    within_ms: float
    read_at: datetime


def read_clock(asked_at: datetime, theirs: datetime, answered_at: datetime) -> ClockReading:
    """What an answer with Asterisk's time says of it."""
    half = (answered_at - asked_at) / 2
    ahead = theirs - (asked_at + half)
    return ClockReading(round(ahead / _MS, 1), round(half / _MS, 1), answered_at)


@dataclass(frozen=True)
class Texts:
    """What is kept: ``manifest`` is the leaf, ``personal`` what it has the hash of."""

    manifest: str
    personal: str


def texts(
    facts: Mapping[str, Any],
    people: Mapping[str, Any],
    *,
    sources: Sequence[SourceFile],
    software: Mapping[str, str],
    sealed_at: datetime,
    salt: str,
    clock: ClockReading | None = None,
) -> Texts:
    """Of a recording that is sealed now. ``facts`` and ``people`` are as the catalogue's rows have them.

    ``clock`` is the last reading of the clock of its Asterisk; None where it could not be read.
    """
    personal = written({**people, "salt": salt})
    manifest = {
        **facts,
        "format": FORMAT,
        "sealed_at": sealed_at,
        "software": dict(software),
        "sources": [asdict(source) for source in sources],
        "clock": asdict(clock) if clock else None,
        "personal_sha256": hash_of(personal),
    }
    return Texts(written(manifest), personal)


def hash_of(personal: str) -> str:
    """What the manifest has of the names and numbers: SHA-256 in hexadecimal."""
    return sha256(personal.encode()).hexdigest()


def personal_hash(manifest: str) -> str:
    """What a manifest says of them. Raises `ValueError` or `KeyError` if it is none."""
    return str(json.loads(manifest)["personal_sha256"])


def written(value: Mapping[str, Any]) -> str:
    """As JSON: sorted names, no spaces, times in UTC to the microsecond."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_text)


def differences(manifest: str, facts: Mapping[str, Any]) -> list[str]:
    """What the catalogue's rows say otherwise now, by name. Raises `ValueError` if it is no manifest.

    An older version did not write down all that is said of each announcement: what it did is compared.
    """
    then = json.loads(manifest)
    now = json.loads(written(facts))
    if not isinstance(then, dict):
        raise ValueError("no manifest")
    names = (then.keys() | now.keys()) - {*ONLY_THEN, "format"}
    return sorted(name for name in names if then.get(name) != _as_then(now.get(name), then.get(name)))


def other_people(personal: str, people: Mapping[str, Any], last: tuple[str, str]) -> bool:
    """Whether the catalogue's rows name other counterparts now than were written down.

    ``last`` is number and name of the one that the recording's own row names. Of a call that went on when
    the recording was sealed the last was not certain yet. What the user is called may change.
    Raises `ValueError` or `KeyError` for a text that is none.
    """
    then = json.loads(personal)["counterparts"]
    now = json.loads(written(people))["counterparts"]
    certain = [one for one in then if one["left_at"]]
    if any(one not in now for one in certain):
        return True
    return len(certain) == len(then) > 0 and (
        len(now) != len(then) or last not in {(one["number"], one["name"]) for one in then}
    )


def _as_then(now: Any, then: Any) -> Any:
    """Of objects in a list what those then had members for."""
    if not (isinstance(now, list) and isinstance(then, list) and len(now) == len(then)):
        return now
    if not all(isinstance(one, dict) for one in (*now, *then)):
        return now
    return [{name: one.get(name) for name in old} for one, old in zip(now, then, strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)
