"""Public keys as people paste them: the line of a ``.pub`` file, of ``authorized_keys`` or ``known_hosts``.

Sources: RFC 4253, 6.6 (what a key is made of), OpenSSH's PROTOCOL.u2f (keys in a token), RFC 4716 and
``ssh-keygen -l`` for the fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from ari_recorder.policies.text import is_plain
from ari_recorder.policies.unfit import Unfit

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
"""What is taken. DSA is broken, and certificates would let others in whom their authority chooses."""
RSA_BITS_MIN = 2048
LINE_MAX = 4000
COMMENT_MAX = 100
_MARKED = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File")


@dataclass(frozen=True)
class PublicKey:
    """A key: its ``kind``, the rest in base64, what is written behind it, and how OpenSSH shows it."""

    kind: str
    base64: str
    comment: str
    fingerprint: str

    @property
    def text(self) -> str:
        """As it stands in ``authorized_keys``, without the comment."""
        return f"{self.kind} {self.base64}"


def public_key(field: str, value: object) -> PublicKey:
    """The key in a line; what stands before it (a host's name, options) does not count. Raises `Unfit`."""
    line = value.strip() if isinstance(value, str) else ""
    if _MARKED.search(line):
        raise Unfit(
            field,
            "that is a private key: keep it, and show it to nobody. The public one is in the file ending in"
            " .pub.",
        )
    if not line or len(line) > LINE_MAX or "\n" in line:
        raise Unfit(field, "one line as in a .pub file, such as ssh-ed25519 AAAAC3Nz… name.")
    words = line.split()
    at = next((at for at, word in enumerate(words) if word in KINDS), None)
    if at is None or at + 1 >= len(words):
        raise Unfit(
            field, "no key that is taken is in it: use one of the kind %(known)s.", known=", ".join(KINDS[:5])
        )
    blob = _decoded(field, words[at], words[at + 1])
    comment = " ".join(words[at + 2 :])[:COMMENT_MAX]
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PublicKey(
        words[at],
        base64.b64encode(blob).decode(),
        comment if is_plain(comment) else "",
        f"SHA256:{digest}",
    )


def _decoded(field: str, kind: str, text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        parts = list(_strings(blob))
    except (ValueError, binascii.Error):
        parts = []
    if len(parts) < 2 or parts[0] != kind.encode():
        raise Unfit(field, "the key is not whole: copy all of the line.")
    if kind == "ssh-rsa" and (len(parts) != 3 or int.from_bytes(parts[2]).bit_length() < RSA_BITS_MIN):
        raise Unfit(field, "an RSA key needs at least %(least)s bits.", least=RSA_BITS_MIN)
    return blob


def _strings(blob: bytes) -> list[bytes]:
    """What the key is made of: each part behind its length in four bytes. Raises `ValueError`."""
    found, at = [], 0
    while at < len(blob):
        length = int.from_bytes(blob[at : at + 4])
        part = blob[at + 4 : at + 4 + length]
        if len(blob) < at + 4 or len(part) != length:
            raise ValueError("the key ends too early")
        found.append(part)
        at += 4 + length
    return found
