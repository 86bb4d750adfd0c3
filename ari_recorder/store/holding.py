"""Legal holds as they are placed, shown, changed and released; what they keep is for `holds` to say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies import holds as policy
from ari_recorder.policies.holds import EACH_MAX, PEOPLE_MAX, REASON_MAX, Kind
from ari_recorder.policies.rights import Right, Scope
from ari_recorder.store import audit, filters, finding, hold_about, holds, paging
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.hold_about import About
from ari_recorder.store.models import HeldRecording, Hold, Recording, User
from ari_recorder.store.order import Sort
from ari_recorder.store.paging import Page
from ari_recorder.store.scope import holds_of

KIND = "hold"
FREED_MAX = 1_000
"""How far is counted what a release would free."""
_TEXTS = ("number", "query", "reason", "people")


@dataclass(frozen=True)
class HoldRow:
    """A hold as shown. ``user_name`` is what the user is called today; ``over_at`` is None while it holds.

    Of one that is over, ``over_by`` is who released it, empty if its end came.
    """

    id: UUID
    organisation: UUID
    kind: Kind
    recording: UUID | None
    user: UUID | None
    user_name: str
    number: str
    query: str
    reason: str
    people: str
    begun_at: datetime
    begun_by: str
    ends_at: datetime | None
    over_at: datetime | None
    over_by: str
    over_why: str
    recordings: tuple[UUID, ...] = ()
    """Of a selection: those that were held then."""


@dataclass(frozen=True)
class Placed:
    """A new hold; which of its selection had been held ``before`` by others, and which were ``left``."""

    row: HoldRow
    before: list[UUID]
    left: list[UUID]


@dataclass(frozen=True)
class Freed:
    """Recordings that nothing but one hold keeps; with ``more``, that many were counted and there are
    more."""

    recordings: int
    more: bool
    oldest: datetime | None
    """When the oldest of them began."""


Check = Callable[[HoldRow], None]


def listed(
    asker: Scope, *, over: bool = False, limit: int = paging.LIMIT, cursor: str | None = None
) -> Page[HoldRow]:
    """A page of those that hold, or of those that are over, the newest first. Raises `Invalid`."""
    query = Hold.select().where(holds_of(asker) & Hold.over_at.is_null(not over))
    return paging.page(query, Hold.begun_at, Hold, _rows, limit=limit, cursor=cursor, newest_first=True)


def one(asker: Scope, hold: UUID) -> HoldRow:
    """One. Raises `NotFound`."""
    return _rows([_found(asker, hold)])[0]


def some(asker: Scope, ids: Sequence[UUID]) -> list[HoldRow]:
    """Those of these that ``asker`` may see, the newest first."""
    found = Hold.select().where(holds_of(asker) & Hold.id.in_(list(ids))).order_by(Hold.begun_at.desc())
    return _rows(list(found)) if ids else []


def held_for(asker: Scope, recordings: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Of these recordings those that are held, and by which holds, as far as ``asker`` may know."""
    if Right.HOLDS_READ not in asker.rights:
        return {}
    return {one: sorted(by) for one, by in holds.holding(recordings).items()}


def count(asker: Scope) -> int:
    """How many hold."""
    return int(Hold.select().where(holds_of(asker) & Hold.over_at.is_null()).count())


def about_of(row: HoldRow) -> About:
    """What a hold is about, to be counted again."""
    wanted = filters.from_text(Hold.get_by_id(row.id).wanted) if row.kind is Kind.SEARCH else None
    return About(row.kind, row.recording, row.user, row.number, row.query, wanted, row.recordings)


def user_name(organisation: UUID, user: UUID | None) -> str:
    """What a user is called, also one who is removed; empty if there is none."""
    row = User.get_or_none((User.id == user) & (User.organisation == organisation))
    return row.name if row else ""


def place(
    asker: Scope,
    organisation: UUID,
    about: About,
    *,
    reason: str,
    people: str = "",
    ends_at: datetime | None = None,
    actor: Actor,
    now: datetime,
) -> HoldRow:
    """Place a hold. Raises `Invalid`, `NotFound` for a recording or user that is not there, `Conflict`.

    Of a selection those are held that ``asker`` may see; the others are left.
    """
    audit.lock()  # what is being deleted just now is gone before, or held
    if Hold.select().where((Hold.organisation == organisation) & Hold.over_at.is_null()).count() >= EACH_MAX:
        raise Conflict("", "There are %(most)s legal holds already: release one first.", most=EACH_MAX)
    with fit():
        texts = {
            "number": policy.number("number", about.number) if about.kind is Kind.NUMBER else "",
            "query": about.query if about.kind is Kind.SEARCH else "",
            "reason": policy.text("reason", reason, REASON_MAX),
            "people": policy.text("people", people, PEOPLE_MAX, needed=False),
        }
        policy.check_end("ends_at", ends_at, now)
    hold_about.check(asker, organisation, about)
    row = Hold.create(
        organisation=organisation, kind=about.kind.value, begun_at=now, begun_by=actor.name, ends_at=ends_at,
        recording=about.recording if about.kind is Kind.RECORDING else None,
        user=about.user if about.kind is Kind.USER else None,
        wanted=filters.as_text(about.wanted) if about.kind is Kind.SEARCH and about.wanted else "",
        **texts,
    )  # fmt: skip
    if about.kind is Kind.SEARCH:
        _note_first(organisation, about)
    if about.kind is Kind.SELECTION:
        chosen = hold_about.selected(asker, organisation, about.recordings)
        hold_about.write_down(row.id, [one.id for one in chosen.there])
    tell(row, actor, now)
    return _rows([row])[0]


def place_and_tell(
    asker: Scope,
    organisation: UUID,
    about: About,
    *,
    reason: str,
    people: str = "",
    ends_at: datetime | None = None,
    actor: Actor,
    now: datetime,
) -> Placed:
    """As `place`, with what came of a selection."""
    row = place(
        asker, organisation, about, reason=reason, people=people, ends_at=ends_at, actor=actor, now=now
    )
    keeping, own = holds.holding(row.recordings), set(row.recordings)
    before = [one for one in row.recordings if keeping.get(one, set()) - {row.id}]
    return Placed(row, before, [one for one in dict.fromkeys(about.recordings) if one not in own])


def change_end(
    asker: Scope,
    hold: UUID,
    ends_at: datetime | None,
    *,
    check: Check = lambda row: None,
    actor: Actor,
    now: datetime,
) -> HoldRow:
    """Give a hold another end, or none. Raises `NotFound`, `Invalid`, `Conflict` if it is over."""
    row = _holds_still(asker, hold, check)
    with fit():
        policy.check_end("ends_at", ends_at, now)
    if row.ends_at != ends_at:
        before = {"ends_at": row.ends_at}
        row.ends_at = ends_at
        Hold.update(ends_at=ends_at).where(Hold.id == hold).execute()
        _write(actor, Action.CHANGE, row, now, {"before": before, "after": {"ends_at": ends_at}})
    return _rows([row])[0]


def release(
    asker: Scope, hold: UUID, why: str, *, check: Check = lambda row: None, actor: Actor, now: datetime
) -> HoldRow:
    """From now on it keeps nothing. Raises `NotFound`, `Invalid` without a reason, `Conflict` if it is
    over."""
    row = _holds_still(asker, hold, check)
    with fit():
        why = policy.text("why", why, REASON_MAX)
    return _end(row, actor, now, by=actor.name, why=why)


def freed_by(asker: Scope, hold: UUID) -> Freed:
    """What could be deleted if that hold were released: nothing that another keeps. Raises `NotFound`."""
    row = _found(asker, hold)
    kept = _kept_by(row, FREED_MAX + 1)
    keeping = holds.holding(kept)
    only = [one for one in kept if keeping.get(one) == {row.id}]
    oldest = [
        found.started_at
        for start in range(0, len(only), 500)
        for found in Recording.select(Recording.started_at).where(Recording.id.in_(only[start : start + 500]))
    ]
    return Freed(len(only), len(kept) > FREED_MAX, min(oldest, default=None))


def end_due(now: datetime, limit: int = 20) -> list[UUID]:
    """End those whose end has come, a batch of them; which. In a write."""
    due = Hold.select().where(Hold.over_at.is_null() & (Hold.ends_at <= now)).order_by(Hold.ends_at)
    over = [row for row in due.limit(limit * 10) if policy.is_over(row.ends_at, now)][:limit]
    for row in over:
        _end(row, _BY_ITSELF, now, by="", why="")
    return [row.id for row in over]


_BY_ITSELF = Actor(ActorKind.RECORDER, "", "")


def _end(row: Any, actor: Actor, now: datetime, *, by: str, why: str) -> HoldRow:
    row.over_at, row.over_by, row.over_why = now, by, why
    Hold.update(over_at=now, over_by=by, over_why=why).where(Hold.id == row.id).execute()
    tell_end(row, actor, now)
    return _rows([row])[0]


def _note_first(organisation: UUID, about: About) -> None:
    """What a search finds is noted; of much, the newest now, and the rest by the delivery process."""
    everything = holds.everything_of(organisation)
    holds.fix(finding.page(everything, hold_about.wanted(about), Sort.NEWEST, None, holds.PART))


def _kept_by(row: Any, most: int) -> list[UUID]:
    if row.kind == Kind.RECORDING:
        return [one.id for one in Recording.select(Recording.id).where(Recording.id == row.recording)]
    if row.kind == Kind.SELECTION:
        return hold_about.there(hold_about.written_down([row.id]).get(row.id, ()))
    everything = holds.everything_of(row.organisation_id)
    noted = HeldRecording.select(HeldRecording.recording).where(HeldRecording.hold == row.id).limit(most)
    there = Recording.select(Recording.id).where(Recording.id.in_(noted))
    found = finding.page(everything, holds.wanted_by(row), Sort.OLDEST, None, most)
    return list(dict.fromkeys([*found, *(one.id for one in there)]))[:most]


def _holds_still(asker: Scope, hold: UUID, check: Check) -> Any:
    row = _found(asker, hold)
    check(_rows([row])[0])
    if row.over_at is not None:
        raise Conflict("", "It is over already.")
    return row


def _found(asker: Scope, hold: UUID) -> Any:
    row = Hold.get_or_none(holds_of(asker) & (Hold.id == hold))
    if row is None:
        raise NotFound("There is no such legal hold.")
    return row


def _rows(rows: Sequence[Any]) -> list[HoldRow]:
    users = {row.user for row in rows if row.user}
    names = {one.id: one.name for one in User.select().where(User.id.in_(users))} if users else {}
    of = hold_about.written_down([row.id for row in rows if row.kind == Kind.SELECTION])
    return [
        HoldRow(
            row.id, row.organisation_id, Kind(row.kind), row.recording, row.user, names.get(row.user, ""),
            row.number, row.query, row.reason, row.people, row.begun_at, row.begun_by, row.ends_at,
            row.over_at, row.over_by, row.over_why, of.get(row.id, ()),
        )
        for row in rows
    ]  # fmt: skip


def tell(row: Any, actor: Actor, now: datetime) -> None:
    """Write into the audit log that it was placed, here or in a catalogue that was restored."""
    (placed,) = _rows([row])
    _write(actor, Action.CREATE, row, now, {"after": _told(row, placed.recordings)})


def tell_end(row: Any, actor: Actor, now: datetime) -> None:
    """Write into the audit log that it is over."""
    detail = {"released": bool(row.over_by), "ends_at": row.ends_at, "sha256": hash_of(row)}
    _write(actor, Action.REMOVE, row, now, {"before": detail})


def _told(row: Any, recordings: Sequence[UUID] = ()) -> dict[str, Any]:
    """For the audit log, which keeps for ever: no names and numbers, but the hash of the row that has
    them."""
    told = {"kind": row.kind, "recording": row.recording, "user": row.user, "ends_at": row.ends_at}
    if recordings:
        told |= {"recordings": len(recordings), "ids": [str(one) for one in recordings]}
    return {**{name: value for name, value in told.items() if value is not None}, "sha256": hash_of(row)}


def hash_of(row: Any) -> str:
    """SHA-256 of what a hold says, so that it cannot be made to have said something else; a reason makes it
    unguessable."""
    said = {"id": str(row.id), **{name: getattr(row, name) for name in _TEXTS}}
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _write(actor: Actor, action: Action, row: Any, now: datetime, detail: dict[str, Any]) -> None:
    audit.write(
        actor, action, Subject(KIND, str(row.id)), now, organisation=row.organisation_id, detail=detail
    )
