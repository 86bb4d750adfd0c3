"""Recordings that somebody asks to remove before their time: of those that they may remove, and of no other.

How they go is for `disposal` to say; here it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import Scope
from ari_recorder.store.audit import Actor
from ari_recorder.store.catalogue import RecordingRow, rows_where
from ari_recorder.store.disposal import Begun, Why, begin, would_begin
from ari_recorder.store.models import Recording
from ari_recorder.store.scope import deletable

HELD = "It is under a legal hold: it stays until that is released."
BUSY = "Its call goes on, or it is being prepared: wait until it is ready."


def request(
    asker: Scope,
    actor: Actor,
    recording: UUID,
    now: datetime,
    check: Callable[[RecordingRow], None] = lambda _: None,
) -> RecordingRow:
    """Begin with one that somebody asks to remove; to be called in a write. Returns what it was.

    ``check`` is called with that, and may raise to stop it. Raises `NotFound` if there is none that
    ``asker`` may remove, `Conflict` if it is held, or its call goes on or it is being prepared.
    """
    row = removable(asker, recording)
    check(row)
    begun = begin([recording], Why(Rule.REQUEST, {}, actor), now)
    if begun.held:
        raise Conflict("", HELD)
    if begun.busy:
        raise Conflict("", BUSY)
    if begun.gone:
        raise NotFound(f"No recording {recording}.")
    return row


def request_all(
    asker: Scope,
    actor: Actor,
    recordings: Sequence[UUID],
    now: datetime,
    check: Callable[[Begun, Sequence[RecordingRow]], None] = lambda *_: None,
) -> Begun:
    """As `request`, of several, in one change: of those that ``asker`` may remove; the others are ``gone``.

    ``check`` is called with what would become of them, and those that would go.
    """
    rows = {row.id: row for row in removable_of(asker, recordings)}

    def seen(begun: Begun) -> None:
        begun.gone += [one for one in dict.fromkeys(recordings) if one not in rows]
        check(begun, [rows[one] for one in begun.begun])

    return begin(list(rows), Why(Rule.REQUEST, {}, actor), now, seen)


def would_remove(asker: Scope, recordings: Sequence[UUID]) -> tuple[Begun, dict[UUID, RecordingRow]]:
    """What would become of each, as far as is known now, and what they are; nothing begins."""
    rows = {row.id: row for row in removable_of(asker, recordings)}
    would = would_begin(list(rows))
    would.gone += [one for one in dict.fromkeys(recordings) if one not in rows]
    return would, rows


def removable_of(asker: Scope, recordings: Sequence[UUID]) -> list[RecordingRow]:
    """Those of these that ``asker`` may remove."""
    found = []
    for one in dict.fromkeys(recordings):  # one by one: see `annotations.mark_all`
        with suppress(NotFound):
            found.append(removable(asker, one))
    return found


def removable(asker: Scope, recording: UUID) -> RecordingRow:
    """A recording that ``asker`` may remove. Raises `NotFound` if there is none."""
    found = rows_where(deletable(asker) & (Recording.id == recording), order=(), limit=1)
    if not found:
        raise NotFound(f"No recording {recording}.")
    return found[0]


def hindrance(recording: UUID) -> str:
    """Why it cannot be removed now: `HELD`, `BUSY`, or nothing."""
    would = would_begin([recording])
    return HELD if would.held else BUSY if would.busy else ""
