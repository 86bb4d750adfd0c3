"""The API of organisations: one's own, and, for operators, every one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.erasing import Leavers
from ari_recorder.policies.fields import RETENTION_DAYS_MAX, STORAGE_MB_MAX
from ari_recorder.policies.rights import Right, Role
from ari_recorder.policies.usage import RETENTION_DAYS, STORAGE_MB
from ari_recorder.store import people, retention
from ari_recorder.store.audit import By
from ari_recorder.store.people import OrganisationRow
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.editing import create, guard
from ari_recorder.web.lists import Paging
from ari_recorder.web.routing import operation, path_id

_OWN = "/api/v1/organisation"
_ALL = "/api/v1/organisations"

StorageMb = Annotated[int, Meta(ge=0, le=STORAGE_MB_MAX)]
RetentionDays = Annotated[int, Meta(ge=1, le=RETENTION_DAYS_MAX)]


class Organisation(msgspec.Struct):
    """The customer company."""

    id: UUID
    name: str
    timezone: str
    language: str
    second_factor: list[str]
    """Roles that need a second factor to sign in."""
    endpoints: list[str]
    """Patterns of the telephones that its administrators may give to users: `PJSIP/acme-*`."""
    storage_mb: int
    """Storage that is included for each user, in MB of a million bytes."""
    retention_days: int
    """How long recordings are to be kept; more than 180 is the add-on of longer storage."""
    country: str
    """Whose numbering plan its numbers follow: two letters (ISO 3166-1), empty if it is not said."""
    leavers: Leavers
    """What recordings of removed users bear: their name, or a pseudonym."""
    tag1_name: str
    """What the first of a call's three fields is called; empty for its number."""
    tag2_name: str
    tag3_name: str


class ChangedOrganisation(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of one's own organisation; what is left out stays."""

    timezone: str | UnsetType = UNSET
    """A name of the tz database: `Europe/Stockholm`."""
    language: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    """Two letters (ISO 3166-1): `SE`; empty takes it back."""
    second_factor: list[Role] | UnsetType = UNSET
    leavers: Leavers | UnsetType = UNSET
    """For who is removed from then on."""
    tag1_name: str | UnsetType = UNSET
    """What the first of a call's three fields is called, at most 40 characters; empty for its number."""
    tag2_name: str | UnsetType = UNSET
    tag3_name: str | UnsetType = UNSET
    retention_days: RetentionDays | UnsetType = UNSET
    """For how long recordings are kept; fewer hold after a warning of 14 days. More than 180, or than there
    were, is for the provider to set."""


class Organisations(msgspec.Struct):
    """A page of organisations, by name."""

    organisations: list[Organisation]
    next_cursor: str | None


class FirstAdministrator(msgspec.Struct, forbid_unknown_fields=True):
    """Who sets up the rest of an organisation."""

    name: str
    login: str
    password: str


class NewOrganisation(msgspec.Struct, forbid_unknown_fields=True):
    """A customer company, with its first administrator."""

    name: str
    administrator: FirstAdministrator
    timezone: str = "UTC"
    language: str = "en"
    country: str = ""
    storage_mb: StorageMb = STORAGE_MB
    retention_days: RetentionDays = RETENTION_DAYS
    endpoints: list[str] = []
    """Patterns of the telephones that its administrators may give to users. Without any: all, as long as
    there is no other organisation, and none where there is."""


class RenamedOrganisation(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator changes of an organisation; what is left out stays."""

    name: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    endpoints: list[str] | UnsetType = UNSET
    """Patterns of the telephones that its administrators may give to users, in place of those before."""
    storage_mb: StorageMb | UnsetType = UNSET
    """Storage that is included for each user; from the month on that goes on."""
    retention_days: RetentionDays | UnsetType = UNSET


@operation("GET", _OWN, need=Right.ORGANISATION_READ)
async def organisation(request: web.Request) -> Organisation:
    """The organisation of who asks."""
    found = await request.app[CONTEXT].store.read(people.organisation, own_organisation(request))
    return organisation_json(found)


@operation("PATCH", _OWN, need=Right.ORGANISATION_WRITE, problems=(412, 422), guarded=True)
async def change_organisation(request: web.Request, body: ChangedOrganisation) -> Organisation:
    """Change what is named of one's own organisation. Its name is the provider's to change."""
    return await _changed(request, own_organisation(request), body, own=True)


@operation("GET", _ALL, need=Right.ORGANISATIONS, problems=(422,))
async def organisations(request: web.Request, query: Paging) -> Organisations:
    """Every organisation, by name."""
    found = await request.app[CONTEXT].store.read(
        people.organisations_page, limit=query.limit, cursor=query.cursor
    )
    return Organisations([organisation_json(row) for row in found.rows], found.next_cursor)


@operation("POST", _ALL, need=Right.ORGANISATIONS, answer=Organisation, problems=(409, 422), creates=True)
async def add_organisation(request: web.Request, body: NewOrganisation) -> web.Response:
    """Add an organisation, with its first administrator."""
    by = changed_by(request)
    return await create(request, lambda: _added(body, by), organisation_json, lambda row: f"{_ALL}/{row.id}")


@operation("GET", _ALL + "/{id}", need=Right.ORGANISATIONS, problems=(404,))
async def one_organisation(request: web.Request) -> Organisation:
    """One organisation."""
    return organisation_json(await request.app[CONTEXT].store.read(people.organisation, path_id(request)))


@operation("PATCH", _ALL + "/{id}", need=Right.ORGANISATIONS, problems=(404, 409, 412, 422), guarded=True)
async def change_one_organisation(request: web.Request, body: RenamedOrganisation) -> Organisation:
    """Change what is named of an organisation. Its name is what a dialplan's `101@Name` means."""
    return await _changed(request, path_id(request), body)


def organisation_json(row: OrganisationRow) -> Organisation:
    """An organisation as the API shows it."""
    roles, endpoints = list(row.second_factor), list(row.endpoints)
    return Organisation(
        row.id, row.name, row.timezone, row.language, roles, endpoints, row.storage_mb, row.retention_days,
        row.country, Leavers(row.leavers), row.tag1_name, row.tag2_name, row.tag3_name,
    )  # fmt: skip


async def _changed(
    request: web.Request, of: UUID, body: msgspec.Struct, *, own: bool = False
) -> Organisation:
    values = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    guarded = guard(request, organisation_json)

    def check(row: OrganisationRow) -> None:
        guarded(row)
        if own:
            retention.check_own(row.id, values.get("retention_days"))

    changed = await request.app[CONTEXT].store.write(
        people.change_organisation, of, values, check=check, **changed_by(request)
    )
    return organisation_json(changed)


def _added(body: NewOrganisation, by: By) -> OrganisationRow:
    names = ("name", "timezone", "language", "country", "endpoints", "storage_mb", "retention_days")
    values: dict[str, Any] = {name: getattr(body, name) for name in names}
    made = people.add_organisation(values, **by)
    people.add_user(
        organisation=made.id, name=body.administrator.name, number=None, role=Role.ADMINISTRATOR,
        login=body.administrator.login, password=body.administrator.password, **by,
    )  # fmt: skip
    return made
