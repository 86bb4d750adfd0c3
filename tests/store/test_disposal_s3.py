"""Disposal from a bucket: what Object Lock holds waits, and nobody can open it; every version goes."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from ari_recorder import config, safes
from ari_recorder.delivery.retention import Disposer
from ari_recorder.policies import finishing as waits
from ari_recorder.policies.retention import Rule
from ari_recorder.store import disposal, models, verify
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Why
from ari_recorder.store.safe import Safe

from ..s3 import KEY, S3, Proxy
from .build import BEGIN, BY, add_user, finish, recorded_call


@pytest.fixture
def proxy(s3_store: S3) -> Proxy:
    return Proxy(s3_store)


def safe_in_bucket(store: Store, folder: Path, address: str) -> Safe:
    settings = config.Vault(
        path=folder / "vault", key_file=folder / "master.key", url=address,
        access_key=KEY.id, secret_key=KEY.secret,
    )  # fmt: skip
    return safes.safe(settings, store, lambda: BEGIN)


def recorded(store: Store, safe: Safe, folder: Path) -> tuple[UUID, str]:
    recorded_call(store, add_user(store, "101"))
    (made,) = finish(store, safe, folder)
    return made, str(store.read_now(models.Recording.get_by_id, made).vault_key)


async def test_what_is_locked_waits_and_is_told_and_nobody_can_open_it(
    store: Store, tmp_path: Path, s3_store: S3, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "FIRST_S", 0.0)
    bucket = s3_store.bucket(versions=True)
    safe = safe_in_bucket(store, tmp_path, s3_store.address(bucket, endpoint=proxy.endpoint))
    made, key = recorded(store, safe, tmp_path)
    store.write_now(disposal.begin, [made], Why(Rule.REQUEST, {}, BY), BEGIN)
    proxy.fault = lambda request: "403 AccessDenied" if request.method == "DELETE" else None
    steps = iter(range(10**6))
    disposer = Disposer(store, safe, lambda: BEGIN, lambda: float(next(steps)), pause_s=0.0)
    with capture_logs() as log:
        assert await disposer.clear(limit=0) == 0
        (found,) = store.read_now(disposal.waiting, 10, ())
        assert not await disposer._remove(found)
    assert "While Object Lock holds it, it cannot be removed" in log[0]["error"]
    row = store.read_now(models.Recording.get_by_id, made)
    assert (row.state, row.wrapped_key) == ("disposing", None)
    assert key in s3_store.objects(bucket)
    proxy.fault = lambda _: None
    assert await disposer.clear() == 1
    assert s3_store.versions(bucket, key) == []
    assert verify.verify(store, safe, now=BEGIN).damage == []


async def test_of_a_recording_that_was_put_twice_every_version_goes(
    store: Store, tmp_path: Path, s3_store: S3
) -> None:
    bucket = s3_store.bucket(versions=True)
    safe = safe_in_bucket(store, tmp_path, s3_store.address(bucket))
    made, key = recorded(store, safe, tmp_path)
    content = s3_store.objects(bucket)[key]
    s3_store.client().put_object(Bucket=bucket, Key=key, Body=content)
    assert len(s3_store.versions(bucket, key)) == 2
    disposal.dispose(store, safe, [made], Why(Rule.REQUEST, {}, BY), BEGIN)
    assert store.read_now(models.Recording.get_or_none, models.Recording.id == made) is None
    assert s3_store.versions(bucket, key) == []
