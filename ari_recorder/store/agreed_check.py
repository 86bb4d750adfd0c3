"""That what users agreed to and are billed for is what the audit log tells: part of ``ari-recorder verify``.

Who can write in the catalogue could have it say that somebody was told more about being recorded than they
were, or that nobody's recording was switched on. The audit log, which is signed, has each of these deeds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.store import told
from ari_recorder.store.database import Store
from ari_recorder.store.models import Activation, AuditLine, Erasure
from ari_recorder.store.people.activations import FIELD
from ari_recorder.store.people.users import KIND

_Told = dict[str, dict[datetime, dict[str, Any]]]
"""Of each user: the activations that began, by when, as the log's lines come to."""


def unlike(store: Store) -> list[tuple[str, str]]:
    """Each activation that is not as told: whose, and a sentence."""
    return told.twice(lambda: _all(store))


def _all(store: Store) -> Iterator[tuple[str, str]]:
    for user, begun in _told(store).items():
        yield from ((f"{KIND} {user}", text) for text in store.read_now(_judged, UUID(user), begun))


def _told(store: Store) -> _Told:
    found: _Told = defaultdict(dict)
    for line in told.lines(store, KIND, AuditLine.detail.contains('"activation"')):
        done = json.loads(line.detail).get("activation", {})
        mine = found[line.subject]
        if "began" in done:
            mine[line.at] = done
        elif mine and "acknowledged" in done:
            mine[max(mine)] = mine[max(mine)] | {FIELD: done["acknowledged"]}
    return found


def _judged(user: UUID, begun: dict[datetime, dict[str, Any]]) -> list[str]:
    """Activations of before the log had them are left alone."""
    there = {row.began_at: row for row in Activation.select().where(Activation.user == user)}
    erased = {one.pseudonym for one in Erasure.select(Erasure.pseudonym)}
    return [text for at, done in begun.items() if (text := _differs(there.get(at), done, erased))]


def _differs(row: Any, done: dict[str, Any], erased: Collection[str]) -> str:
    if row is None:
        return "The audit log tells that recording was switched on for them, and the catalogue does not."
    if (row.plan, row.start_fee) != (done["began"], done["start_fee"]):
        return "Their plan or start fee is not what the audit log tells."
    agreed = row.acknowledgement
    if agreed != done[FIELD] and not any(one in agreed for one in erased):
        return "What they were told about being recorded, and agreed to, is not what the audit log tells."
    return ""
