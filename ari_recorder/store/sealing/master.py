"""The master key: the one secret that is not in the catalogue, and what it wraps.

It is 32 random bytes, written in base64. There may be several, one after the other: the first wraps what is
new, the others still open what they wrapped, until everything is wrapped anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ari_recorder import files
from ari_recorder.errors import KeyMissing
from ari_recorder.store.sealing.streaming import KEY_BYTES, NotAsKept

COMMAND_S = 30.0
"""How long a command may take that tells the key."""
_NONCE_BYTES = 12


@dataclass(frozen=True, repr=False)
class Key:
    """32 bytes that wrap other keys; ``id`` says which they are, and nothing of them."""

    secret: bytes

    @property
    def id(self) -> str:
        """The first 16 digits of the SHA-256 of the secret."""
        return hashlib.sha256(self.secret).hexdigest()[:16]

    def wrap(self, secret: bytes, about: str) -> str:
        """``secret`` encrypted (AES-256-GCM) as text; ``about`` is needed to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self.secret).encrypt(nonce, secret, about.encode())).decode()

    def unwrap(self, wrapped: str, about: str) -> bytes:
        """What was wrapped. Raises `NotAsKept` if it was not by this key, about that, or was changed."""
        try:
            both = base64.b64decode(wrapped, validate=True)
            return AESGCM(self.secret).decrypt(both[:_NONCE_BYTES], both[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise NotAsKept(f"the key of the {about} is not as it was kept.") from error


def new_secret() -> bytes:
    """A key that nobody has yet."""
    return secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True)
class Source:
    """Where the master key is: ``text`` itself, told by ``command``, or in ``file``; the first that is set.

    Only in a file is one made, and added to.
    """

    file: Path
    text: str = ""
    command: Sequence[str] = ()

    def __str__(self) -> str:
        if self.text:
            return "in vault.key"
        return f"told by vault.key_command ({self.command[0]})" if self.command else f"in {self.file}"

    def read(self) -> list[Key]:
        """The keys, the current one first; none where the file is not there. Raises `KeyMissing`."""
        return [self._key(word) for word in (self.text or self._told() or self._written()).split()]

    def made(self) -> list[Key]:
        """As `read`; a file that is not there is made. Raises `KeyMissing`."""
        if not self.text and not self.command and not self.file.exists():
            self._write([Key(new_secret())], new=True)
        return self.read()

    def add(self, known: Sequence[Key]) -> list[Key]:
        """With a new key in front of those ``known``, in the file. Raises `KeyMissing`."""
        self._write([Key(new_secret()), *known])
        return self.read()

    def forget(self, known: Sequence[Key]) -> None:
        """Only the first of those ``known`` stays in the file. Raises `KeyMissing`."""
        self._write(known[:1])

    def _told(self) -> str:
        if not self.command:
            return ""
        try:
            done = subprocess.run(self.command, capture_output=True, text=True, timeout=COMMAND_S, check=True)
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
            said = (getattr(error, "stderr", None) or b"")[-200:]
            text = said.decode(errors="replace") if isinstance(said, bytes) else said
            raise KeyMissing(
                f"The master key is {self}, which did not tell it: {error} {text}".strip()
            ) from error
        return done.stdout

    def _written(self) -> str:
        try:
            return self.file.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise KeyMissing(f"The master key {self} cannot be read: {error}.") from error

    def _key(self, word: str) -> Key:
        try:
            secret = base64.b64decode(word, validate=True)
        except (ValueError, binascii.Error):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise KeyMissing(
                f"What is {self} is no master key: 32 bytes in base64, as `openssl rand -base64 32` makes"
                " them; of several, the current one first."
            )
        return Key(secret)

    def _write(self, keys: Sequence[Key], *, new: bool = False) -> None:
        """Beside it and put in its place; a ``new`` one only where none is, should two programs start."""
        part = self.file.with_name(f"{self.file.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            files.make_folder(self.file.parent)
            with files.created(part) as writer:
                writer.writelines(base64.b64encode(key.secret) + b"\n" for key in keys)
                writer.flush()
                os.fsync(writer.fileno())
            try:
                os.link(part, self.file) if new else part.replace(self.file)
            except FileExistsError:
                pass
            finally:
                part.unlink(missing_ok=True)
            files.sync_folder(self.file.parent)
        except OSError as error:
            raise KeyMissing(f"The master key {self.file} cannot be written: {error.strerror}.") from error
