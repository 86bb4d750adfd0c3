"""An erasure at work: what is to be done next is looked for in a read, and done in a write of a few calls.

Calls are gone through in the order of their ids, so that none that comes meanwhile is passed over. A call of
which a recording is under a legal hold, or that goes on, is left whole: its number, its notes and their
history, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ari_recorder.policies.erasing import LISTED_MAX, Counts, Kind, Person, State, Step
from ari_recorder.policies.ledger import FINAL
from ari_recorder.policies.retention import Rule
from ari_recorder.store import disposal, holds
from ari_recorder.store.erasing import asking, elsewhere, ending, looking
from ari_recorder.store.models import (
    Annotation,
    Counterpart,
    Disposing,
    Erasure,
    Hold,
    Leg,
    Manifest,
    Recording,
)

LOOKED = 500
"""Calls that are looked at in a read."""
TOUCHED = 20
"""Calls that are changed in a write: some ten milliseconds."""
ROWS = 500
"""Rows of another kind that are changed in a write."""
AGAIN_AFTER = timedelta(minutes=10)
"""What waits for a call that goes on is looked at again after that."""
_TEXTS = ("note", "tag1", "tag2", "tag3")


@dataclass(frozen=True)
class Batch:
    """What is to be done: these ``calls``, and all up to ``behind`` is looked through; None: that was the
    end."""

    erasure: UUID
    step: Step
    calls: tuple[UUID, ...] = ()
    behind: UUID | None = None
    audit: Counts | None = None
    """How far the audit log is counted."""


@dataclass
class _Call:
    """A call as it is, with all that is kept of it."""

    leg: Any
    recordings: list[Any] = field(default_factory=list)
    counterparts: list[Any] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)

    def parties(self) -> Iterable[tuple[str, str]]:
        for one in (self.leg, *self.recordings):
            yield one.counterpart_number, one.counterpart_name
        yield from ((one.number, one.name) for one in self.counterparts)

    def texts(self) -> Iterable[str]:
        for one in (self.leg, *self.recordings):
            yield from (getattr(one, name) for name in _TEXTS)
        for one in self.annotations:
            yield from (one.before, one.after)


def resume(now: datetime) -> list[UUID]:
    """Begin those anew that waited and need to wait no more; which. In a write."""
    found = []
    for row in Erasure.select().where(Erasure.state == State.WAITING):
        counts = asking.rows([row])[0].counts
        own = (Hold.organisation == row.organisation_id) & (Hold.over_at >= row.looked_at)
        again = now - row.looked_at >= AGAIN_AFTER
        if (again and counts.going_on) or Hold.select().where(own).exists():
            _save(row.id, state=State.RUNNING.value, step=Step.CALLS.value, behind=None,
                  looked_at=now, counts=counts.again().text())  # fmt: skip
            found.append(row.id)
    return found


def look() -> Batch | None:
    """What is to be done next of the oldest erasure that is at work; None if there is none. In a read."""
    at_work = Erasure.select().where(Erasure.state == State.RUNNING).order_by(Erasure.begun_at, Erasure.id)
    row = min(at_work, key=lambda one: one.step == Step.GONE, default=None)
    if row is None:
        return None
    match Step(row.step):
        case Step.CALLS:
            return _look_at_calls(row)
        case Step.AUDIT:
            counts = elsewhere.count_audit(_person(row), row.organisation_id, asking.rows([row])[0].counts)
            return Batch(row.id, Step.AUDIT, audit=counts)
        case step:
            return Batch(row.id, step)


def do(batch: Batch, now: datetime) -> bool:
    """Do it, in a write; whether there is more to do at once. What was done by another is not done again."""
    row = Erasure.get_or_none(
        (Erasure.id == batch.erasure) & (Erasure.state == State.RUNNING) & (Erasure.step == batch.step)
    )
    if row is None:
        return True
    return _DOES[batch.step](row, batch, now)


# Calls


def _look_at_calls(row: Any) -> Batch:
    found = looking.page(row.behind or UUID(int=0), row.organisation_id, LOOKED)
    who, listed = _person(row), len(asking.rows([row])[0].counts.to_look_at)
    wanted = looking.concerned(found, who, row.user, partly=listed < LISTED_MAX)
    if len(wanted) > TOUCHED:
        return Batch(row.id, Step.CALLS, tuple(wanted[:TOUCHED]), wanted[TOUCHED - 1])
    return Batch(row.id, Step.CALLS, tuple(wanted), found.last)


def _do_calls(row: Any, batch: Batch, now: datetime) -> bool:
    who, counts = _person(row), asking.rows([row])[0].counts
    for call in _calls(batch.calls).values():
        counts = _do_call(row, who, call, counts, now)
    if batch.behind is None:
        _save(row.id, step=Step.AUTHOR.value, behind=None, counts=counts.text())
    else:
        _save(row.id, behind=batch.behind, counts=counts.text())
    return True


def _do_call(row: Any, who: Person, call: _Call, counts: Counts, now: datetime) -> Counts:
    is_own, is_party = _is_own(row, call), any(who.is_party(*one) for one in call.parties())
    named = is_own or is_party or any(who.is_in(text) for text in call.texts())
    if not named:  # only a part of their name, or another number like theirs
        return _note_to_look_at(call, counts)
    there = [one for one in call.recordings if one.state != "disposing"]
    if held := holds.held([one.id for one in there]):
        return replace(counts, held=counts.held + len(held))
    if call.leg.machine or any(one.state not in FINAL for one in there):
        return replace(counts, going_on=counts.going_on + max(1, len(there)))
    gone = [one.id for one in there if _goes(row, who, call, one, is_own)]
    begun = disposal.begin(gone, disposal.Why(Rule.ERASURE, {"erasure": str(row.id)}), now) if gone else None
    if begun and begun.busy:
        return replace(counts, going_on=counts.going_on + len(begun.busy))
    stays = [one for one in there if one.id not in gone]
    counts = replace(counts, disposed=counts.disposed + len(gone))
    if is_party:
        counts = _rename(row, who, call, stays, counts)
    if is_party or is_own:
        counts = _empty_manifests([one.id for one in stays], counts)
    return _redact(row, who, call, stays, counts, own=is_party or is_own)


def _goes(row: Any, who: Person, call: _Call, recording: Any, is_own: bool) -> bool:
    """Whether a recording is disposed of: a user's own, or one in which nobody else than a counterpart
    was."""
    if row.kind == Kind.USER:
        return is_own
    if row.kind == Kind.LEAVER:
        return False
    during = [one for one in call.counterparts if _overlaps(recording, one)]
    met = [(one.number, one.name) for one in during]
    met.append((recording.counterpart_number, recording.counterpart_name))
    return all(who.is_party(*one) for one in met)


def _rename(row: Any, who: Person, call: _Call, stays: Sequence[Any], counts: Counts) -> Counts:
    """A pseudonym, and no number, wherever they are a counterpart."""
    changed = 0
    for model, found, number, name in (
        (Leg, [call.leg], "counterpart_number", "counterpart_name"),
        (Recording, call.recordings, "counterpart_number", "counterpart_name"),
        (Counterpart, call.counterparts, "number", "name"),
    ):
        for one in found:
            if who.is_party(getattr(one, number), getattr(one, name)):
                model.update(**{number: "", name: row.pseudonym}).where(model.id == one.id).execute()
                changed += model is Recording and one in stays
    nothing_kept = not call.recordings
    return replace(counts, renamed=counts.renamed + changed, calls=counts.calls + nothing_kept)


def _redact(row: Any, who: Person, call: _Call, stays: Sequence[Any], counts: Counts, *, own: bool) -> Counts:
    """Notes, fields and their history, without them."""
    changed = 0
    for model, found, names in (
        (Leg, [call.leg], _TEXTS),
        (Recording, list(stays), _TEXTS),
        (Annotation, call.annotations, ("before", "after")),
    ):
        for one in found:
            new = {
                name: elsewhere.cut(model, name, who.without(text, row.pseudonym, own=own))
                for name in names
                if who.is_in(text := getattr(one, name), own=own)
            }
            if new:
                model.update(**new).where(model.id == one.id).execute()
                changed += model is not Recording
    return _note_left(who, call, stays, replace(counts, texts=counts.texts + changed), own=own)


def _note_left(who: Person, call: _Call, stays: Sequence[Any], counts: Counts, *, own: bool) -> Counts:
    """Texts that may still speak of them: a part of their name, beside or without what was taken out."""
    left = any(
        who.is_partly_in(who.without(getattr(one, name), "", own=own)) for one in stays for name in _TEXTS
    )
    return _note_to_look_at(call, counts) if left else counts


def _note_to_look_at(call: _Call, counts: Counts) -> Counts:
    there = [str(one.id) for one in call.recordings if one.state in FINAL]
    every = dict.fromkeys((*counts.to_look_at, *there))
    return replace(counts, to_look_at=tuple(every)[:LISTED_MAX])


def _empty_manifests(ids: Sequence[UUID], counts: Counts) -> Counts:
    """The leaf stays, and so its hash: it has only the hash of names and numbers, and of a salt that is
    gone."""
    its = Manifest.recording.in_(list(ids)) & (Manifest.personal != "")
    emptied = Manifest.update(personal="").where(its).execute() if ids else 0
    return replace(counts, manifests=counts.manifests + int(emptied))


# Everything else


def _do_author(row: Any, batch: Batch, now: datetime) -> bool:
    """The name of a user where it stands beside what they did, in batches."""
    left = row.user is not None and elsewhere.rename_author(row.user, row.pseudonym, ROWS)
    if not left:
        _save(row.id, step=Step.REST.value)
    return True


def _do_rest(row: Any, batch: Batch, now: datetime) -> bool:
    who, counts = _person(row), asking.rows([row])[0].counts
    counts = elsewhere.clear(row, who, counts)
    _save(row.id, step=Step.AUDIT.value, counts=counts.text())
    return True


def _do_audit(row: Any, batch: Batch, now: datetime) -> bool:
    assert batch.audit is not None
    before = asking.rows([row])[0].counts
    over = batch.audit.audit_behind == before.audit_behind
    _save(row.id, counts=batch.audit.text(), **({"step": Step.GONE.value} if over else {}))
    return True


def _do_gone(row: Any, batch: Batch, now: datetime) -> bool:
    """Whether it is over; as long as something of what is disposed of is left, it is not."""
    mark = f'"{row.id}"'
    if Disposing.select().where((Disposing.rule == Rule.ERASURE) & Disposing.detail.contains(mark)).exists():
        return False
    ending.end(row, now)
    return True


_DOES: Mapping[Step, Callable[[Any, Batch, datetime], bool]] = {
    Step.CALLS: _do_calls,
    Step.AUTHOR: _do_author,
    Step.REST: _do_rest,
    Step.AUDIT: _do_audit,
    Step.GONE: _do_gone,
}


def _person(row: Any) -> Person:
    return asking.person_of(row.organisation_id, row)


def _is_own(row: Any, call: _Call) -> bool:
    return row.user is not None and call.leg.user_id == row.user


def _calls(ids: Sequence[UUID]) -> dict[UUID, _Call]:
    """Each of these, in the order of their ids."""
    every = list(ids)
    if not every:
        return {}
    found = {leg.id: _Call(leg) for leg in Leg.select().where(Leg.id.in_(every)).order_by(Leg.id)}
    columns = [one for one in Recording._meta.sorted_fields if one is not Recording.peaks]
    for recording in Recording.select(*columns).where(Recording.leg.in_(every)).order_by(Recording.id):
        found[recording.leg_id].recordings.append(recording)
    for one in Counterpart.select().where(Counterpart.leg.in_(every)).order_by(Counterpart.id):
        found[one.leg_id].counterparts.append(one)
    for one in Annotation.select().where(Annotation.leg.in_(every)).order_by(Annotation.id):
        found[one.leg_id].annotations.append(one)
    return found


def _overlaps(recording: Any, met: Any) -> bool:
    begun = recording.ended_at is None or met.joined_at < recording.ended_at
    return begun and (met.left_at is None or met.left_at > recording.started_at)


def _save(erasure: UUID, **columns: Any) -> None:
    Erasure.update(**columns).where(Erasure.id == erasure).execute()
