"""Pushing to an S3 bucket. An object is there when all of it is, and not before: nothing is left in part.

What was not complete is sent anew from its beginning. The client is botocore, as for a vault in S3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ari_recorder.blocking import Patience
from ari_recorder.delivery.addresses import Guard
from ari_recorder.delivery.push.destinations import TRIED, FileRefused, Lost, Source
from ari_recorder.errors import DeliveryError, InsideAddress, NoAnswer, VaultError
from ari_recorder.policies.targets import S3Target

T = TypeVar("T")
PART_BYTES = 8 * 1024 * 1024
"""Sent at a time: S3 takes none of less than 5 MiB, but for the last."""
CONNECT_S, SILENT_S, TRIES = 10.0, 30.0, 3
PART_WITHIN_S = 600.0
"""How long a part may take with all its tries: 14 kB a second."""
THREADS = 4
MISSING = frozenset(("404", "NoSuchKey", "NotFound"))
NOT_LET_IN = frozenset(
    ("403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
)
_TEXT = b"ari_recorder tries whether it can write here.\n"


class S3Place:
    """Keys behind a prefix of a bucket."""

    def __init__(self, client: Any, target: S3Target, threads: Patience) -> None:
        self._client = client
        self._threads = threads
        self._target = target

    async def size(self, path: str) -> int | None:
        """See `Destination.size`."""
        try:
            found = await self._ask("it cannot be looked for", "head_object", Key=self._key(path))
        except _Missing:
            return None
        return int(found["ContentLength"])

    async def put(self, path: str, source: Source) -> None:
        """See `Destination.put`."""
        key = self._key(path)
        if source.size_bytes <= PART_BYTES:
            await self._put(key, await source.read(0, source.size_bytes))
        else:
            await self._put_in_parts(key, source)
        written = await self.size(path)
        if written != source.size_bytes:
            raise FileRefused(f"{written} of {source.size_bytes} bytes arrived; it is sent anew.")

    async def try_out(self) -> None:
        """See `Destination.try_out`."""
        key = self._key(TRIED)
        await self._put(key, _TEXT)
        with suppress(DeliveryError):  # who may write need not be able to delete
            await self._ask("it cannot be removed", "delete_object", Key=key)

    async def _put(self, key: str, content: bytes) -> None:
        await self._ask("it cannot be written", "put_object", Key=key, Body=content)

    async def _put_in_parts(self, key: str, source: Source) -> None:
        what = "it cannot be written"
        begun = await self._ask(what, "create_multipart_upload", Key=key)
        upload, parts = begun["UploadId"], list[dict[str, Any]]()
        try:
            at = 0
            while at < source.size_bytes:
                content = await _whole(source, at, min(PART_BYTES, source.size_bytes - at))
                number = len(parts) + 1
                part = await self._ask(
                    what, "upload_part", Key=key, UploadId=upload, PartNumber=number, Body=content
                )
                parts.append({"ETag": part["ETag"], "PartNumber": number})
                at += len(content)
            await self._ask(
                what, "complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            with suppress(DeliveryError):  # what is left of it there is the bucket's to clear
                await asyncio.shield(
                    self._ask("it cannot be given up", "abort_multipart_upload", Key=key, UploadId=upload)
                )
            raise

    def _key(self, path: str) -> str:
        prefix = self._target.prefix.strip("/")
        return f"{prefix}/{path}" if prefix else path

    async def _ask(self, what: str, operation: str, **values: Any) -> Any:
        method: Callable[..., Any] = getattr(self._client, operation)
        with _told(what, self._target):
            return await self._threads.call(lambda: method(Bucket=self._target.bucket, **values))


class _Missing(FileRefused):
    """There is no such object."""


async def bucket(target: S3Target, secret: str, guard: Guard) -> S3Place:
    """The bucket, not asked yet. Raises `DeliveryError`."""
    host, port = _host(target)
    try:
        await guard.addresses(host, port)
    except InsideAddress as error:
        raise Lost(str(error)) from error
    except (OSError, TimeoutError) as error:
        raise Lost(f"{host} is not found: {error}.") from error
    threads = Patience("The bucket", PART_WITHIN_S, THREADS)
    try:
        client = await threads.call(_client, target, secret)
    except ImportError as error:
        raise Lost(
            "To push to S3 the provider has to install what is needed: pip install 'ari-recorder[s3]'"
        ) from error
    except (ValueError, NoAnswer) as error:
        raise Lost(f"{target}: {error}") from error
    return S3Place(client, target, threads)


def _client(target: S3Target, secret: str) -> Any:
    """With the key that is given, and none that this machine may have of its own."""
    from botocore.config import Config
    from botocore.session import Session

    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=SILENT_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        signature_version="s3v4",
        s3={"addressing_style": "path" if target.endpoint else "auto"},
        proxies={},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return Session().create_client(
        "s3",
        region_name=target.region,
        endpoint_url=target.endpoint or None,
        aws_access_key_id=target.access_key,
        aws_secret_access_key=secret,
        config=config,
    )


def _host(target: S3Target) -> tuple[str, int]:
    """Where that is."""
    if not target.endpoint:
        return f"s3.{target.region}.amazonaws.com", 443
    found = urlsplit(target.endpoint)
    return found.hostname or "", found.port or (80 if found.scheme == "http" else 443)


async def _whole(source: Source, offset: int, length: int) -> bytes:
    """All of those bytes, which a source may give in parts."""
    found = bytearray()
    while len(found) < length:
        found += await source.read(offset + len(found), length - len(found))
    return bytes(found)


@contextmanager
def _told(what: str, target: S3Target) -> Iterator[None]:
    """What the store's refusal means, in its own word for it."""
    try:
        yield
    except (DeliveryError, VaultError):
        raise
    except NoAnswer as error:
        raise Lost(f"{what}: {target} does not answer in time.") from error
    except Exception as error:
        word = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if word in MISSING:
            raise _Missing(f"{what}: there is no such object.") from error
        if word == "NoSuchBucket":
            raise Lost(f"there is no bucket {target.bucket}.") from error
        if word in NOT_LET_IN:
            raise Lost(
                f"{target} does not let us in ({word}): see to the keys, and what they may."
            ) from error
        if not _is_the_clients(error):
            raise
        raise Lost(f"{what}: {word or str(error)[:200]}") from error


def _is_the_clients(error: Exception) -> bool:
    """Whether that is raised by botocore or the network, and not by a fault of ours."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    return isinstance(error, BotoCoreError | ClientError | HTTPClientError | OSError)
