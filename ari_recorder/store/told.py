"""What the audit log, which is signed, tells of what the catalogue has: part of ``ari-recorder verify``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from ari_recorder.store.audit import Action
from ari_recorder.store.database import Store
from ari_recorder.store.models import AuditLine

PAGE = 2_000


def lines(store: Store, kind: str, *conditions: Any) -> Iterator[AuditLine]:
    """Each that tells of one of that kind that it was made, changed or removed, in the order of the log."""
    last = (UUID(int=0), 0)
    while page := store.read_now(_lines_after, kind, last, conditions):
        yield from page
        last = (page[-1].organisation, page[-1].number)


def twice(find: Callable[[], Iterable[tuple[str, str]]]) -> list[tuple[str, str]]:
    """What is found unlike, and found so again.

    Log and catalogue are read one after the other: what was done between, by people or the recorder, is no
    longer unlike when both are read again.
    """
    found = list(find())
    again = set(find()) if found else set()
    return [one for one in found if one in again]


def _lines_after(kind: str, last: tuple[UUID, int], conditions: tuple[Any, ...]) -> list[AuditLine]:
    organisation, number = last
    behind = (AuditLine.organisation > organisation) | (
        (AuditLine.organisation == organisation) & (AuditLine.number > number)
    )
    deeds = AuditLine.action.in_([Action.CREATE.value, Action.CHANGE.value, Action.REMOVE.value])
    query = AuditLine.select().where((AuditLine.subject_kind == kind) & deeds & behind, *conditions)
    return list(query.order_by(AuditLine.organisation, AuditLine.number).limit(PAGE))
