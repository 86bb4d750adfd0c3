"""The vault that recordings are put into, and those that older ones still lie in.

A vault is known by the id in its mark, and the catalogue keeps where each was last found: so recordings are
read from where they were put when the settings name another vault, and a vault whose folder was moved is the
same.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import structlog

from ari_recorder.errors import SettingsError, VaultAway, VaultError
from ari_recorder.store import vault_rows
from ari_recorder.store.database import Store
from ari_recorder.store.vault import FIRST, Vault

Open = Callable[[str], Vault]
"""A vault by its address. Raises `SettingsError`."""

NOT_ASKED_S = 10.0
"""How long a vault that did not say which it is, is not asked again for what lies in others."""

_log = structlog.get_logger(__name__)


class Vaults:
    """All vaults of a catalogue. Methods block; they may be called from many threads.

    ``first`` is the folder in which recordings of before there could be several are, unless the catalogue
    says otherwise.
    """

    def __init__(
        self, store: Store, current: Vault, open_at: Open, first: str, now: Callable[[], datetime]
    ) -> None:
        self.current = current
        self.first = first
        self._store = store
        self._open_at = open_at
        self._now = now
        self._opened: dict[str, Vault] = {}
        self._current_id: UUID | None = None
        self._asked_again_s = 0.0
        self._lock = threading.Lock()

    def settle(self) -> UUID:
        """Which the current one is, written down in the catalogue. Raises `VaultError`, `StoreError`."""
        found = self.current.look()
        if found is None:
            found = self.current.probe()
        if found != self._current_id:
            before = self._store.write_now(vault_rows.register, found, self.current.address, self._now())
            if before:
                _log.info("the vault is elsewhere than before", now=self.current.address, before=before)
            self._current_id = found
        return found

    def current_id(self) -> UUID | None:
        """Which the current one is; None if it was never used. Raises `VaultError` if it cannot be told."""
        if self._current_id is None:
            self._current_id = self.current.look()
        return self._current_id

    def of(self, vault: UUID) -> Vault:
        """The one with that id, wherever it is. Raises `VaultAway` if that is not known."""
        if self._is_current(vault):
            return self.current
        address = self._store.read_now(vault_rows.address, vault) or self.first
        if address != self.current.address:
            return self._open(address)
        if self._current_id in (None, vault):
            return self.current  # another thread found out meanwhile, or it says itself why it cannot be told
        raise VaultAway(
            f"The vault {vault} was last found at {address}, where another is now. Say where it is:"
            " ari-recorder vault found ADDRESS"
        )

    def _is_current(self, vault: UUID) -> bool:
        if self._current_id is None and time.monotonic() >= self._asked_again_s:
            self._asked_again_s = time.monotonic() + NOT_ASKED_S
            with contextlib.suppress(VaultError):
                self.current_id()
        return vault == self._current_id

    def sure(self, vault: UUID) -> Vault:
        """As `of`, for who removes something: looks whether it is that vault. Raises `VaultAway` if not."""
        opened = self.of(vault)
        if opened.look() != vault:
            raise VaultAway(
                f"The vault {vault} is not at {opened.address}: mount its disk, or say where it is:"
                " ari-recorder vault found ADDRESS"
            )
        return opened

    def used(self) -> Iterator[tuple[UUID, Vault]]:
        """Those that recordings lie in, and the current one; by their ids."""
        current = self.current_id()
        used = set(self._store.read_now(vault_rows.used, self.first))
        for vault in sorted(used if current is None else {*used, current}):
            yield vault, self.of(vault)
        if current is None and FIRST not in used:
            yield FIRST, self.current

    def found(self, address: str) -> UUID:
        """Write down that a vault is at that address; which it is. Raises `VaultError`, `SettingsError`."""
        opened = self._open(address)
        vault = opened.look()
        if vault is None or self._store.read_now(vault_rows.address, vault) is None:
            raise SettingsError(f"No vault of this catalogue is at {address}.")
        self._store.write_now(vault_rows.register, vault, opened.address, self._now())
        return vault

    def _open(self, address: str) -> Vault:
        with self._lock:
            if address not in self._opened:
                self._opened[address] = self._open_at(address)
            return self._opened[address]
