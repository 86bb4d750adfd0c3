"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    GOOD = "good"
    WARNING = "warning"
    """It works, but something can go wrong or could not be found out."""
    BAD = "bad"
    """Recording does not work, or not for everybody, until it is put right."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: ``where`` it is (``store``, ``pbx.main``), what was ``found``, what to do."""

    where: str
    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def good(where: str, name: str, found: str) -> Check:
    """It is as it should be."""
    return Check(where, name, Verdict.GOOD, found)


def warning(where: str, name: str, found: str, remedy: str) -> Check:
    """It works for now."""
    return Check(where, name, Verdict.WARNING, found, remedy)


def bad(where: str, name: str, found: str, remedy: str) -> Check:
    """It does not work."""
    return Check(where, name, Verdict.BAD, found, remedy)
