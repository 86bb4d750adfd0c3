"""The key that signs the audit log: Ed25519 (RFC 8032), in a file of its own.

Its public half is for whoever checks the log, and is told freely; an id made of it says which key a seal is
of.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ari_recorder import files
from ari_recorder.errors import SettingsError


class PublicKey:
    """What a seal is checked with."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.id = hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
        """The first 16 digits of the SHA-256 of the key's 32 bytes."""
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        """As openssl reads it."""

    def __reduce__(self) -> tuple[Callable[[bytes], PublicKey], tuple[bytes]]:
        """It goes to another process as text."""
        return _public, (self.pem.encode(),)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether that is this key's signature of ``message``."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """What seals are made with."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(message)


def made(path: Path) -> SigningKey:
    """The key in that file, made (mode 0600) when missing. Raises `SettingsError` if it is no key."""
    try:
        _make(path)
    except OSError as error:
        raise SettingsError(f"The audit log's key {path} cannot be made: {error.strerror}.") from error
    found = existing(path)
    assert found is not None, "it has just been made"
    return found


def existing(path: Path) -> SigningKey | None:
    """The key in that file; None while there is none. Raises `SettingsError` if it is no key."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"The audit log's key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return SigningKey(key)


def read_public(path: Path) -> list[PublicKey]:
    """The public keys in a file: one (PEM), or as ``/api/v1/evidence/keys`` says. Raises `SettingsError`."""
    try:
        content = path.read_bytes()
        if content.lstrip().startswith(b"{"):
            return [_public(one["pem"].encode()) for one in json.loads(content)["keys"]]
        return [_public(content)]
    except OSError as error:
        raise SettingsError(f"The public key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} holds no public Ed25519 key: save what `ari-recorder audit key` or"
            " /api/v1/evidence/keys says."
        ) from error


def _public(pem: bytes) -> PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError(f"a key of the type {type(key).__name__}")
    return PublicKey(key)


def public_key(pem: bytes) -> PublicKey:
    """The public key in a text (PEM). Raises `ValueError` if it is none that signs here."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("no Ed25519 key")
    return PublicKey(key)


def _no_key(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} does not hold the audit log's key. Restore it from a backup, or move it away: a new one is"
        " made then, and what the old one signed is checked with its public key."
    )


def _make(path: Path) -> None:
    """Written beside and linked into place, so that two programs starting at once agree on one."""
    if path.exists():
        return
    files.make_folder(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    pem: Callable[..., bytes] = Ed25519PrivateKey.generate().private_bytes
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
