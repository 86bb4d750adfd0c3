"""Notes, marks and tags of calls: on the call, on each of its recordings, and every change in its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import JOIN

from ari_recorder.errors import NotFound
from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, catalogue, holds, models
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.rows import LegRow, leg_row
from ari_recorder.store.scope import annotatable, followed, visible


@dataclass(frozen=True)
class Change:
    """One change: ``by`` is the name of the user or token, empty if it is not known."""

    at: datetime
    by: str
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Annotated:
    """A recording as it is now, with note, mark and tags of its leg."""

    recording: RecordingRow
    leg: UUID
    annotations: dict[str, str]


@dataclass(frozen=True)
class Marking:
    """What was marked: the mark before, by recording; those that were ``left`` as they are; and note, mark
    and tags of each leg as they are now."""

    before: dict[UUID, str]
    left: list[UUID]
    legs: dict[UUID, dict[str, str]]


def annotate(
    asker: Scope,
    actor: Actor,
    leg: UUID,
    changes: Mapping[str, str],
    now: datetime,
    unchanged: Callable[[dict[str, str]], None] = lambda row: None,
) -> dict[str, str]:
    """Change a call's note, mark or tags, during it or afterwards; returns all of them as they are then.

    ``changes`` have been checked (`policies.annotations.check`); ``unchanged`` is called with what they were,
    and may raise to stop it. Raises `NotFound` if there is no such call that ``asker`` may annotate.
    """
    row = _found(leg, annotatable(asker))
    before = {field: getattr(row, field) for field in FIELDS}
    unchanged(before)
    changed = {field: after for field, after in changes.items() if after != before[field]}
    for field, after in changed.items():
        models.Annotation.create(
            leg=leg, user=asker.user, by=actor.name, at=now, field=field, before=before[field], after=after
        )
    if changed:
        holds.fix([one.id for one in models.Recording.select().where(models.Recording.leg == leg)])
        models.Leg.update(**changed).where(models.Leg.id == leg).execute()
        models.Recording.update(**changed).where(models.Recording.leg == leg).execute()
        detail = {"before": {field: before[field] for field in changed}, "after": changed}
        audit.write(
            actor,
            Action.ANNOTATE,
            Subject("call", str(leg)),
            now,
            organisation=row.organisation_id,
            detail=detail,
        )
    return before | changed


def annotate_recording(
    asker: Scope,
    actor: Actor,
    recording: UUID,
    changes: Mapping[str, str],
    now: datetime,
    unchanged: Callable[[RecordingRow], None] = lambda row: None,
) -> Annotated:
    """As `annotate`, of the call of a recording. Raises `NotFound` unless ``asker`` may see and annotate."""
    unchanged(catalogue.recording(asker, recording))
    leg = models.Recording.get_by_id(recording).leg_id
    after = annotate(asker, actor, leg, changes, now)
    return Annotated(catalogue.recording(asker, recording), leg, after)


def mark_all(asker: Scope, actor: Actor, recordings: Sequence[UUID], mark: str, now: datetime) -> Marking:
    """Set the mark of several recordings' calls, of those that ``asker`` may see and annotate.

    The others are ``left``: what they are, and whether they are, is not said. ``mark`` has been checked.
    """
    query = models.Recording.select(models.Recording.id, models.Leg).join(models.Leg)
    allowed = visible(asker) & annotatable(asker)
    # One by one: of several ids and an organisation SQLite would look through all that the organisation has.
    rows = (query.where(allowed & (models.Recording.id == one)).first() for one in dict.fromkeys(recordings))
    found = {row.id: row for row in rows if row is not None}
    legs = {row.leg.id for row in found.values()}
    now_on = {leg: annotate(asker, actor, leg, {"mark": mark}, now) for leg in legs}
    return Marking(
        {one: found[one].leg.mark for one in recordings if one in found},
        [one for one in recordings if one not in found],
        now_on,
    )


def may_annotate_recording(asker: Scope, recording: UUID) -> bool:
    """Whether ``asker`` may see that recording and annotate its call."""
    found = models.Recording.select().join(models.Leg)
    allowed = visible(asker) & annotatable(asker)
    return bool(found.where(allowed & (models.Recording.id == recording)).exists())


def read(asker: Scope, leg: UUID) -> dict[str, str]:
    """Note, mark and tags of a call. Raises `NotFound` if there is none that ``asker`` may annotate."""
    row = _found(leg, annotatable(asker))
    return {field: getattr(row, field) for field in FIELDS}


def history(asker: Scope, recording: UUID) -> list[Change]:
    """Every change of the note, mark and tags of a recording's call, the oldest first. Raises `NotFound`."""
    row = models.Recording.select(models.Recording.leg).where(
        visible(asker) & (models.Recording.id == recording)
    )
    found = row.first()
    if found is None:
        raise NotFound(f"No recording {recording}.")
    changes = (
        models.Annotation.select(models.Annotation, models.User)
        .join(models.User, on=(models.Annotation.user == models.User.id), join_type=JOIN.LEFT_OUTER)
        .where(models.Annotation.leg == found.leg_id)
        .order_by(models.Annotation.at, models.Annotation.id)
    )
    return [Change(one.at, one.by or _name(one), one.field, one.before, one.after) for one in changes]


def read_leg(asker: Scope, leg: UUID) -> LegRow:
    """A call, also one that is over. Raises `NotFound` if there is none that ``asker`` may see."""
    return leg_row(find(asker, leg))


def find(asker: Scope, leg: UUID) -> Any:
    """The table's row of a leg. Raises `NotFound` if there is none that ``asker`` may see."""
    return _found(leg, followed(asker))


def _name(change: Any) -> str:
    """Of changes from before names were kept with them."""
    return change.user.name if change.user_id else ""


def _found(leg: UUID, allowed: Any) -> Any:
    row = models.Leg.select().join(models.User).where(allowed & (models.Leg.id == leg)).first()
    if row is None:
        raise NotFound(f"No call {leg}.")
    return row
