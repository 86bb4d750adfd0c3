"""Erasures as they are asked for and shown: whom it would be, how much, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.policies import erasing as policy
from ari_recorder.policies.erasing import Counts, Kind, Person, State, Step
from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, catalogue, finding, holds, paging
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import Wanted
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Erasure, Organisation, User
from ari_recorder.store.order import Sort
from ari_recorder.store.paging import Page
from ari_recorder.store.scope import erasures_of

KIND = "erasure"
LOOKED_AT_MAX = 2_000
"""Recordings that a preview looks at."""
SHOWN_MAX = 20
"""Numbers and names that a preview lists."""
OFFERED_MAX = 500
"""Removed users that are offered."""
_PART = 200


@dataclass(frozen=True)
class Target:
    """Who is to be taken out: a counterpart by ``number``, ``name`` or both, or a removed user."""

    kind: Kind
    user: UUID | None = None
    number: str = ""
    name: str = ""


@dataclass(frozen=True)
class ErasureRow:
    """An erasure as shown. ``number`` and ``name`` are empty once it is done."""

    id: UUID
    organisation: UUID
    kind: Kind
    user: UUID | None
    number: str
    name: str
    pseudonym: str
    reference: str
    begun_at: datetime
    begun_by: str
    state: State
    step: Step
    counts: Counts
    looked_at: datetime
    done_at: datetime | None
    report: str
    report_sha256: str


@dataclass(frozen=True)
class Party:
    """A number and a name that somebody showed, and in how many recordings."""

    number: str
    name: str
    recordings: int


@dataclass(frozen=True)
class Preview:
    """What an erasure would do. Of recordings: ``disposed`` of, ``renamed`` in, ``held``; with ``more``
    there are others that were not looked at. ``notes`` are recordings whose notes have the number or the
    name. ``one_writing``: the number in another writing is not found, as the organisation has no country.
    """

    disposed: int = 0
    renamed: int = 0
    held: int = 0
    more: bool = False
    notes: int = 0
    parties: tuple[Party, ...] = ()
    holds: tuple[UUID, ...] = ()
    one_writing: bool = False


@dataclass(frozen=True)
class Gone:
    """A user who was removed, and is still named."""

    id: UUID
    name: str
    number: str | None
    removed_at: datetime


def listed(asker: Scope, *, limit: int = paging.LIMIT, cursor: str | None = None) -> Page[ErasureRow]:
    """A page of them, the newest first. Raises `Invalid`."""
    query = Erasure.select().where(erasures_of(asker))
    return paging.page(query, Erasure.begun_at, Erasure, rows, limit=limit, cursor=cursor, newest_first=True)


def one(asker: Scope, erasure: UUID) -> ErasureRow:
    """One. Raises `NotFound`."""
    row = Erasure.get_or_none(erasures_of(asker) & (Erasure.id == erasure))
    if row is None:
        raise NotFound("There is no such erasure.")
    return rows([row])[0]


def waiting(organisation: UUID) -> int:
    """How many wait for a hold, or for a call that goes on."""
    own = (Erasure.organisation == organisation) & (Erasure.state == State.WAITING)
    return int(Erasure.select().where(own).count())


def gone_users(organisation: UUID) -> list[Gone]:
    """Users who were removed, and whom nobody has taken out, the last removed first."""
    own = (User.organisation == organisation) & User.removed_at.is_null(False)
    erased = Erasure.select(Erasure.user).where(Erasure.user.is_null(False) & (Erasure.kind == Kind.USER))
    query = User.select().where(own & User.id.not_in(erased)).order_by(User.removed_at.desc())
    return [Gone(row.id, row.name, row.number, row.removed_at) for row in query.limit(OFFERED_MAX)]


def checked(organisation: UUID, target: Target) -> Target:
    """As it can be, with number and name of a user. Raises `Invalid`, `NotFound`, `Conflict`."""
    if target.kind is not Kind.COUNTERPART:
        row = User.get_or_none((User.id == target.user) & (User.organisation == organisation))
        if row is None:
            raise NotFound("There is no such user.")
        if row.removed_at is None:
            raise Conflict("user", "remove this user first: as long as they are there, they are recorded.")
        target = replace(target, number=row.number or "", name=row.name)
    else:
        with fit():
            number = policy.number("number", target.number)
            target = replace(target, number=number, name=policy.name("name", target.name))
        if not (target.number or target.name):
            raise Invalid("number", "write a number, a name, or both.")
    _check_new(organisation, target)
    return target


def preview(organisation: UUID, target: Target) -> Preview:
    """What erasing a target that was `checked` would do; looks at `LOOKED_AT_MAX` recordings at most."""
    if target.kind is not Kind.COUNTERPART:
        return _preview_of_user(organisation, target)
    who, everything = person_of(organisation, target), holds.everything_of(organisation)
    ids, more = _candidates(organisation, target)
    found, seen = list(_met(everything, ids, who)), Counter[tuple[str, str]]()
    for row in found:
        seen.update({one for one in parties(row) if who.is_party(*one)})
    keeping = holds.holding([row.id for row in found])
    alone = [row for row in found if all(who.is_party(*one) for one in parties(row))]
    shown = [Party(number, name, times) for (number, name), times in seen.most_common(SHOWN_MAX)]
    free = [row for row in alone if row.id not in keeping]
    return Preview(
        disposed=len(free),
        renamed=len(found) - len(alone) - sum(row.id in keeping for row in found if row not in alone),
        held=len(keeping),
        more=more,
        notes=_noted(organisation, target),
        parties=tuple(shown),
        holds=tuple(sorted({one for by in keeping.values() for one in by})),
        one_writing=bool(target.number) and not Organisation.get_by_id(organisation).country,
    )


def check_reference(organisation: UUID, target: Target, reference: str) -> str:
    """As it can be kept. Raises `Invalid` for one that has the person's name or number."""
    with fit():
        return policy.reference("reference", reference, person_of(organisation, target))


def begin(
    organisation: UUID, target: Target, reference: str, draw: Sequence[int], *, actor: Actor, now: datetime
) -> ErasureRow:
    """Begin one: from its commit on it is done, whatever happens. ``draw`` are random bytes for the
    pseudonym.

    Raises as `checked` does.
    """
    target = checked(organisation, target)
    reference = check_reference(organisation, target, reference)
    language = Organisation.get_by_id(organisation).language
    row = Erasure.create(
        organisation=organisation, kind=target.kind.value, user=target.user, number=target.number,
        name=target.name, pseudonym=policy.pseudonym(target.kind, language, draw), reference=reference,
        begun_at=now, begun_by=actor.name, state=State.RUNNING.value, step=Step.CALLS.value,
        counts=Counts().text(), looked_at=now,
    )  # fmt: skip
    if target.user is not None:
        User.update(name=row.pseudonym, number=None).where(User.id == target.user).execute()
    detail = {"after": {"kind": row.kind, "user": row.user, "pseudonym": row.pseudonym}}
    audit.write(
        actor, Action.CREATE, Subject(KIND, str(row.id)), now, organisation=organisation, detail=detail
    )
    return rows([row])[0]


def person_of(organisation: UUID, target: Target | Any) -> Person:
    """Whom to look for. A user's number that others have had, too, counts only with the name."""
    country = Organisation.get_by_id(organisation).country
    both = False
    if target.kind != Kind.COUNTERPART and target.number:
        others = (User.organisation == organisation) & (User.number == target.number)
        both = User.select().where(others & (User.id != target.user)).exists()
    return policy.person(target.number, target.name, country, both=both)


def parties(row: RecordingRow) -> list[tuple[str, str]]:
    """Whom the user of a recording talked to."""
    met = [(one.number, one.name) for one in row.counterparts]
    return list(dict.fromkeys([*met, (row.counterpart_number, row.counterpart_name)]))


def rows(found: Sequence[Any]) -> list[ErasureRow]:
    """As shown."""
    return [
        ErasureRow(
            row.id, row.organisation_id, Kind(row.kind), row.user, row.number, row.name, row.pseudonym,
            row.reference, row.begun_at, row.begun_by, State(row.state), Step(row.step),
            policy.counts(row.counts), row.looked_at, row.done_at, row.report, row.report_sha256,
        )
        for row in found
    ]  # fmt: skip


def _check_new(organisation: UUID, target: Target) -> None:
    """That the same person is not being taken out already."""
    going = Erasure.select().where((Erasure.organisation == organisation) & (Erasure.state != State.DONE))
    for row in going:
        same_user = target.user is not None and row.user == target.user
        same = target.user is None and (row.number, row.name) == (target.number, target.name)
        if same_user or same:
            raise Conflict("", "An erasure of this person goes on, or waits: see the list.")


def _preview_of_user(organisation: UUID, target: Target) -> Preview:
    everything = holds.everything_of(organisation)
    ids = finding.page(everything, Wanted(user=target.user), Sort.NEWEST, None, LOOKED_AT_MAX + 1)
    keeping = holds.holding(ids[:LOOKED_AT_MAX])
    stays = target.kind is Kind.LEAVER
    free = min(len(ids), LOOKED_AT_MAX) - len(keeping)
    return Preview(
        disposed=0 if stays else free,
        renamed=free if stays else 0,
        held=len(keeping),
        more=len(ids) > LOOKED_AT_MAX,
        notes=_noted(organisation, target),
        holds=tuple(sorted({one for by in keeping.values() for one in by})),
    )


def _candidates(organisation: UUID, target: Target) -> tuple[list[UUID], bool]:
    """Recordings that may have them, and whether there are more."""
    everything, found, more = holds.everything_of(organisation), list[UUID](), False
    asked = [Wanted(number=target.number)] if target.number else []
    asked += [Wanted(text=target.name)] if target.name else []
    for wanted in asked:
        ids = finding.page(everything, wanted, Sort.NEWEST, None, LOOKED_AT_MAX + 1)
        more = more or len(ids) > LOOKED_AT_MAX
        found += ids[:LOOKED_AT_MAX]
    return list(dict.fromkeys(found)), more


def _met(everything: Scope, ids: Sequence[UUID], who: Person) -> Iterator[RecordingRow]:
    for start in range(0, len(ids), _PART):
        for row in catalogue.chosen(everything, ids[start : start + _PART]):
            if any(who.is_party(*one) for one in parties(row)):
                yield row


def _noted(organisation: UUID, target: Target) -> int:
    everything = holds.everything_of(organisation)
    asked = [Wanted(note=one) for one in (target.number, target.name) if one]
    return sum(finding.count(everything, wanted, LOOKED_AT_MAX) for wanted in asked)
