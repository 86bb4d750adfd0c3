"""Pushing to an S3 bucket. An object is there when all of it is, and not before: nothing is left in part.

What was not complete is sent anew from its beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from ari_recorder.delivery.addresses import Guard
from ari_recorder.delivery.push.destinations import TRIED, FileRefused, Lost, Source
from ari_recorder.errors import DeliveryError, InsideAddress, VaultError
from ari_recorder.policies.targets import S3Target

CHUNK_BYTES = 5 * 1024 * 1024
"""Of a part: S3 takes none that is smaller, but for the last."""
ANSWERED_WITHIN = timedelta(seconds=60)
RETRIES_WITHIN = timedelta(seconds=30)
PUT_BYTES_PER_S = 10_000
"""A file that goes more slowly than that, and takes longer than `ANSWERED_WITHIN`, is given up for now."""


class S3Place:
    """Keys behind a prefix of a bucket."""

    def __init__(self, store: Any, obstore: Any, target: S3Target) -> None:
        self._store = store
        self._obstore = obstore
        self._target = target

    async def size(self, path: str) -> int | None:
        """See `Destination.size`."""
        try:
            with self._told("it cannot be looked for"):
                return int((await self._obstore.head_async(self._store, path))["size"])
        except FileNotFoundError:
            return None

    async def put(self, path: str, source: Source) -> None:
        """See `Destination.put`."""
        within_s = ANSWERED_WITHIN.total_seconds() + source.size_bytes / PUT_BYTES_PER_S
        with self._told("it cannot be written"):
            async with asyncio.timeout(within_s):
                if source.size_bytes <= CHUNK_BYTES:
                    await self._obstore.put_async(self._store, path, await source.read(0, source.size_bytes))
                else:
                    await self._obstore.put_async(
                        self._store, path, _chunks(source), chunk_size=CHUNK_BYTES, max_concurrency=2
                    )
        written = await self.size(path)
        if written != source.size_bytes:
            raise FileRefused(f"{written} of {source.size_bytes} bytes arrived; it is sent anew.")

    async def try_out(self) -> None:
        """See `Destination.try_out`."""
        with self._told("a file cannot be written"):
            async with asyncio.timeout(ANSWERED_WITHIN.total_seconds()):
                await self._obstore.put_async(self._store, TRIED, b"ari_recorder tries whether it can write here.\n")
                await self._obstore.delete_async(self._store, TRIED)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except (FileNotFoundError, DeliveryError, VaultError):
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise Lost(f"{self._target} does not let us in: {_first_line(error)}") from error
        except TimeoutError as error:
            raise Lost(f"{what}: the server does not answer in time") from error
        except exceptions.BaseError as error:
            raise Lost(f"{what}: {_first_line(error)}") from error


async def bucket(target: S3Target, secret: str, guard: Guard) -> S3Place:
    """The bucket, looked for but not yet asked. Raises `DeliveryError`."""
    try:
        import obstore
        from obstore.store import S3Store
    except ImportError as error:
        raise Lost("Pushing to S3 needs what comes with: pip install 'ari-recorder[s3]'") from error
    host, port, plain = _host(target)
    try:
        await guard.addresses(host, port)
    except InsideAddress as error:
        raise Lost(str(error)) from error
    except (OSError, TimeoutError) as error:
        raise Lost(f"{host} is not found: {error}.") from error
    store = S3Store(
        target.bucket,
        prefix=target.prefix.strip("/") or None,
        region=target.region,
        access_key_id=target.access_key,
        secret_access_key=secret,
        endpoint=target.endpoint or None,
        client_options={"timeout": ANSWERED_WITHIN, "connect_timeout": timedelta(seconds=15), "allow_http": plain},
        retry_config={"max_retries": 3, "retry_timeout": RETRIES_WITHIN},
    )
    return S3Place(store, obstore, target)


def _host(target: S3Target) -> tuple[str, int, bool]:
    """Where that is: name, port, and whether it is without TLS."""
    if not target.endpoint:
        return f"s3.{target.region}.amazonaws.com", 443, False
    found = urlsplit(target.endpoint)
    plain = found.scheme == "http"
    return found.hostname or "", found.port or (80 if plain else 443), plain


async def _chunks(source: Source) -> AsyncIterator[bytes]:
    at = 0
    while at < source.size_bytes:
        content = await source.read(at, CHUNK_BYTES)
        at += len(content)
        yield content


def _first_line(error: Exception) -> str:
    """What can be said of it: the rest is Rust's account of how it came to that."""
    return str(error).strip().partition("\n")[0][:300]
