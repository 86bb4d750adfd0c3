"""The client that asks an S3-compatible store, and what its refusals mean.

It is botocore, AWS' own: of what speaks S3 from Python it deletes versions, sets Object Lock and finds
uploads that were left unfinished, and it is needed for these, since what must be destroyed has to be
(`docs/design.md`). Each request has time limits, and is tried again a few times, later each time.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ari_recorder.errors import SettingsError, VaultAway, VaultError, VaultLocked
from ari_recorder.store.s3.address import Address

CONNECT_S = 5.0
"""How long a connection may take."""
SILENT_S = 20.0
"""How long the store may say nothing, or take nothing."""
TRIES = 4
"""How often a request is sent before it has failed; 1, 2 and 4 s apart, more or less."""
LOOK_S, LOOK_TRIES = 3.0, 2
"""The same for a look at whether it is there, for which somebody waits."""
CONNECTIONS = 64
"""Most connections that are kept: as many read and write at once at most."""
REGION = "us-east-1"
"""What stores that are not AWS' mostly take for their region."""

_making = threading.Lock()
MISSING = frozenset(("404", "NoSuchKey", "NotFound"))
UNKNOWN = frozenset(("NotImplemented", "MethodNotAllowed", "501", "405"))
"""What a store answers to what it does not know."""
_KEYS = frozenset(
    ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired")
)
_DENIED = frozenset(("AccessDenied", "403", "Forbidden", "AllAccessDisabled"))


@dataclass(frozen=True)
class AccessKey:
    """An access key and its secret, neither of which is told by ``repr``; empty: as AWS' tools find one."""

    id: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return "AccessKey(…)"


def client(address: Address, key: AccessKey, *, quick: bool = False) -> Any:
    """A client for that store; ``quick`` for looks. Raises `SettingsError` without botocore, or a profile."""
    try:
        from botocore.config import Config
        from botocore.exceptions import ProfileNotFound
    except ImportError as error:
        raise SettingsError(
            f"vault.url is in an S3-compatible store, for which a library is missing ({error}):"
            " pip install 'ari-recorder[s3]'"
        ) from error
    style = address.style or ("path" if address.endpoint else "auto")
    config = Config(
        connect_timeout=LOOK_S if quick else CONNECT_S,
        read_timeout=LOOK_S if quick else SILENT_S,
        retries={"mode": "standard", "total_max_attempts": LOOK_TRIES if quick else TRIES},
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        signature_version="s3v4",
        s3={"addressing_style": style},
        request_checksum_calculation="when_required",  # stores that are not AWS' do not all know the newest
        response_checksum_validation="when_required",
    )
    try:
        with _making:
            session = _session(address.profile)
            region = address.region or session.get_config_variable("region")
            return session.create_client(
                "s3",
                region_name=region or (REGION if address.endpoint else None),
                endpoint_url=address.endpoint or None,
                aws_access_key_id=None if address.profile else key.id or None,
                aws_secret_access_key=None if address.profile else key.secret or None,
                config=config,
            )
    except (ProfileNotFound, ValueError) as error:
        raise SettingsError(f"vault.url {address}: {error}") from error


@functools.cache
def _session(profile: str) -> Any:
    """One for each: it has read the description of the service, which takes longer than a request."""
    from botocore.session import Session

    return Session(profile=profile or None)


@functools.cache
def failures() -> tuple[type[Exception], ...]:
    """What the client raises when a request, or the reading of its answer, has failed."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from urllib3.exceptions import HTTPError

    return (BotoCoreError, ClientError, HTTPClientError, HTTPError, OSError)


def code(error: Exception) -> str:
    """The store's word for what is wrong; empty if there was no answer."""
    return str(_said(error).get("Code") or "")


@contextmanager
def explained(what: str, address: Address) -> Iterator[None]:
    """Make what the client raises a `VaultError` that begins with ``what`` and says what to do."""
    try:
        yield
    except VaultError:
        raise
    except failures() as error:
        raise told(what, address, error) from error


def told(what: str, address: Address, error: Exception) -> VaultError:
    """That error in words; `VaultAway` where nothing can be done with the vault at the moment."""
    why, kind = _why(address, error)
    return kind(f"{what}: {why}")


def _why(address: Address, error: Exception) -> tuple[str, type[VaultError]]:
    word = code(error)
    if word == "NoSuchBucket":
        return f"there is no bucket {address.bucket}: make it, or correct vault.url.", VaultAway
    if word in _KEYS:
        return (
            f"the access key is not accepted ({word}). Correct vault.access_key and vault.secret_key, or"
            " where AWS' own tools look for them.",
            VaultAway,
        )
    if word in _DENIED:
        return (
            f"access is denied ({word}). Give the access key the rights of docs/guide/vault.md.",
            VaultAway,
        )
    if word in ("RequestTimeTooSkewed", "RequestExpired"):
        return "this machine's clock is wrong, or the store's: see to its time (NTP).", VaultAway
    if word in MISSING:
        return "there is no such object.", VaultError
    if word:
        return f"the store answers {_answer(error)}.", VaultAway
    return f"{_unanswered(error)}. See whether {address.service} can be reached from here.", VaultAway


def _answer(error: Exception) -> str:
    said = _said(error)
    return f"{said.get('Code')}: {str(said.get('Message') or '').rstrip('.')}".removesuffix(": ")


def _said(error: Exception) -> dict[str, Any]:
    found: dict[str, Any] = (getattr(error, "response", None) or {}).get("Error", {})
    return found


def _unanswered(error: Exception) -> str:
    from botocore.exceptions import NoCredentialsError

    if isinstance(error, NoCredentialsError):
        return (
            "there is no access key: set vault.access_key and vault.secret_key, or as AWS' own tools have it"
        )
    return str(error).rstrip(".")


def locked(what: str, error: Exception) -> VaultLocked:
    """What the store refuses to delete because of its Object Lock, or a rule of its own."""
    return VaultLocked(
        f"{what}: the store refuses it ({_answer(error)}). While Object Lock holds it, it cannot be removed;"
        " it is tried again. If nothing is locked, the access key lacks s3:DeleteObjectVersion."
    )
