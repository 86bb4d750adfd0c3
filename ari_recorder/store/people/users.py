"""Users as they are: listed, found, told."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from peewee import fn

from ari_recorder.errors import NotFound, SettingsError
from ari_recorder.policies.numbering import dialled
from ari_recorder.policies.rights import Role
from ari_recorder.policies.search import fold
from ari_recorder.store import paging, preferences
from ari_recorder.store.models import Endpoint, Membership, User
from ari_recorder.store.paging import Page
from ari_recorder.store.people.rows import (
    AT_ONCE,
    UserRow,
    endpoint_text,
    in_organisation,
    present,
    row_of,
    rows_of,
)
from ari_recorder.store.people.which import Which, condition
from ari_recorder.store.spelling import spelled

KIND = "user"
"""As the audit log calls them."""


def users_page(
    organisation: UUID,
    *,
    limit: int = paging.LIMIT,
    cursor: str | None = None,
    group: UUID | None = None,
    mode: str | None = None,
    q: str | None = None,
    which: Which | None = None,
    outside: UUID | None = None,
) -> Page[UserRow]:
    """A page of an organisation's users, by number; ``q`` is part of a name, a number or a login, and they
    are not members of the group ``outside``, and could be.

    Raises `Invalid` for a cursor that is none.
    """
    query = _wanted(present(organisation), organisation, group, mode, q, which)
    if outside is not None:
        query = query.where(_could_join(outside))
    return paging.page(query, fn.COALESCE(User.number, ""), User, rows_of, limit=limit, cursor=cursor)


def _could_join(group: UUID) -> Any:
    """Not in the group, and with calls to record: no operator, and no auditor without a telephone."""
    members = Membership.select(Membership.user).where(Membership.group == group)
    called = User.id.in_(Endpoint.select(Endpoint.user))
    may_be = (User.role != Role.OPERATOR.value) & ((User.role != Role.AUDITOR.value) | called)
    return User.id.not_in(members) & may_be


def count_users(
    organisation: UUID,
    *,
    group: UUID | None = None,
    mode: str | None = None,
    q: str | None = None,
    which: Which | None = None,
) -> int:
    """How many those are, on all pages."""
    return int(_wanted(present(organisation), organisation, group, mode, q, which).count())


def _wanted(
    query: Any, organisation: UUID, group: UUID | None, mode: str | None, q: str | None, which: Which | None
) -> Any:
    if group is not None:
        query = query.where(User.id.in_(Membership.select(Membership.user).where(Membership.group == group)))
    if mode is not None:
        query = query.where(User.mode == mode)
    if q:
        query = query.where(_named(organisation, q))
    return query if which is None else query.where(condition(which, organisation))


def _named(organisation: UUID, q: str) -> Any:
    """Whose name, number or login has ``q`` in it: ``ake`` is in ``Åke`` here, which no database knows."""
    within = User.name.contains(q) | User.number.contains(q) | User.login.contains(q)
    wanted = fold(q)
    people = User.select(User.id, User.name).where(
        (User.organisation == organisation) & User.removed_at.is_null()
    )
    alike = [id for id, name in people.tuples() if wanted in fold(name)] if wanted else []
    return within | User.id.in_(alike[:AT_ONCE]) if alike else within


def list_users(organisation: UUID | None = None) -> list[UserRow]:
    """Every user, of one organisation or of all, by number."""
    return rows_of(list(present(organisation).order_by(User.number, User.name)))


def user(organisation: UUID, user: UUID) -> UserRow:
    """One user. Raises `NotFound`."""
    return row_of(in_organisation(organisation, user))


def find_user(organisation: UUID | None, number_or_login: str) -> UserRow:
    """Who has that number or login, or id. Raises `NotFound`, or `SettingsError` if several do."""
    numbers = {number_or_login, dialled(number_or_login)}
    named = User.number.in_(numbers) | (User.login == spelled(User.login, number_or_login))
    with suppress(ValueError):
        named |= User.id == UUID(number_or_login)
    users = list(present(organisation).where(named))
    if not users:
        raise NotFound(
            f"No user has the number or login {number_or_login[:200]!r}. See: ari-recorder user list"
        )
    if len({user.organisation_id for user in users}) > 1:
        names = " and ".join(user.organisation.name for user in users)
        raise SettingsError(
            f"{number_or_login!r} is a user of {names}: say of which with --organisation NAME."
        )
    if len(users) > 1:
        raise SettingsError(
            f"{number_or_login!r} is {' and '.join(user.name for user in users)}: the number of one is the"
            " login of another. Name the user by the other of the two."
        )
    return row_of(users[0])


def owners(organisation: UUID, telephones: Collection[tuple[str, str]], most: int) -> list[UserRow]:
    """The first ``most`` of an organisation's users who have one of the ``(pbx, "PJSIP/101")``, by number."""
    if not telephones:
        return []
    wanted = reduce(or_, ((Endpoint.pbx == pbx) & (Endpoint.name == name) for pbx, name in telephones))
    having = Endpoint.select(Endpoint.user).where(wanted)
    return rows_of(list(present(organisation).where(User.id.in_(having)).order_by(User.number).limit(most)))


def user_preferences(organisation: UUID, user: UUID) -> preferences.Shown:
    """What is in effect for a user's next call. Raises `NotFound`."""
    row = in_organisation(organisation, user)
    return preferences.effective(row.organisation, row)


def told(user: UserRow) -> dict[str, Any]:
    """A user as the audit log has them."""
    endpoints = [endpoint_text(*one) for one in user.endpoints]
    names = ("name", "number", "mode", "plan", "role", "may_listen", "login")
    return {name: getattr(user, name) for name in names} | {"endpoints": endpoints}
