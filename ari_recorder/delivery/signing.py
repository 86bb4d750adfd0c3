"""Signatures of what is sent to webhooks, as Standard Webhooks has them (``v1``: HMAC-SHA256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
"""What a secret begins with."""
SECRET_BYTES = 32


def new_secret() -> str:
    """A new one, as the receiver is given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, event: str, at: int, body: bytes) -> str:
    """Of an event's id, a time (Unix seconds) and a body. Raises `ValueError` for a secret that is none."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join((event.encode(), str(at).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
