"""The secret of a place that is pushed to: given, made, or left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ari_recorder.errors import Invalid
from ari_recorder.policies import targets
from ari_recorder.policies.targets import S3, SFTP, SftpTarget
from ari_recorder.store.deliveries.pushing import TargetRow
from ari_recorder.store.fitting import fit

KEY, PASSWORD = "key", "password"
"""How we sign in at an SFTP server."""
COMMENT = "ari_recorder"


def settled(
    kind: str,
    values: Mapping[str, Any],
    typed: str,
    before: TargetRow | None,
    seal: Callable[[str], str],
    *,
    by: str = KEY,
) -> tuple[dict[str, Any], str | None]:
    """The values of a place with our public key in them, and its secret, sealed; None leaves it as it was.

    ``typed`` is what was given: a password, or S3's secret key. With ``by`` `KEY` an SFTP server is signed in
    at by a key of ours, made once. A secret that was typed is asked for again when it would go somewhere
    else. Raises `Invalid`.
    """
    if kind not in targets.KINDS:
        raise Invalid("kind", "use one of %(known)s.", known=", ".join(targets.KINDS))
    with fit():
        secret = targets.secret("secret", typed)
    found = {**values, "public_key": ""}
    if kind == SFTP and by == KEY:
        if before is not None and isinstance(before.place, SftpTarget) and before.place.public_key:
            return {**found, "public_key": before.place.public_key}, None
        public, private = _pair()
        return {**found, "public_key": public}, seal(private)
    if secret:
        return found, seal(secret)
    if before is None or not before.has_secret or _leads_elsewhere(kind, found, before):
        if kind == S3:
            raise Invalid("secret", "write the secret key: it is kept encrypted, and never shown.")
        raise Invalid("secret", "write the password: it is kept encrypted, and never shown.")
    return found, None


def _leads_elsewhere(kind: str, values: Mapping[str, Any], before: TargetRow) -> bool:
    """Whether the secret that is there would be told to somebody else."""
    if kind != before.place.kind:
        return True
    was = targets.fields_of(before.place)
    if kind == SFTP and was["public_key"]:
        return True  # it is a key, and no password
    names = ("host", "port", "login", "host_key") if kind == SFTP else ("endpoint", "region", "access_key")
    with fit():
        now = targets.fields_of(targets.target(kind, values))
    return any(was[name] != now[name] for name in names)


def _pair() -> tuple[str, str]:
    """A new key: the public half as in ``authorized_keys``, and the private one."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return f"{public} {COMMENT}", private
