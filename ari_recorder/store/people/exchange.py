"""Users as rows of a CSV file: a few hundred at once, in from the customer's own list and out again.

A row is of whom its number names, or without one its login: changed where it differs, or added. An empty cell
leaves what is there. Files of several rows are all or nothing, unless it is asked for otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.errors import Invalid, NotAllowed
from ari_recorder.policies import fields
from ari_recorder.policies.spreadsheet import Row
from ari_recorder.policies.unfit import Unfit
from ari_recorder.store import audit, models
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import Activation, Group, Membership
from ari_recorder.store.people.activations import Acknowledgement
from ari_recorder.store.people.changes import add_user, change_user
from ari_recorder.store.people.groups import members_changed
from ari_recorder.store.people.rows import UserRow, endpoint_text
from ari_recorder.store.people.users import list_users

COLUMNS = (
    "number", "name", "mode", "plan", "role", "login", "may_listen", "endpoints", "groups", "acknowledgement",
)  # fmt: skip
_PLAIN = ("number", "name", "mode", "plan", "role", "login")
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
    there = _There.read(organisation)
    return [_exported(user, there) for user in there.users]


def exported(organisation: UUID, *, actor: Actor, now: datetime) -> list[list[str]]:
    """As `export_users`, for a file that leaves the program: the audit log says so first."""
    rows = export_users(organisation)
    audit.write(
        actor, Action.EXPORT, Subject("users"), now, organisation=organisation, detail={"rows": len(rows)}
    )
    return rows


def import_users(
    organisation: UUID,
    rows: Iterable[Row],
    pbxs: Collection[str],
    *,
    dry_run: bool,
    partial: bool,
    actor: Actor,
    now: datetime,
) -> ImportReport:
    """Add and change users as the rows say. Nothing is done if ``dry_run``, or if a row is refused and not
    ``partial``; the report says what would have been.
    """
    running = _Import(organisation, _There.read(organisation), tuple(pbxs), actor, now)
    with models.database.savepoint() as whole:
        reports = tuple(running.one(row) for row in rows)
        running.put_into_groups()
        applied = not dry_run and (partial or all(row.outcome is not Outcome.REFUSED for row in reports))
        if not applied:
            whole.rollback()
    return ImportReport(applied, reports)


@dataclass
class _There:
    """Everybody of an organisation, as they are before."""

    users: list[UserRow]
    groups: dict[str, UUID]
    groups_of: dict[UUID, set[str]]
    acknowledged: dict[UUID, str]

    @classmethod
    def read(cls, organisation: UUID) -> _There:
        groups = list(Group.select().where(Group.organisation == organisation))
        names = {group.id: group.name for group in groups}
        groups_of: dict[UUID, set[str]] = defaultdict(set)
        for one in Membership.select().join(Group).where(Group.organisation == organisation):
            groups_of[one.user_id].add(names[one.group_id])
        running = (Activation.organisation == organisation) & Activation.ended_at.is_null()
        acknowledged = {row.user_id: row.acknowledgement for row in Activation.select().where(running)}
        by_name = {name: group for group, name in names.items()}
        return cls(list_users(organisation), by_name, groups_of, acknowledged)


@dataclass
class _Import:
    organisation: UUID
    there: _There
    pbxs: tuple[str, ...]
    actor: Actor
    now: datetime
    lines: dict[UUID, int] = field(default_factory=dict)
    """Of users that a row was of: a second one is refused."""
    joined: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    left: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.by_number = {user.number: user for user in self.there.users if user.number}
        self.by_login = {user.login: user for user in self.there.users if user.login}

    def one(self, row: Row) -> RowReport:
        """Do what one row says, or nothing of it."""
        who = row.cells.get("number") or row.cells.get("login") or row.cells.get("name", "")
        try:
            if row.fault is not None:
                raise row.fault
            with models.database.savepoint():
                outcome, changed = self._done(row)
        except (Invalid, Unfit, NotAllowed) as fault:
            return RowReport(row.line, who[: fields.NAME_MAX], Outcome.REFUSED, fault=fault)
        return RowReport(row.line, who, outcome, changed)

    def put_into_groups(self) -> None:
        """In one change for each group."""
        for name in sorted({*self.joined, *self.left}):
            members_changed(
                self.organisation, self.there.groups[name], self.joined[name], self.left[name],
                actor=self.actor, now=self.now,
            )  # fmt: skip

    def _done(self, row: Row) -> tuple[Outcome, tuple[str, ...]]:
        given = {name: text for name, text in row.cells.items() if text}
        values = self._values(given)
        groups = self._groups(given)
        text = given.get("acknowledgement")
        before = self._known(given)
        if before is None:
            acknowledgement = Acknowledgement(text) if text else None
            user = self._added(values, acknowledgement)
            changed = tuple(given)
        else:
            user = before
            self._once(user, row.line)
            changed = self._changed(before, values, text, groups)
        self.lines[user.id] = row.line
        self._regroup(user.id, groups)
        outcome = Outcome.CREATED if before is None else Outcome.CHANGED if changed else Outcome.SAME
        return outcome, changed

    def _known(self, given: Mapping[str, str]) -> UserRow | None:
        number, login = given.get("number"), given.get("login")
        if not number and not login:
            raise Unfit("number", "write a number, or a login: they say who it is.")
        return self.by_number.get(number) if number else self.by_login.get(login or "")

    def _once(self, user: UserRow, line: int) -> None:
        if user.id in self.lines:
            raise Unfit("number", "line %(line)s is of the same user.", line=self.lines[user.id])

    def _added(self, values: dict[str, Any], acknowledgement: Acknowledgement | None) -> UserRow:
        if "name" not in values:
            raise Unfit("name", "the user is new, and needs a name.")
        user = add_user(
            **{"number": None, **values}, organisation=self.organisation, acknowledgement=acknowledgement,
            actor=self.actor, now=self.now,
        )  # fmt: skip
        if user.number:
            self.by_number[user.number] = user
        if user.login:
            self.by_login[user.login] = user
        return user

    def _changed(
        self, before: UserRow, values: dict[str, Any], text: str | None, groups: set[str] | None
    ) -> tuple[str, ...]:
        changes = {name: value for name, value in values.items() if not _same(before, name, value)}
        told = text if text and text != self.there.acknowledged.get(before.id) else None
        if changes or told:
            acknowledgement = Acknowledgement(told) if told else None
            change_user(
                self.organisation, before.id, changes, acknowledgement=acknowledgement, tries_password=False,
                actor=self.actor, now=self.now,
            )  # fmt: skip
        regrouped = groups is not None and groups != self.there.groups_of.get(before.id, set())
        return (*changes, *(["groups"] if regrouped else []), *(["acknowledgement"] if told else []))

    def _values(self, given: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = fields.user({name: given[name] for name in _PLAIN if name in given})
        if "may_listen" in given:
            values["may_listen"] = _truth(given["may_listen"])
        if "endpoints" in given:
            values["endpoints"] = fields.endpoints("endpoints", _several(given["endpoints"]), self.pbxs)
        return values

    def _groups(self, given: Mapping[str, str]) -> set[str] | None:
        if "groups" not in given:
            return None
        groups = set(_several(given["groups"]))
        for name in sorted(groups - set(self.there.groups)):
            raise Unfit("groups", "there is no group %(name)s: add it first.", name=repr(name[:60]))
        return groups

    def _regroup(self, user: UUID, groups: set[str] | None) -> None:
        if groups is None:
            return
        now = self.there.groups_of.get(user, set())
        for name in groups - now:
            self.joined[name].append(user)
        for name in now - groups:
            self.left[name].append(user)


def _same(before: UserRow, name: str, value: Any) -> bool:
    if name == "endpoints":
        return set(before.endpoints) == set(value)
    return bool(getattr(before, name) == value)


def _several(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(fields.SEPARATOR) if part.strip()]


def _truth(cell: str) -> bool:
    if cell.lower() not in _TRUTHS:
        raise Unfit("may_listen", "yes or no.")
    return _TRUTHS[cell.lower()]


def _exported(user: UserRow, there: _There) -> list[str]:
    cells = {name: str(getattr(user, name) or "") for name in _PLAIN} | {
        "may_listen": "yes" if user.may_listen else "no",
        "endpoints": fields.SEPARATOR.join(endpoint_text(*one) for one in user.endpoints),
        "groups": fields.SEPARATOR.join(sorted(there.groups_of.get(user.id, ()))),
        "acknowledgement": there.acknowledged.get(user.id, ""),
    }
    return [cells[name] for name in COLUMNS]
