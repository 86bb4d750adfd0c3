"""When a user's calls were to be recorded, on which plan, and that they knew (rows B2 and B3).

An activation begins when a user's mode goes from `never` to another, and ends when it goes back or the user
is removed. Another plan ends one and begins the next, in the same moment, with the same acknowledgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import Conflict, Invalid
from ari_recorder.policies import fields
from ari_recorder.policies.table import Mode, is_recorded
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Activation
from ari_recorder.store.people.rows import in_organisation

FIELD = "acknowledgement"


@dataclass(frozen=True)
class Acknowledgement:
    """What a user was told about being recorded and agreed to; who says so, and when that was.

    Without the latter two it is who switches recording on, now.
    """

    text: str
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class ActivationRow:
    """A stretch of time in which a user's calls were to be recorded; ``ended_at`` is None while they are."""

    id: UUID
    plan: str
    began_at: datetime
    began_by: str
    start_fee: bool
    acknowledgement: str
    """Empty while it is not known that the user was told."""
    acknowledged_by: str
    acknowledged_at: datetime | None
    ended_at: datetime | None
    ended_by: str


def activations_of(organisation: UUID, user: UUID) -> list[ActivationRow]:
    """Every one of a user, the newest first. Raises `NotFound`."""
    in_organisation(organisation, user)
    rows = Activation.select().where(Activation.user == user)
    return [_row(row) for row in rows.order_by(Activation.began_at.desc(), Activation.id.desc())]


def running(user: UUID) -> ActivationRow | None:
    """The one that goes on, if any."""
    row = _running(user)
    return _row(row) if row else None


def settle(
    user: Any, before: str | None, actor: Actor, now: datetime, given: Acknowledgement | None = None
) -> dict[str, Any] | None:
    """Make the activation what the user's row says, within the write that changes it; told for the audit log.

    ``before`` is the mode that they had, None of a new user. Raises `Invalid` for an acknowledgement that
    cannot be, or that is missing; only the command line may do without. Raises `Conflict` for a second one.
    """
    acknowledged = _columns(given, actor, now) if given else None
    row = _running(user.id) if before is not None else None
    wanted = user.plan if is_recorded(Mode(user.mode)) and user.removed_at is None else None
    if wanted is None:
        if acknowledged:
            raise Invalid(FIELD, "the mode is never, so that there is nothing to acknowledge.")
        return {"ended": row.plan} if row and _end(row, actor, now) else None
    if row is None:
        if acknowledged is None and not is_recorded(Mode(before or Mode.NEVER)):
            _check_may_do_without(actor)
        first = before is None or not Activation.select().where(Activation.user == user.id).exists()
        return _begin(user, actor, now, acknowledged or {}, first=first)
    if acknowledged:
        _acknowledge(row, acknowledged)
    if row.plan == wanted:
        return {"acknowledged": row.acknowledgement} if acknowledged else None
    _end(row, actor, now)
    kept = {name: getattr(row, name) for name in ("acknowledgement", "acknowledged_by", "acknowledged_at")}
    return _begin(user, actor, now, kept, first=False)


def _running(user: UUID) -> Any:
    return Activation.select().where((Activation.user == user) & Activation.ended_at.is_null()).first()


def _check_may_do_without(actor: Actor) -> None:
    if actor.kind is not ActorKind.COMMAND_LINE:
        raise Invalid(
            FIELD,
            "recording is switched on for this user: write what they were told about it, and agreed to.",
        )


def _columns(given: Acknowledgement, actor: Actor, now: datetime) -> dict[str, Any]:
    with fit():
        text = fields.acknowledgement(FIELD, given.text)
        by = fields.name(f"{FIELD}.by", given.by) if given.by else actor.name[: fields.NAME_MAX]
    if given.at is not None and given.at > now:
        raise Invalid(f"{FIELD}.at", "it is later than now.")
    return {"acknowledgement": text, "acknowledged_by": by, "acknowledged_at": given.at or now}


def _acknowledge(row: Any, acknowledged: dict[str, Any]) -> None:
    """Kept as it is once it is there: it is evidence."""
    if row.acknowledgement == acknowledged["acknowledgement"]:
        return
    if row.acknowledgement:
        raise Conflict(
            FIELD,
            "there is one for this activation, which stays as it is; a new one begins when recording is"
            " switched off and on again.",
        )
    Activation.update(**acknowledged).where(Activation.id == row.id).execute()
    row.__data__.update(acknowledged)


def _begin(
    user: Any, actor: Actor, now: datetime, acknowledged: dict[str, Any], *, first: bool
) -> dict[str, Any]:
    Activation.create(
        organisation=user.organisation_id,
        user=user.id,
        plan=user.plan,
        began_at=now,
        began_by=_by(actor),
        start_fee=first,
        **acknowledged,
    )
    return {"began": user.plan, "start_fee": first, FIELD: acknowledged.get(FIELD, "")}


def _end(row: Any, actor: Actor, now: datetime) -> bool:
    ended = {"ended_at": now, "ended_by": _by(actor)}
    return bool(Activation.update(**ended).where(Activation.id == row.id).execute())


def _by(actor: Actor) -> str:
    return (actor.name or actor.id)[:200]


def _row(row: Any) -> ActivationRow:
    return ActivationRow(**{name: getattr(row, name) for name in ActivationRow.__dataclass_fields__})
