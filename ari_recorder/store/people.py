"""Organisations, users and their endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from peewee import IntegrityError

from ari_recorder.errors import NotFound, SettingsError
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import Mode, is_recorded
from ari_recorder.store import access, models, passwords, preferences
from ari_recorder.store.passwords import Whose

CHANGEABLE = frozenset(("name", "number", "mode", "role", "may_listen", "login", "password", "endpoints"))
"""What `change_user` changes."""
DEFAULT_ORGANISATION = "Default"


@dataclass(frozen=True)
class UserRow:
    """A user as shown and listed; ``endpoints`` are ``(pbx, "PJSIP/101")``."""

    id: UUID
    organisation: UUID
    organisation_name: str
    number: str | None
    name: str
    mode: Mode
    role: str
    may_listen: bool
    login: str | None
    endpoints: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RecordedEndpoint:
    """An endpoint whose user's calls are looked at, and that user's mode now."""

    name: str
    user: UUID
    organisation: UUID
    mode: Mode
    user_number: str
    user_name: str
    preferences: Preferences


@dataclass(frozen=True)
class Directory:
    """Who is who on an Asterisk.

    Endpoints whose calls are ``recorded``; of which of the ``organisations`` any endpoint of a user is; the
    ``numbers`` of users, with their organisation.
    """

    recorded: tuple[RecordedEndpoint, ...]
    organisations: dict[str, UUID]
    numbers: frozenset[tuple[UUID, str]]


def default_organisation() -> UUID:
    """The organisation that users belong to when none is named; made when missing."""
    row, _ = models.Organisation.get_or_create(name=DEFAULT_ORGANISATION)
    return UUID(str(row.id))


def add_user(
    *,
    name: str,
    number: str | None,
    mode: Mode = Mode.NEVER,
    role: str = "user",
    login: str | None = None,
    password: str | None = None,
    endpoints: Iterable[tuple[str, str]] = (),
) -> UserRow:
    """Add a user to the default organisation. Raises `SettingsError` if something of it is taken."""
    try:
        user = models.User.create(
            organisation=default_organisation(),
            name=name,
            number=number,
            mode=_known_mode(mode),
            role=_known_role(role),
            login=login,
            **passwords.columns(password, Whose(role, login, name, number, DEFAULT_ORGANISATION)),
        )
    except IntegrityError as error:
        raise SettingsError(f"User {number or login}: the number or the login is already taken.") from error
    _set_endpoints(user, endpoints)
    changed()
    return _user_row(user)


def change_user(number_or_login: str, **changes: Any) -> UserRow:
    """Change a user; ``changes`` are columns, ``password`` and ``endpoints``.

    An empty password takes signing in away. Raises `NotFound`, or `SettingsError` for what cannot be.
    """
    user = _find(number_or_login)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} of a user cannot be changed: use {', '.join(sorted(CHANGEABLE))}."
        )
    endpoints = changes.pop("endpoints", None)
    if "role" in changes:
        _known_role(changes["role"])
    if "mode" in changes:
        _known_mode(changes["mode"])
    changes |= _password(user, changes)
    try:
        if changes:
            models.User.update(**changes).where(models.User.id == user.id).execute()
    except IntegrityError as error:
        raise SettingsError(f"User {number_or_login}: the number or the login is already taken.") from error
    if endpoints is not None:
        models.Endpoint.delete().where(models.Endpoint.user == user).execute()
        _set_endpoints(user, endpoints)
    if "password_hash" in changes or changes.get("role", user.role) != user.role:
        access.end_all(user.id)
    changed()
    return _user_row(models.User.get_by_id(user.id))


def shown_preferences(number_or_login: str | None) -> preferences.Shown:
    """The preferences in effect for a user, or with None for those of the organisation who set nothing.

    Raises `NotFound`.
    """
    user = _find(number_or_login) if number_or_login is not None else None
    organisation = user.organisation if user else models.Organisation.get_by_id(default_organisation())
    return preferences.effective(organisation, user)


def change_preferences(number_or_login: str | None, changes: Mapping[str, Any]) -> preferences.Shown:
    """Set preferences of a user, or with None of the organisation; a value of None takes one back.

    Returns what is in effect then. Raises `NotFound`, or `SettingsError` for what cannot be.
    """
    if number_or_login is not None:
        preferences.change(_find(number_or_login), changes)
    else:
        preferences.change(models.Organisation.get_by_id(default_organisation()), changes)
    changed()
    return shown_preferences(number_or_login)


def find_user(organisation: UUID | None, number_or_login: str) -> UserRow:
    """The user with that number or login, of any organisation with None.

    Raises `NotFound`, or `SettingsError` where it is two.
    """
    found = _user_row(_find(number_or_login))
    if organisation not in (None, found.organisation):
        raise NotFound(f"No user has the number or login {number_or_login!r}. See: ari-recorder user list")
    return found


def list_users() -> list[UserRow]:
    """Every user, by number."""
    return [_user_row(user) for user in models.User.select().order_by(models.User.number, models.User.name)]


def directory(pbx: str) -> Directory:
    """Everybody, as calls on ``pbx`` need them."""
    rows = (
        models.Endpoint.select(models.Endpoint, models.User, models.Organisation)
        .join(models.User)
        .join(models.Organisation)
        .where(models.Endpoint.pbx == pbx)
    )
    endpoints = list(rows)
    users = models.User.select(models.User.organisation, models.User.number)
    return Directory(
        tuple(_recorded_endpoint(row.name, row.user) for row in endpoints if is_recorded(row.user.mode)),
        {row.name: row.user.organisation_id for row in endpoints},
        frozenset((user.organisation_id, user.number) for user in users if user.number),
    )


def tapped(number: str, organisation: str, channel_name: str) -> RecordedEndpoint:
    """The user that a dialplan names, as whose leg a channel is to be recorded, whatever its endpoint.

    ``organisation`` may be empty while only one has that number. Raises `NotFound` if there is not just one.
    """
    users = list(
        models.User.select(models.User, models.Organisation)
        .join(models.Organisation)
        .where(models.User.number == number)
    )
    found = [user for user in users if organisation in ("", user.organisation.name)]
    if not found:
        of = f" in the organisation {organisation!r}" if organisation else ""
        raise NotFound(f"No user has the number {number!r}{of}. See: ari-recorder user list")
    if len(found) > 1:
        names = ", ".join(f"{number}@{user.organisation.name}" for user in found)
        raise NotFound(f"Several organisations have the number {number}: write one of {names}.")
    return _recorded_endpoint(channel_name.rpartition("-")[0], found[0])


def revision() -> int:
    """Grows with every change of users and endpoints."""
    row = models.Revision.select().first()
    return int(row.directory) if row else 0


def changed() -> None:
    """Note that users or endpoints have changed."""
    if not models.Revision.update(directory=models.Revision.directory + 1).execute():
        models.Revision.create(directory=1)


def user_by_id(user: UUID) -> UserRow | None:
    """The user with that id, or None."""
    row = models.User.get_or_none(models.User.id == user)
    return _user_row(row) if row else None


def _recorded_endpoint(name: str, user: Any) -> RecordedEndpoint:
    return RecordedEndpoint(
        name=name,
        user=user.id,
        organisation=user.organisation_id,
        mode=Mode(user.mode),
        user_number=user.number or "",
        user_name=user.name,
        preferences=preferences.effective(user.organisation, user).preferences,
    )


def _find(number_or_login: str) -> Any:
    users = list(
        models.User.select().where(
            (models.User.number == number_or_login) | (models.User.login == number_or_login)
        )
    )
    if not users:
        raise NotFound(f"No user has the number or login {number_or_login!r}. See: ari-recorder user list")
    if len(users) > 1:
        raise SettingsError(
            f"{number_or_login!r} is {' and '.join(user.name for user in users)}: the number of one is the"
            " login of another. Name the user by the other of the two."
        )
    return users[0]


def _password(user: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """The columns of a new password, if there is one; a new login must not be the password that is in use."""
    if "password" in changes:
        return passwords.columns(changes.pop("password"), Whose.of(user, changes))
    passwords.check_unlike(user.password_hash, *(changes.get(name) for name in ("login", "name", "number")))
    return {}


def _set_endpoints(user: Any, endpoints: Iterable[tuple[str, str]]) -> None:
    for pbx, name in endpoints:
        taken = models.Endpoint.get_or_none((models.Endpoint.pbx == pbx) & (models.Endpoint.name == name))
        if taken is not None:
            raise SettingsError(
                f"Endpoint {name} on {pbx} belongs to {taken.user.name} ({taken.user.number}) already."
            )
        models.Endpoint.create(user=user, pbx=pbx, name=name)


def _known_role(role: str) -> str:
    if role not in set(Role):
        raise SettingsError(f"Role {role!r} is unknown: use one of {', '.join(Role)}.")
    return role


def _known_mode(mode: str) -> Mode:
    try:
        return Mode(mode)
    except ValueError as error:
        raise SettingsError(f"Mode {mode!r} is unknown: use one of {', '.join(Mode)}.") from error


def _user_row(user: Any) -> UserRow:
    endpoints = models.Endpoint.select().where(models.Endpoint.user == user).order_by(models.Endpoint.name)
    return UserRow(
        id=user.id,
        organisation=user.organisation_id,
        organisation_name=user.organisation.name,
        number=user.number,
        name=user.name,
        mode=Mode(user.mode),
        role=user.role,
        may_listen=user.may_listen,
        login=user.login,
        endpoints=tuple((e.pbx, e.name) for e in endpoints),
    )
