"""The API of groups: whose recordings a supervisor has."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.fields import RETENTION_DAYS_MAX
from ari_recorder.policies.rights import Right
from ari_recorder.store import people, retention
from ari_recorder.store.people import GroupDetail
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.editing import create, guard
from ari_recorder.web.lists import Paging
from ari_recorder.web.routing import operation, path_id

_GROUPS = "/api/v1/groups"
_GROUP = _GROUPS + "/{id}"
MEMBERS_MAX = 1000


class GroupListed(msgspec.Struct):
    """A group, with how many it has."""

    id: UUID
    name: str
    members: int
    supervisors: int


class Groups(msgspec.Struct):
    """A page of groups, by name."""

    groups: list[GroupListed]
    next_cursor: str | None


class GroupMember(msgspec.Struct):
    """A user of a group."""

    user: UUID
    number: str | None
    name: str


class GroupSupervisor(msgspec.Struct):
    """Who sees a group's recordings, and what else they may do with them."""

    user: UUID
    name: str
    may_listen: bool
    may_annotate: bool


class Group(msgspec.Struct):
    """A group, with everybody in it."""

    id: UUID
    name: str
    members: list[GroupMember]
    supervisors: list[GroupSupervisor]
    retention_days: int | None
    """For how long its members' recordings are kept; null: as long as the organisation says."""


class GroupName(msgspec.Struct, forbid_unknown_fields=True):
    """What a group is called: unlike every other of the organisation."""

    name: str


class ChangedGroup(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a group; what is left out stays."""

    name: str | UnsetType = UNSET
    retention_days: Annotated[int, Meta(ge=1, le=RETENTION_DAYS_MAX)] | UnsetType | None = UNSET
    """For how long its members' recordings are kept, the longest of a user's groups; fewer days hold after a
    warning of 14. Null: as long as the organisation says."""


class NewMembers(msgspec.Struct, forbid_unknown_fields=True):
    """Users to put into a group."""

    users: Annotated[list[UUID], Meta(min_length=1, max_length=MEMBERS_MAX)]


class Supervising(msgspec.Struct, forbid_unknown_fields=True):
    """What a supervisor may do with a group's recordings besides seeing them."""

    may_listen: bool = True
    may_annotate: bool = True


@operation("GET", _GROUPS, need=Right.GROUPS_READ, problems=(422,))
async def groups(request: web.Request, query: Paging) -> Groups:
    """Groups of the organisation, by name; a supervisor's are those they supervise."""
    found = await request.app[CONTEXT].store.read(
        people.groups_page, scope(request), limit=query.limit, cursor=query.cursor
    )
    return Groups([GroupListed(**vars(row)) for row in found.rows], found.next_cursor)


@operation("POST", _GROUPS, need=Right.GROUPS_WRITE, answer=Group, problems=(409, 422), creates=True)
async def add_group(request: web.Request, body: GroupName) -> web.Response:
    """Add a group."""
    organisation, by = own_organisation(request), changed_by(request)
    return await create(
        request,
        lambda: people.add_group(organisation, body.name, **by),
        group_json,
        lambda row: f"{_GROUPS}/{row.id}",
    )


@operation("GET", _GROUP, need=Right.GROUPS_READ, problems=(404,))
async def group(request: web.Request) -> Group:
    """One group, with everybody in it."""
    return group_json(await request.app[CONTEXT].store.read(people.group, scope(request), path_id(request)))


@operation("PATCH", _GROUP, need=Right.GROUPS_WRITE, problems=(404, 409, 412, 422), guarded=True)
async def rename_group(request: web.Request, body: ChangedGroup) -> Group:
    """Change what is named of a group: its name, or for how long its members' recordings are kept."""
    organisation, which, by = own_organisation(request), path_id(request), changed_by(request)
    check = guard(request, group_json)

    def change() -> GroupDetail:
        row = people.found_group(organisation, which)
        check(row)
        if not isinstance(body.name, UnsetType):
            row = people.rename_group(organisation, which, body.name, **by)
        if not isinstance(body.retention_days, UnsetType):
            retention.check_own(organisation, body.retention_days)
            row = people.set_group_retention(organisation, which, body.retention_days, **by)
        return row

    return group_json(await request.app[CONTEXT].store.write(change))


@operation("DELETE", _GROUP, need=Right.GROUPS_WRITE, problems=(404, 412), guarded=True)
async def remove_group(request: web.Request) -> None:
    """Remove a group: its members and their recordings stay, its supervisors have them no longer."""
    await request.app[CONTEXT].store.write(
        people.remove_group, own_organisation(request), path_id(request), check=guard(request, group_json),
        **changed_by(request),
    )  # fmt: skip


@operation("POST", _GROUP + "/members", need=Right.GROUPS_WRITE, problems=(404,))
async def add_members(request: web.Request, body: NewMembers) -> Group:
    """Put users into a group, all of them or none; who is in it already stays."""
    return group_json(
        await request.app[CONTEXT].store.write(
            people.add_members, own_organisation(request), path_id(request), body.users, **changed_by(request)
        )
    )


@operation("PUT", _GROUP + "/members/{user}", need=Right.GROUPS_WRITE, problems=(404,))
async def add_member(request: web.Request) -> Group:
    """Put one user into a group."""
    return group_json(
        await request.app[CONTEXT].store.write(
            people.add_members, own_organisation(request), path_id(request), [path_id(request, "user")],
            **changed_by(request),
        )
    )  # fmt: skip


@operation("DELETE", _GROUP + "/members/{user}", need=Right.GROUPS_WRITE, problems=(404,))
async def remove_member(request: web.Request) -> Group:
    """Take a user out of a group."""
    return group_json(
        await request.app[CONTEXT].store.write(
            people.remove_member, own_organisation(request), path_id(request), path_id(request, "user"),
            **changed_by(request),
        )
    )  # fmt: skip


@operation("PUT", _GROUP + "/supervisors/{user}", need=Right.GROUPS_WRITE, problems=(404, 409))
async def set_supervisor(request: web.Request, body: Supervising) -> Group:
    """Make a user supervisor of a group, or change what they may do there. Their role has to allow it."""
    return group_json(
        await request.app[CONTEXT].store.write(
            people.set_supervisor, own_organisation(request), path_id(request), path_id(request, "user"),
            may_listen=body.may_listen, may_annotate=body.may_annotate, **changed_by(request),
        )
    )  # fmt: skip


@operation("DELETE", _GROUP + "/supervisors/{user}", need=Right.GROUPS_WRITE, problems=(404,))
async def remove_supervisor(request: web.Request) -> Group:
    """A user supervises that group no longer: from their next request, also of what they listen to."""
    return group_json(
        await request.app[CONTEXT].store.write(
            people.remove_supervisor, own_organisation(request), path_id(request), path_id(request, "user"),
            **changed_by(request),
        )
    )  # fmt: skip


def group_json(row: GroupDetail) -> Group:
    """A group as the API shows it."""
    return Group(
        row.id,
        row.name,
        [GroupMember(**vars(one)) for one in row.members],
        [GroupSupervisor(**vars(one)) for one in row.supervisors],
        row.retention_days,
    )
