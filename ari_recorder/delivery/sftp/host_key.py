"""The service's own key, by which its clients know that it is the same as before."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import asyncssh

from ari_recorder import files
from ari_recorder.errors import SettingsError


def host_key(path: Path) -> asyncssh.SSHKey:
    """The key in that file, made (Ed25519, mode 0600) when missing; blocks.

    Raises `SettingsError` if it cannot be read or made: another key would look like an attack to clients.
    """
    try:
        if not path.exists():
            _make(path)
        return asyncssh.read_private_key(path)
    except (asyncssh.KeyImportError, OSError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"The host key of the SFTP service, {path} (sftp.host_key_file), cannot be read or made: {told}."
        ) from error


def _make(path: Path) -> None:
    """Written beside and linked into place, so that two programs starting at once agree on one."""
    files.make_folder(path.parent)
    key = asyncssh.generate_private_key("ssh-ed25519", comment="ari_recorder")
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with files.created(part) as file:
            file.write(key.export_private_key("openssh"))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    files.sync_folder(path.parent)
