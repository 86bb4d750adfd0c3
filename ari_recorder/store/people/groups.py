"""Groups: members, and the supervisors who have their recordings (rows A5 and A6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import Conflict, NotFound
from ari_recorder.policies import fields
from ari_recorder.policies.rights import Scope
from ari_recorder.store import audit, paging
from ari_recorder.store.access import access_changed
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Group, Membership, Supervision, User
from ari_recorder.store.paging import Page
from ari_recorder.store.people.changes import SUPERVISING
from ari_recorder.store.people.rows import in_organisation, present
from ari_recorder.store.scope import grouped
from ari_recorder.store.spelling import alike, spelled

KIND = "group"


@dataclass(frozen=True)
class GroupRow:
    """A group as listed, with how many it has."""

    id: UUID
    name: str
    members: int
    supervisors: int


@dataclass(frozen=True)
class Member:
    """A user of a group."""

    user: UUID
    number: str | None
    name: str


@dataclass(frozen=True)
class Supervisor:
    """Who has a group's recordings, and what they may do with them besides seeing them."""

    user: UUID
    name: str
    may_listen: bool
    may_annotate: bool


@dataclass(frozen=True)
class GroupDetail:
    """A group, with everybody in it. ``retention_days`` is for how long its members' recordings are kept;
    None: as the organisation says.
    """

    id: UUID
    name: str
    members: tuple[Member, ...]
    supervisors: tuple[Supervisor, ...]
    retention_days: int | None = None


def groups_page(asker: Scope, *, limit: int = paging.LIMIT, cursor: str | None = None) -> Page[GroupRow]:
    """A page of the groups that ``asker`` may see, by name. Raises `Invalid` for a cursor that is none."""
    query = Group.select().where(grouped(asker))
    return paging.page(query, Group.name, Group, _rows, limit=limit, cursor=cursor)


def group(asker: Scope, group: UUID) -> GroupDetail:
    """One. Raises `NotFound` if there is none that ``asker`` may see."""
    row = Group.select().where(grouped(asker) & (Group.id == group)).first()
    if row is None:
        raise NotFound("There is no such group here.")
    return _detail(row)


def found_group(organisation: UUID, group: UUID) -> GroupDetail:
    """One of that organisation, for who changes it. Raises `NotFound`."""
    return _detail(_found(organisation, group))


def group_names(asker: Scope) -> dict[UUID, str]:
    """Every group that ``asker`` may see, by name."""
    rows = Group.select(Group.id, Group.name).where(grouped(asker)).order_by(Group.name, Group.id)
    return {row.id: row.name for row in rows}


def list_groups(organisation: UUID) -> list[GroupRow]:
    """Every group of an organisation, by name."""
    return _rows(list(Group.select().where(Group.organisation == organisation).order_by(Group.name)))


def find_group(organisation: UUID, name: str) -> UUID:
    """The group of that name, in small or capital letters. Raises `NotFound`."""
    own = Group.organisation == organisation
    row = Group.get_or_none(own & (Group.name == spelled(Group.name, name, own)))
    if row is None:
        raise NotFound(f"There is no group {name[:200]!r}. See: ari-recorder group list")
    return UUID(str(row.id))


def add_group(organisation: UUID, name: str, *, actor: Actor, now: datetime) -> GroupDetail:
    """Add one. Raises `Invalid` for a name that cannot be, `Conflict` for one that is taken."""
    row = Group.create(organisation=organisation, name=_free_name(organisation, name, ""))
    _write(actor, Action.CREATE, row, now, {"after": {"name": row.name}})
    return _detail(row)


def rename_group(
    organisation: UUID,
    group: UUID,
    name: str,
    *,
    check: Callable[[GroupDetail], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> GroupDetail:
    """Give it another name. ``check`` is called with what it is before.

    Raises `NotFound`, and as `add_group` does.
    """
    row = _found(organisation, group)
    check(_detail(row))
    wanted = _free_name(organisation, name, row.name)
    if wanted != row.name:
        detail = {"before": {"name": row.name}, "after": {"name": wanted}}
        row.name = wanted
        row.save(only=[Group.name])
        _write(actor, Action.CHANGE, row, now, detail)
    return _detail(row)


def set_group_retention(
    organisation: UUID,
    group: UUID,
    days: int | None,
    *,
    check: Callable[[GroupDetail], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> GroupDetail:
    """Say for how many days its members' recordings are kept; with None as long as the organisation's.

    ``check`` is called with what it is before. Raises `NotFound`, or `Invalid` for days that cannot be.
    """
    row = _found(organisation, group)
    check(_detail(row))
    with fit():
        wanted = None if days is None else fields.organisation({"retention_days": days})["retention_days"]
    if wanted != row.retention_days:
        names = ("before", "after")
        told = {
            name: {"retention_days": of} for name, of in zip(names, (row.retention_days, wanted), strict=True)
        }
        row.retention_days = wanted
        row.save(only=[Group.retention_days])
        _write(actor, Action.CHANGE, row, now, told)
    return _detail(row)


def remove_group(
    organisation: UUID,
    group: UUID,
    *,
    check: Callable[[GroupDetail], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> GroupDetail:
    """Remove it: its members and their recordings stay, its supervisors have them no longer.

    ``check`` is called with what it is. Returns that. Raises `NotFound`.
    """
    row = _found(organisation, group)
    was = _detail(row)
    check(was)
    for table in (Membership, Supervision):
        table.delete().where(table.group == row).execute()
    Group.delete().where(Group.id == group).execute()
    _write(actor, Action.REMOVE, row, now, {"before": _told(was)})
    return was


def add_members(
    organisation: UUID, group: UUID, users: Iterable[UUID], *, actor: Actor, now: datetime
) -> GroupDetail:
    """Put users into a group, all of them or none. Raises `NotFound`, also for one of the users."""
    row = _found(organisation, group)
    wanted = list(dict.fromkeys(users))
    known = {user.id for user in present(organisation).where(User.id.in_(wanted))} if wanted else set()
    if missing := [user for user in wanted if user not in known]:
        raise NotFound(f"There is no user {missing[0]} here.")
    there = {one.user_id for one in Membership.select().where(Membership.group == row)}
    new = [user for user in wanted if user not in there]
    if new:
        members_changed(organisation, group, new, (), actor=actor, now=now)
    return _detail(row)


def members_changed(
    organisation: UUID,
    group: UUID,
    joined: Sequence[UUID],
    left: Sequence[UUID],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Put users of the organisation into a group who are not in it, and take others out who are."""
    row = _found(organisation, group)
    for user in joined:
        Membership.create(group=row, user=user)
    for user in left:
        Membership.delete().where((Membership.group == row) & (Membership.user == user)).execute()
    told = {"members_added": [str(user) for user in joined], "members_removed": [str(user) for user in left]}
    _write(actor, Action.CHANGE, row, now, {name: users for name, users in told.items() if users})


def remove_member(organisation: UUID, group: UUID, user: UUID, *, actor: Actor, now: datetime) -> GroupDetail:
    """Take a user out of a group. Raises `NotFound`, also when they are not in it."""
    row = _found(organisation, group)
    of = (Membership.group == row) & (Membership.user == user)
    if not Membership.select().where(of).exists():
        raise NotFound("That user is not in this group.")
    members_changed(organisation, group, (), (user,), actor=actor, now=now)
    return _detail(row)


def remove_members(
    organisation: UUID, group: UUID, users: Iterable[UUID], *, actor: Actor, now: datetime
) -> GroupDetail:
    """Take users out of a group, in one change; those who are not in it are left alone. Raises `NotFound`."""
    row, wanted = _found(organisation, group), set(users)
    there = [one.user_id for one in Membership.select().where(Membership.group == row)]
    if out := [user for user in there if user in wanted]:
        members_changed(organisation, group, (), out, actor=actor, now=now)
    return _detail(row)


def set_supervisor(
    organisation: UUID,
    group: UUID,
    user: UUID,
    *,
    may_listen: bool = True,
    may_annotate: bool = True,
    actor: Actor,
    now: datetime,
) -> GroupDetail:
    """Make a user supervisor of a group, or change what they may do there.

    Raises `NotFound`, or `Conflict` if their role is not one that supervises.
    """
    row, who = _found(organisation, group), in_organisation(organisation, user)
    if who.role not in SUPERVISING:
        raise Conflict(
            "role",
            "%(name)s has the role %(role)s: give them the role supervisor (or administrator) first.",
            name=who.name,
            role=who.role,
        )
    may = {"may_listen": may_listen, "may_annotate": may_annotate}
    there = Supervision.get_or_none((Supervision.group == row) & (Supervision.user == user))
    before = {name: getattr(there, name) for name in may} if there else None
    if before == may:
        return _detail(row)
    if there is None:
        Supervision.create(group=row, user=user, **may)
    else:
        Supervision.update(**may).where(Supervision.id == there.id).execute()
    _write(actor, Action.CHANGE, row, now, {"supervisor": str(user), "before": before, "after": may})
    return _detail(row)


def remove_supervisor(
    organisation: UUID, group: UUID, user: UUID, *, actor: Actor, now: datetime
) -> GroupDetail:
    """A user supervises that group no longer. Raises `NotFound`, also when they did not."""
    row = _found(organisation, group)
    of = (Supervision.group == row) & (Supervision.user == user)
    if not Supervision.delete().where(of).execute():
        raise NotFound("That user does not supervise this group.")
    _write(actor, Action.CHANGE, row, now, {"supervisor_removed": str(user)})
    return _detail(row)


def _found(organisation: UUID, group: UUID) -> Any:
    row = Group.get_or_none((Group.organisation == organisation) & (Group.id == group))
    if row is None:
        raise NotFound("There is no such group here.")
    return row


def _free_name(organisation: UUID, name: str, own: str) -> str:
    with fit():
        wanted = fields.group_name("name", name)
    taken = {*alike(Group.name, wanted, Group.organisation == organisation)} - {own}
    if wanted != own and taken:
        raise Conflict("name", "there is a group %(name)s already.", name=repr(min(taken)))
    return wanted


def _write(actor: Actor, action: Action, row: Any, now: datetime, detail: dict[str, Any]) -> None:
    subject = Subject(KIND, str(row.id))
    audit.write(actor, action, subject, now, organisation=row.organisation_id, detail=detail)
    access_changed()


def _detail(row: Any) -> GroupDetail:
    there = Membership.select(Membership, User).join(User).where(Membership.group == row)
    over = Supervision.select(Supervision, User).join(User).where(Supervision.group == row)
    return GroupDetail(
        row.id,
        row.name,
        tuple(Member(one.user.id, one.user.number, one.user.name) for one in there.order_by(*_BY_NUMBER)),
        tuple(
            Supervisor(one.user.id, one.user.name, one.may_listen, one.may_annotate)
            for one in over.order_by(User.name, User.id)
        ),
        row.retention_days,
    )


_BY_NUMBER = (fn.COALESCE(User.number, ""), User.name, User.id)


def _told(group: GroupDetail) -> dict[str, Any]:
    return {
        "name": group.name,
        "members": [str(one.user) for one in group.members],
        "supervisors": [str(one.user) for one in group.supervisors],
    }


def _rows(rows: Sequence[Any]) -> list[GroupRow]:
    members, supervisors = _count(Membership, rows), _count(Supervision, rows)
    return [GroupRow(row.id, row.name, members[row.id], supervisors[row.id]) for row in rows]


def _count(table: Any, rows: Sequence[Any]) -> Counter[UUID]:
    ids = [row.id for row in rows]
    query = table.select(table.group, fn.COUNT(table.id)).where(table.group.in_(ids)).group_by(table.group)
    return Counter(dict(query.tuples()) if ids else {})
