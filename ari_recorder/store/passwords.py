"""Passwords: what is taken, how it is kept, and how it is changed. Hashing is slow on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ari_recorder.errors import NotFound, PasswordRefused
from ari_recorder.policies import passwords
from ari_recorder.policies.passwords import LEAST, MOST, Weakness, least, normal
from ari_recorder.store import access, audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import User
from ari_recorder.store.spelling import spelled

DEFAULT_PASSWORDS = frozenset(
    ("admin", "administrator", "asterisk", "changeme", "default", "demo", "letmein", "password", "secret")
)
"""Passwords that everybody knows: never served on an address that others reach."""
DEMO_PREFIX = "demo-"
"""What the demo's passwords begin with; they are printed and documented."""
REFUSALS = {
    Weakness.TOO_SHORT: "The password is too short: it needs at least {least} characters.",
    Weakness.TOO_LONG: "The password is too long: it may have at most {most} characters.",
    Weakness.COMMON: "The password is one that is tried first: choose a less common one, a few words.",
    Weakness.PERSONAL: "The password is little more than the login, name, number or organisation:"
    " choose one that nobody who knows them would try.",
}

_hasher = PasswordHasher(parallelism=1)
"""As RFC 9106 has it for little memory (64 MiB, three passes), but on one core: the others are for calls."""


@dataclass(frozen=True)
class Whose:
    """Somebody as they will be when the password is theirs."""

    role: str
    login: str | None
    name: str
    number: str | None
    organisation: str

    @classmethod
    def of(cls, user: Any, changes: Mapping[str, Any] = MappingProxyType({})) -> Whose:
        """A row of `models.User`, with what is about to be changed of it."""
        own = {name: changes.get(name, getattr(user, name)) for name in ("role", "login", "name", "number")}
        return cls(**own, organisation=user.organisation.name)


@dataclass(frozen=True)
class Stored:
    """The hash of somebody's password."""

    user: UUID
    organisation: UUID
    hash: str


@cache
def common() -> frozenset[str]:
    """The 30,000 that were found most often where passwords have leaked, in small letters."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # takes a moment, and most commands need none

    return frozenset(FREQUENCY_LISTS["passwords"])


@cache
def _no_such_user() -> str:
    """Verified against when the login is unknown, so that both refusals take the same time."""
    return _hasher.hash("no such user")


def is_default_password(password: str, *also: str | None) -> bool:
    """Whether everybody knows that password; ``also`` are others that do not count (login, number)."""
    plain = password.lower()
    return plain in DEFAULT_PASSWORDS or plain.startswith(DEMO_PREFIX) or password in also


def check(password: str, whose: Whose, *, demo: bool = False) -> str:
    """The password in normal form. Raises `PasswordRefused`.

    ``demo`` takes those of the demo, too: they are known to everybody, noted as such, and of no use where
    others reach the pages.
    """
    plain, is_demo = normal(password), password.lower().startswith(DEMO_PREFIX)
    if demo and is_demo:
        return plain
    about = [text for text in (whose.login, whose.name, whose.number, whose.organisation) if text]
    weakness = passwords.weakness(plain, role=whose.role, about=about, common=common())
    if is_demo:
        weakness = weakness or Weakness.COMMON
    if weakness is not None:
        needed = least(whose.role)
        raise PasswordRefused(REFUSALS[weakness].format(least=needed, most=MOST), weakness, needed)
    return plain


def check_for(user: UUID, password: str) -> str:
    """As `check`, for somebody's own new password, in a read. Raises `NotFound` too."""
    row = User.get_or_none((User.id == user) & User.removed_at.is_null())
    if row is None:
        raise NotFound("There is no such user any more.")
    return check(password, Whose.of(row))


def hashed(password: str) -> str:
    """What is kept of a password; takes tens of milliseconds."""
    return _hasher.hash(normal(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password that ``stored`` was made of; with None it is not, and takes as long."""
    try:
        _hasher.verify(stored or _no_such_user(), normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether it was made with other parameters than are used now."""
    return _hasher.check_needs_rehash(stored)


def stored_of(login: str) -> Stored | None:
    """What is kept of who signs in with that login, in small or capital letters; None when nobody does."""
    row = User.get_or_none((User.login == spelled(User.login, login)) & User.removed_at.is_null())
    return Stored(row.id, row.organisation_id, row.password_hash) if row and row.password_hash else None


def stored_of_user(user: UUID) -> str | None:
    """The hash of somebody's password."""
    row = User.get_or_none((User.id == user) & User.removed_at.is_null())
    return row.password_hash if row else None


def renew(user: UUID, before: str, after: str) -> None:
    """Keep the same password by the parameters of today, if nobody has changed it meanwhile."""
    User.update(password_hash=after).where((User.id == user) & (User.password_hash == before)).execute()


def change(user: UUID, before: str | None, after: str, keep: UUID, actor: Actor, now: datetime) -> bool:
    """One's own new password, both as hashes; ends one's other sessions but ``keep``.

    False when the old one is not in use any more.
    """
    condition = (User.id == user) & (User.password_hash == before) & User.removed_at.is_null()
    if not User.update(password_hash=after, password_is_default=False).where(condition).execute():
        return False
    access.end_others(user, keep)
    audit.write(actor, Action.CHANGE, Subject("password", str(user)), now)
    return True


@dataclass(frozen=True)
class Prepared:
    """A password that was hashed before the write that keeps it, for which others would wait."""

    plain: str = field(repr=False)
    hash: str = field(repr=False)


def prepared(password: str) -> Prepared:
    """It with its hash; takes tens of milliseconds."""
    return Prepared(password, hashed(password))


def columns(password: str | Prepared | None, whose: Whose) -> dict[str, Any]:
    """The columns of a user that hold a password; none takes signing in away. Raises `PasswordRefused`."""
    if not password:
        return {"password_hash": None, "password_is_default": False}
    plain = check(password.plain if isinstance(password, Prepared) else password, whose, demo=True)
    is_default = is_default_password(plain, whose.login, whose.number)
    kept = password.hash if isinstance(password, Prepared) else hashed(plain)
    return {"password_hash": kept, "password_is_default": is_default}


def check_unlike(stored: str | None, *words: str | None) -> None:
    """A new login, name or number must not be the password that is in use. Raises `PasswordRefused`."""
    if stored and any(matches(stored, word) for word in words if word):
        raise PasswordRefused(
            "That is the user's password: set another password with the same command.",
            Weakness.PERSONAL,
            LEAST,
        )
