"""Users, added and changed: checked, written to the audit log, and their activation made to agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import IntegrityError

from ari_recorder.errors import Conflict, Invalid, NotAllowed
from ari_recorder.policies import fields
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode
from ari_recorder.store import access, audit, passwords, preferences
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Supervision, User
from ari_recorder.store.passwords import Prepared, Whose
from ari_recorder.store.people import activations, telephones
from ari_recorder.store.people.activations import Acknowledgement
from ari_recorder.store.people.organisations import (
    default_organisation,
    difference,
    found,
    write_preferences,
)
from ari_recorder.store.people.revisions import changed
from ari_recorder.store.people.rows import UserRow, in_organisation, present, row_of
from ari_recorder.store.people.users import KIND, told
from ari_recorder.store.spelling import alike

CHANGEABLE = fields.USER_FIELDS | {"password", "endpoints"}
"""What `change_user` changes."""
SUPERVISING = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
"""Roles in which somebody may supervise groups."""
_UNTOUCHED = {
    ActorKind.COMMAND_LINE: frozenset[str](),
    ActorKind.USER: frozenset({Role.OPERATOR}),
    ActorKind.TOKEN: frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR}),
    ActorKind.NOBODY: frozenset(Role),
}
"""Roles that nobody of that kind gives, takes, or changes users of: they could make themselves one."""


def add_user(
    *,
    name: str,
    number: str | None,
    mode: str = Mode.NEVER,
    plan: str = Plan.BASIC,
    role: str = Role.USER,
    may_listen: bool = True,
    login: str | None = None,
    password: str | Prepared | None = None,
    endpoints: Iterable[tuple[str, str]] = (),
    organisation: UUID | None = None,
    acknowledgement: Acknowledgement | None = None,
    actor: Actor,
    now: datetime,
) -> UserRow:
    """Add a user, to the default organisation if none is named.

    Raises `Invalid` for what cannot be, and for a telephone that ``actor`` may not give, `Conflict` for what
    is taken, `NotAllowed` for a role that ``actor`` does not give.
    """
    with fit():
        columns = fields.user(
            {"name": name, "number": number, "mode": mode, "plan": plan, "role": role}
            | {"may_listen": may_listen, "login": login}
        )
    check_touched(actor, columns["role"])
    of = found(default_organisation() if organisation is None else organisation)
    _check_password(password, columns["login"])
    whose = Whose(columns["role"], columns["login"], columns["name"], columns["number"], of.name)
    secret = passwords.columns(password, whose)
    row = _written(lambda: User.create(organisation=of, **columns, **secret), of.id, columns, None)
    telephones.give(row, tuple(endpoints), (), actor)
    made = row_of(row)
    activation = activations.settle(row, None, actor, now, acknowledgement)
    _write(actor, Action.CREATE, row, now, {"after": told(made)}, activation, password)
    return made


def change_user(
    organisation: UUID,
    user: UUID,
    changes: Mapping[str, Any],
    *,
    acknowledgement: Acknowledgement | None = None,
    check: Callable[[UserRow], None] = lambda _: None,
    tries_password: bool = True,
    actor: Actor,
    now: datetime,
) -> UserRow:
    """Change what is named of a user: `CHANGEABLE`. An empty password takes signing in away.

    ``check`` is called with what they are before. Without ``tries_password`` it is left to signing in to find
    that a new login, name or number is their password: trying it takes so long that other writes would wait.
    Raises `NotFound`, and as `add_user` does.
    """
    row = in_organisation(organisation, user)
    before = row_of(row)
    check(before)
    columns = _columns(
        {name: value for name, value in changes.items() if name not in ("password", "endpoints")}
    )
    for role in (row.role, columns.get("role")):
        check_touched(actor, role)
    _check_signs_in(actor, changes)
    columns |= _password(row, changes, columns, tries=tries_password)
    if columns:
        change = User.update(**columns).where(User.id == row.id)
        _written(change.execute, organisation, columns, row.id)
    if changes.get("endpoints") is not None:
        telephones.give(row, tuple(changes["endpoints"]), before.endpoints, actor)
    row = in_organisation(organisation, user)
    _follow(row, before, "password_hash" in columns, actor)
    activation = activations.settle(row, before.mode, actor, now, acknowledgement)
    after = row_of(row)
    if after != before or activation or "password" in changes:
        detail = difference(told(before), told(after))
        _write(actor, Action.CHANGE, row, now, detail, activation, "password" in changes)
    return after


def change_user_preferences(
    organisation: UUID,
    user: UUID,
    changes: Mapping[str, Any],
    *,
    check: Callable[[preferences.Shown], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> preferences.Shown:
    """Set preferences of a user; None takes one back.

    ``check`` is called with those in effect before. Raises `NotFound`, `Invalid`.
    """
    row = in_organisation(organisation, user)
    check(preferences.effective(row.organisation, row))
    write_preferences(row, changes, Subject("preferences", str(user)), organisation, actor, now)
    return preferences.effective(row.organisation, row)


def check_touched(actor: Actor, role: str | None) -> None:
    """Raises `NotAllowed` if ``actor`` neither gives that role nor changes who has it."""
    if role in _UNTOUCHED[actor.kind]:
        if role == Role.OPERATOR:
            raise NotAllowed("Operators are made and changed by the command line alone.")
        raise NotAllowed("Administrators and auditors are made and changed by people, not by tokens.")


def _check_signs_in(actor: Actor, changes: Mapping[str, Any]) -> None:
    """Raises `NotAllowed` if a program would give somebody a password: it could sign in as them."""
    if actor.kind is ActorKind.TOKEN and changes.get("password"):
        raise NotAllowed("The password of a user who is there is changed by people, not by tokens.")


def check_administered(organisation: UUID, actor: Actor, but: UUID | None = None) -> None:
    """Raises `Conflict` if nobody is left to administer an organisation that somebody signed in changes.

    ``but`` is somebody who is to be removed.
    """
    if actor.kind is not ActorKind.COMMAND_LINE and not is_administered(organisation, but):
        raise Conflict(
            "role",
            "Nobody would be left to administer the organisation: make somebody else an administrator,"
            " with a login and a password, first.",
        )


def is_administered(organisation: UUID, but: UUID | None = None) -> bool:
    """Whether somebody, ``but`` aside, administers it and can sign in."""
    signs_in = User.password_hash.is_null(False) & User.login.is_null(False)
    left = present(organisation).where((User.role == Role.ADMINISTRATOR.value) & signs_in)
    return bool((left if but is None else left.where(User.id != but)).exists())


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    with fit():
        return fields.user(values)


def _password(
    row: Any, changes: Mapping[str, Any], columns: Mapping[str, Any], *, tries: bool
) -> dict[str, Any]:
    """The columns of a new password, or of none, which goes with the login; nothing if it stays."""
    whose = Whose.of(row, columns)
    if "password" in changes:
        _check_password(changes["password"], whose.login)
        return passwords.columns(changes["password"], whose)
    if whose.login is None:
        return passwords.columns(None, whose)
    if tries:
        words = (columns.get(name) for name in ("login", "name", "number"))
        passwords.check_unlike(row.password_hash, *words)
    return {}


def _check_password(password: str | Prepared | None, login: str | None) -> None:
    if password and login is None:
        raise Invalid("login", "a password needs a login to go with it.")


def _written(
    write: Callable[[], Any], organisation: UUID, columns: Mapping[str, Any], but: UUID | None
) -> Any:
    """What ``write`` gives, unless the number or the login is somebody else's."""
    others = User.id.is_null(False) if but is None else User.id != but
    number, login = columns.get("number"), columns.get("login")
    there = present(organisation).where(others & (User.number == number)).first() if number else None
    if there is not None:
        raise Conflict("number", "%(number)s is already taken, by %(name)s.", number=number, name=there.name)
    if login:
        _check_free(login, but)
    try:
        return write()
    except IntegrityError as error:  # by another program, just now
        raise Conflict("", "The number or the login is already taken.") from error


def _check_free(login: str, but: UUID | None) -> None:
    own = None if but is None else User.get_by_id(but).login
    taken = {*alike(User.login, login)} - {own} if login != own else set()
    if login in taken:
        raise Conflict("login", "%(login)s is already taken.", login=repr(login))
    if taken:
        raise Conflict(
            "login",
            "%(login)s is already taken: small and capital letters are no difference.",
            login=repr(login),
        )


def _follow(row: Any, before: UserRow, signs_in_anew: bool, actor: Actor) -> None:
    """What a change of role or password takes along."""
    if row.role not in SUPERVISING:
        Supervision.delete().where(Supervision.user == row).execute()
    if signs_in_anew or row.role != before.role:
        access.end_all(row.id)
    if before.role == Role.ADMINISTRATOR:
        check_administered(row.organisation_id, actor)


def _write(
    actor: Actor,
    action: Action,
    user: Any,
    now: datetime,
    detail: dict[str, Any],
    activation: Mapping[str, Any] | None,
    password: object,
) -> None:
    more = ({"activation": activation} if activation else {}) | ({"password": "set"} if password else {})
    subject = Subject(KIND, str(user.id))
    audit.write(actor, action, subject, now, organisation=user.organisation_id, detail=detail | more)
    changed()
