"""Users as rows of a CSV file: what one has of columns, what became of each row, and the file going out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ari_recorder.errors import Invalid, NotAllowed
from ari_recorder.policies import fields
from ari_recorder.policies.unfit import Unfit
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import Activation, Group, Membership
from ari_recorder.store.people.rows import UserRow, endpoint_text
from ari_recorder.store.people.users import list_users

COLUMNS = (
    "number", "name", "mode", "plan", "role", "login", "may_listen", "endpoints", "groups", "acknowledgement",
)  # fmt: skip
PLAIN = ("number", "name", "mode", "plan", "role", "login")
"""Of these, those that a cell holds as they are."""
_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Outcome(StrEnum):
    """What became of a row, or would."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True)
class RowReport:
    """A row: its line in the file, whom it is of, what became of it and which fields, or why nothing did."""

    line: int
    who: str
    outcome: Outcome
    changed: tuple[str, ...] = ()
    fault: Invalid | Unfit | NotAllowed | None = None


@dataclass(frozen=True)
class ImportReport:
    """Every row of a file; ``applied`` is whether anything of it was done."""

    applied: bool
    rows: tuple[RowReport, ...]

    def count(self, outcome: Outcome) -> int:
        """Rows of which that became."""
        return sum(row.outcome is outcome for row in self.rows)


def export_users(organisation: UUID) -> list[list[str]]:
    """Every user of an organisation, in the order of `COLUMNS`."""
    there = There.read(organisation)
    return [_exported(user, there) for user in there.users]


def exported(organisation: UUID, *, actor: Actor, now: datetime) -> list[list[str]]:
    """As `export_users`, for a file that leaves the program: the audit log says so first."""
    rows = export_users(organisation)
    audit.write(
        actor, Action.EXPORT, Subject("users"), now, organisation=organisation, detail={"rows": len(rows)}
    )
    return rows


@dataclass
class There:
    """Everybody of an organisation, as they are before."""

    users: list[UserRow]
    groups: dict[str, UUID]
    groups_of: dict[UUID, set[str]]
    acknowledged: dict[UUID, str]

    @classmethod
    def read(cls, organisation: UUID) -> There:
        """It, as it is now."""
        groups = list(Group.select().where(Group.organisation == organisation))
        names = {group.id: group.name for group in groups}
        groups_of: dict[UUID, set[str]] = defaultdict(set)
        for one in Membership.select().join(Group).where(Group.organisation == organisation):
            groups_of[one.user_id].add(names[one.group_id])
        running = (Activation.organisation == organisation) & Activation.ended_at.is_null()
        acknowledged = {row.user_id: row.acknowledgement for row in Activation.select().where(running)}
        by_name = {name: group for group, name in names.items()}
        return cls(list_users(organisation), by_name, groups_of, acknowledged)


def several(cell: str) -> list[str]:
    """The parts of a cell that holds several things."""
    return [part.strip() for part in cell.split(fields.SEPARATOR) if part.strip()]


def truth(cell: str) -> bool:
    """A cell that says yes or no. Raises `Unfit`."""
    if cell.lower() not in _TRUTHS:
        raise Unfit("may_listen", "yes or no.")
    return _TRUTHS[cell.lower()]


def _exported(user: UserRow, there: There) -> list[str]:
    cells = {name: str(getattr(user, name) or "") for name in PLAIN} | {
        "may_listen": "yes" if user.may_listen else "no",
        "endpoints": fields.SEPARATOR.join(endpoint_text(*one) for one in user.endpoints),
        "groups": fields.SEPARATOR.join(sorted(there.groups_of.get(user.id, ()))),
        "acknowledgement": there.acknowledged.get(user.id, ""),
    }
    return [cells[name] for name in COLUMNS]
