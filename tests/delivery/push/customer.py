"""A customer's own SFTP server, which does what servers do: breaks off, is full, refuses, changes its key."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

LOGIN = "recorder"
PASSWORD = "correct horse battery"


@dataclass
class Customer:
    """The server; ``folder`` is what it serves, and the other fields are what goes wrong there."""

    folder: Path
    key: asyncssh.SSHKey
    port: int = 0
    authorized: str = ""
    breaks_after_bytes: int | None = None
    """The connection breaks off once so much was written in all."""
    full_after_bytes: int | None = None
    word: str = ""
    """What it says then, if not that there is no space left."""
    denies: str = ""
    """Files with that in their names cannot be written."""
    stalls: bool = False
    """Nothing that is written is answered."""
    no_posix_rename: bool = False
    lies: bool = False
    """It says that all was written, and keeps nothing of the end."""
    written_bytes: int = 0
    connections: int = 0
    parts: list[str] = field(default_factory=list)
    """Names under which something was written."""

    @property
    def host_key(self) -> str:
        return " ".join(self.key.export_public_key("openssh").decode().split()[:2])

    @property
    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


class _Server(asyncssh.SSHServer):
    def __init__(self, customer: Customer) -> None:
        self._customer = customer

    def connection_made(self, conn: Any) -> None:
        self._customer.connections += 1

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        mine = " ".join(key.export_public_key("openssh").decode().split()[:2])
        return username == LOGIN and mine == " ".join(self._customer.authorized.split()[:2])

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (LOGIN, PASSWORD)


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, customer: Customer) -> None:
        super().__init__(channel, chroot=str(customer.folder).encode())
        self._customer = customer

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if self._customer.denies and self._customer.denies in path.decode() and pflags & 2:
            raise asyncssh.SFTPPermissionDenied("not here")
        self._customer.parts.append(path.decode())
        return super().open(path, pflags, attrs)

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        customer = self._customer
        customer.written_bytes += len(data)
        if customer.stalls:
            await asyncio.sleep(3600)
        if customer.full_after_bytes is not None and customer.written_bytes > customer.full_after_bytes:
            raise (
                asyncssh.SFTPFailure(customer.word)
                if customer.word
                else OSError(errno.ENOSPC, "No space left on device")
            )
        if customer.breaks_after_bytes is not None and customer.written_bytes > customer.breaks_after_bytes:
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("gone")
        if customer.lies:
            return len(data)
        file_obj.seek(offset)
        file_obj.write(data)
        return len(data)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        if self._customer.no_posix_rename:
            raise asyncssh.SFTPOpUnsupported("no such thing")
        return super().posix_rename(oldpath, newpath)


@asynccontextmanager
async def customer(
    folder: Path, key: asyncssh.SSHKey | None = None, port: int = 0
) -> AsyncIterator[Customer]:
    """The server, on loopback."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    made = Customer(folder, key or asyncssh.generate_private_key("ssh-ed25519"))
    acceptor = await asyncssh.listen(
        "127.0.0.1", port, server_factory=lambda: _Server(made), server_host_keys=[made.key],
        sftp_factory=lambda channel: _Files(channel, made), encoding=None,
    )  # fmt: skip
    made.port = acceptor.get_port()
    try:
        yield made
    finally:
        acceptor.close()
        await acceptor.wait_closed()
