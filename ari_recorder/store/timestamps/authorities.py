"""Whose time stamps are believed: the certificates of a file, or those that the machine trusts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ari_recorder.errors import SettingsError

BUNDLE = "ca-certificates.crt"
"""Where Debian and others have all of the machine's in one file, in the folder that OpenSSL looks in."""


@dataclass(frozen=True)
class Authorities:
    """``roots`` are trusted; ``between`` lead to them, where a stamp does not bring what does."""

    roots: tuple[x509.Certificate, ...]
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """All of them, as openssl reads them."""
        return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in (*self.roots, *self.between))

    def each(self) -> Iterator[Authorities]:
        """Each root alone, at first without those between."""
        for root in self.roots:
            yield Authorities((root,))
            if self.between:
                yield Authorities((root,), self.between)


def trusted(file: Path | None) -> Authorities:
    """Those in that file (PEM); without one those that this machine trusts.

    Raises `SettingsError` if the file cannot be read, or has no certificate of an authority.
    """
    path = file or _of_the_machine()
    if path is None:
        raise SettingsError(
            "This machine has no list of authorities: name the certificates of the one that stamps in"
            " evidence.timestamp_ca_file."
        )
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"The authorities in {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{path} has no certificate of an authority (PEM): {error}") from error


def read(pem: bytes) -> Authorities:
    """Those in a text. Raises `ValueError` if there is none that signs itself, which one has to."""
    found = x509.load_pem_x509_certificates(pem)
    roots = tuple(one for one in found if one.issuer == one.subject)
    if not roots:
        raise ValueError("none in it is a root, which signs itself.")
    return Authorities(roots, tuple(one for one in found if one not in roots))


def _of_the_machine() -> Path | None:
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return Path(paths.cafile)
    files = [Path(folder) / BUNDLE for folder in (paths.capath, "/etc/ssl/certs") if folder]
    return next((one for one in files if one.is_file()), None)
