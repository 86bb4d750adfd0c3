"""The format of encrypted files: read and written by its makers' own library, and sensitive to every bit."""

from __future__ import annotations

import io
import random
import secrets
from collections.abc import Iterator

import pytest
import tink
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from ari_recorder.store.sealing.streaming import (
    HEADER_BYTES,
    KEY_BYTES,
    SEGMENT_BYTES,
    TAG_BYTES,
    NotAsKept,
    Read,
    decrypted,
    encrypted,
    plain_bytes,
)

ABOUT = b"a recording"
FIRST = SEGMENT_BYTES - HEADER_BYTES - TAG_BYTES
NEXT = SEGMENT_BYTES - TAG_BYTES
SIZES = (0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + NEXT, FIRST + NEXT + 1, 3 * SEGMENT_BYTES)
TYPE = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"


def file_of(content: bytes, key: bytes, block: int = 7001) -> bytes:
    return b"".join(encrypted((content[at : at + block] for at in range(0, len(content), block)), key, ABOUT))


def reading(file: bytes, block: int = 999) -> Read:
    def read(offset: int, length: int) -> Iterator[bytes]:
        part = file[offset : offset + length]
        return (part[at : at + block] for at in range(0, len(part), block))

    return read


def opened(file: bytes, key: bytes, *part: int, about: bytes = ABOUT, size: int | None = None) -> bytes:
    return b"".join(decrypted(reading(file), len(file) if size is None else size, key, about, *part))


def tinks(key: bytes) -> streaming_aead.StreamingAead:
    streaming_aead.register()
    params = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=SEGMENT_BYTES, derived_key_size=KEY_BYTES, hkdf_hash_type=common_pb2.SHA256
    )
    its = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, key_value=key, params=params)
    data = tink_pb2.KeyData(
        type_url=TYPE, value=its.SerializeToString(), key_material_type=tink_pb2.KeyData.SYMMETRIC
    )
    only = tink_pb2.Keyset.Key(
        key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.RAW
    )
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[only]).SerializeToString()
    handle = tink.proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


class Kept(io.BytesIO):
    """What is written is there after it was closed."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize("size", SIZES)
def test_tink_reads_what_we_write_and_we_what_it_writes(size: int) -> None:
    key, content = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(size)
    ours, theirs = file_of(content, key), Kept()
    with tinks(key).new_decrypting_stream(io.BytesIO(ours), ABOUT) as stream:
        assert stream.read() == content
    with tinks(key).new_encrypting_stream(theirs, ABOUT) as stream:
        stream.write(content)
    assert len(theirs.getvalue()) == len(ours)
    assert opened(theirs.getvalue(), key) == content
    assert plain_bytes(len(ours)) == size


@pytest.mark.parametrize("size", SIZES)
def test_any_part_is_read_by_its_segments_alone(size: int) -> None:
    key, content, luck = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(size), random.Random(size)
    file = file_of(content, key)
    for _ in range(50):
        offset, length = luck.randrange(size + 2), luck.randrange(size + 2)
        assert opened(file, key, offset, length) == content[offset : offset + length]
    if size > FIRST + 1:
        spoilt = bytearray(file)
        spoilt[HEADER_BYTES + 5] ^= 1
        assert opened(bytes(spoilt), key, FIRST, 1) == content[FIRST : FIRST + 1]


def test_every_changed_bit_is_found() -> None:
    key, luck = secrets.token_bytes(KEY_BYTES), random.Random(1)
    file = file_of(secrets.token_bytes(FIRST + 1000), key)
    places = [*range(HEADER_BYTES + 2), *(luck.randrange(len(file)) for _ in range(100)), len(file) - 1]
    for place in places:
        changed = bytearray(file)
        changed[place] ^= 1 << luck.randrange(8)
        with pytest.raises(NotAsKept):
            opened(bytes(changed), key)


def test_segments_are_not_moved_left_out_or_added() -> None:
    key = secrets.token_bytes(KEY_BYTES)
    file = file_of(secrets.token_bytes(FIRST + 2 * NEXT), key)
    one, two, three = (file[at : at + SEGMENT_BYTES] for at in range(0, len(file), SEGMENT_BYTES))
    shorter = (one + three + two, one + two, one + three, two + three, file[:-1], one)
    for other in (*shorter, file + three, file + b"x"):
        with pytest.raises(NotAsKept):
            opened(other, key)
    for other in shorter:
        with pytest.raises(NotAsKept):
            opened(other, key, size=len(file))


def test_another_key_or_purpose_opens_nothing() -> None:
    key = secrets.token_bytes(KEY_BYTES)
    file = file_of(b"audio", key)
    with pytest.raises(NotAsKept, match="or its key is another's"):
        opened(file, secrets.token_bytes(KEY_BYTES))
    with pytest.raises(NotAsKept):
        opened(file, key, about=b"another recording")


@pytest.mark.parametrize(
    "size", [0, 1, HEADER_BYTES + TAG_BYTES - 1, SEGMENT_BYTES + 1, SEGMENT_BYTES + TAG_BYTES]
)
def test_a_size_that_no_file_has_is_told(size: int) -> None:
    with pytest.raises(NotAsKept, match=f"no encrypted file has {size} bytes"):
        plain_bytes(size)


def test_what_was_encrypted_twice_has_nothing_in_common() -> None:
    key = secrets.token_bytes(KEY_BYTES)
    once, twice = (file_of(bytes(1000), key) for _ in range(2))
    assert once[:1] == twice[:1]
    assert not set(zip(once[1::16], once[2::16], twice[1::16], strict=False)) & {(0, 0, 0)}
    assert once[1:] != twice[1:]
