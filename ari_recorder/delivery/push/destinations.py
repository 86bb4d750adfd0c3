"""What is pushed to: the few things that are wanted of an SFTP server and of an S3 bucket alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from ari_recorder.delivery.addresses import Guard
from ari_recorder.errors import DeliveryError
from ari_recorder.policies.targets import SftpTarget, Target

TRIED = ".ari_recorder-test"
"""A file that is written and removed to try whether it can be."""


class Source(Protocol):
    """A file to be pushed, read from anywhere. ``mark`` is the same each time, and no other file's."""

    mark: str
    size_bytes: int

    async def read(self, offset: int, length: int) -> bytes:
        """Those bytes. Raises `VaultError`."""


class Destination(Protocol):
    """A place that is open. What it raises is `DeliveryError`: `FileRefused` for that file alone."""

    async def size(self, path: str) -> int | None:
        """How large the complete file of that name is; None if there is none."""

    async def put(self, path: str, source: Source) -> None:
        """Have it lie there, complete, under that name, and never a part of it; goes on from a part."""

    async def try_out(self) -> None:
        """Write a small file and remove it."""


class Lost(DeliveryError):
    """The place cannot be reached, or does not let us in: nothing else will get there now either."""


class FileRefused(DeliveryError):
    """It does not take that file."""


@asynccontextmanager
async def opened(target: Target, secret: str | None, guard: Guard) -> AsyncIterator[Destination]:
    """The place, connected to for as long as it is wanted; ``secret`` is None if it could not be opened.

    Raises `DeliveryError`.
    """
    if secret is None:
        raise Lost(
            "The secret of the place cannot be opened: the key in web.key_file is another than it was. Give"
            " the secret again."
        )
    if isinstance(target, SftpTarget):
        from ari_recorder.delivery.push.to_sftp import connected

        async with connected(target, secret, guard) as place:
            yield place
        return
    from ari_recorder.delivery.push.to_s3 import bucket  # its client is an extra

    yield await bucket(target, secret, guard)
