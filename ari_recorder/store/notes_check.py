"""That notes, marks and tags, with their history, are what the audit log tells: part of ``verify``.

Who can write in the catalogue could have a note say something else, or that somebody else wrote it. The audit
log, which is signed, has each change.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from ari_recorder.policies.annotations import FIELDS, TAG_MAX
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store.audit import Action
from ari_recorder.store.database import Store
from ari_recorder.store.models import Annotation, AuditLine, Erasure, Leg, Recording

PAGE = 500


class _Change(NamedTuple):
    """One change of a field of a call, as the log tells it or the history has it."""

    at: datetime
    field: str
    before: str
    after: str
    by: str


def unlike(store: Store) -> Iterator[tuple[UUID, str]]:
    """Each call of which they are not as told: which, and a sentence.

    What is changed meanwhile is no longer unlike when both are read again.
    """
    last = UUID(int=0)
    while ids := store.read_now(_ids_after, last):
        last = ids[-1]
        if found := store.read_now(_judged, ids):
            again = store.read_now(_judged, ids)
            yield from (one for one in found if one in again)


def _ids_after(last: UUID) -> list[UUID]:
    """Calls of which it is still known whom they were with: with that the notes go."""
    there = Leg.select(Leg.id).where((Leg.id > last) & (Leg.channel_name != ""))
    return [leg.id for leg in there.order_by(Leg.id).limit(PAGE)]


def _judged(ids: list[UUID]) -> list[tuple[UUID, str]]:
    columns = (Leg.id, Leg.organisation, *(getattr(Leg, name) for name in FIELDS))
    legs = Leg.select(*columns).where(Leg.id.in_(ids) & (Leg.channel_name != "")).order_by(Leg.id)
    histories = defaultdict[UUID, list[_Change]](list)
    for one in Annotation.select().where(Annotation.leg.in_(ids)).order_by(Annotation.id):
        histories[one.leg_id].append(_Change(one.at, one.field, one.before, one.after, one.by))
    shown = defaultdict[UUID, list[Any]](list)
    columns = (Recording.leg, *(getattr(Recording, name) for name in FIELDS))
    there = Recording.leg.in_(ids) & (Recording.state != RecordingState.DISPOSING)
    for recording in Recording.select(*columns).where(there):
        shown[recording.leg_id].append(recording)
    found = []
    for organisation, mine in groupby(sorted(legs, key=_whose), _whose):
        some = list(mine)
        told, erased = _told(organisation, some), _pseudonyms(organisation)
        for leg in some:
            changes = sorted(told[str(leg.id)], key=_when)
            if not _alike(changes, sorted(histories[leg.id], key=_when), erased):
                found.append((leg.id, "The history of its note, mark and tags is not what the log tells."))
            elif not all(_is_so(row, changes, erased) for row in (leg, *shown[leg.id])):
                found.append((leg.id, "Its note, mark or tags are not what the audit log tells."))
    return found


def _when(change: _Change) -> tuple[datetime, str]:
    return change.at, change.field


def _whose(leg: Any) -> str:
    return str(leg.organisation_id)


def _told(organisation: str, legs: Iterable[Any]) -> dict[str, list[_Change]]:
    found = defaultdict[str, list[_Change]](list)
    lines = AuditLine.select().where(
        (AuditLine.organisation == organisation)
        & AuditLine.subject.in_([str(leg.id) for leg in legs])
        & (AuditLine.action == Action.ANNOTATE.value)
    )
    for line in lines.order_by(AuditLine.number):
        detail = json.loads(line.detail)
        for field, after in detail["after"].items():
            change = _Change(line.at, field, detail["before"][field], after, line.actor_name)
            found[line.subject].append(change)
    return found


def _pseudonyms(organisation: str) -> set[str]:
    """What stands in texts in the place of people who were erased."""
    return {one.pseudonym for one in Erasure.select().where(Erasure.organisation == organisation)}


def _alike(told: list[_Change], kept: list[_Change], erased: Collection[str]) -> bool:
    if len(told) != len(kept):
        return False
    return all(
        one.at == other.at and one.field == other.field
        and all(_same(*pair, erased) for pair in zip(one[2:], other[2:], strict=True))
        for one, other in zip(told, kept, strict=True)
    )  # fmt: skip


def _is_so(row: Any, told: list[_Change], erased: Collection[str]) -> bool:
    now = dict.fromkeys(FIELDS, "") | {one.field: one.after for one in told}
    return all(_same(text, getattr(row, field), erased) for field, text in now.items())


def _same(told: str, kept: str, erased: Collection[str]) -> bool:
    """Also where somebody was erased since; of a long text the pseudonym may have been cut off."""
    return told == kept or any(one in kept for one in erased) or (bool(erased) and len(kept) == TAG_MAX)
