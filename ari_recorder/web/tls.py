"""The certificate for HTTPS: read, checked, and read again when its files change."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from ari_recorder.config import Web
from ari_recorder.errors import SettingsError

LOOKS_EVERY_S = 5.0

_log = structlog.get_logger(__name__)


class Certificate:
    """A certificate and its key. Raises `SettingsError` if it cannot be used, and says which file it is."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._look()
        self.context = _context(*self._files)
        """For the next connection."""

    @property
    def ends_at(self) -> datetime:
        """Until when browsers take the one in the file. Raises `SettingsError`."""
        return _read_certificate(self._files[0]).not_valid_after_utc

    async def watch(self) -> None:
        """Look, for ever; what cannot be used is logged once, and the one before stays."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            await asyncio.to_thread(self._renew)

    def _renew(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.context = _context(*self._files)
        except SettingsError as error:
            _log.error("the changed certificate is not used, the one before is", error=str(error))
        else:
            _log.info("the certificate was read again", certificate=str(self._files[0]))

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file is written or another takes its place."""
        return tuple(_stamp(path) for path in self._files)


def certificate_of(settings: Web) -> Certificate | None:
    """The certificate that the settings name, if they do. Raises `SettingsError`."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        given, missing = ("tls_certificate", "tls_key") if key is None else ("tls_key", "tls_certificate")
        raise SettingsError(f"web.{given} is set and web.{missing} is not: TLS needs both files.")
    return Certificate(certificate, key)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    _check(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)  # TLS 1.2 or newer, safe ciphers
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            f"web.tls_certificate {certificate} cannot be used with web.tls_key {key}: {error}."
        ) from error
    return context


def _check(certificate: Path, key: Path) -> None:
    """Raises `SettingsError` with which file is wrong, and in what: OpenSSL does not say it."""
    own = _read_certificate(certificate)
    try:
        fits = _public(own.public_key()) == _public(_read_key(key).public_key())
    except UnsupportedAlgorithm as error:
        raise SettingsError(f"{certificate} or {key} is of a kind that is not known: {error}.") from error
    if not fits:
        raise SettingsError(
            f"web.tls_key {key} is not the key of the first certificate in web.tls_certificate {certificate}."
            " Name the two that belong together; the server's own certificate stands first."
        )
    if own.not_valid_after_utc < datetime.now(UTC):
        _log.error("the certificate has expired: browsers refuse it", certificate=str(certificate))


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_read("tls_certificate", path))[0]
    except ValueError as error:
        raise SettingsError(f"web.tls_certificate {path} holds no certificate in PEM.") from error


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _read_key(path: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(_read("tls_key", path), None)
    except TypeError as error:
        raise SettingsError(
            f"web.tls_key {path} is encrypted, and nobody is there to give its password. Decrypt it by"
            " openssl pkey."
        ) from error
    except ValueError as error:
        raise SettingsError(f"web.tls_key {path} holds no private key in PEM.") from error


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"web.{setting} {path} cannot be read: {error.strerror}.") from error
