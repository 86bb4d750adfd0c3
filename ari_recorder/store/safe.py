"""What recordings' audio is kept in: a vault, and the keys that open what lies in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ari_recorder.errors import VaultError
from ari_recorder.store.sealing.keyring import Keyring, Lock
from ari_recorder.store.sealing.streaming import decrypted, encrypted
from ari_recorder.store.vault import BLOCK_BYTES, FIRST, Stored, Vault, digest

_Read = Callable[[str, int, int | None], Iterator[bytes]]

ENCRYPTED = ".aead"
"""How the name of an encrypted file ends."""


@dataclass(frozen=True)
class Place:
    """Where the audio of a recording is kept: its file in the vault, that file's size, and what opens it.

    ``lock`` is None for a file of before there was encryption: it is the audio itself. ``vault`` is which.
    """

    recording: UUID
    key: str
    size_bytes: int
    lock: Lock | None
    vault: UUID = FIRST


@dataclass(frozen=True)
class Kept:
    """A recording's ``content`` (the audio), and the file that it is kept in, as ``stored`` in the vault."""

    place: Place
    content: Stored
    stored: Stored


class Vaults(Protocol):
    """Of which `store.vaults.Vaults` are: this module knows no catalogue."""

    @property
    def current(self) -> Vault:
        """What recordings are put into."""

    def settle(self) -> UUID:
        """Which that is."""

    def of(self, vault: UUID) -> Vault:
        """The one with that id."""

    def sure(self, vault: UUID) -> Vault:
        """As `of`, if it is there."""

    def current_id(self) -> UUID | None:
        """Which the current one is; None if it was never used."""

    def used(self) -> Iterator[tuple[UUID, Vault]]:
        """Those that recordings lie in, and the current one."""


class Safe:
    """Keeps audio encrypted, and gives it back. Its methods block."""

    def __init__(self, vaults: Vaults, keyring: Keyring) -> None:
        self.vaults = vaults
        self._keyring = keyring

    @property
    def vault(self) -> Vault:
        """What recordings are put into."""
        return self.vaults.current

    def probe(self) -> None:
        """Raise `VaultError` unless something can be kept."""
        self.vault.probe()
        self._keyring.probe()

    def keep(
        self, organisation: UUID, recording: UUID, key: str, source: Path, until: datetime | None = None
    ) -> Kept:
        """Encrypt ``source`` into the vault; returns when it is safe, read back and opened.

        A vault that can hold it against its removal does, ``until`` then. Raises `VaultError`, `StoreError`.
        """
        secret, lock = self._keyring.new(organisation, recording)
        name = key + ENCRYPTED
        try:
            with source.open("rb") as file:
                blocks = iter(lambda: file.read(BLOCK_BYTES), b"")
                put = self.vault.put(name, encrypted(blocks, secret, recording.bytes), until)
        except OSError as error:
            raise VaultError(f"{source} cannot be read: {error.strerror}.") from error
        found = self.look(Place(recording, name, put.size_bytes, lock, self.vaults.settle()))
        if found.stored != put:
            raise VaultError(f"{name} read back from the vault differs from what was written.")
        return found

    def read(self, place: Place, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The audio, or a part of it, in blocks.

        Raises `VaultError` if it cannot be read, and `NotAsKept`, one of these, if it is not what was kept.
        """
        return self._opened(place, self.vaults.of(place.vault).read, offset, length)

    def remove(self, place: Place) -> None:
        """Remove its file for good; fine if it is gone. Raises `VaultError`, `VaultLocked`, `StoreError`."""
        self.vaults.sure(place.vault).remove(place.key)

    def look(self, place: Place) -> Kept:
        """Hash and size of what is there now, and of the audio in it. Raises as `read` does."""
        hashed, size_bytes = hashlib.sha256(), 0
        vault = self.vaults.of(place.vault)

        def read(key: str, at: int, length: int | None) -> Iterator[bytes]:
            nonlocal size_bytes
            for block in vault.read(key, at, length):
                hashed.update(block)
                size_bytes += len(block)
                yield block

        content = digest(self._opened(place, read))
        for _ in read(place.key, size_bytes, None):
            pass  # behind the end that it should have
        return Kept(place, content, Stored(hashed.hexdigest(), size_bytes))

    def _opened(
        self, place: Place, read: _Read, offset: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        if place.lock is None:
            return read(place.key, offset, length)
        secret = self._keyring.open(place.lock, place.recording)
        return decrypted(
            partial(read, place.key), place.size_bytes, secret, place.recording.bytes, offset, length
        )
