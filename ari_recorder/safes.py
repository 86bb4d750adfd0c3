"""The safe that the settings describe: which vault, and where its master key is."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from ari_recorder.config import Vault as Settings
from ari_recorder.errors import SettingsError
from ari_recorder.store import vault_rows
from ari_recorder.store.database import Store
from ari_recorder.store.s3.address import is_s3, parse
from ari_recorder.store.s3.client import AccessKey
from ari_recorder.store.s3.vault import S3Vault
from ari_recorder.store.safe import Safe
from ari_recorder.store.sealing.keyring import Keyring
from ari_recorder.store.sealing.master import Source
from ari_recorder.store.vault import Known, LocalVault, Vault
from ari_recorder.store.vaults import Vaults


def safe(settings: Settings, store: Store, now: Callable[[], datetime]) -> Safe:
    """Nothing is read or made yet. Raises `SettingsError` for a command, or an address, that is none."""
    return Safe(vaults(settings, store, now), keyring(settings, store, now))


def vaults(settings: Settings, store: Store, now: Callable[[], datetime]) -> Vaults:
    """The vault of the settings, and how to get at those that the catalogue knows besides."""
    first = str(settings.path.absolute())

    def known(address: str) -> Known | None:
        return store.read_now(vault_rows.known, address, first)

    current = vault_at(address_of(settings), settings, known)
    return Vaults(store, current, partial(vault_at, settings=settings), first, now)


def address_of(settings: Settings) -> str:
    """Where the vault of the settings is."""
    return str(parse(settings.url)) if settings.url else str(settings.path.absolute())


def vault_at(
    address: str, settings: Settings, known: Callable[[str], Known | None] = lambda _: None
) -> Vault:
    """The vault there, whatever it is. Raises `SettingsError` for an address that is none.

    Of one that is not to be marked nothing has to be ``known``.
    """
    if is_s3(address):
        key = AccessKey(settings.access_key, settings.secret_key)
        return S3Vault(parse(address), key, partial(known, address))
    return LocalVault(Path(address), partial(known, address))


def keyring(settings: Settings, store: Store, now: Callable[[], datetime]) -> Keyring:
    """The keys, in the catalogue and outside it. Raises `SettingsError` for a command that is none."""
    try:
        command = shlex.split(settings.key_command)
    except ValueError as error:
        raise SettingsError(f"vault.key_command is no command: {error}.") from error
    return Keyring(store, Source(settings.key_file, settings.key, command), now)
