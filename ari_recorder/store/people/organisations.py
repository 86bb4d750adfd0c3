"""Organisations: the customer companies, and what holds for all their users."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import Conflict, Invalid, NotAllowed, NotFound, SettingsError
from ari_recorder.policies import fields
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.policies.usage import Terms
from ari_recorder.store import audit, paging, preferences
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Organisation, Recording, User
from ari_recorder.store.models import Terms as TermsTable
from ari_recorder.store.paging import Page
from ari_recorder.store.people.revisions import changed
from ari_recorder.store.spelling import alike

DEFAULT_ORGANISATION = "Default"
KIND = "organisation"
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when those terms hold that were there before any change of them."""
_LISTS = ("second_factor", "endpoints")
"""What is kept as words parted by spaces."""


@dataclass(frozen=True)
class OrganisationRow:
    """An organisation as shown. ``second_factor`` are the roles that need one to sign in, ``endpoints``
    patterns of the telephones that its administrators may give to users, ``storage_mb`` what is included for
    each user, ``country`` whose numbering plan its numbers follow (ISO 3166-1), empty if it is not said,
    ``leavers`` what recordings of removed users bear (`policies.erasing.Leavers`), ``tag1_name`` to
    ``tag3_name`` what the three fields of its calls are called, empty for their number.
    """

    id: UUID
    name: str
    timezone: str
    language: str
    second_factor: tuple[str, ...]
    endpoints: tuple[str, ...]
    storage_mb: int
    retention_days: int
    country: str = ""
    leavers: str = "name"
    tag1_name: str = ""
    tag2_name: str = ""
    tag3_name: str = ""


@dataclass(frozen=True)
class Counts:
    """How much an organisation uses: users, of those the recorded ones by plan, and recordings kept."""

    users: int
    recorded: dict[str, int]
    recordings: int
    size_bytes: int


def default_organisation() -> UUID:
    """The organisation that users belong to when none is named; made when missing."""
    row, _ = Organisation.get_or_create(name=DEFAULT_ORGANISATION)
    return UUID(str(row.id))


def list_organisations() -> list[OrganisationRow]:
    """Every one, by name."""
    return _rows(list(Organisation.select().order_by(Organisation.name)))


def organisations_page(*, limit: int = paging.LIMIT, cursor: str | None = None) -> Page[OrganisationRow]:
    """A page of them, by name. Raises `Invalid` for a cursor that is none."""
    return paging.page(
        Organisation.select(), Organisation.name, Organisation, _rows, limit=limit, cursor=cursor
    )


def organisation(organisation: UUID) -> OrganisationRow:
    """One. Raises `NotFound`."""
    return _row(found(organisation))


def organisation_named(name: str | None, *, make: bool = True) -> UUID:
    """The one of that name; with None the only one, which is made if there is none, unless ``make=False``.

    Raises `NotFound`, or `SettingsError` if one has to be named.
    """
    if name is not None:
        row = Organisation.get_or_none(Organisation.name == name)
        if row is None:
            raise NotFound(f"There is no organisation {name[:200]!r}. See: ari-recorder organisation list")
        return UUID(str(row.id))
    rows = list(Organisation.select().order_by(Organisation.name))
    if len(rows) > 1:
        names = ", ".join(row.name for row in rows[:10])
        raise SettingsError(f"There are several organisations ({names}): say which with --organisation NAME.")
    if not rows and not make:
        raise NotFound(
            "There is no organisation yet: the first user makes it. See: ari-recorder user add --help"
        )
    return UUID(str(rows[0].id)) if rows else default_organisation()


def add_organisation(values: Mapping[str, Any], *, actor: Actor, now: datetime) -> OrganisationRow:
    """Add one. Raises `Invalid` for what cannot be, `Conflict` if its name is taken."""
    if not values.get("name"):
        raise Invalid("name", "write the organisation's name.")
    columns = _columns(values)
    _check_free(columns["name"], None)
    row = Organisation.create(**columns)
    made = _row(row)
    audit.write(
        actor, Action.CREATE, Subject(KIND, str(row.id)), now, organisation=row.id,
        detail={"after": told(made)},
    )  # fmt: skip
    changed()
    return made


def change_organisation(
    organisation: UUID,
    values: Mapping[str, Any],
    *,
    check: Callable[[OrganisationRow], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> OrganisationRow:
    """Change what is named of it. ``check`` is called with what it is before.

    Raises `NotFound`, `Invalid`, `NotAllowed`, or `Conflict` if its name is taken.
    """
    before = _row(found(organisation))
    check(before)
    if actor.kind is ActorKind.TOKEN and "second_factor" in values:
        raise NotAllowed("Who needs a second factor is set by people, not by tokens.")
    columns = _columns(values)
    if "name" in columns:
        _check_free(columns["name"], organisation)
    if columns:
        Organisation.update(**columns).where(Organisation.id == organisation).execute()
    after = _row(found(organisation))
    if after != before:
        _keep_terms(before, after, now)
        audit.write(
            actor, Action.CHANGE, Subject(KIND, str(organisation)), now, organisation=organisation,
            detail=difference(told(before), told(after)),
        )  # fmt: skip
        changed()
    return after


def terms_of(row: OrganisationRow) -> list[Terms]:
    """What has held for it, the oldest first; what holds now is the last."""
    rows = TermsTable.select().where(TermsTable.organisation == row.id)
    known = [
        Terms(one.since, one.timezone, one.storage_mb, one.retention_days)
        for one in rows.order_by(TermsTable.since, TermsTable.id)
    ]
    return known or [_terms(row, ALWAYS)]


def _keep_terms(before: OrganisationRow, after: OrganisationRow, now: datetime) -> None:
    """Nothing is kept before the first change: until then what holds now always has."""
    if _terms(before, now) == _terms(after, now):
        return
    first = not TermsTable.select().where(TermsTable.organisation == after.id).exists()
    for terms in (*([_terms(before, ALWAYS)] if first else []), _terms(after, now)):
        TermsTable.create(organisation=after.id, **vars(terms))


def _terms(row: OrganisationRow, since: datetime) -> Terms:
    return Terms(since, row.timezone, row.storage_mb, row.retention_days)


def organisation_preferences(organisation: UUID) -> preferences.Shown:
    """What holds for everybody there who has set nothing else. Raises `NotFound`."""
    return preferences.effective(found(organisation), None)


def change_organisation_preferences(
    organisation: UUID,
    changes: Mapping[str, Any],
    *,
    check: Callable[[preferences.Shown], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> preferences.Shown:
    """Set preferences for all of an organisation; None takes one back.

    ``check`` is called with those in effect before. Raises `NotFound`, `Invalid`.
    """
    row = found(organisation)
    check(preferences.effective(row, None))
    write_preferences(row, changes, Subject("preferences", str(organisation)), organisation, actor, now)
    return preferences.effective(row, None)


def write_preferences(
    row: Any, changes: Mapping[str, Any], subject: Subject, organisation: UUID, actor: Actor, now: datetime
) -> None:
    """Set preferences of a user's or an organisation's row, and say so."""
    before = json.loads(row.preferences)
    preferences.change(row, changes)
    after = json.loads(row.preferences)
    if after != before:
        detail = difference(before, after)
        audit.write(actor, Action.CHANGE, subject, now, organisation=organisation, detail=detail)
        changed()


def counts(organisation: UUID) -> Counts:
    """How much that organisation uses. Raises `NotFound`."""
    found(organisation)
    there = (User.organisation == organisation) & User.removed_at.is_null()
    plans = (
        User.select(User.plan, fn.COUNT(User.id))
        .where(there & (User.mode != Mode.NEVER.value))
        .group_by(User.plan)
    )
    kept = Recording.select(fn.COUNT(Recording.id), fn.COALESCE(fn.SUM(Recording.size_bytes), 0))
    recordings, size_bytes = kept.where(
        (Recording.organisation == organisation) & (Recording.state == "stored")
    ).scalar(as_tuple=True)
    return Counts(User.select().where(there).count(), dict(plans.tuples()), recordings, int(size_bytes))


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What differs, as the audit log tells it."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {
        "before": {name: before.get(name) for name in names},
        "after": {name: after.get(name) for name in names},
    }


def found(organisation: UUID) -> Any:
    """The row. Raises `NotFound`."""
    row = Organisation.get_or_none(Organisation.id == organisation)
    if row is None:
        raise NotFound("There is no such organisation.")
    return row


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    with fit():
        columns = fields.organisation(values)
    return columns | {name: " ".join(columns[name]) for name in _LISTS if name in columns}


def _check_free(name: str, but: UUID | None) -> None:
    taken = alike(Organisation.name, name, Organisation.id != but)
    if taken:
        raise Conflict("name", "there is an organisation %(name)s already.", name=repr(min(taken)))


def told(row: OrganisationRow) -> dict[str, Any]:
    """An organisation as the audit log has it."""
    return {name: value for name, value in vars(row).items() if name != "id"}


def _row(row: Any) -> OrganisationRow:
    roles = tuple(role for role in row.second_factor.split() if role in set(Role))
    return OrganisationRow(
        row.id, row.name, row.timezone, row.language, roles, tuple(row.endpoints.split()),
        row.storage_mb, row.retention_days, row.country, row.leavers,
        row.tag1_name, row.tag2_name, row.tag3_name,
    )  # fmt: skip


def _rows(rows: Sequence[Any]) -> list[OrganisationRow]:
    return [_row(row) for row in rows]
