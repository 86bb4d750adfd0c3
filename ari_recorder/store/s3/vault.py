"""The vault in a bucket: what is put is checked by the store as it comes, and read back by who puts it.

One object says that this is the vault, as a file does in a folder. In a bucket that keeps versions, as each
with Object Lock does, removing an object means removing its versions: otherwise it would only be hidden.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.errors import VaultAway, VaultError
from ari_recorder.store.s3 import client as s3
from ari_recorder.store.s3.address import Address
from ari_recorder.store.s3.client import AccessKey, code, explained, failures
from ari_recorder.store.vault import (
    BLOCK_BYTES,
    MARKER,
    Known,
    Stored,
    digest,
    mark_of,
    mark_says,
    new_mark,
)

PART_BYTES = 8 * 1024**2
"""What is larger is sent in parts of this size. One is in memory at a time."""
RESUMED = 4
"""How often in a row reading is gone on with after it has broken off without a byte more."""
RESUMED_AFTER_S = 0.5
LISTED = 1000
"""Keys that are asked for at a time."""
MARK_BYTES_MAX = 4096


class S3Vault:
    """A vault in a bucket of a store that speaks S3. Methods block; they may be called from many threads."""

    def __init__(
        self, address: Address, key: AccessKey, known: Callable[[], Known | None] = lambda: None
    ) -> None:
        self.place = address
        self._key = key
        self._known = known
        self._clients: dict[bool, Any] = {}
        self._making = threading.Lock()
        self._locks: bool | None = None

    @property
    def address(self) -> str:
        """As `Vault.address`."""
        return str(self.place)

    def probe(self) -> UUID:
        """As `Vault.probe`; writes nothing but the mark: each try would be a version that is kept."""
        return self.look() or self._mark()

    def look(self) -> UUID | None:
        """As `Vault.look`."""
        with explained(f"The vault {self.place} cannot be looked at", self.place):
            try:
                answer = self._client(quick=True).get_object(**self._object(MARKER))
            except failures() as error:
                if code(error) not in s3.MISSING:
                    raise
            else:
                with contextlib.closing(answer["Body"]) as body:
                    return mark_of(body.read(MARK_BYTES_MAX))
            known = self._known()
            if known and known.newest and not self._exists(known.newest):
                raise VaultAway(
                    f"The vault {self.place} does not hold the catalogue's recordings: correct vault.url. If"
                    f" it is to be the vault all the same, put an object {MARKER} there."
                )
        return None

    def _exists(self, key: str) -> bool:
        try:
            self._client(quick=True).head_object(**self._object(key))
        except failures() as error:
            if code(error) in s3.MISSING:
                return False
            raise
        return True

    def _mark(self) -> UUID:
        """Put the mark where there is none; two that do so at once get the same."""
        mark = new_mark(self._known())
        with explained(f"The vault {self.place} cannot be written", self.place):
            self._put_mark(mark_says(mark))
        found = self.look()
        if found is None:
            raise VaultAway(f"The vault {self.place} cannot be used: its mark was put and is not there.")
        return found

    def _put_mark(self, text: bytes) -> None:
        given = {**self._object(MARKER), "Body": text, "ContentMD5": _md5(text)}
        try:
            self._client().put_object(**given, IfNoneMatch="*")
        except failures() as error:
            if code(error) in s3.UNKNOWN:
                self._client().put_object(**given)
            elif code(error) not in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                raise

    def put(self, key: str, blocks: Iterable[bytes], until: datetime | None = None) -> Stored:
        """As `Vault.put`: with a checksum that the store compares, and in parts if it is large.

        Parts that were left by one who died are removed when it is put again.
        """
        target, hashed = self._object(key), _Hashed()
        if self.look() is None:
            self._mark()
        with explained(f"{key} cannot be written to the vault {self.place}", self.place):
            target |= self._retention(until)
            parts = hashed.parts(blocks)
            first = next(parts, b"")
            second = next(parts, None) if len(first) == PART_BYTES else None
            if second is None:
                self._client().put_object(**target, Body=first, ContentMD5=_md5(first))
            else:
                self._put_parts(target, (one for some in ((first, second), parts) for one in some))
        return hashed.stored

    def _put_parts(self, target: dict[str, Any], parts: Iterator[bytes]) -> None:
        ours, client = {name: target[name] for name in ("Bucket", "Key")}, self._client()
        self._remove_unfinished(ours)
        upload = {**ours, "UploadId": client.create_multipart_upload(**target)["UploadId"]}
        try:
            sent = []
            for number, part in enumerate(parts, 1):
                answer = client.upload_part(**upload, PartNumber=number, Body=part, ContentMD5=_md5(part))
                sent.append({"PartNumber": number, "ETag": answer["ETag"]})
            client.complete_multipart_upload(**upload, MultipartUpload={"Parts": sent})
        except BaseException:
            with contextlib.suppress(*failures()):
                client.abort_multipart_upload(**upload)
            raise

    def _remove_unfinished(self, target: dict[str, Any]) -> None:
        """What was begun under that name and never finished; a store may not be able to tell."""
        client = self._client()
        with contextlib.suppress(*failures()):
            found = client.list_multipart_uploads(Bucket=target["Bucket"], Prefix=target["Key"])
            for one in found.get("Uploads", ()):
                if one["Key"] == target["Key"]:
                    client.abort_multipart_upload(**target, UploadId=one["UploadId"])

    def _retention(self, until: datetime | None) -> dict[str, Any]:
        if until is None or self.place.lock == "none" or not self.has_lock():
            return {}
        return {"ObjectLockMode": self.place.lock.upper(), "ObjectLockRetainUntilDate": until}

    def has_lock(self) -> bool:
        """Whether the bucket has Object Lock; one that may not be asked, or does not know it, has none."""
        if self._locks is None:
            try:
                answer = self._client().get_object_lock_configuration(Bucket=self.place.bucket)
            except failures() as error:
                if not code(error):
                    raise
                self._locks = False
            else:
                enabled = answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")
                self._locks = enabled == "Enabled"
        return self._locks

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As `Vault.read`; what breaks off is gone on with where it did, if the object is the same."""
        reading = _Reading(self._object(key), offset, None if length is None else offset + length)
        with explained(f"{key} cannot be read from the vault {self.place}", self.place):
            while not reading.done:
                try:
                    yield from reading.blocks(self._client())
                except failures() as error:
                    if code(error) == "InvalidRange":
                        return  # behind the end
                    if code(error) or not reading.may_go_on():
                        raise
                    time.sleep(RESUMED_AFTER_S * reading.broken)

    def digest(self, key: str) -> Stored:
        """As `Vault.digest`."""
        return digest(self.read(key))

    def keys(self) -> Iterator[str]:
        """As `Vault.keys`."""
        prefix = f"{self.place.prefix}/" if self.place.prefix else ""
        pages = self._client().get_paginator("list_objects_v2")
        with explained(f"The vault {self.place} cannot be listed", self.place):
            limits = {"PageSize": LISTED}
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=prefix, PaginationConfig=limits):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(prefix)
                    if key != MARKER and not key.endswith("/"):
                        yield key

    def remove(self, key: str) -> None:
        """As `Vault.remove`: every version of it, the oldest first, so that what is locked stays readable."""
        target = self._object(key)
        if self.look() is None:
            raise VaultAway(f"{key} cannot be removed from the vault {self.place}: it has no mark.")
        what = f"{key} cannot be removed from the vault {self.place}"
        with explained(what, self.place):
            versions = self._versions(target)
            for version in versions if versions is not None else [{}]:
                try:
                    self._client().delete_object(**target, **version)
                except failures() as error:
                    if code(error) in ("AccessDenied", "ObjectLocked", "InvalidRequest", "403", "WORM"):
                        raise s3.locked(what, error) from error
                    raise
            self._remove_unfinished(target)

    def _versions(self, target: dict[str, Any]) -> list[dict[str, str]] | None:
        """Of that object, oldest first; None where the store knows no versions."""
        found: list[tuple[Any, str]] = []
        pages = self._client().get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=target["Bucket"], Prefix=target["Key"]):
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if one["Key"] == target["Key"]:
                        found.append((one["LastModified"], one["VersionId"]))
        except failures() as error:
            if code(error) in s3.UNKNOWN:
                return None
            raise
        return [{"VersionId": version} for _, version in sorted(found)]

    def _object(self, key: str) -> dict[str, Any]:
        if not key or key.startswith("/") or "\0" in key or ".." in key.split("/"):
            raise VaultError(f"{key!r} is not a key of the vault {self.place}.")
        return {"Bucket": self.place.bucket, "Key": "/".join(filter(None, (self.place.prefix, key)))}

    def _client(self, *, quick: bool = False) -> Any:
        with self._making:
            if quick not in self._clients:
                self._clients[quick] = s3.client(self.place, self._key, quick=quick)
            return self._clients[quick]


class _Hashed:
    """Blocks, hashed while they are gathered to parts."""

    def __init__(self) -> None:
        self._hashed, self._size_bytes = hashlib.sha256(), 0

    @property
    def stored(self) -> Stored:
        return Stored(self._hashed.hexdigest(), self._size_bytes)

    def parts(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """All of `PART_BYTES` but the last."""
        waiting = bytearray()
        for block in _readable(blocks):
            self._hashed.update(block)
            self._size_bytes += len(block)
            waiting += block
            while len(waiting) >= PART_BYTES:
                yield bytes(waiting[:PART_BYTES])
                del waiting[:PART_BYTES]
        if waiting:
            yield bytes(waiting)


def _readable(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """They may come from a file: that it cannot be read is not the store's fault."""
    try:
        yield from blocks
    except OSError as error:
        raise VaultError(f"{error.filename} cannot be read: {error.strerror}.") from error


class _Reading:
    """A range of an object that is being read: how far it has come."""

    def __init__(self, target: dict[str, Any], at: int, end: int | None) -> None:
        self._target, self._at, self._end = target, at, end
        self._etag = ""
        self.broken = 0
        """How often in a row it broke off without a byte more."""
        self.done = end is not None and at >= end

    def may_go_on(self) -> bool:
        """Note that it broke off; whether it is tried again."""
        self.broken += 1
        return self.broken <= RESUMED

    def blocks(self, client: Any) -> Iterator[bytes]:
        """What is left of it, until it breaks off."""
        given = dict(self._target)
        if self._at or self._end is not None:
            given["Range"] = f"bytes={self._at}-{'' if self._end is None else self._end - 1}"
        if self._etag:
            given["IfMatch"] = self._etag
        answer = client.get_object(**given)
        self._etag = answer["ETag"]
        if self._at and "ContentRange" not in answer:
            raise VaultError(f"{self._target['Key']} cannot be read in part: the store does not know ranges.")
        with contextlib.closing(answer["Body"]) as body:
            while block := body.read(self._room()):
                self._at += len(block)
                self.broken = 0
                yield block
        self.done = True

    def _room(self) -> int:
        return BLOCK_BYTES if self._end is None else min(BLOCK_BYTES, self._end - self._at)


def _md5(content: bytes) -> str:
    """For the store to compare with what came; what it keeps is compared by SHA-256."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
