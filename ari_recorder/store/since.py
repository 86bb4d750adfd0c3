"""What happened after a backup and must not be undone by it: disposals, legal holds, erasures.

Read from the newest catalogue, if that can be read still, and from lists of disposals that were kept
elsewhere; and done again in the one that was put back. Done twice it is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from ari_recorder.errors import SettingsError
from ari_recorder.policies.retention import Rule
from ari_recorder.store import audit, disposal, holding
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Why
from ari_recorder.store.models import Disposal, Disposing, Erasure, HeldRecording, Hold, Organisation

BATCH = 100
"""Recordings that are disposed of in one commit."""
_OVER = ("over_at", "over_by", "over_why")


@dataclass
class Since:
    """What is known to have happened: recordings by the rule, rows of holds and of what they noted."""

    disposals: dict[UUID, Rule] = field(default_factory=dict)
    holds: list[dict[str, Any]] = field(default_factory=list)
    noted: list[dict[str, Any]] = field(default_factory=list)
    erasures: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Again:
    """An erasure that the backup knows nothing of, and whose names are therefore in it: to be begun again."""

    id: UUID
    kind: str
    reference: str
    pseudonym: str
    begun_at: datetime


@dataclass
class Done:
    """What was done again. ``held`` were disposed of once, and a hold of the backup keeps them now."""

    disposed: int = 0
    held: list[UUID] = field(default_factory=list)
    holds_placed: int = 0
    holds_ended: int = 0
    erasures: list[Again] = field(default_factory=list)


def read_catalogue() -> Since:
    """All that a catalogue knows; called in a read of the newest one."""
    gone = {row.recording: Rule(row.rule) for row in (*Disposing.select(), *Disposal.select().iterator())}
    return Since(gone, *(list(table.select().dicts()) for table in (Hold, HeldRecording, Erasure)))


class _Line(msgspec.Struct):
    recording: UUID
    rule: Rule


class _List(msgspec.Struct):
    disposals: list[_Line]


def read_list(path: Path) -> dict[UUID, Rule]:
    """What ``ari-recorder disposals --json`` wrote. Raises `SettingsError`."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_List)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{path} is no list of `ari-recorder disposals --json`: {error}.") from error
    return {line.recording: line.rule for line in found.disposals}


def do_again(store: Store, since: Since, actor: Actor, backup_of: datetime, now: datetime) -> Done:
    """Do it in the catalogue that was put back: ends of holds, disposals, holds. Raises `StoreError`.

    In that order: what was released, or gone before a hold was placed, was gone.
    """
    done = Done()
    done.holds_ended = store.write_now(_end_holds, since.holds, actor, now)
    waiting = iter(since.disposals.items())
    while batch := list(islice(waiting, BATCH)):
        store.write_now(_dispose, batch, done, now)
    done.holds_placed = store.write_now(_place_holds, since.holds, since.noted, actor, now)
    done.erasures = store.read_now(_unknown, since.erasures)
    store.write_now(_note, done, actor, backup_of, now)
    return done


def _dispose(batch: Sequence[tuple[UUID, Rule]], done: Done, now: datetime) -> None:
    for rule in sorted({rule for _, rule in batch}):
        of_rule = [recording for recording, by in batch if by is rule]
        begun = disposal.begin(of_rule, Why(rule, {"restored": True}), now)
        done.disposed += len(begun.begun)
        done.held += begun.held


def _end_holds(rows: Iterable[dict[str, Any]], actor: Actor, now: datetime) -> int:
    ended = 0
    for row in rows:
        going_on = (Hold.id == row["id"]) & Hold.over_at.is_null()
        if row["over_at"] is not None and Hold.update({n: row[n] for n in _OVER}).where(going_on).execute():
            holding.tell_end(Hold.get_by_id(row["id"]), actor, now)
            ended += 1
    return ended


def _place_holds(
    rows: Iterable[dict[str, Any]], noted: Iterable[dict[str, Any]], actor: Actor, now: datetime
) -> int:
    organisations = {row.id for row in Organisation.select(Organisation.id)}
    there = {row.id for row in Hold.select(Hold.id)}
    placed = [row for row in rows if row["id"] not in there and row["organisation"] in organisations]
    for row in placed:
        Hold.insert(row).execute()
    known = there | {row["id"] for row in placed}
    for row in noted:
        if row["hold"] in known:
            HeldRecording.insert(row).on_conflict_ignore().execute()
    for one in Hold.select().where(Hold.id.in_([row["id"] for row in placed])):
        holding.tell(one, actor, now)
        if one.over_at is not None:
            holding.tell_end(one, actor, now)
    return sum(row["over_at"] is None for row in placed)


def _unknown(rows: Iterable[dict[str, Any]]) -> list[Again]:
    there = {row.id for row in Erasure.select(Erasure.id).where(Erasure.done_at.is_null(False))}
    return [
        Again(row["id"], row["kind"], row["reference"], row["pseudonym"], row["begun_at"])
        for row in rows
        if row["id"] not in there
    ]


def _note(done: Done, actor: Actor, backup_of: datetime, now: datetime) -> None:
    detail = {
        "made_at": backup_of.isoformat(timespec="seconds"),
        "disposed": done.disposed,
        "holds": done.holds_placed + done.holds_ended,
    }
    audit.write(actor, Action.CHANGE, Subject("catalogue", "restored"), now, detail=detail)
