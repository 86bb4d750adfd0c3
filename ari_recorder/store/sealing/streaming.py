"""The format of an encrypted file: AES-GCM-HKDF streaming, as Tink publishes it.

A file is a header and segments, each encrypted and authenticated by itself, so that any part of it is read
without the rest::

    length of the header (1 byte, 40) | salt (32) | nonce prefix (7) | segments

The segments' key is HKDF-SHA256 of the recording's key with the salt and what the file is about. A segment's
nonce is the prefix, its number (4 bytes, from 0) and 1 in the last one, otherwise 0: none can be moved, left
out or put at the end unseen. https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ari_recorder.errors import VaultError

KEY_BYTES = 32
SEGMENT_BYTES = 64 * 1024
"""Of the encrypted file; the first is shorter by the header."""
_SALT_BYTES = KEY_BYTES
_PREFIX_BYTES = 7
HEADER_BYTES = 1 + _SALT_BYTES + _PREFIX_BYTES
TAG_BYTES = 16
_PLAIN_BYTES = SEGMENT_BYTES - TAG_BYTES
SIZE_MAX_BYTES = SEGMENT_BYTES * 2**32

Read = Callable[[int, int], Iterator[bytes]]
"""So many bytes of the file from an offset on, in blocks."""


class NotAsKept(VaultError):
    """An encrypted file was changed, or is another's: it does not open with its recording's key."""


def encrypted(blocks: Iterable[bytes], key: bytes, about: bytes) -> Iterator[bytes]:
    """The file of these bytes, in blocks. ``about`` is not in it, and needed to open it."""
    salt, prefix = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_PREFIX_BYTES)
    yield bytes([HEADER_BYTES]) + salt + prefix
    cipher = _cipher(key, salt, about)
    number, waiting = 0, bytearray()
    for block in blocks:
        waiting += block
        while len(waiting) > (room := _PLAIN_BYTES - (HEADER_BYTES if number == 0 else 0)):
            yield cipher.encrypt(_nonce(prefix, number, last=False), bytes(waiting[:room]), None)
            del waiting[:room]
            number += 1
    yield cipher.encrypt(_nonce(prefix, number, last=True), bytes(waiting), None)


def plain_bytes(file_bytes: int) -> int:
    """How much is in a file of that size. Raises `NotAsKept` if none has it."""
    count = _segments(file_bytes)
    plain = file_bytes - HEADER_BYTES - count * TAG_BYTES
    if plain < 0 or (count > 1 and file_bytes - (count - 1) * SEGMENT_BYTES <= TAG_BYTES):
        raise NotAsKept(f"no encrypted file has {file_bytes} bytes.")
    return plain


def decrypted(
    read: Read, file_bytes: int, key: bytes, about: bytes, offset: int = 0, length: int | None = None
) -> Iterator[bytes]:
    """A part of what is in the file, in blocks; of the file only the segments that it lies in are read.

    ``file_bytes`` is the size that the file has to have. Raises `NotAsKept`, before a single byte of a
    segment that is not as it was kept.
    """
    plain = plain_bytes(file_bytes)
    end = plain if length is None else min(plain, offset + length)
    header = b"".join(read(0, HEADER_BYTES))
    if len(header) != HEADER_BYTES or header[0] != HEADER_BYTES:
        raise NotAsKept("the file does not begin as an encrypted one does.")
    cipher = _cipher(key, header[1 : 1 + _SALT_BYTES], about)
    prefix = header[1 + _SALT_BYTES :]
    last = _segments(file_bytes) - 1
    first, until = _segment_of(min(offset, plain)), _segment_of(max(end - 1, 0))
    for number, segment in enumerate(_read_segments(read, file_bytes, first, until), first):
        begins = max(number * _PLAIN_BYTES - HEADER_BYTES, 0)
        try:
            text = cipher.decrypt(_nonce(prefix, number, last=number == last), segment, None)
        except InvalidTag as error:
            raise NotAsKept(
                f"bytes {number * SEGMENT_BYTES} to {min((number + 1) * SEGMENT_BYTES, file_bytes)} of the"
                " file are not as they were written, or its key is another's."
            ) from error
        if part := text[max(offset - begins, 0) : max(end - begins, 0)]:
            yield part


def _read_segments(read: Read, file_bytes: int, first: int, until: int) -> Iterator[bytes]:
    """The segments of these numbers, whole."""
    at, end = _place(first), min((until + 1) * SEGMENT_BYTES, file_bytes)
    waiting = bytearray()
    for block in read(at, end - at):
        waiting += block
        while at < end and len(waiting) >= (size := min((at // SEGMENT_BYTES + 1) * SEGMENT_BYTES, end) - at):
            yield bytes(waiting[:size])
            del waiting[:size]
            at += size
    if at < end:
        raise NotAsKept(f"the file ends at {at + len(waiting)} of {file_bytes} bytes.")


def _segments(file_bytes: int) -> int:
    return max(-(-file_bytes // SEGMENT_BYTES), 1)


def _segment_of(offset: int) -> int:
    return (offset + HEADER_BYTES) // _PLAIN_BYTES


def _place(number: int) -> int:
    return number * SEGMENT_BYTES or HEADER_BYTES


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _cipher(key: bytes, salt: bytes, about: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, about).derive(key))
