"""The safe that the settings describe: which vault, and where its master key is."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime

from ari_recorder.config import Vault
from ari_recorder.errors import SettingsError
from ari_recorder.store import finishing
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from ari_recorder.store.sealing.keyring import Keyring
from ari_recorder.store.sealing.master import Source
from ari_recorder.store.vault import LocalVault


def safe(settings: Vault, store: Store, now: Callable[[], datetime]) -> Safe:
    """Nothing is read or made yet. Raises `SettingsError` for a command that is none."""
    vault = LocalVault(settings.path, lambda: store.read_now(finishing.newest_key))
    return Safe(vault, keyring(settings, store, now))


def keyring(settings: Vault, store: Store, now: Callable[[], datetime]) -> Keyring:
    """The keys, in the catalogue and outside it. Raises `SettingsError` for a command that is none."""
    try:
        command = shlex.split(settings.key_command)
    except ValueError as error:
        raise SettingsError(f"vault.key_command is no command: {error}.") from error
    return Keyring(store, Source(settings.key_file, settings.key, command), now)
