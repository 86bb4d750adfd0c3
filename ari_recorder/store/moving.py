"""Moving recordings to the vault that the settings name, one after the other, as they lie: encrypted.

It may be interrupted anywhere and gone on with by anybody (`vault_rows` says why), beside a recorder that
keeps and plays. What is not as it was sealed is left where it is, and told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from ari_recorder.errors import ARIRecorderError, VaultAway, VaultError
from ari_recorder.store import finishing, vault_rows
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Kept, Safe
from ari_recorder.store.vault import Stored, Vault
from ari_recorder.store.vault_rows import Move

AT_ONCE = 20
"""Recordings in hand: as many rows are left behind, to be gone on with, when it is killed."""
HELD = timedelta(minutes=5)
"""After so long without a word somebody else goes on with what is in hand."""
HELD_ANEW_BYTES = 4 * 1024**2
"""While something large is copied, how often it is looked whether it has to be said that it goes on."""
GIVEN_UP = 5
"""So many failures in a row are the vault's, and not a recording's."""


@dataclass
class Moved:
    """What has been done: ``failed`` says of each recording that could not be moved why."""

    recordings: int = 0
    size_bytes: int = 0
    gone: int = 0
    """Disposed of meanwhile."""
    failed: dict[UUID, str] = field(default_factory=dict)


Progress = Callable[[Moved], None]


class Mover:
    """Moves into the current vault of ``safe``. Its methods block."""

    def __init__(
        self, store: Store, safe: Safe, now: Callable[[], datetime], progress: Progress = lambda _: None
    ) -> None:
        self._store = store
        self._safe = safe
        self._now = now
        self._progress = progress
        self._failures = 0
        self.moved = Moved()

    def run(self) -> Moved:
        """Move everything that lies elsewhere. Raises `VaultError` if a vault is away, `StoreError`."""
        target = self._safe.vaults.settle()
        self.finish_begun()
        for source, _ in list(self._safe.vaults.used()):
            if source != target:
                self._safe.vaults.sure(source)  # before anything is taken in hand
                self._empty(source, target)
        return self.moved

    def finish_begun(self) -> Moved:
        """Go on with what somebody began to move, and has not been heard of since."""
        skip: set[UUID] = set()
        while taken := self._store.write_now(
            vault_rows.take_over, self._now(), self._now() + HELD, AT_ONCE, skip
        ):
            skip |= {one.id for one in taken}
            self._move_all(taken)
        return self.moved

    def _empty(self, source: UUID, target: UUID) -> None:
        last: UUID | None = UUID(int=0)
        while last is not None:
            until = self._now() + HELD
            taken, last = self._store.write_now(vault_rows.begin, source, target, last, AT_ONCE, until)
            self._move_all(taken)

    def _move_all(self, taken: Sequence[Move]) -> None:
        left = {one.id for one in taken}
        try:
            for one in taken:
                try:
                    self._store.write_now(vault_rows.hold, [one.id], self._now() + HELD)
                    self._move(one)
                except (ARIRecorderError, OSError) as error:
                    self._fail(one, error)
                else:
                    self._failures = 0
                    left.discard(one.id)
                self._progress(self.moved)
        finally:
            if left:
                self._store.write_now(vault_rows.hold, left, self._now())  # anybody may try at once

    def _fail(self, move: Move, error: Exception) -> None:
        self.moved.failed[move.id] = str(error)
        self._failures += 1
        if self._failures >= GIVEN_UP or isinstance(error, VaultAway):
            raise error

    def _move(self, move: Move) -> None:
        source, target = self._safe.vaults.sure(move.source), self._safe.vaults.sure(move.target)
        found = self._store.read_now(vault_rows.sealed, move)
        if found and found.stored and found.kept.place.vault == move.source:
            self._copy(move, found.kept, source, target)
            self._store.write_now(vault_rows.commit, move)
            found = self._store.read_now(vault_rows.sealed, move)
        if found and found.kept.place.vault == move.target:
            source.remove(move.key)
            self.moved.recordings += 1
            self.moved.size_bytes += found.kept.stored.size_bytes
        else:  # disposed of meanwhile, or about to be: from where its row says it is, if it says so still
            target.remove(move.key)
            if found is None:
                source.remove(move.key)
            self.moved.gone += 1
        self._store.write_now(vault_rows.finish, move)

    def _copy(self, move: Move, kept: Kept, source: Vault, target: Vault) -> None:
        until = self._store.read_now(finishing.kept_until, move.id)
        blocks = self._still_held(move, _checked(move.key, source.read(move.key), kept.stored))
        target.put(move.key, blocks, until if until and until > self._now() else None)
        found = target.digest(move.key)
        if found != kept.stored:
            raise VaultError(
                f"{move.key} read back from the vault {target.address} differs from what was written:"
                f" {found.size_bytes} bytes, SHA-256 {found.sha256}."
            )

    def _still_held(self, move: Move, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same, saying now and then that it is worked on."""
        since, size_bytes = self._now(), 0
        for block in blocks:
            size_bytes += len(block)
            if size_bytes >= HELD_ANEW_BYTES:
                size_bytes = 0
                if self._now() - since > HELD / 5:
                    since = self._now()
                    self._store.write_now(vault_rows.hold, [move.id], since + HELD)
            yield block


def _checked(key: str, blocks: Iterable[bytes], sealed: Stored) -> Iterator[bytes]:
    """The same, if they are what was sealed: otherwise an error follows the last, and no end."""
    hashed, size_bytes = hashlib.sha256(), 0
    for block in blocks:
        hashed.update(block)
        size_bytes += len(block)
        yield block
    if (hashed.hexdigest(), size_bytes) != (sealed.sha256, sealed.size_bytes):
        raise VaultError(
            f"{key} is not as it was sealed: it is left where it is. ari-recorder verify says more."
        )
