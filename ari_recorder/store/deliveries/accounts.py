"""How an organisation's recordings are handed over: format, whose, and its account of the SFTP service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.policies import fields
from ari_recorder.policies.rights import Role
from ari_recorder.policies.ssh_keys import public_key
from ari_recorder.policies.unfit import Unfit
from ari_recorder.store import audit, passwords
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.fitting import fit
from ari_recorder.store.models import Delivery, DeliveryGroup, DeliveryKey, Group, Organisation
from ari_recorder.store.passwords import Prepared, Whose
from ari_recorder.store.people.organisations import difference, found
from ari_recorder.store.spelling import alike, spelled

KIND = "delivery"
KEYS_MAX = 20
KEY_NAME_MAX = 100
FORMS: tuple[str, ...] = ("", *get_args(AudioFormat))
"""What files can be made into; the first is as they are kept."""
CHANGEABLE = frozenset({"form", "everybody", "groups", "login", "password", "acknowledges"})


@dataclass(frozen=True)
class KeyRow:
    """A public key that opens the account; ``text`` is kind and key."""

    id: UUID
    name: str
    text: str
    fingerprint: str
    created_at: datetime
    created_by: str
    seen_at: datetime | None


@dataclass(frozen=True)
class DeliveryRow:
    """How recordings are handed over; ``login`` is None where the organisation has no account.

    ``groups`` are ids and names of those whose members' recordings are, unless ``everybody``'s.
    """

    organisation: UUID
    form: str = ""
    everybody: bool = True
    groups: tuple[tuple[UUID, str], ...] = ()
    login: str | None = None
    has_password: bool = False
    acknowledges: bool = False
    keys: tuple[KeyRow, ...] = ()


@dataclass(frozen=True)
class Account:
    """An account as the SFTP service needs it. ``keys`` are texts by their ids."""

    organisation: UUID
    login: str
    password_hash: str | None
    keys: tuple[tuple[UUID, str], ...]
    acknowledges: bool


def find(organisation: UUID) -> DeliveryRow:
    """How an organisation has it; as at first, if nothing was ever set. Raises `NotFound`."""
    found(organisation)
    row = Delivery.get_or_none(Delivery.organisation == organisation)
    return DeliveryRow(organisation) if row is None else _row(row)


def account(login: str) -> Account | None:
    """The account of that name, in small or capital letters; None if there is none."""
    row = Delivery.get_or_none(Delivery.login == spelled(Delivery.login, login))
    if row is None:
        return None
    keys = tuple((one.id, one.text) for one in _keys(row.id))
    return Account(row.organisation_id, row.login, row.password_hash, keys, row.acknowledges)


def change(
    organisation: UUID,
    values: Mapping[str, Any],
    *,
    check: Callable[[DeliveryRow], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> DeliveryRow:
    """Change what is named of `CHANGEABLE`; an empty login closes the account, an empty password has none.

    ``check`` is called with what it is before. Raises `Invalid`, `Conflict` for a login that is taken,
    `PasswordRefused`, `NotFound`.
    """
    before = find(organisation)
    check(before)
    with fit():
        columns = _columns(values)
    row = _made(organisation)
    groups = columns.pop("groups", None)
    if "password" in columns:
        columns["password_hash"] = _hash(organisation, columns.pop("password"), columns, before)
    _check_free(columns.get("login"), before.login)
    if columns:
        Delivery.update(**columns).where(Delivery.id == row.id).execute()
    if groups is not None:
        _set_groups(organisation, row.id, groups)
    after = find(organisation)
    if after != before or "password_hash" in columns:
        detail = difference(_told(before), _told(after))
        if "password_hash" in columns:
            detail["password"] = "set" if columns["password_hash"] else "removed"
        _write(actor, Action.CHANGE, organisation, now, detail)
    return after


def add_key(organisation: UUID, name: str, text: str, *, actor: Actor, now: datetime) -> KeyRow:
    """Let who has the key in. Raises `Invalid` for what is none, `Conflict` for one that is there."""
    with fit():
        key = public_key("key", text)
        called = fields.name("name", name or key.comment or key.fingerprint[:24], KEY_NAME_MAX)
    row = _made(organisation)
    there = _keys(row.id)
    if any(one.fingerprint == key.fingerprint for one in there):
        raise Conflict("key", "that key is there already.")
    if len(there) >= KEYS_MAX:
        raise Invalid("key", "there are %(most)s keys already: remove one first.", most=KEYS_MAX)
    made = DeliveryKey.create(
        delivery=row.id, name=called, text=key.text, fingerprint=key.fingerprint, created_at=now,
        created_by=actor.name[:200],
    )  # fmt: skip
    _write(actor, Action.CREATE, organisation, now, {"after": {"name": called, "key": key.fingerprint}})
    return _key(made)


def find_key(organisation: UUID, key: UUID) -> KeyRow:
    """One of its keys. Raises `NotFound`."""
    row = (
        DeliveryKey.select()
        .join(Delivery)
        .where((Delivery.organisation == organisation) & (DeliveryKey.id == key))
        .first()
    )
    if row is None:
        raise NotFound("There is no such key here.")
    return _key(row)


def remove_key(
    organisation: UUID,
    key: UUID,
    *,
    check: Callable[[KeyRow], None] = lambda _: None,
    actor: Actor,
    now: datetime,
) -> KeyRow:
    """Let nobody in with it any more; sessions that came by it end. Raises `NotFound`."""
    row = find_key(organisation, key)
    check(row)
    DeliveryKey.delete().where(DeliveryKey.id == key).execute()
    _write(actor, Action.REMOVE, organisation, now, {"before": {"name": row.name, "key": row.fingerprint}})
    return row


def came_in(organisation: UUID, key: UUID | None, actor: Actor, now: datetime) -> None:
    """Somebody has come in, by that key or by the password; to be called in a write."""
    if key is not None:
        DeliveryKey.update(seen_at=now).where(DeliveryKey.id == key).execute()
    audit.write(actor, Action.SIGN_IN, Subject(KIND, str(organisation)), now, organisation=organisation)


def refused(login: str, actor: Actor, now: datetime, unwritten: int = 0) -> None:
    """Somebody did not get in: written to the organisation's log if there is such an account.

    ``unwritten`` are attempts before that were not.
    """
    of = account(login)
    detail = {"way": "sftp", **({"unwritten": unwritten} if unwritten else {})}
    audit.write(
        actor, Action.SIGN_IN_FAILED, Subject("login", login), now,
        organisation=of.organisation if of else None, detail=detail,
    )  # fmt: skip


def made_into() -> list[tuple[UUID, str, str]]:
    """Organisations for which files are made into another format: id, time zone, format."""
    rows = (
        Delivery.select(Delivery.organisation, Organisation.timezone, Delivery.form)
        .join(Organisation)
        .where(Delivery.form != "")
        .tuples()
    )
    return list(rows)


def _made(organisation: UUID) -> Any:
    row, _ = Delivery.get_or_create(organisation=found(organisation).id)
    return row


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `Unfit`."""
    unknown = sorted(set(values) - CHANGEABLE)
    if unknown:
        raise Unfit(unknown[0][:40], "that cannot be changed: use one of %(known)s.",
                    known=", ".join(sorted(CHANGEABLE)))  # fmt: skip
    columns = dict(values)
    if "form" in columns and columns["form"] not in FORMS:
        raise Unfit("form", "use one of %(known)s, or nothing for as they are kept.",
                    known=", ".join(FORMS[1:]))  # fmt: skip
    for name in ("everybody", "acknowledges"):
        if name in columns:
            columns[name] = fields.yes_or_no(name, columns[name])
    if "login" in columns:
        columns["login"] = fields.login("login", columns["login"])
    return columns


def _hash(
    organisation: UUID, password: str | Prepared | None, columns: Mapping[str, Any], before: DeliveryRow
) -> str | None:
    if not password:
        return None
    login = columns.get("login", before.login)
    whose = Whose(Role.ADMINISTRATOR, login, "", None, found(organisation).name)
    plain = passwords.check(password.plain if isinstance(password, Prepared) else password, whose)
    return password.hash if isinstance(password, Prepared) else passwords.hashed(plain)


def _check_free(login: str | None, own: str | None) -> None:
    taken = {*alike(Delivery.login, login)} - {own} if login and login != own else ()
    if taken:
        raise Conflict("login", "there is an account %(login)s already.", login=repr(min(taken)))


def _set_groups(organisation: UUID, delivery: UUID, groups: Iterable[UUID]) -> None:
    wanted = set(groups)
    rows = Group.select().where((Group.organisation == organisation) & Group.id.in_(wanted)) if wanted else ()
    known = {row.id for row in rows}
    if missing := sorted(wanted - known, key=str):
        raise Invalid("groups", "there is no group %(group)s here.", group=str(missing[0]))
    DeliveryGroup.delete().where(DeliveryGroup.delivery == delivery).execute()
    for group in sorted(known, key=str):
        DeliveryGroup.create(delivery=delivery, group=group)


def _keys(delivery: UUID) -> list[Any]:
    rows = DeliveryKey.select().where(DeliveryKey.delivery == delivery)
    return list(rows.order_by(DeliveryKey.created_at, DeliveryKey.id))


def _row(row: Any) -> DeliveryRow:
    groups = (
        Group.select(Group.id, Group.name)
        .join(DeliveryGroup, on=(DeliveryGroup.group == Group.id))
        .where(DeliveryGroup.delivery == row.id)
        .order_by(Group.name, Group.id)
        .tuples()
    )
    return DeliveryRow(
        row.organisation_id, row.form, row.everybody, tuple(groups), row.login,
        row.password_hash is not None, row.acknowledges, tuple(map(_key, _keys(row.id))),
    )  # fmt: skip


def _key(row: Any) -> KeyRow:
    return KeyRow(row.id, row.name, row.text, row.fingerprint, row.created_at, row.created_by, row.seen_at)


def _told(row: DeliveryRow) -> dict[str, Any]:
    """For the audit log."""
    return {
        "form": row.form,
        "everybody": row.everybody,
        "groups": [name for _, name in row.groups],
        "login": row.login,
        "acknowledges": row.acknowledges,
    }


def _write(actor: Actor, action: Action, organisation: UUID, now: datetime, detail: dict[str, Any]) -> None:
    audit.write(
        actor, action, Subject(KIND, str(organisation)), now, organisation=organisation, detail=detail
    )
