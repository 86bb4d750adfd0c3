"""The same to a bucket, of a store that speaks S3."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.session import Session

from ari_recorder.delivery.push import to_s3
from ari_recorder.errors import Invalid
from ari_recorder.store.deliveries import pushing

from ...conftest import _die_with_parent, eventually
from ...web.world import opus
from ..office import AT_NOON, DAY, SIX, Office, audited, later
from .pushing import Push

SECRET = "a-secret-that-nothing-tells"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store that speaks S3, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent
    )

    def is_up() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    try:
        eventually(is_up, 60, "the store did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


class Bucket:
    """A bucket of it, looked at past the program."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self.client: Any = Session().create_client(
            "s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="tests",
            aws_secret_access_key=SECRET,
        )  # fmt: skip
        self.client.create_bucket(Bucket=name)
        self.values = {
            "endpoint": endpoint, "bucket": name, "access_key": "tests", "prefix": "in/here",
            "region": "us-east-1",
        }  # fmt: skip

    @property
    def files(self) -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        return {
            one["Key"]: self.client.get_object(Bucket=self.name, Key=one["Key"])["Body"].read()
            for one in found
        }


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(endpoint, f"b-{abs(hash(request.node.name))}")


@pytest.fixture
def push(office: Office) -> Push:
    return Push(office)


async def test_a_day_is_in_the_bucket_at_six(push: Push, bucket: Bucket) -> None:
    made = push.office.recording()
    push.set("s3", bucket.values, SECRET)
    push.office.clock.at = SIX - timedelta(seconds=1)
    await push.now()
    assert not any(DAY in name for name in bucket.files)
    push.office.clock.at = SIX
    await push.now()
    found = {name: content for name, content in bucket.files.items() if DAY in name}
    (audio,) = [name for name in found if name.endswith(".opus")]
    assert audio.startswith(f"in/here/{DAY}/")
    assert found[audio] == opus()
    assert f"in/here/{DAY}/manifest-{DAY}.csv" in found
    assert push.report()[DAY].sent == 1
    (line,) = audited(push.office, "download")
    assert (line.actor_kind, line.subject) == ("push", str(made))
    assert SECRET.encode() not in (push.office.folder / "catalogue.db").read_bytes()


async def test_a_large_file_goes_in_parts(
    push: Push, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_s3, "PART_BYTES", 5 * 1024 * 1024)
    content = os.urandom(12_000_000)
    push.office.recording(audio=content)
    push.set("s3", bucket.values, SECRET)
    await push.now()
    (audio,) = [found for name, found in bucket.files.items() if name.endswith(".opus")]
    assert audio == content


async def test_a_part_that_fails_leaves_nothing_behind(
    push: Push, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_s3, "PART_BYTES", 5 * 1024 * 1024)
    made = push.office.recording(audio=os.urandom(12_000_000))
    store, vault = push.office.world.store, push.office.world.safe.vault
    from ari_recorder.store import models

    path = vault.root / store.read_now(models.Recording.get_by_id, made).vault_key  # type: ignore[attr-defined]
    path.write_bytes(path.read_bytes()[:-100])
    push.set("s3", bucket.values, SECRET)
    await push.now()
    assert not any(name.endswith(".opus") for name in bucket.files)
    assert not bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads")
    assert push.report()[DAY].problem


async def test_a_bucket_that_is_not_there(push: Push, bucket: Bucket) -> None:
    push.office.recording()
    row = push.set("s3", {**bucket.values, "bucket": "no-such-bucket"}, SECRET)
    await push.now()
    assert "no-such-bucket" in push.report()[DAY].problem
    await push.office.world.store.write(pushing.ask_for_test, row.organisation, SIX)
    await push.now()
    found = push.office.world.store.read_now(pushing.find, row.organisation)
    assert found is not None
    assert "no-such-bucket" in found.test_problem
    push.set("s3", bucket.values)
    later(push.office, minutes=1)
    await push.office.world.store.write(pushing.ask_for_test, row.organisation, push.office.clock())
    await push.now()
    found = push.office.world.store.read_now(pushing.find, row.organisation)
    assert found is not None
    assert found.test_problem == ""
    await push.now()
    assert push.report()[DAY].sent == 1


async def test_a_store_that_is_away_is_tried_again(
    push: Push, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_s3, "TRIES", 1)
    push.office.recording()
    push.set("s3", {**bucket.values, "endpoint": "http://127.0.0.1:9"}, SECRET)
    await push.now()
    row = push.report()[DAY]
    assert row.problem
    assert row.due_at == SIX + timedelta(minutes=1)
    push.set("s3", bucket.values, SECRET)
    await push.now()
    assert push.report()[DAY].sent == 1


async def test_a_secret_is_asked_for_again_when_it_would_go_elsewhere(push: Push, bucket: Bucket) -> None:
    with pytest.raises(Invalid):
        push.set("s3", bucket.values)
    push.set("s3", bucket.values, SECRET)
    push.set("s3", {**bucket.values, "prefix": ""})
    for differently in ({"endpoint": "https://other.example"}, {"access_key": "other"}):
        with pytest.raises(Invalid):
            push.set("s3", {**bucket.values, **differently})
    assert AT_NOON < SIX
