"""What the catalogue has of the vaults: where each is, what lies in it, and what is being moved.

The order of a move that survives a crash: a row of `VaultMove` says that the file may lie in both; it is
copied and read back; one commit makes the recording's row name the other vault; the first file goes; the row
of `VaultMove` goes. So whatever a file lies in for nothing is named by such a row, also when its recording is
disposed of meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import SQL, fn

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import statements
from ari_recorder.store.models import Recording, VaultMove, VaultPlace
from ari_recorder.store.places import COLUMNS, kept
from ari_recorder.store.safe import Kept
from ari_recorder.store.vault import FIRST, Known

_THERE = SQL("vault_key IS NOT NULL")
"""Of recordings that have a file; written so that databases see that the index has them."""
_STORED = Recording.state == RecordingState.STORED


@dataclass(frozen=True)
class Content:
    """What lies in a vault, as far as recordings' rows say."""

    id: UUID
    address: str
    recordings: int
    size_bytes: int


@dataclass(frozen=True)
class Move:
    """A recording that is on its way from one vault to another, where its file has the same key."""

    id: UUID
    key: str
    source: UUID
    target: UUID


def addresses() -> dict[UUID, str]:
    """Where each vault was last found."""
    return {row.id: row.address for row in VaultPlace.select()}


def address(vault: UUID) -> str | None:
    """Where that vault was last found; None if that was never written down."""
    rows = statements.find(VaultPlace, ("address",), id=vault)
    return str(rows[0][0]) if rows else None


def register(vault: UUID, found_at: str, now: datetime) -> str | None:
    """Write down where a vault is; where it was before, if that was elsewhere."""
    before = address(vault)
    if before is None:
        statements.insert(VaultPlace, or_ignore=True, id=vault, address=found_at, since=now)
    elif before != found_at:
        statements.update(VaultPlace, vault, address=found_at)
        return before
    return None


def known(found_at: str, first: str) -> Known | None:
    """What is known of a vault at this address; ``first`` is where `FIRST` is unless it is written down."""
    rows = VaultPlace.select().where(VaultPlace.address == found_at).order_by(VaultPlace.since.desc())
    here = [row.id for row in rows]
    if not here and found_at == first and address(FIRST) is None and newest_key(FIRST) is not None:
        here = [FIRST]
    return Known(here[0], newest_key(here[0])) if here else None


def newest_key(vault: UUID) -> str | None:
    """Where the newest recording in that vault is; None if there is none. One that is being disposed of may
    be gone from it."""
    rows = Recording.select(Recording.vault_key).where(_in(vault) & _THERE & _STORED)
    row = rows.order_by(Recording.id.desc()).first()
    return None if row is None else str(row.vault_key)


def contents(first: str) -> list[Content]:
    """Every vault that is known or has recordings, with what lies in it, oldest first; reads every row."""
    size = fn.COALESCE(fn.SUM(fn.COALESCE(Recording.stored_bytes, Recording.size_bytes, 0)), 0)
    rows = (
        Recording.select(Recording.vault, fn.COUNT(Recording.id), size)
        .where(_THERE)
        .group_by(Recording.vault)
        .tuples()
    )
    found = {vault or FIRST: (count, int(size_bytes)) for vault, count, size_bytes in rows}
    where = ({FIRST: first} if FIRST in found else {}) | addresses()
    return [Content(vault, where[vault], *found.get(vault, (0, 0))) for vault in sorted(where)]


def used(first: str) -> dict[UUID, str]:
    """The vaults that have recordings, and where each was last found."""
    where = {FIRST: first} | addresses()
    return {vault: at for vault, at in where.items() if _rows(vault).exists()}


def elsewhere(vault: UUID) -> int:
    """How many recordings lie in other vaults than this."""
    return int(Recording.select(fn.COUNT(Recording.id)).where(_THERE & ~_in(vault)).scalar())


def begin(
    source: UUID, target: UUID, last: UUID, limit: int, until: datetime
) -> tuple[list[Move], UUID | None]:
    """Take up to ``limit`` recordings of ``source`` behind ``last`` in hand, ``until`` then.

    Returns those that nobody else has in hand, and the last that was looked at (None: there is none).
    """
    rows = (
        Recording.select(Recording.id, Recording.vault_key)
        .where(_in(source) & _THERE & _STORED & (Recording.id > last))
        .order_by(Recording.id)
        .limit(limit)
        .tuples()
    )
    looked_at = [Move(recording, key, source, target) for recording, key in rows]
    taken = [one for one in looked_at if _insert(one, until)]
    return taken, looked_at[-1].id if looked_at else None


def take_over(now: datetime, until: datetime, limit: int, skip: Collection[UUID] = ()) -> list[Move]:
    """Take in hand what somebody began to move and has not been heard of since."""
    rows = VaultMove.select().where((VaultMove.held_until <= now) & VaultMove.id.not_in(list(skip)))
    taken = [
        Move(row.id, row.key, row.source, row.target) for row in rows.order_by(VaultMove.id).limit(limit)
    ]
    hold([one.id for one in taken], until)
    return taken


def abandoned(now: datetime) -> bool:
    """Whether there is something that nobody works on any more."""
    return bool(VaultMove.select().where(VaultMove.held_until <= now).exists())


def hold(recordings: Collection[UUID], until: datetime) -> None:
    """They are worked on, until then unless more is heard."""
    VaultMove.update(held_until=until).where(VaultMove.id.in_(list(recordings))).execute()


@dataclass(frozen=True)
class Sealed:
    """What has to be in the vault that a recording's row names; it is ``stored`` until it is disposed of."""

    kept: Kept
    stored: bool


def sealed(move: Move) -> Sealed | None:
    """What its row says; None if it has no file in either vault any more."""
    row = Recording.select(*COLUMNS, Recording.state).where(Recording.id == move.id).first()
    found = kept(row) if row is not None else None
    if found is None or found.place.key != move.key or found.place.vault not in (move.source, move.target):
        return None
    return Sealed(found, row.state == RecordingState.STORED)


def commit(move: Move) -> bool:
    """The copy is there: the row names it from now on, unless it was changed or removed meanwhile."""
    which = (Recording.id == move.id) & _STORED & _in(move.source) & (Recording.vault_key == move.key)
    target = None if move.target == FIRST else move.target
    return bool(Recording.update(vault=target).where(which).execute())


def finish(move: Move) -> None:
    """What lay there for nothing is gone."""
    VaultMove.delete().where(VaultMove.id == move.id).execute()


def moving() -> int:
    """How many recordings are on their way."""
    return int(VaultMove.select().count())


def moves_of(keys: Collection[str]) -> dict[str, Move]:
    """Those on their way, of these keys."""
    rows = VaultMove.select().where(VaultMove.key.in_(list(keys)))
    return {row.key: Move(row.id, row.key, row.source, row.target) for row in rows}


def _rows(vault: UUID) -> Any:
    return Recording.select(Recording.id).where(_in(vault) & _THERE)


def _in(vault: UUID) -> Any:
    return Recording.vault.is_null() if vault == FIRST else Recording.vault == vault


def _insert(move: Move, until: datetime) -> bool:
    return statements.insert(
        VaultMove,
        or_ignore=True,
        id=move.id,
        key=move.key,
        source=move.source,
        target=move.target,
        held_until=until,
    )
