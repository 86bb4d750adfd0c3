"""Recordings that go: audio, key, row, notes, history, and whatever is made of them (invariant 3).

The order that survives a crash, each step a commit or the deletion of a file:

1. `begin`: the recording is ``disposing``. Its key is destroyed, so that nobody can open its audio, and no
   list, page or search has it any more. From here on there is no way back, and it waits until all of it is
   gone.
2. Its file in the vault is removed; one that is gone already is no fault.
3. `complete`: its rows are deleted and what was written down of it is emptied; the hash in the tree stays,
   and so does the ledger's line. In the same commit a line is added to the disposal log.

What is interrupted is found by `waiting`, and done again: none of the steps minds being done twice. Files
that are still in Asterisk's recording folder are the finisher's: a recording is not complete before they are
cleared.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.policies.ledger import FINAL, RecordingState
from ari_recorder.policies.retention import Rule
from ari_recorder.store import audit, happenings, holds
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.models import (
    Annotation,
    Announcement,
    Counterpart,
    Disposal,
    Disposing,
    LedgerLine,
    Leg,
    Manifest,
    OnHold,
    Recording,
    Segment,
)
from ari_recorder.store.places import COLUMNS, place
from ari_recorder.store.safe import Place, Safe

BY_RULE = Actor(ActorKind.RECORDER, "", "")
"""Who disposes of what no person asked for."""
PERSONAL_OF_LEG = (
    "counterpart_number", "counterpart_name", "channel_name", "note", "mark", "tag1", "tag2", "tag3",
)  # fmt: skip
"""What goes of a call with its last recording, or as if it had had one."""


@dataclass(frozen=True)
class Why:
    """By which rule, with what is to be told of it in the log (nothing personal), and who asked for it.

    Each recording that a person asked for has its line in the audit log; what goes by a rule has one for all.
    """

    rule: Rule
    detail: Mapping[str, Any] = field(default_factory=dict)
    actor: Actor = BY_RULE


@dataclass
class Begun:
    """What became of each recording: ``begun``; ``held`` for a legal reason; ``busy``, as its call goes on
    or it is being prepared; ``gone``, as there is none, or none any more."""

    begun: list[UUID] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)
    busy: list[UUID] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)


@dataclass(frozen=True)
class Waiting:
    """A recording of which something is left; ``place`` is None if it never had a file in the vault."""

    id: UUID
    place: Place | None


@dataclass(frozen=True)
class Gone:
    """A recording that is gone, by which rule."""

    id: UUID
    organisation: UUID
    rule: Rule


@dataclass(frozen=True)
class Left:
    """How many recordings wait until they are gone, the oldest since when."""

    count: int
    since: datetime | None


def begin(
    recordings: Collection[UUID], why: Why, now: datetime, check: Callable[[Begun], None] = lambda _: None
) -> Begun:
    """Step 1, to be called in a write: from its commit on they are disposed of, whatever happens.

    A hold that is set at the same time is set before it or after it, and not meanwhile (`holds.held`); and
    of two who begin with the same recording one finds it begun (`audit.lock`). ``check`` is called with what
    would begin, and may raise to stop it.
    """
    held = holds.held(list(recordings))
    audit.lock()
    found = {row.id: row for row in _looked_at(recordings)}
    begun = _sorted(recordings, found, held)
    check(begun)
    _mark([found[recording] for recording in begun.begun], why, now)
    return begun


def would_begin(recordings: Collection[UUID]) -> Begun:
    """What would become of each, as far as is known now; nothing begins."""
    return _sorted(recordings, {row.id: row for row in _looked_at(recordings)}, holds.held(list(recordings)))


def waiting(limit: int, skip: Collection[UUID] = (), only: Collection[UUID] | None = None) -> list[Waiting]:
    """Up to ``limit`` of which something is left, the oldest first, without those whose files in Asterisk's
    recording folder have not been cleared yet; of ``only`` those, if any are named.
    """
    uncleared = Segment.select(Segment.recording).where(~Segment.cleared)
    query = Disposing.select(Disposing.recording).where(Disposing.recording.not_in(uncleared))
    if skip:
        query = query.where(Disposing.recording.not_in(list(skip)))
    if only is not None:
        query = query.where(Disposing.recording.in_(list(only)))
    ids = [row.recording for row in query.order_by(Disposing.asked_at, Disposing.id).limit(limit)]
    rows = {row.id: row for row in Recording.select(*COLUMNS).where(Recording.id.in_(ids))} if ids else {}
    return [Waiting(one, _file_of(rows[one]) if one in rows else None) for one in ids]


def not_gone(recordings: Collection[UUID]) -> set[UUID]:
    """Those of these of which something is left."""
    ids = list(recordings)
    rows = Disposing.select(Disposing.recording).where(Disposing.recording.in_(ids)) if ids else ()
    return {row.recording for row in rows}


def left(organisation: UUID | None = None) -> Left:
    """What waits until it is gone, of one organisation or of all."""
    query = Disposing.select(fn.COUNT(Disposing.id), fn.MIN(Disposing.asked_at))
    if organisation is not None:
        query = query.where(Disposing.organisation == organisation)
    count, since = query.tuples().get()
    return Left(count, since)


def is_removed(organisation: UUID, recording: UUID) -> bool:
    """Whether that one was disposed of, or is being."""
    return any(
        table.select().where((table.organisation == organisation) & (table.recording == recording)).exists()
        for table in (Disposing, Disposal)
    )


def complete(recordings: Collection[UUID], now: datetime) -> list[Gone]:
    """Step 3, to be called in a write when their files are gone from the vault; returns those that are gone
    now.

    One that is no longer waiting, or has files in Asterisk's recording folder, is left alone.
    """
    audit.lock()
    ids = list(recordings)
    marks = (
        {row.recording: row for row in Disposing.select().where(Disposing.recording.in_(ids))} if ids else {}
    )
    rows = _complete_rows(list(marks))
    if not rows:
        return []
    gone = [row.id for row in rows]
    for row in rows:
        happenings.disposed(row.organisation_id, row.id, marks[row.id].rule, now)
    leaves = {row.recording: row.number for row in _leaves(gone)}
    Disposal.insert_many([_line(row, marks[row.id], leaves.get(row.id), now) for row in rows]).execute()
    _delete(rows, gone)
    _tell(rows, marks, now)
    return [Gone(row.id, row.organisation_id, Rule(marks[row.id].rule)) for row in rows]


def forget_calls(legs: Collection[UUID], why: Why, now: datetime) -> int:
    """Whom calls without a recording were with, and what was noted of them; to be called in a write.

    Returns how many calls it was of: one that goes on, or has a recording, is left alone.
    """
    audit.lock()
    there = (
        Leg.select(Leg.id, Leg.organisation)
        .where(Leg.id.in_(list(legs)) & (Leg.machine == "") & (Leg.channel_name != ""))
        .where(Leg.id.not_in(Recording.select(Recording.leg).where(Recording.leg.in_(list(legs)))))
    )
    rows = list(there)
    _forget_parties([row.id for row in rows])
    for organisation, count in Counter(row.organisation_id for row in rows).items():
        detail = {"rule": why.rule, **why.detail, "calls": count}
        audit.write(why.actor, Action.REMOVE, Subject("calls"), now, organisation=organisation, detail=detail)
    return len(rows)


def dispose(
    store: Store, safe: Safe, recordings: Sequence[UUID], why: Why, now: datetime
) -> tuple[Begun, list[Gone]]:
    """All three steps, for who may wait for them: what was begun, and what of it is gone.

    Blocks. Raises `StoreError`, `VaultError`: what is begun then is left to be done again.
    """
    begun = store.write_now(begin, recordings, why, now)
    there = store.read_now(waiting, len(begun.begun), only=begun.begun) if begun.begun else []
    for one in there:
        if one.place is not None:
            safe.remove(one.place)
    return begun, store.write_now(complete, [one.id for one in there], now)


# How each is done


def _sorted(recordings: Collection[UUID], found: Mapping[UUID, Any], held: Collection[UUID]) -> Begun:
    begun = Begun()
    for recording in dict.fromkeys(recordings):
        row = found.get(recording)
        if row is None or row.state == RecordingState.DISPOSING:
            begun.gone.append(recording)
        elif recording in held:
            begun.held.append(recording)
        elif not _is_over(row):
            begun.busy.append(recording)
        else:
            begun.begun.append(recording)
    return begun


def _looked_at(recordings: Collection[UUID]) -> list[Any]:
    ids = list(recordings)
    if not ids:
        return []
    columns = (Recording.id, Recording.organisation, Recording.state, Leg.id, Leg.machine)
    query = Recording.select(*columns).join(Leg).where(Recording.id.in_(ids))
    rows = list(query)
    lines = LedgerLine.select(LedgerLine.leg).where(
        LedgerLine.leg.in_([row.leg_id for row in rows]) & LedgerLine.closed_at.is_null()
    )
    is_open = {line.leg_id for line in lines} if rows else set()
    for row in rows:
        row.is_accounted = row.leg_id not in is_open
    return rows


def _is_over(row: Any) -> bool:
    """Whether nothing is written of it any more: the call is over, and accounted for."""
    return row.state in FINAL and not row.leg.machine and row.is_accounted


def _mark(rows: Sequence[Any], why: Why, now: datetime) -> None:
    if not rows:
        return
    ids, asked = [row.id for row in rows], why.actor
    nothing = {"wrapped_key": None, "peaks": None}
    Recording.update(state=RecordingState.DISPOSING, **nothing).where(Recording.id.in_(ids)).execute()
    detail = json.dumps(why.detail, sort_keys=True, default=str)
    marks = [
        {
            "recording": row.id, "organisation": row.organisation_id, "was": row.state, "rule": why.rule,
            "detail": detail, "actor_kind": asked.kind, "actor": asked.id[:64], "asked_at": now,
        }
        for row in rows
    ]  # fmt: skip
    Disposing.insert_many(marks).execute()
    for row in rows if asked != BY_RULE else ():
        subject, told = Subject("recording", str(row.id)), {"rule": why.rule, **why.detail}
        audit.write(asked, Action.REMOVE, subject, now, organisation=row.organisation_id, detail=told)


def _file_of(row: Any) -> Place | None:
    """Where its file is; there is no key to open it any more."""
    found = place(row)
    return found and replace(found, lock=None)


def _complete_rows(ids: list[UUID]) -> list[Any]:
    if not ids:
        return []
    columns = (
        Recording.id, Recording.organisation, Recording.leg, Recording.started_at, Recording.stored_at,
        Recording.size_bytes,
    )  # fmt: skip
    uncleared = Segment.select(Segment.recording).where(Segment.recording.in_(ids) & ~Segment.cleared)
    return list(
        Recording.select(*columns)
        .where(
            Recording.id.in_(ids)
            & (Recording.state == RecordingState.DISPOSING)
            & Recording.id.not_in(uncleared)
        )
        .order_by(Recording.id)
    )


def _leaves(gone: list[UUID]) -> list[Any]:
    return list(Manifest.select(Manifest.recording, Manifest.number).where(Manifest.recording.in_(gone)))


def _line(row: Any, mark: Any, leaf: int | None, now: datetime) -> dict[str, Any]:
    """Of the disposal log."""
    return {
        "organisation": row.organisation_id, "recording": row.id, "leg": row.leg_id, "leaf": leaf,
        "was": mark.was, "started_at": row.started_at, "stored_at": row.stored_at,
        "size_bytes": row.size_bytes or 0, "rule": mark.rule, "detail": mark.detail,
        "actor_kind": mark.actor_kind, "actor": mark.actor, "asked_at": mark.asked_at, "at": now,
    }  # fmt: skip


def _delete(rows: Sequence[Any], gone: list[UUID]) -> None:
    Manifest.update(text="", personal="").where(Manifest.recording.in_(gone)).execute()
    Segment.delete().where(Segment.recording.in_(gone)).execute()
    Announcement.delete().where(Announcement.recording.in_(gone)).execute()
    Recording.delete().where(Recording.id.in_(gone)).execute()
    Disposing.delete().where(Disposing.recording.in_(gone)).execute()
    legs = {row.leg_id for row in rows}
    others = {row.leg_id for row in Recording.select(Recording.leg).where(Recording.leg.in_(legs))}
    _forget_parties(list(legs - others))


def _forget_parties(legs: Sequence[UUID]) -> None:
    if legs:
        for table in (Announcement, Counterpart, OnHold, Annotation):
            table.delete().where(table.leg.in_(legs)).execute()
        Leg.update(**dict.fromkeys(PERSONAL_OF_LEG, "")).where(Leg.id.in_(legs)).execute()


def _tell(rows: Sequence[Any], marks: Mapping[UUID, Any], now: datetime) -> None:
    """A line of the audit log for what no person asked for: how many, and a hash of which."""
    by_rule = [row for row in rows if marks[row.id].actor_kind == ActorKind.RECORDER]
    of: Counter[tuple[UUID, str]] = Counter((row.organisation_id, marks[row.id].rule) for row in by_rule)
    for (organisation, rule), count in of.items():
        ids = sorted(
            str(row.id)
            for row in by_rule
            if row.organisation_id == organisation and marks[row.id].rule == rule
        )
        detail = {"rule": rule, "recordings": count, "sha256": hash_of(ids)}
        audit.write(
            BY_RULE, Action.REMOVE, Subject("recordings"), now, organisation=organisation, detail=detail
        )


def hash_of(ids: Sequence[str]) -> str:
    """SHA-256 of the recordings' ids, a line each, sorted: what was in the disposal log then."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()
