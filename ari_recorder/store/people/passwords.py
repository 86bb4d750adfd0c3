"""Passwords: hashed, compared in the same time whoever asks, and known when everybody knows them."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from ari_recorder.store.models import User
from ari_recorder.store.people.rows import UserRow, row_of

DEFAULT_PASSWORDS = frozenset(
    ("admin", "administrator", "asterisk", "changeme", "default", "demo", "letmein", "password", "secret")
)
"""Passwords that everybody knows: never served on an address that others reach."""
DEMO_PREFIX = "demo-"
"""What the demo's passwords begin with; they are printed and documented."""

_hasher = PasswordHasher()


@cache
def _no_such_user() -> str:
    """Verified against when the login is unknown, so that both refusals take the same time."""
    return _hasher.hash("no such user")


def is_default_password(password: str, *also: str | None) -> bool:
    """Whether everybody knows that password; ``also`` are others that do not count (login, number)."""
    plain = password.lower()
    return plain in DEFAULT_PASSWORDS or plain.startswith(DEMO_PREFIX) or password in also


def password_columns(password: str | None, login: str | None, number: str | None) -> dict[str, object]:
    """The columns that keep a password, of who will have that login and number; none takes it away."""
    if not password:
        return {"password_hash": None, "password_is_default": False}
    return {
        "password_hash": _hasher.hash(password),
        "password_is_default": is_default_password(password, login, number),
    }


def sign_in(login: str, password: str) -> UserRow | None:
    """The user with that login and password, or None; takes as long either way."""
    user = User.get_or_none((User.login == login) & User.removed_at.is_null())
    stored = user.password_hash if user and user.password_hash else _no_such_user()
    try:
        _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return row_of(user) if user and user.password_hash else None
