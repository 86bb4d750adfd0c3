"""That users and organisations are what the audit log tells: part of ``ari-recorder verify``.

Who can write in the catalogue could make themselves an administrator, have somebody's calls not recorded any
more, or have recordings bear another's name. The audit log, which is signed, has each change by the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ari_recorder.store import told
from ari_recorder.store.audit import Action
from ari_recorder.store.database import Store
from ari_recorder.store.models import Organisation, User
from ari_recorder.store.people import organisations, users
from ari_recorder.store.people.rows import row_of


@dataclass
class _Told:
    """What the audit log's lines of one of them come to."""

    said: dict[str, Any] = field(default_factory=dict)
    gone: bool = False


def unlike(store: Store) -> list[tuple[str, str]]:
    """Each that is not as told: which, and a sentence."""
    return told.twice(lambda: _all(store))


def _all(store: Store) -> Iterator[tuple[str, str]]:
    people = _told(store, users.KIND)
    yield from _compared(store, users.KIND, people, _user)
    yield from _compared(store, organisations.KIND, _told(store, organisations.KIND), _organisation)
    for user in store.read_now(_users):
        if str(user) not in people:
            yield f"{users.KIND} {user}", "It is in the catalogue, and the audit log does not tell of it."


def _compared(
    store: Store, kind: str, log: Mapping[str, _Told], now: Callable[[UUID], dict[str, Any] | None]
) -> Iterator[tuple[str, str]]:
    for one, said in log.items():
        if text := store.read_now(_judged, UUID(one), said, now):
            yield f"{kind} {one}", text


def _users() -> list[UUID]:
    return [row.id for row in User.select(User.id).where(User.removed_at.is_null())]


def _judged(one: UUID, line: _Told, now: Callable[[UUID], dict[str, Any] | None]) -> str:
    there = now(one)
    if line.gone:
        return "" if there is None else "The audit log tells that it was removed, and the catalogue does not."
    if there is None:
        return "It is not there, and the audit log tells of no removal."
    others = sorted(name for name in there.keys() & line.said.keys() if there[name] != line.said[name])
    return f"The catalogue says otherwise than the audit log of {', '.join(others)}." if others else ""


def _user(user: UUID) -> dict[str, Any] | None:
    row = User.get_or_none((User.id == user) & User.removed_at.is_null())
    return _written(users.told(row_of(row)) | {"organisation": row.organisation_id}) if row else None


def _organisation(organisation: UUID) -> dict[str, Any] | None:
    there = Organisation.select().where(Organisation.id == organisation).exists()
    return _written(organisations.told(organisations.organisation(organisation))) if there else None


def _told(store: Store, kind: str) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for line in told.lines(store, kind):
        one = found.setdefault(line.subject, _Told())
        one.said |= _sorted(json.loads(line.detail).get("after", {}))
        one.said["organisation"] = str(line.organisation)
        one.gone |= line.action == Action.REMOVE
    return found


def _written(values: dict[str, Any]) -> dict[str, Any]:
    """As the log's JSON has them."""
    return _sorted(json.loads(json.dumps(values, default=str)))


def _sorted(values: dict[str, Any]) -> dict[str, Any]:
    """What is a list is a set of things, in any order."""
    return {name: sorted(value) if isinstance(value, list) else value for name, value in values.items()}
