"""The API of users: who is recorded, how, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies import fields
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.rights import Right, Role
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.fitting import fit
from ari_recorder.store.people import Acknowledgement, ActivationRow, Removal, UserRow
from ari_recorder.web import signin
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation
from ari_recorder.web.editing import create, guard
from ari_recorder.web.lists import Cursor, Limit
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import time_or_none

_USERS = "/api/v1/users"
_USER = _USERS + "/{id}"


class User(msgspec.Struct):
    """A user: recorded, signing in, or both."""

    id: UUID
    number: str | None
    name: str
    mode: Mode
    plan: str
    role: str
    may_listen: bool
    """Whether they have access to their own recordings."""
    login: str | None
    endpoints: list[str]
    """Their telephones: `main:PJSIP/101`."""


class Users(msgspec.Struct):
    """A page of users, by number."""

    users: list[User]
    next_cursor: str | None


class UsersQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which users."""

    group: UUID | None = None
    """Only members of this group."""
    mode: Mode | None = None
    q: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Part of a name, a number or a login."""
    limit: Limit = 50
    cursor: Cursor | None = None


class Acknowledged(msgspec.Struct, forbid_unknown_fields=True):
    """That the user knows of being recorded: what they were told and agreed to."""

    text: str
    by: str | UnsetType = UNSET
    """Who says so; who asks, when left out."""
    at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    """When they were told; now, when left out."""


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """A user to be added. With a mode other than `never` it needs the acknowledgement."""

    name: str
    number: str | None = None
    mode: Mode = Mode.NEVER
    plan: Plan = Plan.BASIC
    role: Role = Role.USER
    may_listen: bool = True
    login: str | None = None
    password: str | None = None
    endpoints: list[str] = []
    acknowledgement: Acknowledged | None = None


class ChangedUser(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a user; what is left out stays. A password of null takes signing in away."""

    name: str | UnsetType = UNSET
    number: str | UnsetType | None = UNSET
    mode: Mode | UnsetType = UNSET
    plan: Plan | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    may_listen: bool | UnsetType = UNSET
    login: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    endpoints: list[str] | UnsetType = UNSET
    acknowledgement: Acknowledged | UnsetType = UNSET


class RemovedUser(msgspec.Struct):
    """What removing a user means: telephones, memberships and signing in go; the recordings stay."""

    id: UUID
    name: str
    recordings: int
    """That stay, under the user's name and number."""
    endpoints: int
    groups: int
    removed: bool
    """False in a preview."""


class Preview(msgspec.Struct, forbid_unknown_fields=True):
    """Whether it is only to be said what would be."""

    preview: bool = False


class Activation(msgspec.Struct):
    """A stretch of time in which a user's calls were to be recorded."""

    id: UUID
    plan: str
    began_at: str | None
    began_by: str
    start_fee: bool
    acknowledgement: str
    acknowledged_by: str
    acknowledged_at: str | None
    ended_at: str | None
    ended_by: str


class Activations(msgspec.Struct):
    """Every activation of a user, the newest first."""

    activations: list[Activation]


@operation("GET", _USERS, need=Right.USERS_READ, problems=(422,))
async def users(request: web.Request, query: UsersQuery) -> Users:
    """Users of the organisation, by number."""
    found = await request.app[CONTEXT].store.read(
        people.users_page, own_organisation(request), limit=query.limit, cursor=query.cursor,
        group=query.group, mode=query.mode, q=query.q,
    )  # fmt: skip
    return Users([user_json(row) for row in found.rows], found.next_cursor)


@operation("POST", _USERS, need=Right.USERS_WRITE, answer=User, problems=(409, 422), creates=True)
async def add_user(request: web.Request, body: NewUser) -> web.Response:
    """Add a user."""
    values = await _values(request, msgspec.structs.asdict(body))
    acknowledgement = _acknowledgement(body.acknowledgement or UNSET)
    by, organisation = changed_by(request), own_organisation(request)

    def work() -> UserRow:
        return people.add_user(organisation=organisation, acknowledgement=acknowledgement, **values, **by)

    return await create(request, work, user_json, lambda row: f"{_USERS}/{row.id}")


@operation("GET", _USER, need=Right.USERS_READ, problems=(404,))
async def user(request: web.Request) -> User:
    """One user."""
    return user_json(await _found(request))


@operation("PATCH", _USER, need=Right.USERS_WRITE, problems=(404, 409, 412, 422), guarded=True)
async def change_user(request: web.Request, body: ChangedUser) -> User:
    """Change what is named of a user: from the next call on, and from the next request."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    changed = await request.app[CONTEXT].store.write(
        people.change_user, own_organisation(request), path_id(request), await _values(request, given),
        tries_password=False, acknowledgement=_acknowledgement(body.acknowledgement),
        check=guard(request, user_json), **changed_by(request),
    )  # fmt: skip
    return user_json(changed)


@operation("DELETE", _USER, need=Right.USERS_WRITE, problems=(404, 409, 412), guarded=True)
async def remove_user(request: web.Request, query: Preview) -> RemovedUser:
    """Remove a user: no longer recorded from the next call on, signed out; their recordings stay."""
    organisation, of, store = own_organisation(request), path_id(request), request.app[CONTEXT].store
    if query.preview:
        return _removed(await store.read(people.removal, organisation, of), removed=False)
    found = await store.write(
        people.remove_user, organisation, of, check=guard(request, user_json), **changed_by(request)
    )
    return _removed(found, removed=True)


@operation("GET", _USER + "/activations", need=Right.USERS_READ, problems=(404,))
async def activations(request: web.Request) -> Activations:
    """Since when a user is recorded, on which plan, who switched it on, and what the user was told."""
    rows = await request.app[CONTEXT].store.read(
        people.activations_of, own_organisation(request), path_id(request)
    )
    return Activations([_activation(row) for row in rows])


def user_json(row: UserRow) -> User:
    """A user as the API shows them."""
    return User(
        row.id, row.number, row.name, row.mode, row.plan, row.role, row.may_listen, row.login,
        [f"{pbx}:{name}" for pbx, name in row.endpoints],
    )  # fmt: skip


async def _found(request: web.Request) -> UserRow:
    return await request.app[CONTEXT].store.read(people.user, own_organisation(request), path_id(request))


async def _values(request: web.Request, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, with the endpoints read and the password hashed."""
    values = {name: value for name, value in given.items() if name != "acknowledgement"}
    if "endpoints" in values:
        with fit():
            values["endpoints"] = fields.endpoints(
                "endpoints", values["endpoints"], request.app[CONTEXT].pbxs
            )
    if plain := values.get("password"):
        values["password"] = await signin.prepared(request, plain)
    return values


def _acknowledgement(given: Acknowledged | UnsetType) -> Acknowledgement | None:
    if given is UNSET:
        return None
    return Acknowledgement(given.text, given.by or "", given.at or None)


def _removed(row: Removal, *, removed: bool) -> RemovedUser:
    return RemovedUser(row.user.id, row.user.name, row.recordings, row.endpoints, row.groups, removed)


def _activation(row: ActivationRow) -> Activation:
    times = {name: time_or_none(getattr(row, name)) for name in ("began_at", "acknowledged_at", "ended_at")}
    return Activation(**{**vars(row), **times})
