"""What is signed with the key of the audit log and of the evidence, and how that is looked at."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from ari_recorder.store.audit_key import PublicKey, SigningKey

S = TypeVar("S", bound="Signed")


@dataclass(frozen=True, kw_only=True)
class Signed:
    """How far something of an organisation had come; ``at`` is written as in a line, ``signature`` base64."""

    SIGNED: ClassVar[tuple[str, ...]]
    """What a signature is of."""

    organisation: str
    sha256: str
    at: str
    key_id: str = ""
    signature: str = ""

    @property
    def message(self) -> bytes:
        """What is signed: its other members as JSON, with sorted names and no spaces."""
        members = {name: getattr(self, name) for name in self.SIGNED}
        return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def signature_bytes(self) -> bytes:
        """The signature itself; empty if it is none, or is not written as base64 writes it."""
        try:
            found = base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            return b""
        return found if base64.b64encode(found).decode() == self.signature else b""

    def is_signed_with(self, key: PublicKey) -> bool:
        """Whether the signature is that key's."""
        return self.key_id == key.id and key.verifies(self.signature_bytes, self.message)


def sign(one: S, key: SigningKey) -> S:
    """The same with that key's signature."""
    named = replace(one, key_id=key.public.id)
    return replace(named, signature=base64.b64encode(key.sign(named.message)).decode())
