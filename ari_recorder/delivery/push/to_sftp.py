"""Pushing to an SFTP server, whose host key has to be the one that is known.

A file is written under another name and renamed when all of it is there and its size is right. After a
broken connection it is gone on with what was certainly written before it broke.
"""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncssh
from asyncssh import SFTPClient, SFTPError, SFTPFailure, SFTPNoSuchFile

from ari_recorder.delivery.addresses import Guard, in_words
from ari_recorder.delivery.push.destinations import TRIED, FileRefused, Lost, Source
from ari_recorder.errors import DeliveryError, InsideAddress
from ari_recorder.policies.targets import SftpTarget

CONNECTED_WITHIN_S = 30.0
ANSWERED_WITHIN_S = 60.0
CHUNK_BYTES = 1024 * 1024
"""Written at a time; of a file in part, so much at its end may have holes when a connection broke."""
CHUNK_WITHIN_S = 120.0
_PRIVATE_KEY = "-----BEGIN"


class SftpPlace:
    """A folder of an SFTP server that we are signed in at."""

    def __init__(self, client: SFTPClient, target: SftpTarget) -> None:
        self._client = client
        self._target = target
        self._made: set[str] = set()

    async def size(self, path: str) -> int | None:
        """See `Destination.size`."""
        return await self._size(self._path(path))

    async def put(self, path: str, source: Source) -> None:
        """See `Destination.put`."""
        final = self._path(path)
        part = posixpath.join(posixpath.dirname(final), f".{source.mark}.part")
        await self._make_folder(posixpath.dirname(final))
        await self._write(part, source)
        await self._rename(part, final)

    async def try_out(self) -> None:
        """See `Destination.try_out`."""
        folder = self._path("")
        path = posixpath.join(folder, TRIED) if folder else TRIED
        await self._make_folder(folder)
        with _told(f"a file cannot be written to {folder or 'the folder where a login begins'}"):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                async with self._client.open(path, "wb") as file:
                    await file.write(b"ari_recorder tries whether it can write here.\n")
                await self._client.remove(path)

    async def _write(self, part: str, source: Source) -> None:
        """Write what is missing of it."""
        there = await self._size(part) or 0
        at = max(0, there - CHUNK_BYTES) if there <= source.size_bytes else 0
        with _told("it cannot be written"):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                file = await self._client.open(part, "r+b" if at else "wb")
            try:
                while at < source.size_bytes:
                    content = await source.read(at, CHUNK_BYTES)
                    async with asyncio.timeout(CHUNK_WITHIN_S):
                        await file.write(content, at)
                    at += len(content)
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    with suppress(SFTPError):  # not every server can
                        await file.fsync()
            finally:
                with suppress(SFTPError, asyncssh.Error, OSError, TimeoutError):
                    async with asyncio.timeout(ANSWERED_WITHIN_S):
                        await file.close()
        written = await self._size(part)
        if written != source.size_bytes:
            await self._remove(part)
            raise FileRefused(f"{written} of {source.size_bytes} bytes arrived; it is sent anew.")

    async def _rename(self, part: str, final: str) -> None:
        with _told("it cannot be renamed"):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                try:
                    await self._client.posix_rename(part, final)
                except SFTPError:
                    await self._remove(final)  # a server that cannot put it in the place of another
                    await self._client.rename(part, final)

    async def _size(self, path: str) -> int | None:
        with _told("it cannot be looked for"):
            try:
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    return (await self._client.stat(path)).size
            except SFTPNoSuchFile:
                return None

    async def _remove(self, path: str) -> None:
        with _told("it cannot be removed"), suppress(SFTPNoSuchFile):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await self._client.remove(path)

    async def _make_folder(self, folder: str) -> None:
        if not folder or folder in self._made:
            return
        with _told(f"the folder {folder} cannot be made"):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await self._client.makedirs(folder, exist_ok=True)
        self._made.add(folder)

    def _path(self, path: str) -> str:
        return posixpath.join(self._target.folder, path) if self._target.folder else path


@asynccontextmanager
async def connected(target: SftpTarget, secret: str, guard: Guard) -> AsyncIterator[SftpPlace]:
    """Signed in, with a private key if the secret is one, else with it as the password.

    Raises `DeliveryError`, `Lost` when the server cannot be reached, is another, or does not let us in.
    """
    known = asyncssh.import_public_key(target.host_key)
    with _connecting(target):
        async with asyncio.timeout(CONNECTED_WITHIN_S):
            addresses = await guard.addresses(target.host, target.port)
            keys = [asyncssh.import_private_key(secret)] if secret.startswith(_PRIVATE_KEY) else []
            connection = await asyncssh.connect(
                addresses[0],
                target.port,
                username=target.login,
                client_keys=keys or None,
                password=None if keys else secret,
                known_hosts=([known], [], []),
                server_host_key_algs=_algorithms(known),
                agent_path=None,
                config=[],
                preferred_auth="publickey" if keys else "password,keyboard-interactive",
                compression_algs=["none"],
                client_version="ari_recorder",
                keepalive_interval=30,
            )
    try:
        with _connecting(target):
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                client = await connection.start_sftp_client()
        yield SftpPlace(client, target)
    finally:
        connection.close()
        with suppress(OSError, asyncssh.Error, TimeoutError):
            async with asyncio.timeout(5):
                await connection.wait_closed()


def _algorithms(known: asyncssh.SSHKey) -> list[str]:
    """How a server shows that it has that key: another of its keys would not be the known one."""
    return [name.decode() for name in known.sig_algorithms]


@contextmanager
def _connecting(target: SftpTarget) -> Iterator[None]:
    """What can go wrong until we are signed in, and what to do about it."""
    at = f"{target.host} port {target.port}"
    try:
        yield
    except InsideAddress as error:
        raise Lost(str(error)) from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise Lost(
            f"{at} shows another host key than the one that is known: nothing was sent. If its owner has"
            " changed it, and tells you the new one, write that down here."
        ) from error
    except asyncssh.PermissionDenied as error:
        raise Lost(
            f"{at} does not let {target.login} in: see whether it has our public key, or the password is"
            " right."
        ) from error
    except asyncssh.KeyExchangeFailed as error:
        raise Lost(f"{at} has no host key of the kind that is known: {error.reason}.") from error
    except (asyncssh.Error, SFTPError) as error:
        raise Lost(f"{at}: {error.reason or error}") from error
    except TimeoutError as error:
        raise Lost(f"{at} does not answer within {CONNECTED_WITHIN_S:g} s.") from error
    except OSError as error:
        raise Lost(f"{at} cannot be reached: {in_words(error)}.") from error


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What an answer means for the file, or for all that is to come."""
    try:
        yield
    except DeliveryError:
        raise
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError) as error:
        raise Lost(f"the connection was lost: {error.reason or error}") from error
    except SFTPError as error:
        raise FileRefused(f"{what}: {_reason(error)}") from error
    except TimeoutError as error:
        raise Lost(f"{what}: the server does not answer in time") from error
    except (OSError, asyncssh.Error) as error:
        raise Lost(f"the connection was lost: {error}") from error


def _reason(error: SFTPError) -> str:
    """In the server's words, if it has any: OpenSSH says no more than this when its disk is full."""
    if isinstance(error, SFTPFailure) and error.reason in ("", "Failure"):
        return "the server does not say why; its disk may be full"
    return error.reason or type(error).__name__
