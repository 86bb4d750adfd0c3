"""Who talks to whom: the counterparts of a leg, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ari_recorder.policies.text import harmless

NUMBER_MAX, NAME_MAX = 128, 200
"""Characters of a number and a name that are kept: a caller chooses both."""
A_MOMENT = timedelta(seconds=0.5)
"""A counterpart of less was a number on the way to somebody: dialled to fetch a parked call, say."""

STRETCHES_MAX = 1_000
"""Counterparts of a leg, and times on hold, that are kept: each is written with all that is known of it."""


@dataclass(frozen=True)
class Counterpart:
    """The other party of a recorded user."""

    number: str = ""
    name: str = ""


def party(number: str, name: str) -> Counterpart:
    """Whom Asterisk names, with nothing in it that acts on who reads it, and not longer than is kept."""
    return Counterpart(harmless(number, most=NUMBER_MAX), harmless(name, most=NAME_MAX))


def stale(name: str, number: str, known: Iterable[Counterpart]) -> Counterpart | None:
    """Whose name it is, if it came with another number before, and not with this one.

    Asterisk leaves a name standing when the next party comes with a number alone: who is transferred by
    Eva to a number in the outside world is told to be connected to it, and to Eva.
    """
    found = [one for one in known if one.number and one.name == name != ""]
    return found[0] if found and all(one.number != number for one in found) else None


@dataclass(frozen=True)
class OnHold:
    """The user has put whom they talk to on hold; ``ended_at`` is None while it lasts."""

    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Stretch:
    """Somebody whom a leg's user talked to, and when; ``left_at`` is None while they do."""

    counterpart: Counterpart
    joined_at: datetime
    left_at: datetime | None = None


def follow(stretches: tuple[Stretch, ...], counterpart: Counterpart, at: datetime) -> tuple[Stretch, ...]:
    """With the next counterpart, unless it is the same, or the one before was only on the way.

    The last of `STRETCHES_MAX` is nobody by name: whoever comes from then on.
    """
    *before, last = stretches
    if len(stretches) >= STRETCHES_MAX:
        return (*before, replace(last, counterpart=Counterpart()))
    if last.counterpart.number == counterpart.number or at - last.joined_at < A_MOMENT:
        return (*before, replace(last, counterpart=counterpart))
    return (*before, replace(last, left_at=at), Stretch(counterpart, at))


def hold(holds: tuple[OnHold, ...], at: datetime) -> tuple[OnHold, ...]:
    """With one that begins; while one lasts it goes on. None is begun after `STRETCHES_MAX`."""
    if len(holds) >= STRETCHES_MAX or (holds and holds[-1].ended_at is None):
        return holds
    return (*holds, OnHold(max([at, *(one.ended_at for one in holds[-1:] if one.ended_at)])))


def take_off(holds: tuple[OnHold, ...], at: datetime) -> tuple[OnHold, ...]:
    """With the one that lasts, if one does, ended."""
    if not holds or holds[-1].ended_at is not None:
        return holds
    return (*holds[:-1], replace(holds[-1], ended_at=max(at, holds[-1].began_at)))


def leave(stretches: tuple[Stretch, ...], at: datetime) -> tuple[Stretch, ...]:
    """All have left."""
    return tuple(one if one.left_at else replace(one, left_at=at) for one in stretches)
