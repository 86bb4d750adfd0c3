"""The vault in an S3-compatible store, a real one: what is put is safe and whole, whatever comes between."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.errors import SettingsError, VaultAway, VaultError, VaultLocked
from ari_recorder.store.s3 import client as s3_client
from ari_recorder.store.s3 import vault as s3_vault
from ari_recorder.store.s3.address import Address, is_s3, parse
from ari_recorder.store.s3.client import AccessKey
from ari_recorder.store.s3.vault import S3Vault
from ari_recorder.store.vault import BLOCK_BYTES, FIRST, MARKER, Known, Stored

from ..s3 import KEY, S3, Proxy, Request

CONTENT = bytes(range(256)) * (3 * BLOCK_BYTES // 256) + b"rest"
PART = 5 * 1024**2
LARGE = b"".join(bytes([number]) * (1024**2) for number in range(12)) + b"rest"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Everything as it is, sooner."""
    waits_s = 2.0 if "silent" in request.node.name else 20.0  # others are not to fail where all is slow
    for name, value in {
        "CONNECT_S": waits_s,
        "SILENT_S": waits_s,
        "TRIES": 2,
        "LOOK_S": waits_s,
        "LOOK_TRIES": 1,
    }.items():
        monkeypatch.setattr(s3_client, name, value)
    monkeypatch.setattr(s3_vault, "RESUMED_AFTER_S", 0.01)
    monkeypatch.setattr(s3_vault, "PART_BYTES", PART)


@pytest.fixture
def proxy(s3_store: S3) -> Iterator[Proxy]:
    made = Proxy(s3_store)
    yield made
    made.close()


@pytest.fixture
def bucket(s3_store: S3) -> str:
    return s3_store.bucket()


@pytest.fixture
def vault(s3_store: S3, proxy: Proxy, bucket: str) -> S3Vault:
    made = vault_in(s3_store, proxy, bucket)
    made.probe()
    proxy.asked.clear()
    return made


def vault_in(store: S3, proxy: Proxy, bucket: str, prefix: str = "a/b", **options: str) -> S3Vault:
    return S3Vault(parse(store.address(bucket, prefix, endpoint=proxy.endpoint, **options)), KEY)


def whole(vault: S3Vault, key: str, *where: int | None) -> bytes:
    return b"".join(vault.read(key, *where))  # type: ignore[arg-type]


def blocks(content: bytes) -> Iterator[bytes]:
    for at in range(0, len(content), BLOCK_BYTES):
        yield content[at : at + BLOCK_BYTES]


def stored(content: bytes) -> Stored:
    return Stored(hashlib.sha256(content).hexdigest(), len(content))


def is_put(request: Request) -> bool:
    return request.method == "PUT" and not request.is_mark


def is_get(request: Request) -> bool:
    return request.method == "GET" and bool(request.key) and not request.is_mark


# What a vault is


@pytest.mark.parametrize("content", [b"", b"x", CONTENT, LARGE[:PART], LARGE[: 2 * PART], LARGE])
def test_what_is_put_is_there_as_it_was(s3_store: S3, vault: S3Vault, bucket: str, content: bytes) -> None:
    assert vault.put("o/2026/c.opus", blocks(content)) == stored(content)
    assert whole(vault, "o/2026/c.opus") == content
    assert vault.digest("o/2026/c.opus") == stored(content)
    assert s3_store.objects(bucket)["a/b/o/2026/c.opus"] == content
    assert s3_store.unfinished(bucket) == []


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, None), (0, 0), (0, 1), (5, 10), (BLOCK_BYTES - 1, 2), (0, BLOCK_BYTES), (1, 2 * BLOCK_BYTES),
     (len(CONTENT) - 1, None), (len(CONTENT), None), (len(CONTENT) - 3, 100), (10**9, 1)],
)  # fmt: skip
def test_a_range_is_read_in_blocks(vault: S3Vault, proxy: Proxy, offset: int, length: int | None) -> None:
    vault.put("x", [CONTENT])
    proxy.asked.clear()
    found = list(vault.read("x", offset, length))
    end = None if length is None else offset + length
    assert b"".join(found) == CONTENT[offset:end]
    assert all(0 < len(block) <= BLOCK_BYTES for block in found)
    assert len(proxy.asked) <= 1, "one request for a range, wherever it is"


def test_of_what_nobody_reads_on_no_more_is_fetched(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [LARGE])
    reading = vault.read("x")
    assert next(reading) == LARGE[:BLOCK_BYTES]
    reading.close()  # type: ignore[attr-defined]
    assert whole(vault, "x", 5, 5) == LARGE[5:10]


def test_keys_are_every_object_of_the_vault_page_by_page(
    s3_store: S3, vault: S3Vault, proxy: Proxy, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_vault, "LISTED", 4)
    keys = [f"o/{number:04}.opus" for number in range(7)]
    for key in keys:
        s3_store.client().put_object(Bucket=bucket, Key=f"a/b/{key}", Body=b"x")
    s3_store.client().put_object(Bucket=bucket, Key="a/beside.opus", Body=b"x")
    assert list(vault.keys()) == keys
    assert sum("list-type" in one.query for one in proxy.asked) == 2


def test_removing_is_for_good_and_again_is_fine(s3_store: S3, vault: S3Vault, bucket: str) -> None:
    vault.put("x", [CONTENT])
    vault.put("xy", [CONTENT])
    for _ in range(2):
        vault.remove("x")
        assert list(vault.keys()) == ["xy"]
        assert s3_store.versions(bucket, "a/b/x") == s3_store.versions(bucket, "a/b/xy")


def test_in_a_bucket_with_versions_all_of_them_are_removed(s3_store: S3, proxy: Proxy) -> None:
    bucket = s3_store.bucket(versions=True)
    vault = vault_in(s3_store, proxy, bucket)
    for content in (b"one", b"two"):
        vault.put("x", [content])
    s3_store.client().delete_object(Bucket=bucket, Key="a/b/x")
    assert len(s3_store.versions(bucket, "a/b/x")) == 3
    vault.remove("x")
    assert s3_store.versions(bucket, "a/b/x") == []


def test_a_store_that_knows_no_versions_is_asked_plainly(s3_store: S3, vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [CONTENT])
    proxy.fault = lambda request: "501 NotImplemented" if "versions" in request.query else None
    vault.remove("x")
    assert list(vault.keys()) == []


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "..", "x\0y", ""])
def test_no_key_leads_outside(vault: S3Vault, key: str) -> None:
    for way in (lambda: vault.put(key, [b"x"]), lambda: list(vault.read(key)), lambda: vault.remove(key)):
        with pytest.raises(VaultError, match="is not a key"):
            way()


def test_what_is_not_there_is_named(vault: S3Vault) -> None:
    with pytest.raises(VaultError, match=r"missing.opus cannot be read.*no such object"):
        list(vault.read("missing.opus"))


def test_a_source_that_cannot_be_read_is_named_and_leaves_nothing(
    s3_store: S3, vault: S3Vault, bucket: str
) -> None:
    def broken(after: int) -> Iterator[bytes]:
        yield LARGE[:after]
        raise FileNotFoundError(2, "No such file or directory", "/made/nowhere.wav")

    for after in (1, len(LARGE)):
        with pytest.raises(VaultError, match=r"nowhere\.wav cannot be read"):
            vault.put("x", broken(after))
    assert list(vault.keys()) == []
    assert s3_store.unfinished(bucket) == []


# Which vault it is


def test_looking_leaves_no_trace_and_the_mark_says_which_it_is(
    s3_store: S3, proxy: Proxy, bucket: str
) -> None:
    vault = vault_in(s3_store, proxy, bucket)
    assert vault.look() is None
    assert s3_store.objects(bucket) == {}
    found = vault.probe()
    assert vault.look() == found
    assert vault_in(s3_store, proxy, bucket).probe() == found
    assert vault_in(s3_store, proxy, bucket, "other").probe() != found
    assert list(vault.keys()) == []


def test_many_may_mark_it_at_the_same_time(s3_store: S3, proxy: Proxy, bucket: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = {one.result() for one in [
            threads.submit(vault_in(s3_store, proxy, bucket).probe) for _ in range(16)
        ]}  # fmt: skip
    assert len(found) == 1


def test_into_a_bucket_without_the_mark_and_the_recordings_nothing_is_put(
    s3_store: S3, proxy: Proxy, bucket: str
) -> None:
    known = Known(UUID(int=7), "o/newest.aead")
    vault = S3Vault(parse(s3_store.address(bucket, endpoint=proxy.endpoint)), KEY, lambda: known)
    for way in (vault.probe, vault.look, lambda: vault.put("x", [b"x"]), lambda: vault.remove("x")):
        with pytest.raises(VaultAway, match=r"does not hold the catalogue's recordings: correct vault\.url"):
            way()
    assert s3_store.objects(bucket) == {}
    s3_store.client().put_object(Bucket=bucket, Key="o/newest.aead", Body=b"x")
    assert vault.probe() == known.id


def test_a_mark_that_does_not_say_which_is_that_of_the_first(s3_store: S3, proxy: Proxy, bucket: str) -> None:
    s3_store.client().put_object(Bucket=bucket, Key=MARKER, Body=b"")
    vault = S3Vault(parse(s3_store.address(bucket, endpoint=proxy.endpoint)), KEY)
    assert vault.probe() == FIRST


# What comes between


FAULTS = {
    "hang_up": r"Connection was closed|closed",
    "silent": r"[Tt]imed? ?out|timeout",
    "500 InternalError": "the store answers InternalError: so it says",
    "503 SlowDown": "the store answers SlowDown",
    "403 AccessDenied": r"access is denied.*docs/guide/vault\.md",
    "403 InvalidAccessKeyId": r"the access key is not accepted.*vault\.access_key",
    "403 SignatureDoesNotMatch": r"the access key is not accepted",
    "403 RequestTimeTooSkewed": "clock",
    "404 NoSuchBucket": r"there is no bucket vault-.*vault\.url",
    "lose_answer": "closed",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_for_good_is_told_in_words_and_leaves_nothing_half_done(
    s3_store: S3, vault: S3Vault, proxy: Proxy, bucket: str, fault: str
) -> None:
    vault.put("before", [CONTENT])
    proxy.fault = lambda request: fault
    ways = {
        "cannot be looked at": vault.probe,
        "x cannot be written|cannot be looked at": lambda: vault.put("x", [CONTENT]),
        "before cannot be read": lambda: list(vault.read("before")),
        "cannot be listed": lambda: list(vault.keys()),
        "before cannot be removed|cannot be looked at": lambda: vault.remove("before"),
    }
    for what, way in ways.items():
        with pytest.raises(VaultAway, match=rf"({what}).*({FAULTS[fault]})") as caught:
            way()
        assert KEY.secret not in str(caught.value)
        assert not re.search(r"See whether .*http.*127.*: *$", str(caught.value))
    proxy.fault = lambda _: None
    assert set(s3_store.objects(bucket)) == {"a/b/before", f"a/b/{MARKER}"}
    assert vault.digest("before") == stored(CONTENT)


def test_a_store_that_is_not_there_is_told(s3_store: S3, proxy: Proxy, bucket: str) -> None:
    proxy.close()
    with pytest.raises(VaultAway, match=r"cannot be looked at: Could not connect.*See whether http://127"):
        vault_in(s3_store, proxy, bucket).probe()


@pytest.mark.parametrize("fault", ["hang_up", "500 InternalError", "503 SlowDown", "lose_answer"])
@pytest.mark.parametrize("content", [CONTENT, LARGE])
def test_what_passes_is_tried_again(vault: S3Vault, proxy: Proxy, fault: str, content: bytes) -> None:
    proxy.times(1, fault, is_put)
    assert vault.put("x", blocks(content)) == stored(content)
    proxy.times(1, fault, is_get)
    assert whole(vault, "x") == content


def test_reading_goes_on_where_it_broke_off(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [LARGE])
    proxy.asked.clear()
    proxy.times(3, "truncate", is_get)
    assert whole(vault, "x", 100, None) == LARGE[100:]
    ranges = [one.headers["Range"] for one in proxy.asked]
    assert len(set(ranges)) == len(ranges) == 4


def test_what_always_breaks_off_ends(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [b"xx"])

    def broken(request: Request) -> str | None:
        return "truncate" if is_get(request) else None

    proxy.fault = broken
    with pytest.raises(VaultAway, match="x cannot be read"):
        whole(vault, "x")


def test_what_was_replaced_while_it_was_read_is_not_mixed(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [LARGE])
    proxy.times(1, "truncate", is_get)
    reading = vault.read("x")
    begun = next(reading)
    vault.put("x", [LARGE[::-1]])
    with pytest.raises(VaultError, match="PreconditionFailed"):
        _ = begun + b"".join(reading)


def test_a_slow_store_is_waited_for(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [CONTENT])
    proxy.times(1, "slowly", is_get)
    assert whole(vault, "x") == CONTENT


@pytest.mark.parametrize("fault", ["hang_up", "500 InternalError", "silent"])
def test_an_upload_in_parts_that_fails_is_taken_back(
    s3_store: S3, vault: S3Vault, proxy: Proxy, bucket: str, fault: str
) -> None:
    def third(request: Request) -> str | None:
        return (
            fault
            if request.method == "PUT" and request.body.startswith(LARGE[2 * PART : 2 * PART + 9])
            else None
        )

    proxy.fault = third
    with pytest.raises(VaultError, match="x cannot be written"):
        vault.put("x", blocks(LARGE))
    assert s3_store.unfinished(bucket) == []
    assert list(vault.keys()) == []


def test_what_one_who_died_left_of_an_upload_goes_with_the_next(
    s3_store: S3, vault: S3Vault, bucket: str
) -> None:
    target = {"Bucket": bucket, "Key": "a/b/x"}
    upload = s3_store.client().create_multipart_upload(**target)["UploadId"]
    s3_store.client().upload_part(**target, UploadId=upload, PartNumber=1, Body=LARGE)
    assert s3_store.unfinished(bucket) == ["a/b/x"]
    assert list(vault.keys()) == []
    vault.put("x", blocks(LARGE))
    assert s3_store.unfinished(bucket) == []
    assert vault.digest("x") == stored(LARGE)


def test_a_connection_that_is_silent_does_not_hold_up_others(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [CONTENT])
    held = threading.Event()

    def first(request: Request) -> str | None:
        if is_get(request) and not held.is_set():
            held.set()
            return "silent"
        return None

    proxy.fault = first
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(whole, vault, "x")
        assert held.wait(10)
        assert whole(vault, "x") == CONTENT
        assert waiting.result(timeout=30) == CONTENT


# Object Lock


UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=180)


def test_a_bucket_with_object_lock_holds_what_is_put_until_then(s3_store: S3, proxy: Proxy) -> None:
    bucket = s3_store.bucket(lock=True)
    vault = vault_in(s3_store, proxy, bucket)
    vault.put("x", [CONTENT], UNTIL)
    found = s3_store.client().head_object(Bucket=bucket, Key="a/b/x")
    assert (found["ObjectLockMode"], found["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", UNTIL)
    with pytest.raises(VaultLocked, match=r"x cannot be removed.*Object Lock.*tried again"):
        vault.remove("x")
    assert vault.digest("x") == stored(CONTENT), "it can be read as before"


def test_what_goes_in_parts_is_held_as_well(s3_store: S3, proxy: Proxy) -> None:
    """As far as is asked for: the store of the tests does not do so with parts."""
    vault_in(s3_store, proxy, s3_store.bucket(lock=True)).put("large", blocks(LARGE), UNTIL)
    (begun,) = [one for one in proxy.asked if one.method == "POST" and "uploads" in one.query]
    assert begun.headers["x-amz-object-lock-mode"] == "GOVERNANCE"
    assert datetime.fromisoformat(begun.headers["x-amz-object-lock-retain-until-date"]) == UNTIL


def test_which_lock_can_be_set_and_none_is_none(s3_store: S3, proxy: Proxy) -> None:
    bucket = s3_store.bucket(lock=True)
    vault_in(s3_store, proxy, bucket, lock="compliance").put("x", [b"x"], UNTIL)
    found = s3_store.client().head_object(Bucket=bucket, Key="a/b/x")
    assert found["ObjectLockMode"] == "COMPLIANCE"
    vault = vault_in(s3_store, proxy, bucket, lock="none")
    vault.put("y", [b"y"], UNTIL)
    vault.remove("y")
    assert s3_store.versions(bucket, "a/b/y") == []


def test_a_lock_that_is_over_lets_it_go(s3_store: S3, proxy: Proxy) -> None:
    bucket = s3_store.bucket(lock=True)
    vault = vault_in(s3_store, proxy, bucket)
    vault.put("x", [b"x"], datetime.now(UTC) + timedelta(seconds=1))
    deadline = threading.Event()
    for _ in range(100):
        try:
            vault.remove("x")
            break
        except VaultLocked:
            deadline.wait(0.1)
    assert s3_store.versions(bucket, "a/b/x") == []


def test_a_bucket_without_object_lock_is_put_into_all_the_same(vault: S3Vault, proxy: Proxy) -> None:
    vault.put("x", [CONTENT], UNTIL)
    vault.put("y", [CONTENT], UNTIL)
    assert sum("object-lock" in one.query for one in proxy.asked) == 1
    vault.remove("x")


# Its address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket", Address("bucket")),
        ("s3://bucket/", Address("bucket")),
        ("s3://bucket/a/b/", Address("bucket", "a/b")),
        ("s3://b.c-d/p?endpoint=https://minio.example:9000/", Address("b.c-d", "p", "https://minio.example:9000")),
        ("s3://bucket?region=eu-north-1&lock=compliance&profile=old&style=virtual",
         Address("bucket", "", "", "eu-north-1", "old", "virtual", "compliance")),
    ],
)  # fmt: skip
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert parse(text) == address
    assert parse(str(address)) == address
    assert is_s3(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bucket/prefix", "does not begin with s3://"),
        ("https://bucket/prefix", "does not begin with s3://"),
        ("s3://", "name of a bucket"),
        ("s3://-x", "name of a bucket"),
        ("s3://bucket#part", "does not begin"),
        ("s3://key:hunter2@bucket/prefix", "keys belong into vault.access_key"),
        ("s3://bucket/../other", "folder '..'"),
        ("s3://bucket/a//b", "empty folder"),
        ("s3://bucket/a b", "folder 'a b'"),
        ("s3://bucket/%00", "folder"),
        ("s3://bucket?lock=forever", "lock that is none of governance"),
        ("s3://bucket?style=both", "style"),
        ("s3://bucket?endpont=https://x", "unknown options"),
        ("s3://bucket?endpoint=minio:9000", "endpoint that is not https"),
        ("s3://bucket?endpoint=https://a:hunter2@minio", "endpoint that is not https"),
        ("s3://bucket?endpoint=https://minio:99999", "endpoint that is not https"),
        ("s3://bucket?endpoint", "is no address"),
        ("s3://[bucket", "is no address"),
    ],
)
def test_what_is_no_address_says_why_and_no_secret(text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "botocore"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(SettingsError, match=r"pip install 'ari-recorder\[s3\]'"):
        S3Vault(parse("s3://bucket"), KEY).probe()


def test_a_profile_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsError, match="profile"):
        S3Vault(parse("s3://bucket?profile=nobodys"), KEY).probe()


def test_without_any_key_it_is_said_where_one_belongs(
    s3_store: S3, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(VaultAway, match=r"no access key: set vault\.access_key"):
        S3Vault(parse(s3_store.address(bucket)), AccessKey()).probe()


def test_a_key_is_not_told_by_its_text() -> None:
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in str(KEY)
