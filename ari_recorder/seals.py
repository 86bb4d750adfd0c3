"""Values that a browser or the catalogue keeps for us: nobody else can make, read or change them, and each is
good for one purpose.

Fernet (AES-128-CBC and HMAC-SHA-256, of `cryptography`), with a key for each purpose that is made of the one
in `web.key_file` (HKDF, RFC 5869).
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ari_recorder import files
from ari_recorder.errors import SettingsError

T = TypeVar("T")


class Purpose(StrEnum):
    """What a value is for; one of another purpose does not open."""

    FORM = "form of somebody who is not signed in"
    DEVICE = "device that somebody has signed in with"
    NEW_TOTP = "secret of an authenticator app that is being added"
    TOTP = "secret of an authenticator app, in the catalogue"
    WEBHOOK = "secret of a webhook, in the catalogue"
    DELIVERY = "secret of a place that recordings are pushed to, in the catalogue"


class Seals:
    """Seals and opens, by the key in a file. Raises `SettingsError` when that is none."""

    def __init__(self, key: bytes) -> None:
        self._fernets = {purpose: Fernet(_derived(key, purpose)) for purpose in Purpose}
        self._request_key = _derived(key, "what was asked for with an idempotency key")

    def seal(self, purpose: Purpose, value: object, now: datetime) -> str:
        """The value as text that can go anywhere."""
        plain = msgspec.json.encode(value)
        return self._fernets[purpose].encrypt_at_time(plain, int(now.timestamp())).decode()

    def fingerprint(self, request: bytes) -> str:
        """Tells whether a request is the same (HMAC-SHA-256); without the key nothing of a password in it."""
        return hmac.digest(self._request_key, request, "sha256").hex()

    def open(
        self,
        purpose: Purpose,
        sealed: object,
        wanted: type[T],
        now: datetime,
        within: timedelta | None = None,
    ) -> T | None:
        """The value again; None if we did not seal it for this purpose, or longer ago than ``within``."""
        if not isinstance(sealed, str):
            return None
        fernet, at = self._fernets[purpose], int(now.timestamp())
        try:
            if within is None:
                plain = fernet.decrypt(sealed.encode())
            else:
                plain = fernet.decrypt_at_time(sealed.encode(), int(within.total_seconds()), at)
            return msgspec.json.decode(plain, type=wanted)
        except (InvalidToken, msgspec.MsgspecError, ValueError):
            return None


def load_key(path: Path) -> bytes:
    """The key in that file, made (mode 0600) when missing. Raises `SettingsError` if it is no key."""
    try:
        _make_key(path)
        key = path.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise SettingsError(f"The key {path} cannot be read or made: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(
            f"{path} does not hold a key. Put the right one back. Or remove it: another is made, and who has"
            " an authenticator app has to add it anew (ari-recorder user second-factor remove)."
        ) from error
    return key


def _derived(key: bytes, purpose: str) -> bytes:
    expand = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return base64.urlsafe_b64encode(expand.derive(base64.urlsafe_b64decode(key)))


def _make_key(path: Path) -> None:
    """Written beside and linked into place, so that two programs starting at once agree on one."""
    if path.exists():
        return
    files.make_folder(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        if not path.exists():
            os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
