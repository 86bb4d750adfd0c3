"""Which recordings are under a legal hold now: asked before anything is deleted, in the write that deletes.

A hold is a rule. It is not asked which recordings it found when it was placed, but whether it fits those that
are to be deleted: so what came later is held, too. What fits is read from the rows themselves and not from
the index of texts, which may not have a recording yet.

An edit must not free a recording that a search holds: its note, its mark, the groups of its user. So what a
search finds is noted (`models.HeldRecording`): by `fix` in the write that edits, before it does, and of all
that is older than a day by the delivery process, in batches (`fix_next`). Until a hold is over its rule and
its notes both hold. A hold of a selection has no rule: those that were chosen are noted when it is placed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ari_recorder.policies import rights
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.rights import Right
from ari_recorder.policies.search import Document
from ari_recorder.store import audit, filters, search_index, statements
from ari_recorder.store.filters import Wanted
from ari_recorder.store.finding.asked import Asked, Needle, asked
from ari_recorder.store.models import HeldRecording, Hold, Recording, database
from ari_recorder.store.search_index import Entry
from ari_recorder.store.sql import among, every_of, rows, sql

PART = 200
"""Recordings looked at in one query."""
FIXED_AFTER = timedelta(days=1)
"""How old a recording is when what holds it is noted; no call takes longer."""


def held(ids: Collection[UUID]) -> set[UUID]:
    """Which of these recordings are under a legal hold now.

    To be called in the write that deletes the others: until it is committed no hold can be placed
    (`audit.lock`). In a read it is only what is known now.
    """
    if database.in_transaction():
        audit.lock()
    return set(holding(ids))


def holding(ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Of these recordings that are under a hold: which holds keep each."""
    every, found = list(dict.fromkeys(ids)), defaultdict[UUID, set[UUID]](set)
    for start in range(0, len(every), PART):
        for hold, recording in _holding(every[start : start + PART]):
            found[recording].add(hold)
    return dict(found)


def fix(recordings: Collection[UUID]) -> None:
    """Note which searches hold these, before something of them changes; in that write."""
    every = list(recordings)
    for start in range(0, len(every), PART):
        part = every[start : start + PART]
        _note(_fitting([hold for hold in _active(part) if hold.kind == Kind.SEARCH], part))


def fix_next(now: datetime, limit: int = PART) -> bool:
    """Note a batch of what a search holds; whether there may be more. In a write."""
    until = id_at(now - FIXED_AFTER)
    for hold in _of_kind(Kind.SEARCH):
        behind = hold.fixed_up_to or UUID(int=0)
        # By ids alone: of an organisation that is named, too, SQLite would look through all that it has.
        page = (
            Recording.select(Recording.id, Recording.organisation)
            .where((Recording.id > behind) & (Recording.id < until))
            .order_by(Recording.id)
            .limit(limit)
            .tuples()
        )
        found = list(page)
        if found:
            _note(_fitting([hold], [one for one, of in found if of == hold.organisation_id]))
            Hold.update(fixed_up_to=found[-1][0]).where(Hold.id == hold.id).execute()
            return True
    return False


def forget_next(limit: int = 1_000) -> bool:
    """Take away a batch of what was noted for holds that are over; whether there may be more. In a write.

    What a selection was is kept: nothing else says it.
    """
    over = Hold.select(Hold.id).where(Hold.over_at.is_null(False) & (Hold.kind != Kind.SELECTION))
    gone = [row.id for row in HeldRecording.select().where(HeldRecording.hold.in_(over)).limit(limit)]
    HeldRecording.delete().where(HeldRecording.id.in_(gone)).execute() if gone else None
    return len(gone) == limit


def wanted_by(hold: Any) -> Wanted:
    """What a hold keeps, as the list finds it; of recordings that were named nothing is asked this way."""
    match hold.kind:
        case Kind.USER:
            return Wanted(user=hold.user)
        case Kind.NUMBER:
            return Wanted(number=hold.number)
        case _:
            return filters.from_text(hold.wanted)


def everything_of(organisation: UUID) -> rights.Scope:
    """Who sees all of an organisation: a hold is not narrowed by who placed it."""
    return rights.program(organisation, {Right.RECORDINGS_READ, Right.GROUPS_READ})


def id_at(at: datetime) -> UUID:
    """The least UUIDv7 of that time."""
    return UUID(int=max(0, int(at.astimezone(UTC).timestamp() * 1000)) << 80)


def _holding(ids: Sequence[UUID]) -> Iterator[tuple[UUID, UUID]]:
    active = _active(ids)
    if not active:
        return
    noted = HeldRecording.select(HeldRecording.hold, HeldRecording.recording).where(
        HeldRecording.recording.in_(ids) & HeldRecording.hold.in_([hold.id for hold in active])
    )
    yield from noted.tuples()
    yield from _fitting(active, ids)


def _active(ids: Sequence[UUID]) -> list[Any]:
    """Those of the organisations that these recordings are of."""
    if not ids or not _of_kind(None).exists():
        return []
    of = Recording.select(Recording.organisation).where(Recording.id.in_(ids)).distinct()
    return list(_of_kind(None).where(Hold.organisation.in_([row.organisation_id for row in of])))


def _of_kind(kind: Kind | None) -> Any:
    query = Hold.select().where(Hold.over_at.is_null()).order_by(Hold.id)
    return query if kind is None else query.where(Hold.kind == kind)


def _fitting(holds: Sequence[Any], ids: Sequence[UUID]) -> Iterator[tuple[UUID, UUID]]:
    """Each hold, and each of these recordings that it fits."""
    if not holds or not ids:
        return
    entries = {one.recording: one.wanted for one in search_index.looked(ids, every=True) if one.wanted}
    for hold in holds:
        own = {one: entry for one, entry in entries.items() if entry.organisation == hold.organisation_id}
        if hold.kind == Kind.SELECTION:
            continue  # is no rule: what it keeps is written down
        if hold.kind == Kind.RECORDING:
            fits: Iterable[UUID] = own.keys() & {hold.recording}
        else:
            fits = _found(asked(everything_of(hold.organisation_id), wanted_by(hold)), own)
        yield from ((hold.id, one) for one in fits)


def _found(what: Asked | None, entries: Mapping[UUID, Entry]) -> list[UUID]:
    if what is None:
        return []
    fits = [one for one, entry in entries.items() if _stands(what, entry)]
    began = [sql(f"r.started_at {way} {{}}", at) for way, at in what.began]
    if not fits or not (began or what.attributes):
        return fits
    conditions = every_of([among("r.id", fits), *what.attributes, *began])
    return [
        Recording.id.python_value(row[0])
        for row in rows(sql("SELECT r.id FROM recording r WHERE {}", conditions))
    ]


def _stands(what: Asked, entry: Entry) -> bool:
    return what.within.has(entry.organisation, entry.user) and all(
        entry.user in needle.users or _is_in(needle, entry.document) for needle in what.needles
    )


def _is_in(needle: Needle, document: Document) -> bool:
    return any(part in getattr(document, column) for column, parts in needle.parts.items() for part in parts)


def _note(found: Iterable[tuple[UUID, UUID]]) -> None:
    for hold, recording in list(found):
        statements.insert(HeldRecording, or_ignore=True, hold=hold, recording=recording)
