"""That legal holds and erasures are what the audit log tells of: part of ``ari-recorder verify``.

Who can write in the catalogue could take a hold out of it, or end it, so that what it keeps is deleted; or
have an erasure's report say something else. The audit log, which is signed, has each of these deeds, and a
hash of what it said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.holds import Kind
from ari_recorder.store import holding, told
from ari_recorder.store.audit import Action
from ari_recorder.store.database import Store
from ari_recorder.store.erasing import asking
from ari_recorder.store.hold_about import written_down
from ari_recorder.store.models import Erasure, Hold


@dataclass
class _Told:
    """What the audit log's lines of one of them come to."""

    organisation: UUID
    said: dict[str, Any]
    over: bool = False


def unlike(store: Store) -> list[tuple[str, str]]:
    """Each that is not as told, or not told of: which it is, and a sentence."""
    return told.twice(lambda: _all(store))


def _all(store: Store) -> Iterator[tuple[str, str]]:
    yield from _compared(store, holding.KIND, Hold, _hold)
    yield from _compared(store, asking.KIND, Erasure, _erasure)


def _compared(
    store: Store, kind: str, model: Any, judge: Callable[[Any, _Told], Iterator[str]]
) -> Iterator[tuple[str, str]]:
    of_log = _told(store, kind)
    for one, line in of_log.items():
        yield from ((f"{kind} {one}", text) for text in store.read_now(_judged, model, one, line, judge))
    for row in store.read_now(lambda: list(model.select(model.id))):
        if str(row.id) not in of_log:
            yield f"{kind} {row.id}", "It is in the catalogue, and the audit log tells of no such deed."


def _judged(model: Any, one: str, line: _Told, judge: Callable[[Any, _Told], Iterator[str]]) -> list[str]:
    row = model.get_or_none((model.id == one) & (model.organisation == line.organisation))
    return list(judge(row, line)) if row else ["The audit log tells of it, and it is not in the catalogue."]


def _hold(row: Any, line: _Told) -> Iterator[str]:
    if line.over:  # an erasure may have put a pseudonym into it since
        if row.over_at is None:
            yield "The audit log says that it is over, and the catalogue that it holds."
        return
    if row.over_at is not None:
        yield "The catalogue says that it is over, and the audit log tells of no release."
    if _as_told(line.said) != (row.kind, row.recording, row.user, row.ends_at, holding.hash_of(row)):
        yield "It does not say what it said when it was placed or changed."
    chosen = set(line.said.get("ids", ()))
    if row.kind == Kind.SELECTION and chosen != set(map(str, written_down([row.id]).get(row.id, ()))):
        yield "It is not of the recordings that it was placed on."


def _as_told(said: dict[str, Any]) -> tuple[Any, ...]:
    recording, user, ends_at = said.get("recording"), said.get("user"), said.get("ends_at")
    return (
        said.get("kind"), recording and UUID(recording), user and UUID(user),
        ends_at and datetime.fromisoformat(ends_at), said.get("sha256"),
    )  # fmt: skip


def _erasure(row: Any, line: _Told) -> Iterator[str]:
    sha256 = line.said.get("report_sha256")
    if sha256 and sha256 != hashlib.sha256(row.report.encode()).hexdigest():
        yield "Its report is not the one that the audit log has the hash of."


def _told(store: Store, kind: str) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for line in told.lines(store, kind):
        one = found.setdefault(line.subject, _Told(line.organisation, {}))
        one.said |= json.loads(line.detail).get("after", {})
        one.over |= line.action == Action.REMOVE
    return found
