"""Notes, marks and tags of calls: on the call, on each of its recordings, and every change in its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import NotFound
from ari_recorder.policies.annotations import FIELDS
from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, models
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.rows import LegRow, leg_row
from ari_recorder.store.scope import annotatable, followed


def annotate(
    actor: Actor, asker: Scope, leg: UUID, changes: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Change a call's note, mark or tags, during it or afterwards; returns all of them as they are then.

    ``changes`` have been checked (`policies.annotations.check`). Raises `NotFound` if there is no such call
    that ``asker`` may see.
    """
    row = _found(leg, annotatable(asker))
    before = {field: getattr(row, field) for field, after in changes.items() if getattr(row, field) != after}
    for field, text in before.items():
        models.Annotation.create(
            leg=leg, user=asker.user, at=now, field=field, before=text, after=changes[field]
        )
    if before:
        detail = {"before": before, "after": {field: changes[field] for field in before}}
        subject, organisation = Subject("call", str(leg)), row.organisation_id
        audit.write(actor, Action.ANNOTATE, subject, now, organisation=organisation, detail=detail)
    models.Leg.update(**changes).where(models.Leg.id == leg).execute()
    models.Recording.update(**changes).where(models.Recording.leg == leg).execute()
    return {field: getattr(row, field) for field in FIELDS} | dict(changes)


def read_leg(asker: Scope, leg: UUID) -> LegRow:
    """A call, also one that is over. Raises `NotFound` if there is none that ``asker`` may see."""
    return leg_row(find(asker, leg))


def find(asker: Scope, leg: UUID) -> Any:
    """The table's row of a leg. Raises `NotFound` if there is none that ``asker`` may see."""
    return _found(leg, followed(asker))


def _found(leg: UUID, allowed: Any) -> Any:
    row = models.Leg.select().join(models.User).where(allowed & (models.Leg.id == leg)).first()
    if row is None:
        raise NotFound(f"No call {leg}.")
    return row
